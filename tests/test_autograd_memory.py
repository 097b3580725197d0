"""Memory of the tape: who keeps which array alive, for how long, and who may write into it."""

from __future__ import annotations

import contextlib
import gc
import weakref

import numpy as np
import pytest

import minicnn
from minicnn import Function, Parameter, Tensor, functions, grad, layers, no_grad
from minicnn.errors import GradientError


def leaf(*values, dtype="float64"):
    return Tensor(np.array(values, dtype), requires_grad=True)


@contextlib.contextmanager
def without_collector():
    """Only reference counts free memory in here; whatever is left over was held by a cycle."""
    gc.collect()
    gc.disable()
    try:
        yield
        assert gc.collect() == 0, "a reference cycle was left behind"
    finally:
        gc.enable()


# -- who keeps an array alive --------------------------------------------------------------------------


def test_an_array_nobody_saved_dies_with_its_tensor():
    with without_collector():
        x = leaf(1.0)
        h = x + 1.0
        y = h + 1.0  # additions save nothing
        array = weakref.ref(h.data)
        del h
        assert array() is None
        y.backward()
        assert x.grad.item() == 1.0


def test_a_saved_array_dies_as_backward_passes_its_node():
    with without_collector():
        x = leaf(0.5)
        h, arrays = x, []
        for _ in range(5):
            h = functions.exp(h * 0.1)
            arrays.append(weakref.ref(h.data))
        h = h.sum()
        assert all(array() is not None for array in arrays)
        alive = []
        for step in h.backward_steps():
            if type(step.node).__name__ == "ExpFunction":
                alive.append(sum(array() is not None for array in arrays))
            del step
        # a node's output is its own saved array, and the next node's saved input
        assert alive == [4, 3, 2, 1, 0]


def test_retained_arrays_stay():
    x = leaf(0.5)
    y = functions.exp(x)
    array = weakref.ref(y.data)
    y.backward(retain_graph=True)
    node = y.creator
    del y
    assert array() is not None
    del node
    assert array() is None


def test_the_tape_dies_with_the_loss():
    with without_collector():
        x = leaf(0.5)
        y = functions.exp(x)
        z = (y * y).sum()
        watched = [weakref.ref(node) for node in (y.creator, z.creator)] + [weakref.ref(y.data)]
        del y, z
        assert [ref() for ref in watched] == [None] * 3


def test_nothing_is_kept_under_no_grad_or_without_leaves():
    with no_grad():
        y = leaf(1.0) * leaf(2.0)
    z = Tensor([1.0]) * Tensor([2.0])
    assert y.creator is None and z.creator is None


def test_a_forward_and_backward_pass_leaves_no_cycle():
    rng = np.random.default_rng(0)
    model = minicnn.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(2, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.normal(size=(4, 8, 8, 1)), np.array([0, 1, 2, 1])
    model.train_on_batch(x, y)
    with without_collector():
        model.train_on_batch(x, y)
        model.predict(x)
        prediction = model(x)
        grad(functions.logits_of(prediction)[:, 0].sum(), model.trainable_weights)


def test_a_training_loop_does_not_grow():
    """Twenty steps in, as many bytes of buffers are in use as after two."""
    model = minicnn.Sequential([layers.Input((64, 64, 4)), layers.Conv2D(8, 3, activation="relu")])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 64, 64, 4)), np.zeros((2, 62, 62, 8))
    used = []
    for _ in range(20):
        model.train_on_batch(x, y)
        used.append(minicnn.backend.pool_info()["used"])
    assert used[1:] == used[:1] * 19


def test_a_failed_forward_leaves_nothing_behind():
    with without_collector():
        x = leaf(1.0, 2.0)
        h = x * x
        array = weakref.ref(h.data)
        with pytest.raises(minicnn.errors.MinicnnError):
            h + leaf(1.0, 2.0, 3.0)
        del h
        assert array() is None


# -- long graphs ---------------------------------------------------------------------------------------


def test_a_chain_of_20_000_nodes():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad.item() == 20_001.0
    del y


def test_a_long_chain_can_be_thrown_away():
    """Freeing node after node must not recurse in C either."""
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    last = weakref.ref(y.creator)
    del y
    assert last() is None


def test_a_graph_of_many_paths_is_walked_once():
    """60 diamonds in a row have 2⁶⁰ paths."""
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert x.grad.item() == 2.0**60


# -- gradients belong to their leaves ----------------------------------------------------------------


def test_no_two_gradients_share_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    upstream = np.array([1.0, 1.0])
    (a + b).backward(upstream)
    memories = [a.grad.data, b.grad.data, upstream]
    for i, one in enumerate(memories):
        for other in memories[i + 1 :]:
            assert not np.shares_memory(one, other)
    a.grad.data[...] = 7.0
    assert b.grad.numpy().tolist() == [1.0, 1.0] and upstream.tolist() == [1.0, 1.0]


def test_gradients_from_grad_do_not_share_memory_either():
    x = leaf(1.0, 2.0)
    a, b = x + 0.0, x + 1.0
    y = a + b
    upstream = np.array([1.0, 1.0])
    found = [g.data for g in grad(y, [a, b, y, x], upstream)]
    for i, one in enumerate([upstream, *found]):
        for other in found[i:]:
            assert not np.shares_memory(one, other)


