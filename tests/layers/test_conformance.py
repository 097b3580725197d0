"""What every layer owes its users: one row of tests/layer_table/ is one layer in every test here."""

from __future__ import annotations

import inspect
import json

import numpy as np
import pytest

from minicnn import Sequential, Tensor, grad, layers, load_model, utils
from minicnn.autograd import Parameter
from minicnn.errors import ArgumentError, GradientError, MinicnnError
from minicnn.layers.base import snake_case
from tests.layer_table import ROWS
from tests.layer_table.merge import BY_HAND
from tests.tolerances import DERIVATIVE, KERNEL, assert_close

pytestmark = pytest.mark.usefixtures("each_backend")

each_layer = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
each_with_weights = pytest.mark.parametrize("row", [r for r in ROWS if r.params], ids=lambda row: row.name)


def make(row, **more):
    return getattr(layers, row.name)(**row.kwargs | more)


def built(row, **more):
    layer = make(row, **more)
    layer.build_for(row.x_shape)
    return layer


def sample(row, dtype=np.float32):
    """Numbers away from the kinks at 0, at the limits of ReLU, and from each other."""
    size = int(np.prod(row.x_shape))
    values = np.linspace(-2.0, 7.0, size)[np.random.default_rng(1).permutation(size)]
    return values.reshape(row.x_shape).astype(dtype)


@each_layer
def test_by_hand(row):
    kwargs, weights, x, y = row.by_hand
    layer = getattr(layers, row.name)(**kwargs)
    layer.build_for(np.shape(x))
    layer.set_weights(weights)
    assert_close(layer(np.array(x)).numpy(), y, KERNEL[np.dtype("float32")])


def test_every_layer_has_a_row():
    models = {"Sequential", "Functional"}
    assert {row.name for row in ROWS} | BY_HAND.keys() == layers.LAYERS.keys() - models
    assert {row.name for row in ROWS} <= set(layers.__all__)


# -- shapes -----------------------------------------------------------------------------------------------


@each_layer
def test_output_shape(row):
    layer = make(row)
    y = layer(sample(row))
    assert y.shape == row.y_shape
    assert layer.compute_output_shape(row.x_shape) == row.y_shape
    x = layers.Input(row.x_shape[1:])
    assert make(row)(x).shape == (None, *row.y_shape[1:])
    assert make(row).compute_output_shape((None, *row.x_shape[1:])) == (None, *row.y_shape[1:])


@each_layer
def test_an_empty_batch(row):
    layer = built(row)
    x = Tensor(np.zeros((0, *row.x_shape[1:]), np.float32), requires_grad=True)
    y = layer(x)
    assert y.shape == (0, *row.y_shape[1:])
    if y is not x:
        (gx,) = grad(y, [x], Tensor(np.zeros(y.shape, np.float32)))
        assert gx.shape == x.shape


@each_layer
def test_parameter_count(row):
    layer = built(row)
    assert layer.count_params() == row.params == sum(w.size for w in layer.get_weights())
    assert all(type(w) is Parameter for w in layer.weights)
    assert [w.path for w in layer.weights] == [f"{layer.name}/{w.name}" for w in layer.weights]
    assert all(getattr(layer, w.name) is w for w in layer.weights)


@each_layer
def test_building_twice_makes_no_second_weights(row):
    layer = built(row)
    before = layer.weights
    layer(sample(row))
    layer.build_for(row.x_shape)
    assert all(a is b for a, b in zip(layer.weights, before, strict=True))


# -- configuration and files ------------------------------------------------------------------------------


@each_layer
def test_config_round_trip(row):
    layer = built(row, name="one", trainable=False, dtype="float64")
    config = layer.get_config()
    for read in (config, json.loads(json.dumps(config))):
        twin = type(layer).from_config(read)
        assert type(twin) is type(layer) and twin is not layer
        assert twin.get_config() == config
        assert (twin.name, twin.trainable, twin.dtype) == ("one", False, "float64")
        twin.build_for(row.x_shape)
        twin.set_weights(layer.get_weights())
        np.testing.assert_array_equal(twin(sample(row)).numpy(), layer(sample(row)).numpy())


@each_layer
def test_arguments_are_attributes_and_are_in_the_config(row):
    layer = make(row)
    names = inspect.signature(type(layer)).parameters.keys() - {"kwargs", "data_format"}
    assert names <= layer.get_config().keys()
    assert all(hasattr(layer, name) for name in names)


@each_layer
def test_random_configurations_round_trip(row):
    for kwargs, x_shape in row.configs()[:20]:
        layer = getattr(layers, row.name)(**kwargs)
        twin = type(layer).from_config(layer.get_config())
        assert twin.get_config() == layer.get_config()
        layer.build_for(x_shape)
        twin.build_for(x_shape)
        twin.set_weights(layer.get_weights())
        x = np.random.default_rng(0).normal(size=x_shape)
        y = layer(x).numpy()
        np.testing.assert_array_equal(twin(x).numpy(), y)
        assert layer.compute_output_shape(x_shape) == y.shape


