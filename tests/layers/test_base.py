"""Layer itself: layers of the user's own, layers inside layers, the door, names."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, functions, grad, layers, load_model, no_grad
from minicnn.autograd import observe
from minicnn.errors import ArgumentError, FileFormatError, GradientError, ShapeError
from minicnn.layers import Activation, Conv2D, Dense, Dropout, Flatten, Input, Layer
from tests.tolerances import KERNEL, assert_close

SINGLE = KERNEL[np.dtype("float32")]


class Scale(Layer):
    """y = x · scale + shift, with a counter that is no learned weight."""

    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        start = {"class_name": "constant", "config": {"value": self.start}}
        self.calls = self.add_weight((), "zeros", trainable=False, name="calls")
        self.scale = self.add_weight((input_shape[-1],), start, name="scale")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="shift")

    def call(self, x):
        return x * self.scale + self.shift

    def get_config(self):
        return super().get_config() | {"start": self.start}


class Block(Layer):
    """Two layers inside, one of them behind the other."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(3, activation="tanh")
        self.rest = [Scale(2.0), Dropout(0.5)]

    def call(self, x):
        x = self.first(x)
        for layer in self.rest:
            x = layer(x)
        return x


X = np.array([[1.0, -2.0], [0.5, 4.0], [0.0, 1.0]], np.float32)


def test_by_hand():
    """y = x·scale + shift; gscale = Σ gy·x = (1·1 + 1·0.5, −2 + 4), gx = gy·scale."""
    layer, x = Scale(), Tensor(X[:2], requires_grad=True)
    layer.build_for(X.shape)
    layer.set_weights([[3, 10], [1, 0], 7])
    y = layer(x)
    np.testing.assert_array_equal(y.numpy(), [[4, -20], [2.5, 40]])
    gx, gscale, gshift = grad(y, [x, layer.scale, layer.shift], Tensor(np.ones((2, 2), np.float32)))
    np.testing.assert_array_equal(gx.numpy(), [[3, 10], [3, 10]])
    np.testing.assert_array_equal(gscale.numpy(), [1.5, 2])
    np.testing.assert_array_equal(gshift.numpy(), [2, 2])


# -- layers of the user's own -----------------------------------------------------------------------------


def test_weights_come_learned_first_then_in_order():
    layer = Scale()
    layer(X)
    assert [w.path for w in layer.weights] == ["scale/scale", "scale/shift", "scale/calls"]
    assert [w.name for w in layer.trainable_weights] == ["scale", "shift"]
    assert [w.name for w in layer.non_trainable_weights] == ["calls"]
    layer.trainable = False
    assert len(layer.non_trainable_weights) == 3
    layer.trainable = True
    assert [w.name for w in layer.non_trainable_weights] == ["calls"]


@pytest.mark.parametrize("kind", [Scale, Block])
def test_own_layers_are_bit_equal_in_a_graph(kind):
    layer = kind()
    expected = layer(X).numpy()
    x = Input((2,))
    y = layer(x)
    assert y.shape == (None, expected.shape[1])  # found by running the layer
    np.testing.assert_array_equal(Model(x, y)(X).numpy(), expected)
    np.testing.assert_array_equal(Sequential([Input((2,)), layer]).predict(X), expected)


