"""Sequential: three ways to give the input shape, one model; adding, popping, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, layers, utils
from minicnn.errors import ArgumentError, ShapeError


def stack():
    """The layers of a small network, newly made."""
    return [
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    ]


def by_input():
    return Sequential([layers.Input((8, 8, 1)), *stack()])


def by_input_shape():
    first = layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1))
    return Sequential([first, *stack()[1:]])


def by_add():
    model = Sequential()
    for layer in (layers.Input((8, 8, 1)), *stack()):
        model.add(layer)
    return model


def by_input_layer():
    return Sequential([layers.InputLayer((8, 8, 1)), *stack()])


def by_data():
    return Sequential(stack())


WAYS = [by_input, by_input_shape, by_add, by_input_layer, by_data]


@pytest.mark.parametrize("make", WAYS)
def test_one_seed_gives_one_model_however_it_is_made(make, images):
    x, y = images
    found = []
    for way in (by_input, make):
        utils.set_random_seed(5)
        model = way()
        before = model(x).numpy()
        weights = model.get_weights()
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=4, epochs=2, verbose=0)
        found.append([before, *weights, *model.get_weights(), model.predict(x)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", WAYS)
def test_its_layers_do_not_contain_the_input(make, images):
    model = make()
    model(images[0])
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense"]
    assert model.input_shape == (None, 8, 8, 1) and model.output_shape == (None, 3)
    assert model.count_params() == (9 * 4 + 4) + (3 * 3 * 4 * 3 + 3)


def test_by_hand():
    model = Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    assert model(np.array([[3.0, 4.0]])).numpy().tolist() == [[7.0]]
    assert model.output is model.layers[-1].output and model.input is model.inputs[0]


def test_layers_can_be_added_and_taken_away():
    model = by_input()
    last = model.pop()
    assert last.name == "dense" and model.output_shape == (None, 36)
    model.add(layers.Dense(7))
    assert model.output_shape == (None, 7)
    assert model(np.zeros((1, 8, 8, 1))).shape == (1, 7)
    while model.layers:
        model.pop()
    assert model.output_shape == (None, 8, 8, 1)
    with pytest.raises(ArgumentError, match="there is no layer to take away"):
        model.pop()


def test_a_layer_taken_away_forgets_its_place():
    model = by_input()
    last = model.pop()
    with pytest.raises(ArgumentError, match="it has not been called in a graph yet"):
        _ = last.output


def test_other_sizes_where_the_input_leaves_them_open():
    model = Sequential([layers.Input((None, None, 1)), layers.Conv2D(2, 3)])
    for size in (5, 9):
        assert model(np.zeros((1, size, size + 1, 1))).shape == (1, size - 2, size - 1, 2)
    assert model.compute_output_shape((None, 7, 7, 1)) == (None, 5, 5, 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([layers.Input((4,), dtype="float64"), layers.Dense(3, dtype="float64")]),
        lambda: Sequential([layers.Dense(3, dtype="float64", input_shape=(4,))]),
        lambda: Sequential([layers.Dense(3, dtype="float64")]),
        lambda: Model(x := layers.Input((4,), dtype="float64"), layers.Dense(3, dtype="float64")(x)),
    ],
)
def test_float64_from_end_to_end(make):
    model = make()
    x = np.linspace(0, 1, 8, dtype="float32").reshape(2, 4)
    assert model(x).dtype == np.float64
    model.compile("adam", "mse")
    model.fit(x, np.zeros((2, 3)), verbose=0)
    assert model.predict(x).dtype == np.float64
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype("float64")}


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "float16", "bool"])
def test_data_is_cast_to_the_models_dtype(dtype):
    model = Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    y = model(np.array([[1, 1]], dtype))
    assert y.dtype == np.float32 and y.numpy().tolist() == [[2.0]]


def test_a_model_that_does_not_fit_its_first_data_stays_unbuilt():
    model = Sequential([layers.Conv2D(2, 3), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(ShapeError, match="Conv2D 'conv2d_1': the kernel is larger than the padded input"):
        model(np.zeros((1, 4, 4, 1)))
    assert not model.built
    assert model(np.zeros((1, 8, 8, 1))).shape == (1, 2)
    assert model.layers[0].output is model._symbols[1]


def test_a_layer_that_does_not_fit_is_not_added():
    model = Sequential([layers.Input((4, 4, 1))])
    with pytest.raises(ShapeError):
        model.add(layers.Conv2D(2, 5))
    assert model.layers == [] and model.output_shape == (None, 4, 4, 1)
    model.add(layers.Conv2D(2, 4))
    assert model.output_shape == (None, 1, 1, 2)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Sequential(layers.Dense(2)), "layers. Expected a list of layers, got Dense."),
        (lambda: Sequential([layers.Dense]), "add. Expected a layer, got type. Write Dense(10), not Dense."),
        (lambda: Sequential(["relu"]), "add. Expected a layer, got str."),
        (
            lambda: Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")]),
            "two of its layers are called 'd'. Give every layer its own name.",
        ),
        (
            lambda: Sequential([layers.Dense(2), layers.Input((3,))]),
            "an Input can only come first, and once.",
        ),
        (
            lambda: Sequential([layers.Dense(2)]).output_shape,
            "its input shape is not known yet. Put layers.Input(shape) first, or call the model on data",
        ),
        (
            lambda: Sequential([layers.Input((3,))])(np.zeros((2, 4))),
            "the data does not fit input 'input_layer'. Expected (None, 3), got (2, 4).",
        ),
        (
            lambda: Sequential([layers.Input((5, 5, 1))])(np.zeros((2, 5, 5))),
            "Expected (None, 5, 5, 1), got (2, 5, 5). Add the channel axis: x[..., None].",
        ),
        (
            lambda: Sequential([layers.Input((5, 5, 3))])(np.zeros((5, 5, 3))),
            "Expected (None, 5, 5, 3), got (5, 5, 3). Add the batch axis: x[None].",
        ),
        (lambda: by_input().get_layer("nope"), "no such layer. Expected one of conv2d, "),
        (lambda: by_input().get_layer(index=5), "no such layer. Expected an index below 5, got 5."),
    ],
)
def test_sentences(make, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        make()
    assert str(error.value).startswith("Sequential 'sequential") and text in str(error.value)


def test_get_layer():
    model = by_input()
    assert model.get_layer("flatten") is model.get_layer(index=3) is model.layers[3]
    assert model.get_layer(index=-1).name == "dense"