class TwoViews(Function):
    equation = "y = a + b"

    def forward(self, a, b):
        return a + b

    def backward(self, gy, needs):
        both = np.stack([gy, gy])
        return both[0], both[1]


class OneArray(TwoViews):
    def backward(self, gy, needs):
        same = gy * 1.0
        return same, same


@pytest.mark.parametrize("function", [TwoViews, OneArray])
def test_a_backward_may_return_parts_of_one_array(function):
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    function()(a, b).sum().backward()
    assert not np.shares_memory(a.grad.data, b.grad.data)


@pytest.mark.parametrize("reduce", [functions.sum, functions.mean])
@pytest.mark.parametrize("size", [1, 3])
def test_a_gradient_can_be_changed_in_place(reduce, size):
    """The gradient of a mean is one number seen many times; a leaf gets real memory."""
    x = Tensor(np.ones(size), requires_grad=True)
    reduce(x).backward()
    x.grad *= 2
    x.grad.data[0] = 5.0
    assert x.grad.numpy()[1:].tolist() == [2.0 if reduce is functions.sum else 2.0 / 3] * (size - 1)


def test_accumulating_does_not_change_an_earlier_gradient():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    kept = x.grad
    (x * x).sum().backward()
    assert kept.numpy().tolist() == [2.0, 4.0]


# -- in-place changes --------------------------------------------------------------------------------


def square_and_change(change):
    x = leaf(2.0, 3.0)
    y = (x * x).sum()
    change(x)
    return x, y


@pytest.mark.parametrize("name", ["__iadd__", "__isub__", "__imul__", "__itruediv__"])
def test_a_change_in_place_is_noticed(name):
    def change(x):
        with no_grad():
            getattr(x, name)(2.0)

    _, y = square_and_change(change)
    with pytest.raises(GradientError) as error:
        y.backward()
    assert str(error.value) == (
        "backward of MultiplyFunction: its saved array 'x' was changed in place. "
        "Use an operation that makes a new array: y = y + 1 instead of y += 1."
    )


def test_assigning_to_a_parameter_is_noticed():
    w = Parameter(np.array([2.0, 3.0]), name="w")
    y = (w * w).sum()
    w.assign([5.0, 6.0])
    with pytest.raises(GradientError, match="was changed in place"):
        y.backward()
    y = (w * w).sum()
    y.backward()
    assert w.grad.numpy().tolist() == [10.0, 12.0]


def test_an_optimizer_step_between_forward_and_backward_is_noticed():
    w = Parameter(np.array([2.0]), name="w")
    y = w * w
    minicnn.optimizers.SGD(0.1).apply([Tensor(np.array([1.0]))], [w])
    with pytest.raises(GradientError, match="was changed in place"):
        y.backward()


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(2, 1),
        lambda x: x[1:],
        lambda x: x.T,
        lambda x: x.detach(),
        lambda x: x.reshape(1, 2)[0, :1].detach(),
    ],
)
def test_views_share_the_version(view):
    def change(x):
        with no_grad():
            part = view(x)
            part += 1.0

    _, y = square_and_change(change)
    with pytest.raises(GradientError, match="was changed in place"):
        y.backward()


def test_a_view_taken_before_is_noticed_too():
    x = leaf(2.0, 3.0)
    view = x[:1]
    y = view * view
    with no_grad():
        x += 1.0
    with pytest.raises(GradientError, match="was changed in place"):
        y.backward()


def test_a_change_of_the_output_is_noticed_where_it_is_saved():
    x = leaf(1.0)
    y = functions.exp(x)
    with no_grad():
        y *= 2.0
    with pytest.raises(GradientError, match="backward of ExpFunction: its saved array 'y'"):
        y.backward()


def test_changes_that_do_no_harm_are_allowed():
    x = leaf(1.0)
    y = x + 1.0  # saves nothing
    with no_grad():
        x += 5.0
    y.backward()
    assert x.grad.item() == 1.0
    z = x * x
    with no_grad():
        z += 1.0  # the product saves its inputs, not z
    z.backward()
    assert x.grad.item() == 1.0 + 12.0


def test_in_place_on_the_tape_is_refused():
    x = leaf(1.0)
    with pytest.raises(GradientError) as error:
        x += 1.0
    assert str(error.value) == (
        "in-place add: the Tensor is part of a recorded computation. "
        "Make a new Tensor (x = x + y), or change it under no_grad()."
    )
    y = Tensor(np.array([1.0]))
    y += 1.0
    assert y.item() == 2.0


def test_direct_writes_are_caught_under_debug():
    x = leaf(2.0, 3.0)
    with minicnn.debug():
        y = (x * x).sum()
    x.data[0] = 7.0
    with pytest.raises(GradientError, match="backward of MultiplyFunction: its saved array 'x' was changed"):
        y.backward()


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_debug_takes_any_shape(shape, dtype):
    x = Tensor(np.ones(shape, dtype), requires_grad=True)
    with minicnn.debug():
        (x * x).sum().backward()
    assert x.grad.shape == shape