@pytest.mark.parametrize("kind", [Scale, Block])
def test_own_layers_learn(kind):
    model = Sequential([Input((2,)), kind(), Dense(1)])
    before = model.get_weights()
    model.compile("sgd", "mse")
    losses = model.fit(X, [[1.0], [2.0], [3.0]], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2
    for w, old in zip(model.weights, before, strict=True):
        assert w.trainable == (not np.array_equal(w.numpy(), old))


def test_own_layers_are_saved(tmp_path):
    model = Sequential([Input((2,)), Scale(3.0), Dense(1)])
    model.save(tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors", custom_objects={"Scale": Scale})
    assert loaded.layers[0].start == 3.0
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    with pytest.raises(FileFormatError, match=r"unknown layer class\..*got 'Scale'\. Pass your own classes"):
        load_model(tmp_path / "model.safetensors")


class Difference(Layer):
    """A layer of two inputs, given as a list."""

    def build(self, input_shape):
        assert len(input_shape) == 2

    def call(self, inputs):
        first, second = inputs
        return first - second


class WithArgument(Layer):
    """A layer of two positional inputs and an argument."""

    def call(self, first, second, times=1):
        return first + second * times


def test_several_inputs():
    first, second = Input((2,)), Input((2,))
    for function in (lambda a, b: Difference()([a, b]), lambda a, b: WithArgument()(a, b, times=-1)):
        np.testing.assert_array_equal(function(X, X + 1).numpy(), np.full(X.shape, -1))
        model = Model([first, second], function(first, second))
        np.testing.assert_array_equal(model([X, X + 1]).numpy(), np.full(X.shape, -1))


class Twice(Layer):
    """A layer of two outputs."""

    def call(self, x):
        return [x * 2, x + 1]

    def compute_output_shape(self, input_shape):
        return [input_shape, input_shape]


def test_several_outputs():
    x = Input((2,))
    twice, more = Twice()(x)
    result = Model(x, [twice, more, twice - more])(X)
    for found, expected in zip(result, Twice()(X), strict=False):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    np.testing.assert_array_equal(result[2].numpy(), X * 2 - (X + 1))


def test_functions_and_operators_in_call():
    class Swish(Layer):
        def call(self, x):
            return x * functions.sigmoid(x)

    expected = X / (1 + np.exp(-X.astype(np.float64)))
    assert_close(Swish()(X).numpy(), expected, SINGLE)
    assert_close(Sequential([Input((2,)), Swish()]).predict(X), expected, SINGLE)


def test_a_layer_without_call():
    with pytest.raises(NotImplementedError, match="Empty has no call"):
        type("Empty", (Layer,), {})()(X)


# -- layers inside layers ---------------------------------------------------------------------------------


def test_inner_weights_are_tracked():
    block = Block()
    block(X)
    paths = ["dense/kernel", "dense/bias", "scale/scale", "scale/shift", "scale/calls"]
    assert [w.path for w in block.weights] == paths
    assert block.count_params() == 2 * 3 + 3 + 3 + 3 + 1
    assert len(block.get_weights()) == 5


def test_inner_layers_are_counted_once():
    class Shared(Layer):
        def __init__(self):
            super().__init__()
            self.dense = Dense(2)
            self.again = self.dense
            self.listed = [self.dense, Activation("relu")]

        def call(self, x):
            return self.again(self.dense(x))

    layer = Shared()
    layer(X)
    assert [w.path for w in layer.weights] == ["dense/kernel", "dense/bias"]


@pytest.mark.parametrize("kind", ["list", "appended", "dict", "tuple", "nested"])
def test_layers_in_containers_are_tracked(kind):
    class Container(Layer):
        def __init__(self):
            super().__init__()
            inner = [Dense(2), Dense(2)]
            if kind == "appended":
                self.inner = []
                for layer in inner:
                    self.inner.append(layer)
            else:
                self.inner = {
                    "list": inner,
                    "tuple": tuple(inner),
                    "dict": dict(enumerate(inner)),
                    "nested": [inner],
                }[kind]

        def call(self, x):
            inner = self.inner[0] if kind == "nested" else self.inner
            for layer in inner.values() if kind == "dict" else inner:
                x = layer(x)
            return x

    layer = Container()
    layer(X)
    assert len(layer.weights) == 4


def test_freezing_reaches_inner_layers():
    block = Block()
    block.trainable = False
    block(X)
    assert block.trainable_weights == [] and len(block.non_trainable_weights) == 5
    block.trainable = True
    assert len(block.trainable_weights) == 4


def test_a_block_frozen_in_its_constructor_is_frozen():
    block = Block(trainable=False)
    block(X)
    assert block.trainable is False
    assert block.trainable_weights == []
    y = block(Tensor(X, requires_grad=True))
    with pytest.raises(GradientError):
        grad(y, block.first.kernel, Tensor(np.ones(y.shape, np.float32)))


def test_frozen_inner_layers_stay_frozen():
    block = Block()
    block.first.trainable = False
    block(X)
    assert [w.path for w in block.trainable_weights] == ["scale/scale", "scale/shift"]


def test_nodes_know_the_layers_they_ran_in():
    seen = []
    with observe(lambda phase, node, arrays: seen.append(node.scope.path)):
        block = Block()
        block(X)
        seen.clear()
        block(X)
    assert set(seen) == {"block/dense", "block/scale"}


def test_a_layer_assigned_before_init_is_refused():
    class TooEarly(Layer):
        def __init__(self):
            self.dense = Dense(2)
            super().__init__()

    with pytest.raises(ArgumentError, match=r"^TooEarly: a layer was assigned before __init__\. Call super"):
        TooEarly()


# -- the door ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x",
    ["text", [[1, 2], [3]], [None], ["1"], np.array(["1"]), 1j, np.array([1j]), {}, None],
    ids=repr,
)
def test_what_is_no_array_of_numbers_is_refused(x):
    with pytest.raises(ArgumentError) as caught:
        Activation("relu", name="mine")(x)
    assert str(caught.value).startswith("Activation 'mine': the data is not")


def test_a_list_of_arrays_stays_a_list():
    first, second = Difference()._take([X, X.astype(np.float64)])
    assert type(first) is type(second) is Tensor
    assert first.dtype == second.dtype == np.float32


def test_tensors_pass_as_they_are():
    x = Tensor(X)
    assert Activation(None)(x) is x


def test_no_grad_leaves_no_tape():
    layer = Dense(2)
    with no_grad():
        assert layer(X).creator is None
    assert layer(X).creator is not None


def test_a_layer_called_without_input():
    for layer in (Dense(2), Activation("relu")):
        with pytest.raises((ArgumentError, ShapeError, TypeError)):
            layer()


def test_a_float64_model_trains_in_float64():
    model = Sequential(
        [Input((2,), dtype="float64"), Dense(3, "tanh", dtype="float64"), Dense(1, dtype="float64")]
    )
    model.compile("adam", "mse")
    model.fit(X, np.ones((3, 1)), verbose=0)
    assert {w.dtype for w in model.get_weights()} == {model.predict(X).dtype} == {np.dtype("float64")}


# -- names and arguments ----------------------------------------------------------------------------------


def test_names_of_own_classes():
    class MyOwnLayer2D(Layer):
        pass

    assert [MyOwnLayer2D().name, MyOwnLayer2D().name] == ["my_own_layer2d", "my_own_layer2d_1"]


@pytest.mark.parametrize("name", ["", "a/b"])
def test_impossible_names(name):
    with pytest.raises(ArgumentError) as caught:
        Dense(2, name=name)
    assert str(caught.value) == f"Dense {name!r}: a layer's name is empty or holds a slash. Got {name!r}."


def test_input_shape_argument():
    """The first layer of a Sequential may say what it expects, as in older course notes."""
    model = Sequential([Conv2D(4, 3, input_shape=(8, 8, 1)), Flatten(), Dense(2)])
    assert model.input_shape == (None, 8, 8, 1)
    assert model.output_shape == (None, 2)
    assert layers.Conv2D.from_config(model.layers[0].get_config()).batch_input_shape == (None, 8, 8, 1)


def test_symbols_before_a_call():
    with pytest.raises(
        ArgumentError, match=r"^Dense 'mine': it has not been called in a graph yet\. Give the"
    ):
        _ = Dense(2, name="mine").output
    x = Input((3,), name="start")
    layer = Dense(2)
    y = layer(x)
    assert layer.output is y and layer.input is x
    assert (x.name, y.name) == ("start", layer.name)


def test_assigned_parameters_move_the_layer():
    layer = Dense(2, use_bias=False)
    layer(X)
    layer.kernel.assign([[1, 2], [3, 4]])
    np.testing.assert_array_equal(layer(X[:1]).numpy(), [[1 - 6, 2 - 8]])
    with pytest.raises(
        ArgumentError, match=r"^assign to 'kernel': the shape differs\. Expected \(2, 2\), got \(2,\)\.$"
    ):
        layer.kernel.assign([1, 2])


def test_there_is_no_lambda_layer():
    with pytest.raises(ArgumentError) as error:
        layers.Lambda(lambda x: x * 2)
    assert str(error.value) == (
        "Lambda: a model's file holds no code, so there is no such layer. "
        "Derive a class from layers.Layer and write `call`; it needs nothing else."
    )


def test_an_input_layer_has_an_output():
    layer = layers.InputLayer((4,), name="image")
    assert layer.output.shape == (None, 4) and layer.output is layer.output
    model = Model(layer.output, Dense(2)(layer.output))
    assert model.input_names == ["image"] and Sequential([layer, Dense(3)]).output_shape == (None, 3)


def test_weights_are_not_counted_before_there_are_any():
    for layer in (Dense(3, name="d"), Sequential([Dense(3)], name="s")):
        with pytest.raises(ArgumentError, match="it is not built, its weights are not known"):
            layer.count_params()


def test_a_symbol_as_keyword_is_refused():
    class Masked(Layer):
        def call(self, x, mask=None):
            return x if mask is None else x * mask

    a, b = Input((4,)), Input((4,))
    layer = Masked(name="m")
    assert layer(a, b).shape == (None, 4)
    advice = "Pass it by position, or in a list where `call` takes one."
    for wrong in (lambda: layer(a, mask=b), lambda: layer(np.ones((2, 4)), mask=b)):
        with pytest.raises(ArgumentError) as error:
            wrong()
        assert str(error.value) == f"Masked 'm': its keyword argument 'mask' is a symbol. {advice}"
    with pytest.raises(ArgumentError, match="^Dense 'd': its keyword argument 'x' is a symbol"):
        Dense(2, name="d")(x=a)
