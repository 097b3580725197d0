"""Dropout's mask: a function of seed, layer, training step and call, and of nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, functions, grad, random, utils
from minicnn.autograd import frame
from minicnn.errors import ArgumentError, ShapeError
from minicnn.layers import Dense, Dropout, Input, Layer
from tests.tolerances import KERNEL, assert_close

ONES = np.ones((20, 50), np.float32)


def mask(layer, x=ONES, step=None):
    """What is kept when the layer trains on x, as a training step calls it or outside of one."""
    layer.build_for(x.shape)
    if step is None:
        return layer(x, training=True).numpy() != 0
    with frame(), random.at_step(step):
        return layer(x, training=True).numpy() != 0


def test_by_hand():
    """Rate 0.5: what is kept is doubled, in both directions, and the same elements are dropped in both."""
    x = Tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]], requires_grad=True)
    y = Dropout(0.5, seed=3)(x, training=True)
    kept = y.numpy() != 0
    assert 0 < kept.sum() < 8
    np.testing.assert_array_equal(y.numpy(), np.where(kept, 2 * x.numpy(), 0))
    gx = grad(y, x, Tensor(np.full((1, 8), 3.0, np.float32)))
    np.testing.assert_array_equal(gx.numpy(), np.where(kept, 6, 0))


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_rate(rate):
    """The share of dropped elements, overall and in every row and column, and the mean that stays."""
    x = np.ones((500, 400), np.float32)
    y = Dropout(rate)(x, training=True).numpy()
    dropped = y == 0
    assert_close(np.unique(y), [0, 1 / (1 - rate)], KERNEL[np.dtype("float32")])
    deviation = np.sqrt(rate * (1 - rate))
    assert abs(dropped.mean() - rate) < 5 * deviation / np.sqrt(dropped.size)
    assert abs(y.mean() - 1) < 5 * deviation / (1 - rate) / np.sqrt(dropped.size)
    for axis in (0, 1):
        counts = dropped.sum(axis=axis) / dropped.shape[axis]
        assert np.abs(counts - rate).max() < 6 * deviation / np.sqrt(dropped.shape[axis])


def test_neighbours_are_independent():
    dropped = (~mask(Dropout(0.5), np.ones((500, 400)))).astype(float) - 0.5
    for other in (
        dropped[:, 1:] * dropped[:, :-1],
        dropped[1:] * dropped[:-1],
        dropped[:, 4:] * dropped[:, :-4],
    ):
        assert abs(4 * other.mean()) < 5 / np.sqrt(other.size)


def test_nothing_happens_outside_of_training():
    layer, x = Dropout(0.9), Tensor(ONES)
    assert layer(x) is x
    assert layer(x, training=False) is x
    assert Dropout(0)(x, training=True) is x


def test_everything_is_dropped_at_rate_1():
    x = Tensor(ONES, requires_grad=True)
    y = Dropout(1)(x, training=True)
    assert not y.numpy().any()
    assert not grad(y, x, Tensor(ONES)).numpy().any()


@pytest.mark.parametrize(
    "noise_shape, axis", [((None, 1), 1), ((1, None), 0), ((20, 1), 1), ([None, 1], 1)], ids=str
)
def test_noise_shape_drops_whole_rows_or_columns(noise_shape, axis):
    x = Tensor(ONES, requires_grad=True)
    y = Dropout(0.5, noise_shape=noise_shape)(x, training=True)
    kept = y.numpy().mean(axis=axis)
    assert set(kept) == {0, 2}
    np.testing.assert_array_equal(grad(y, x, Tensor(ONES)).numpy(), y.numpy())


# -- what the mask depends on -----------------------------------------------------------------------------


def test_the_same_seed_and_step_repeat_the_mask():
    def masks(seed):
        utils.set_random_seed(seed)
        layer = Dropout(0.5)
        return [mask(layer, step=step) for step in (0, 1, 5)]

    for first, same, other in zip(masks(1), masks(1), masks(2), strict=True):
        np.testing.assert_array_equal(first, same)
        assert (first != other).mean() > 0.3


def test_the_step_that_builds_the_layer_draws_the_same_mask():
    utils.set_random_seed(1)
    expected = mask(Dropout(0.5), step=0)
    utils.set_random_seed(1)
    with frame(), random.at_step(0):
        found = Dropout(0.5)(ONES, training=True).numpy() != 0
    np.testing.assert_array_equal(found, expected)


def test_the_mask_does_not_depend_on_what_came_before():
    layer = Dropout(0.5)
    first = mask(layer, step=7)
    for step in (3, 8):
        mask(layer, step=step)
    mask(layer)
    random.uniform((100,), "something else", 0)
    np.testing.assert_array_equal(mask(layer, step=7), first)


def test_steps_layers_and_calls_differ():
    one, two = Dropout(0.5), Dropout(0.5)
    found = [mask(one, step=step) for step in range(3)] + [mask(two, step=step) for step in range(3)]
    with frame(), random.at_step(0):
        calls = [one(ONES, training=True).numpy() != 0 for _ in range(3)]
    np.testing.assert_array_equal(calls[0], found[0])
    found += calls[1:]
    found += [mask(one) for _ in range(2)]  # outside of a training step every call counts as one …
    assert_all_differ(found[:-2])
    assert_all_differ(found[-2:])


def assert_all_differ(masks):
    for i, first in enumerate(masks):
        for second in masks[:i]:
            assert 0.3 < (first != second).mean() < 0.7  # independent masks differ in half of the elements


def test_an_own_seed_decides_alone():
    utils.set_random_seed(1)
    first = mask(Dropout(0.5, seed=11), step=4)
    utils.set_random_seed(2)
    Dropout(0.5)
    np.testing.assert_array_equal(mask(Dropout(0.5, seed=11), step=4), first)
    assert (mask(Dropout(0.5, seed=12), step=4) != first).mean() > 0.3


def test_other_layers_do_not_disturb_the_weights():
    """A Dropout more leaves the initial weights as they were."""
    plain = Sequential([Input((5,)), Dense(4), Dense(3)])
    utils.set_random_seed(0)
    dropping = Sequential([Input((5,)), Dense(4), Dropout(0.5), Dense(3)])
    for w, expected in zip(dropping.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(w, expected)


def test_streams_are_handed_out_when_layers_are_built():
    """The order of the constructors does not matter, that of the model does."""
    one, two = Dropout(0.5), Dropout(0.5)
    found = [mask(layer, step=0) for layer in (two, one)]
    utils.set_random_seed(0)
    expected = [mask(Dropout(0.5), step=0) for _ in range(2)]
    for first, second in zip(found, expected, strict=True):
        np.testing.assert_array_equal(first, second)


# -- in models --------------------------------------------------------------------------------------------


class Keep(Layer):
    """Collects what it is given."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x):
        self.seen.append(x.numpy().copy())
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


