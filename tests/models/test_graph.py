"""Symbols and graphs: what can be done with a Tensor that is not there yet."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Tensor, functions, layers
from minicnn.errors import ArgumentError, ShapeError
from minicnn.models.graph import Graph, Symbol
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float64)]


def test_by_hand():
    x = layers.Input((2,))
    y = (x + 1.0) * x
    model = Model(x, y)
    assert isinstance(y, Symbol) and y.shape == (None, 2)
    assert model(np.array([[1.0, 2.0]])).numpy().tolist() == [[2.0, 6.0]]


OPERATIONS = {
    "x + 1": lambda x: x + 1,
    "1 + x": lambda x: 1 + x,
    "x - 1": lambda x: x - 1,
    "1 - x": lambda x: 1 - x,
    "x * x": lambda x: x * x,
    "2 * x": lambda x: 2 * x,
    "x / 2": lambda x: x / 2,
    "1 / x": lambda x: 1 / x,
    "x ** 2": lambda x: x**2,
    "2 ** x": lambda x: 2**x,
    "-x": lambda x: -x,
    "x > 1": lambda x: x > 1,
    "x + array": lambda x: x + np.arange(4.0),
    "array + x": lambda x: np.arange(4.0) + x,
    "array @ x.T": lambda x: np.ones((2, 4)) @ x.T,
    "x[:, 3]": lambda x: x[:, 3],
    "x[..., 1:]": lambda x: x[..., 1:],
    "x[:, None]": lambda x: x[:, None],
    "x[:, [0, 0]]": lambda x: x[:, [0, 0]],
    "x.T": lambda x: x.T,
    "x.reshape": lambda x: x.reshape(-1, 2, 2),
    "x.sum": lambda x: x.sum(axis=1),
    "x.mean()": lambda x: x.mean(),
    "x.max": lambda x: x.max(axis=-1, keepdims=True),
    "x.astype": lambda x: x.astype("float64") * 1.0,
    "concatenate": lambda x: functions.concatenate([x, -x, x]),
    "where": lambda x: functions.where(x > 1, x, 0.0),
    "softmax": functions.softmax,
    "softmax, first axis": lambda x: functions.softmax(x, axis=1),
    "clip": lambda x: functions.clip(x, 0.5, 1.0),
    "matmul": lambda x: functions.matmul(x, np.ones((4, 3))),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_on_symbols_equal_those_on_tensors(name, rng):
    operate, data = OPERATIONS[name], rng.uniform(0.5, 2.0, (3, 4))
    x = layers.Input((4,), dtype="float64")
    y = operate(x)
    expected = operate(Tensor(data))
    result = Model(x, y)(data)
    np.testing.assert_array_equal(result.numpy(), expected.numpy())
    assert result.dtype == y.dtype
    assert len(y.shape) == result.ndim
    assert all(size in (None, actual) for size, actual in zip(y.shape, result.shape, strict=True))


def test_open_sizes():
    x = layers.Input((None, None, 3))
    assert x.shape == (None, None, None, 3)
    assert (x + 1).shape == (None, None, None, 3)
    assert layers.Conv2D(2, 3)(x).shape == (None, None, None, 2)
    assert x[:, 0].shape == (None, None, 3) and x[0].shape == (None, None, 3)
    assert x.reshape(-1, 3).shape == (None, 3)
    assert layers.Input((4,), batch_size=7).shape == (7, 4)
    model = Model(x, layers.Conv2D(2, 3)(x))
    assert model(np.zeros((1, 9, 5, 3))).shape == (1, 7, 3, 2)
    assert model(np.zeros((2, 4, 6, 3))).shape == (2, 2, 4, 2)


def test_layers_without_a_shape_rule_are_tried_out():
    class Twice(layers.Layer):
        def call(self, x):
            return functions.concatenate([x, x], axis=1)

    assert Twice()(layers.Input((5,))).shape == (None, 10)


def test_trying_out_builds_nothing_on_the_tape_and_draws_nothing(rng):
    """What infers shapes must not move the streams of random numbers."""
    from minicnn import random

    x = layers.Input((4,))
    (x * 2.0).sum(axis=1)
    assert random.next_stream("initializer") == 0 and random.next_stream("dropout") == 0


def test_a_graph_drops_values_after_their_last_use():
    import weakref

    arrays = []

    class Watch(layers.Layer):
        def call(self, x):
            y = x + 1.0
            arrays.append(weakref.ref(y.data))
            return y

    class Count(layers.Layer):
        def call(self, x):
            alive.append(sum(array() is not None for array in arrays))
            return x

    x = layers.Input((3,))
    h = x
    for _ in range(4):
        h = Watch()(h)
    model, alive = None, []
    model = Model(x, Count()(h))
    arrays.clear()
    alive.clear()
    model(np.zeros((2, 3)))
    assert alive == [1]


@pytest.mark.parametrize("ask", [bool, len, float, int, np.asarray])
def test_a_symbol_has_no_value(ask):
    with pytest.raises(ArgumentError) as error:
        ask(layers.Input((4,), name="x"))
    text = "<Symbol 'x', shape=(None, 4), dtype=float32>: a symbol has no value yet. Call the model on data."
    assert str(error.value) == text


def test_a_symbol_cannot_be_iterated():
    with pytest.raises(ArgumentError, match=r"a symbol cannot be iterated\. Index it: x\[:, 0\]\."):
        list(layers.Input((4,)))


def test_functions_that_need_sizes_say_so():
    x = layers.Input((None, None, 3))
    text = r"the size of the images is not known yet\. Got \(None, None\)\. Give the Input a fixed size"
    for operate in (functions.max_pool2d, lambda x: functions.conv2d(x, np.ones((3, 3, 3, 1)))):
        with pytest.raises(ShapeError, match=text):
            operate(x)
    with pytest.raises(ArgumentError, match=r"reshape: a size is not known\. .* Write -1 for it\."):
        functions.reshape(x, (x.shape[0], 3))


def test_graphs_that_cannot_be():
    x, other = layers.Input((4,), name="x"), layers.Input((4,), name="other")
    with pytest.raises(ArgumentError) as error:
        Model(x, x + other, name="m")
    assert str(error.value) == (
        "Functional 'm': the outputs need Input 'other', which is no input. Add it to inputs=[…]."
    )
    with pytest.raises(ArgumentError, match="not a symbol of a graph. Expected a Symbol, got ndarray"):
        Model(x, np.ones(3))
    with pytest.raises(ArgumentError, match="at least one input and one output"):
        Model([], [])
    with pytest.raises(ArgumentError, match="two of its layers are called 'd'. Rename one."):
        Model(x, layers.Dense(2, name="d")(layers.Dense(2, name="d")(x)))


def test_a_call_that_does_not_fit_is_named_when_it_is_recorded():
    x = layers.Input((4,))
    with pytest.raises(ArgumentError) as error:
        layers.Dense(2, name="d")(x, x)
    assert str(error.value) == (
        "Dense 'd': its call does not fit (too many positional arguments). Several inputs go in a list."
    )


def test_something_enormous_is_not_tried_out():
    x = layers.Input((100_000, 100_000))
    with pytest.raises(ShapeError, match="is too large to be tried out"):
        x + 1


def test_the_order_is_that_of_creation():
    x = layers.Input((4,))
    a = x + 1
    b = a * 2
    c = a - b
    graph = Graph([x], [b, c], "here")
    assert [node.name for node in graph.nodes] == ["Add", "Multiply", "Subtract"]
    results = graph.run([Tensor(np.ones((1, 4)))])
    assert [result.numpy()[0, 0] for result in results] == [4.0, -2.0]


def test_inner_symbols_may_be_inputs():
    x = layers.Input((4,), dtype="float64")
    h = layers.Dense(3, dtype="float64")(x)
    y = layers.Dense(2, dtype="float64")(h)
    whole, head, tail = Model(x, y), Model(x, h), Model(h, y)
    data = np.linspace(-1, 1, 8).reshape(2, 4)
    assert_close(tail(head(data)).numpy(), whole(data).numpy(), EXACT)
    assert [layer.name for layer in tail.layers] == ["dense_1"]


def test_many_layers_do_not_recurse():
    x = layers.Input((2,))
    y = x
    for _ in range(1500):
        y = y + 1.0
    assert Model(x, y)(np.zeros((1, 2))).numpy().tolist() == [[1500.0, 1500.0]]