def model_of(row, **more):
    """The layer as a whole model; an InputLayer is one already, in front of something."""
    if row.name == "InputLayer":
        return Sequential([make(row, **more), layers.Activation("tanh")])
    return Sequential([layers.Input(row.x_shape[1:]), make(row, **more)])


@each_layer
def test_save_and_load(row, tmp_path):
    model = model_of(row)
    model.save(tmp_path / "model.safetensors")
    utils.set_random_seed(99)
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.get_config() == model.get_config()
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    for w, expected in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(w, expected)
    np.testing.assert_array_equal(loaded.predict(sample(row)), model.predict(sample(row)))


# -- calling ----------------------------------------------------------------------------------------------


@each_layer
def test_graph_and_eager_are_bit_equal(row):
    model, x = model_of(row), sample(row)
    expected = x
    for layer in model.layers:
        expected = layer(expected)
    assert model.output_shape == (None, *row.y_shape[1:])
    np.testing.assert_array_equal(model(x).numpy(), expected.numpy())
    np.testing.assert_array_equal(model.predict(x), expected.numpy())


@each_layer
def test_inference_is_deterministic(row):
    layer, x = built(row), sample(row)
    first = layer(x).numpy().copy()
    layer(-x)
    for training in (None, False):
        np.testing.assert_array_equal(layer(x, training=training).numpy(), first)


@each_layer
def test_the_seed_decides_the_weights(row):
    def weights(seed):
        utils.set_random_seed(seed)
        return built(row).get_weights()

    for first, same, other in zip(weights(1), weights(1), weights(2), strict=True):
        np.testing.assert_array_equal(first, same)
        if np.ptp(first):  # not for a bias or another constant
            assert not np.array_equal(first, other)


@each_with_weights
def test_two_layers_start_differently(row):
    first, second = built(row), built(row)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


@each_layer
@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16", "float32", "float64"])
def test_arrays_are_cast_at_the_door(row, dtype):
    x = np.abs(sample(row)).astype(dtype)
    layer = built(row)
    y = layer(x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.numpy(), layer(x.astype(np.float32)).numpy())
    assert layer(x.tolist()).dtype == np.float32


@each_layer
def test_any_memory_layout_is_taken_and_left_alone(row):
    x, layer = sample(row), built(row)
    expected = layer(x).numpy()
    wide = np.repeat(x, 2, axis=0)[::2]
    for other in (wide, np.asfortranarray(x), np.flip(np.flip(x, 0).copy(), 0), x.astype(">f4")):
        before = other.copy()
        y = layer(other)
        np.testing.assert_array_equal(other, before)
        assert_close(y.numpy(), expected, KERNEL[np.dtype("float32")])
        assert y.dtype == np.float32 and y.dtype.isnative


@each_layer
def test_a_read_only_input_is_enough(row):
    x = sample(row)
    x.flags.writeable = False
    source = Tensor(x, requires_grad=True)
    y = built(row)(source)
    if y is not source:
        gx = grad(y, source, Tensor(np.ones(y.shape, np.float32)))
        assert gx.shape == x.shape
    np.testing.assert_array_equal(source.numpy(), sample(row))


# -- float64, and gradients -------------------------------------------------------------------------------


@each_layer
def test_float64_end_to_end(row):
    layer, single = built(row, dtype="float64"), built(row)
    assert {w.dtype for w in layer.weights} <= {np.dtype("float64")}
    single.set_weights(layer.get_weights())
    y = layer(sample(row))
    assert y.dtype == np.float64
    assert_close(single(sample(row)).numpy(), y.numpy(), KERNEL[np.dtype("float32")])
    x = layers.Input(row.x_shape[1:], dtype="float64")
    assert layer(x).dtype == np.float64


@each_layer
def test_gradients_in_float64(row):
    """⟨gx, dx⟩ + Σ ⟨gw, dw⟩ is the slope of ⟨gy, y⟩ along a random direction (dx, dw)."""
    rng = np.random.default_rng(5)
    layer = built(row, dtype="float64")
    learned = layer.trainable_weights
    start = [sample(row, np.float64), *(rng.normal(size=w.shape) for w in learned)]
    direction = [rng.normal(size=value.shape) for value in start]
    statistics = [rng.uniform(0.5, 2, size=w.shape) for w in layer.non_trainable_weights]
    gy = rng.normal(size=row.y_shape)

    def value(step):
        x, *weights = (at + step * by for at, by in zip(start, direction, strict=True))
        layer.set_weights([*weights, *statistics])
        x = Tensor(x, requires_grad=True)
        return x, layer(x)

    step = 1e-6
    slope = ((value(step)[1].numpy() - value(-step)[1].numpy()) * gy).sum() / (2 * step)
    x, y = value(0.0)
    if y is x:
        return  # it hands on what it is given
    grads = grad(y, [x, *learned], Tensor(gy))
    assert all(g.dtype == np.float64 for g in grads)
    assert_close(
        sum((g.numpy() * by).sum() for g, by in zip(grads, direction, strict=True)), slope, DERIVATIVE
    )


