"""Functional and subclassed models: any graph, shared layers, models in models, and their configs."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, functions, layers, load_model, utils
from minicnn.errors import ArgumentError, ShapeError
from minicnn.models import Functional


def residual():
    """x + shortcut, slices and functions between layers."""
    x = layers.Input((8, 8, 1), name="image")
    h = layers.Conv2D(4, 3, padding="same", activation="relu", name="first")(x)
    h = functions.relu(layers.Conv2D(4, 3, padding="same")(h) + h)
    h = layers.Flatten()(h[:, ::2, 1:-1])
    both = functions.concatenate([h, 2.0 - h, h[..., :3]])
    return Model(x, layers.Dense(3, activation="softmax")(both))


def shared():
    """One layer, and one model, used twice each."""
    tower = Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten()], name="tower")
    dense = layers.Dense(5, name="shared_dense")
    a, b = layers.Input((8, 8, 1), name="a"), layers.Input((8, 8, 1), name="b")
    left, right = dense(tower(a)), dense(tower(b))
    return Model([a, b], layers.Dense(1)(functions.concatenate([left - right, left * right])))


def several_outputs():
    """Inner symbols and one by slicing as outputs, in a list."""
    x = layers.Input((8, 8, 1))
    h = layers.Conv2D(2, 3, activation="relu")(x)
    p = layers.Dense(4, activation="softmax")(layers.Flatten()(h))
    return Model(x, [p, h, p[:, 3], x])


def inner():
    """A feature extractor: the output of a layer in the middle of another model."""
    whole = residual()
    return Model(whole.input, whole.get_layer("first").output)


def begun_inside():
    """The second half of a model, from an inner symbol on."""
    whole = residual()
    return Model(whole.get_layer("first").output, whole.output)


def nested():
    """A functional model inside a Sequential inside a functional model."""
    core = several_outputs()
    first = Model(core.input, core.outputs[0], name="first_only")
    stack = Sequential([layers.Input((8, 8, 1)), first, layers.Dense(3)], name="stack")
    x = layers.Input((8, 8, 1))
    return Model(x, stack(x * 0.5) + 1.0)


MODELS = [residual, shared, several_outputs, inner, begun_inside, nested]


def data_for(model):
    rng = np.random.default_rng(2)
    found = [rng.normal(size=(2, *symbol.shape[1:])).astype("float32") for symbol in model.inputs]
    return found if len(found) > 1 else found[0]


def outputs(model, data):
    found = model(data)
    return [y.numpy() for y in (found if isinstance(found, list) else [found])]


def assert_same(one, other):
    data = data_for(one)
    for a, b in zip(outputs(one, data), outputs(other, data), strict=True):
        np.testing.assert_array_equal(a, b)


# -- by hand -------------------------------------------------------------------------------------------


def test_by_hand():
    x = layers.Input((2,))
    double = layers.Dense(2, kernel_initializer="ones", use_bias=False)
    model = Model(inputs=x, outputs=double(double(x)) + x)
    assert isinstance(model, Functional) and isinstance(model, Model)
    assert model(np.array([[1.0, 2.0]])).numpy().tolist() == [[7.0, 8.0]]
    assert len(model.weights) == 1


def test_forms_of_output():
    x = layers.Input((2,))
    data = np.ones((1, 2))
    assert isinstance(Model(x, x + 1)(data), Tensor)
    (only,) = Model(x, [x + 1])(data)
    assert only.shape == (1, 2)
    first, second = Model([x], (x + 1, x * 3))([data])
    assert (first.numpy()[0, 0], second.numpy()[0, 0]) == (2.0, 3.0)
    assert Model(x, x)(data).numpy().tolist() == [[1.0, 1.0]]


def test_facts():
    model = shared()
    assert [symbol.name for symbol in model.inputs] == ["a", "b"]
    assert model.input_shape == [(None, 8, 8, 1)] * 2 and model.output_shape == (None, 1)
    names = [layer.name for layer in model.layers]
    assert names == ["a", "b", "tower", "shared_dense", "dense"]
    assert [p.path for p in model.weights] == [
        "conv2d/kernel",
        "conv2d/bias",
        "shared_dense/kernel",
        "shared_dense/bias",
        "dense/kernel",
        "dense/bias",
    ]
    assert model.compute_output_shape([(7, 8, 8, 1)] * 2) == (7, 1)


def test_asking_for_shapes_leaves_no_trace():
    model = nested()
    before = model.layers[-1]._nodes[0]
    assert model.compute_output_shape((None, 8, 8, 1)) == (None, 3)
    assert model.layers[-1]._nodes == [before]


def test_shared_weights_get_the_gradients_of_all_uses():
    x, w = layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")
    model = Model(x, w(w(x)))
    model(np.array([[3.0]])).sum().backward()
    assert w.kernel.grad.item() == 6.0  # d(w²·3)/dw at w = 1


def test_sub_models_run_layer_by_layer(images):
    model = nested()
    x, _ = images
    stack, core = model.get_layer("stack"), model.get_layer("stack").get_layer("first_only")
    expected = stack.get_layer("dense_1")(core(x * np.float32(0.5))).numpy() + 1
    np.testing.assert_array_equal(model(x).numpy(), expected)


def test_training_flag_reaches_inner_layers():
    x = layers.Input((100,))
    inner_model = Sequential([layers.Input((100,)), layers.Dropout(0.5)])
    model = Model(x, inner_model(x))
    ones = np.ones((1, 100))
    assert (model(ones).numpy() == 1).all()
    assert set(np.unique(model(ones, training=True).numpy())) == {0.0, 2.0}
    fixed = Model(x, inner_model(x, training=True))
    assert set(np.unique(fixed(ones).numpy())) == {0.0, 2.0}
    assert (Model(x, inner_model(x, training=False))(ones, training=True).numpy() == 1).all()


# -- configs and files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
def test_config_round_trip(make):
    model = make()
    config = json.loads(json.dumps(model.get_config()))
    again = type(model).from_config(config)
    again.set_weights(model.get_weights())
    assert_same(model, again)
    assert again.output_shape == model.output_shape
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(model.get_config()))


@pytest.mark.parametrize("make", MODELS)
def test_file_round_trip(make, tmp_path):
    model = make()
    model.save(tmp_path / "m.safetensors")
    assert_same(model, load_model(tmp_path / "m.safetensors"))
    model.save_weights(tmp_path / "w.safetensors")
    utils.set_random_seed(77)
    other = make()
    other.load_weights(tmp_path / "w.safetensors")
    assert_same(model, other)


@pytest.mark.parametrize("make", MODELS)
def test_one_seed_gives_one_model(make):
    first = make()
    utils.set_random_seed(0)
    assert_same(first, make())


def test_what_cannot_be_written_says_so(tmp_path):
    x = layers.Input((2,))

    class Odd(functions.arithmetic.AddFunction):
        equation = "z = x + y"

    for y, text in (
        (x + np.ones(2), "a value in its graph cannot be written to a file. Got ndarray."),
        (Odd()(x, x), "the function Odd cannot be written to a file."),
        (layers.Dense(1, activation=lambda x: x)(x), "its activation cannot be written to a file."),
    ):
        with pytest.raises(ArgumentError, match=text):
            Model(x, y).save(tmp_path / "m.safetensors")
    assert list(tmp_path.iterdir()) == []


# -- training ------------------------------------------------------------------------------------------


def test_a_functional_model_trains(images):
    model = residual()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*images, epochs=30, batch_size=4, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > history["accuracy"][0]


def test_predict_with_several_inputs_and_outputs():
    model, several = shared(), several_outputs()
    data = data_for(model)
    for a, b in zip([model.predict(data, batch_size=1)], outputs(model, data), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert [y.shape for y in several.predict(data[0])] == [(2, 4), (2, 6, 6, 2), (2,), (2, 8, 8, 1)]
    with pytest.raises(ShapeError, match=r"the inputs differ in length\. Got \[2, 1\]\."):
        model.predict([data[0], data[1][:1]])


def test_names_of_inputs_and_outputs():
    assert shared().input_names == ["a", "b"]
    x = layers.Input((2,), name="x")
    dense = layers.Dense(1, name="d")
    assert Model(x, [dense(x), dense(x), x]).output_names == ["d", "d_1", "x"]


def test_call_sentences():
    model = shared()
    with pytest.raises(ArgumentError, match=r"wrong number of inputs\. Expected 2, got 1\."):
        model(np.zeros((2, 8, 8, 1)))
    with pytest.raises(ShapeError, match=r"the data does not fit input 'b'\. Expected \(None, 8, 8, 1\)"):
        model([np.zeros((2, 8, 8, 1)), np.zeros((2, 8, 8, 3))])


# -- subclasses ----------------------------------------------------------------------------------------


class Branches(Model):
    """A model of one's own, its layers in an attribute, a list and a dict."""

    def __init__(self):
        super().__init__()
        self.blocks = []
        for filters in (2, 3):
            self.blocks.append(layers.Conv2D(filters, 3, activation="relu"))
        self.heads = {"flat": layers.Flatten()}
        self.heads["out"] = layers.Dense(3)
        self.drop = layers.Dropout(0.2)

    def call(self, x, training=False):
        for block in self.blocks:
            x = block(x)
        return functions.softmax(self.heads["out"](self.drop(self.heads["flat"](x))))