def train(model, x=ONES, steps=1):
    model.compile("sgd", "mse")
    for _ in range(steps):
        model.train_on_batch(x, np.zeros(model(x).shape))


def test_fit_draws_a_new_mask_every_step_and_repeats_them_all():
    def seen():
        utils.set_random_seed(5)
        keep = Keep()
        model = Sequential([Input((50,)), Dropout(0.5), keep, Dense(1)])
        model.compile("sgd", "mse")
        model.fit(ONES, np.zeros((20, 1)), batch_size=10, epochs=2, verbose=0)
        return [x != 0 for x in keep.seen]

    first, second = seen(), seen()
    assert len(first) == 4
    assert_all_differ(first)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluation_between_steps_disturbs_nothing():
    def seen(evaluate):
        utils.set_random_seed(5)
        keep = Keep()
        model = Sequential([Input((50,)), Dropout(0.5), keep, Dense(1)])
        model.compile("sgd", "mse")
        for _ in range(2):
            model.train_on_batch(ONES, np.zeros((20, 1)))
            if evaluate:
                model.predict(ONES)
        return [x for x in keep.seen if not x.all()]

    for a, b in zip(seen(False), seen(True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_dropout_called_twice_in_a_model():
    x = Input((50,))
    shared, keep = Dropout(0.5), Keep()
    model = Model(x, keep(shared(x)) + keep(shared(x)))
    train(model)
    first, second = (seen != 0 for seen in keep.seen[-2:])
    assert_all_differ([first, second])


def test_a_shared_block_with_dropout_inside():
    inside = Input((50,))
    block = Model(inside, Dropout(0.5)(inside))
    x, keep = Input((50,)), Keep()
    model = Model(x, keep(block(x)) + keep(block(x)))
    train(model)
    assert_all_differ([seen != 0 for seen in keep.seen[-2:]])


def test_a_dropout_shared_by_two_blocks():
    """One layer in two sub-models: still two calls in one step, so two masks."""
    shared, keep, x = Dropout(0.5), Keep(), Input((50,))
    blocks = []
    for _ in range(2):
        inside = Input((50,))
        blocks.append(Model(inside, shared(inside)))
    model = Model(x, keep(blocks[0](x)) + keep(blocks[1](x)))
    train(model)
    assert_all_differ([seen != 0 for seen in keep.seen[-2:]])


def test_forward_and_backward_of_a_shared_dropout_agree():
    """The gradient of x·m₁ + x·m₂ is m₁ + m₂, with the masks of the forward pass."""
    layer, x = Dropout(0.5), Tensor(ONES, requires_grad=True)
    with frame(), random.at_step(3):
        y = layer(x, training=True) + layer(x, training=True)
    np.testing.assert_array_equal(grad(y, x, Tensor(ONES)).numpy(), y.numpy())
    assert set(np.unique(y.numpy())) == {0, 2, 4}


def test_both_dtypes_drop_the_same_elements():
    single, double = Dropout(0.5, seed=1), Dropout(0.5, seed=1, dtype="float64")
    np.testing.assert_array_equal(mask(single, step=2), mask(double, step=2))


def test_explicit_training_in_a_graph():
    x = Input((50,))
    model = Model(x, Dropout(0.5)(x, training=True))
    assert (model.predict(ONES) == 0).any()
    model = Model(x, Dropout(0.5)(x, training=False))
    np.testing.assert_array_equal(model(ONES, training=True).numpy(), ONES)


# -- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), None, "half", True])
def test_impossible_rates(rate):
    with pytest.raises(ArgumentError) as caught:
        Dropout(rate, name="d")
    assert str(caught.value) == f"Dropout 'd': rate. Expected a number from 0 to 1, got {rate!r}."


def test_numpy_numbers_are_numbers():
    assert Dropout(np.float32(0.5)).rate == Dropout(np.float64(0.5)).rate == 0.5


@pytest.mark.parametrize("seed", ["x", 1.5, (1, 50), -1, True])
def test_unusable_seeds(seed):
    with pytest.raises(ArgumentError, match=r"^Dropout 'd': .*seed.*\."):
        Dropout(0.5, seed=seed, name="d")


@pytest.mark.parametrize("noise_shape", [(1,), (20, 7), (1, 1, 1)])
def test_noise_shapes_that_do_not_fit(noise_shape):
    with pytest.raises(ShapeError) as caught:
        Dropout(0.5, noise_shape=noise_shape, name="d")(ONES, training=True)
    expected = "1, None or the input's size for each axis of (20, 50)"
    assert (
        str(caught.value) == f"Dropout 'd': noise_shape does not fit. Expected {expected}, got {noise_shape}."
    )


def test_the_function_refuses_rate_1():
    with pytest.raises(ArgumentError, match=r"^dropout: impossible rate\. Expected 0 ≤ rate < 1, got 1\.$"):
        functions.dropout(ONES, 1, random.derive_key("test", 0))