# -- frozen -----------------------------------------------------------------------------------------------


@each_with_weights
@pytest.mark.parametrize("when", ["in the constructor", "before building", "after building"])
def test_frozen_weights_are_not_on_the_tape(row, when):
    layer = make(row, trainable=when != "in the constructor")
    if when == "after building":
        layer.build_for(row.x_shape)
    if when != "in the constructor":
        layer.trainable = False
    x = Tensor(sample(row), requires_grad=True)
    y = layer(x)
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == len(layer.weights) > 0
    gy = Tensor(np.ones(row.y_shape, np.float32))
    assert grad(y, x, gy, retain_graph=True).shape == row.x_shape  # the gradient still flows through
    for w in layer.weights:
        with pytest.raises(GradientError):
            grad(y, w, gy, retain_graph=True)
    y.backward(gy)
    assert all(w.grad is None for w in layer.weights)
    assert not layer(sample(row)).requires_grad  # nothing is recorded at all
    layer.trainable = True
    learned = layer.trainable_weights
    assert learned == [w for w in layer.weights if w.learnable]
    assert all(g.shape == w.shape for g, w in zip(grad(layer(x), learned, gy), learned, strict=True))


@each_with_weights
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_frozen_weights_survive_training(row, optimizer):
    frozen = make(row, trainable=False)
    model = Sequential([layers.Input(row.x_shape[1:]), frozen, layers.Flatten(), layers.Dense(2)])
    before = model.get_weights()
    model.compile(optimizer, "mse")
    model.fit(sample(row), np.ones((row.x_shape[0], 2)), epochs=2, verbose=0)
    for w, old in zip(frozen.get_weights(), before, strict=False):
        np.testing.assert_array_equal(w, old)
    assert not np.array_equal(model.get_weights()[-1], before[-1])
    frozen.trainable = True
    model.fit(sample(row), np.ones((row.x_shape[0], 2)), epochs=1, verbose=0)
    assert not np.array_equal(frozen.get_weights()[0], before[0])


# -- names, weights, errors -------------------------------------------------------------------------------


@each_layer
def test_names(row):
    base = snake_case(row.name)
    assert [make(row).name for _ in range(3)] == [base, f"{base}_1", f"{base}_2"]
    assert make(row, name="mine").name == "mine"
    assert make(row).name == f"{base}_3"
    utils.clear_session()
    assert make(row).name == base
    assert repr(make(row, name="mine")).startswith(f"<{row.name} 'mine'")


@each_layer
def test_unknown_arguments(row):
    with pytest.raises(ArgumentError) as caught:
        make(row, name="mine", unknown=1)
    assert str(caught.value) == f"{row.name} 'mine': it takes no argument 'unknown'."


@each_layer
@pytest.mark.parametrize("dtype", ["float16", "int32", "double precision"])
def test_other_dtypes_are_refused(row, dtype):
    with pytest.raises(ArgumentError) as caught:
        make(row, name="mine", dtype=dtype)
    assert str(caught.value) == f"{row.name} 'mine': dtype. Expected float32 or float64, got {dtype!r}."


@each_layer
def test_set_weights_changes_all_or_nothing(row):
    layer = built(row, name="mine")
    before = layer.get_weights()
    good = [np.ones(w.shape) for w in before]
    bad = [[*good, np.ones(3)]]
    if good:
        bad += [good[:-1], [*good[:-1], np.ones((7, 7))], [*good[:-1], np.full(good[-1].shape, "a")]]
        bad += [[*good[:-1], np.full(good[-1].shape, 1j)], [*good[:-1], [[1.0], [1.0, 2.0]]]]
    for weights in bad:
        with pytest.raises(MinicnnError):
            layer.set_weights(weights)
        for w, old in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(w, old)
    layer.set_weights(good)
    for w, expected in zip(layer.get_weights(), good, strict=True):
        np.testing.assert_array_equal(w, expected)
        assert w.dtype == np.float32


@each_with_weights
def test_get_weights_gives_copies(row):
    layer = built(row)
    layer.get_weights()[0][...] = 7
    assert not (layer.get_weights()[0] == 7).any()
    mine = [np.ones(w.shape, np.float32) for w in layer.weights]
    layer.set_weights(mine)
    mine[0][...] = 7
    assert (layer.get_weights()[0] == 1).all()


@each_layer
def test_tensors_of_another_dtype_are_refused_or_passed_on(row):
    """A float32 layer with weights cannot take a float64 Tensor; one without weights works in its dtype."""
    x = Tensor(sample(row, np.float64))
    layer = built(row)
    if not row.params:
        assert layer(x).dtype == np.float64
        return
    with pytest.raises(MinicnnError, match=r"two float dtypes in one operation\. Got float32 and float64"):
        layer(x)