def test_a_subclass_trains_all_its_layers(images):
    x, y = images
    model = Branches()
    model(x)
    paths = [f"{name}/{weight}" for name in ("conv2d", "conv2d_1", "dense") for weight in ("kernel", "bias")]
    assert [parameter.path for parameter in model.weights] == paths
    before = model.get_weights()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=20, batch_size=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert model.predict(x).shape == (12, 3)


def test_a_subclass_keeps_its_weights_in_files(images, tmp_path):
    x, _ = images
    model = Branches()
    expected = model(x).numpy()
    model.save_weights(tmp_path / "w.safetensors")
    utils.set_random_seed(9)
    other = Branches()
    assert (other(x).numpy() != expected).any()
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other(x).numpy(), expected)


def test_a_subclass_cannot_be_written_whole(images, tmp_path):
    model = Branches()
    model(images[0])
    with pytest.raises(ArgumentError) as error:
        model.save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "save of Branches 'branches': only code says how it computes. "
        "Give it a get_config, or use save_weights and load_weights on a model of that class."
    )


def test_freezing_reaches_layers_in_lists_and_dicts(images):
    model = Branches()
    model(images[0])
    model.trainable = False
    assert model.trainable_weights == [] and len(model.non_trainable_weights) == 6


def test_a_subclass_in_a_functional_model(images):
    x = layers.Input((8, 8, 1))
    model = Model(x, Branches()(x))
    assert model.output_shape == (None, 3) and len(model.weights) == 6
    assert model(images[0]).shape == (12, 3)


def test_a_forgotten_super_init_is_named():
    class Forgetful(Model):
        def __init__(self):
            self.dense = layers.Dense(3)

    with pytest.raises(ArgumentError) as error:
        Forgetful()
    assert str(error.value) == (
        "Forgetful: a layer was assigned before __init__. Call super().__init__() first."
    )
