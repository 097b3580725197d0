"""Layers on several inputs: values and gradients, graphs, files, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Tensor, functions, grad, layers, load_model
from minicnn.errors import ArgumentError, ShapeError
from minicnn.inspect import gradcheck
from tests.layer_table.merge import BY_HAND, A, B, draw_case


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    kwargs, expected = BY_HAND[name]
    np.testing.assert_array_equal(getattr(layers, name)(**kwargs)([A, B]).numpy(), expected)
    lower = getattr(layers, name.lower())
    np.testing.assert_array_equal(lower([Tensor(A), Tensor(B)], **kwargs).numpy(), expected)


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("number", range(8))
def test_gradients_and_shapes(name, number):
    kwargs, shapes = draw_case(name, number)
    layer = getattr(layers, name)(**kwargs, dtype="float64")
    rng = np.random.default_rng(number)
    inputs = [rng.normal(size=shape) for shape in shapes]
    result = gradcheck(lambda *xs: layer(list(xs)), inputs)
    assert result, result
    y = layer([Tensor(x) for x in inputs])
    assert layer.compute_output_shape([tuple(shape) for shape in shapes]) == y.shape
    symbols = [layers.Input(shape[1:], dtype="float64") for shape in shapes]
    assert layer(symbols).shape == (None, *y.shape[1:])
    twin = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(twin([Tensor(x) for x in inputs]).numpy(), y.numpy())


@pytest.mark.parametrize("name", BY_HAND)
def test_files(name, tmp_path):
    kwargs, expected = BY_HAND[name]
    inputs = [layers.Input((2,)), layers.Input((2,))]
    Model(inputs, getattr(layers, name)(**kwargs)(inputs)).save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict([np.array(A), np.array(B)]), expected)


def test_equal_elements_share_the_gradient_and_nan_takes_it():
    a = Tensor([1.0, 2.0, float("nan"), 3.0], requires_grad=True)
    b = Tensor([1.0, 1.0, 1.0, float("nan")], requires_grad=True)
    for function, expected in ((functions.maximum, [0.5, 1, 1, 0]), (functions.minimum, [0.5, 0, 1, 0])):
        ga, gb = grad(function(a, b), [a, b], Tensor(np.ones(4, np.float32)))
        np.testing.assert_array_equal(ga.numpy(), expected)
        np.testing.assert_array_equal(gb.numpy(), 1 - np.array(expected))
        assert np.isnan(function(a, b).numpy()[2:]).all()


def test_one_input_is_enough_for_most():
    for name in ("Add", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        np.testing.assert_array_equal(getattr(layers, name)()([A]).numpy(), A)


def zeros(*shapes):
    return [Tensor(np.zeros(shape, np.float32)) for shape in shapes]


REFUSED = [
    (layers.Add(name="a"), Tensor(A), ArgumentError, "Add 'a': a single input. Expected a list of inputs"),
    (layers.Add(name="a"), [], ArgumentError, "Expected a list of inputs"),
    (
        layers.Subtract(name="a"),
        zeros((1, 2)) * 3,
        ArgumentError,
        "wrong number of inputs. Expected 2 inputs, got 3.",
    ),
    (
        layers.Dot(1, name="a"),
        zeros((1, 2)) * 3,
        ArgumentError,
        "wrong number of inputs. Expected 2 inputs, got 3.",
    ),
    (
        layers.Add(name="a"),
        zeros((2, 4, 4, 3), (2, 4, 4, 5)),
        ShapeError,
        "Add 'a': the shapes of the inputs do not fit together. Got (2, 4, 4, 3) and (2, 4, 4, 5). Sizes "
        "must be equal or 1; a 1×1 convolution or a pooling makes them fit.",
    ),
    (
        layers.Add(name="a"),
        zeros((2, 3), (1, 3)),
        ShapeError,
        "the batch sizes differ. Got (2, 3) and (1, 3).",
    ),
    (
        layers.Concatenate(name="a"),
        zeros((2, 4, 4, 3), (2, 5, 4, 3)),
        ShapeError,
        "the inputs differ along axis 1, not only along axis 3. Got (2, 4, 4, 3) and (2, 5, 4, 3).",
    ),
    (layers.Concatenate(name="a"), zeros((2, 3), (2, 3, 1)), ShapeError, "differ in their number of axes"),
    (layers.Concatenate(5, name="a"), zeros((2, 3), (2, 3)), ArgumentError, "there is no such axis"),
    (
        layers.Dot(1, name="a"),
        zeros((2, 3), (2, 4)),
        ShapeError,
        "axis 1 of the first and axis 1 of the second input differ in size. Got (2, 3) and (2, 4).",
    ),
    (layers.Dot(-2, name="a"), zeros((2, 3), (2, 3)), ArgumentError, "axis 0 is that of the samples"),
]


@pytest.mark.parametrize("layer, inputs, error, text", REFUSED)
def test_what_is_refused(layer, inputs, error, text):
    with pytest.raises(error) as caught:
        layer(inputs)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: layers.Concatenate(axis=1.5), "axis. Expected an integer, got 1.5."),
        (lambda: layers.Dot(axes=0), "axes. Expected an axis other than 0, or one for each input, got 0."),
        (lambda: layers.Dot(axes=(1, 2, 3)), "axes. Expected an axis other than 0"),
        (lambda: layers.Reshape((2, -1, -1)), "target_shape. Expected positive sizes without the batch axis"),
        (
            lambda: layers.Permute((0, 1)),
            "dims. Expected each of 1 … the number of axes once; 0 is the batch",
        ),
        (lambda: layers.Rescaling("a"), "scale. Expected a number or a list of numbers, got 'a'."),
    ],
)
def test_arguments(make, text):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert text in str(caught.value)


def test_shapes_that_cannot_be():
    with pytest.raises(
        ShapeError, match=r"a sample cannot become \(5, -1\). Expected a multiple of 5 elements, got 12"
    ):
        layers.Reshape((5, -1))(np.zeros((2, 3, 4)))
    with pytest.raises(ShapeError, match=r"Expected 2 axes and the batch, got \(2, 3, 4, 5\)"):
        layers.Permute((2, 1))(np.zeros((2, 3, 4, 5)))


def test_open_sizes():
    assert layers.Reshape((-1, 2))(layers.Input((None, 4))).shape == (None, None, 2)
    x = layers.Input((None, 4, 3))
    assert layers.add([x, layers.Input((1, 4, 1))]).shape == (None, None, 4, 3)
    assert layers.concatenate([x, layers.Input((None, 4, 2))]).shape == (None, None, 4, 5)


def test_rescaling_by_channel():
    layer = layers.Rescaling([1.0, 0.5], offset=[0.0, -1.0])
    np.testing.assert_array_equal(layer(np.array([[2.0, 2.0]])).numpy(), [[2, 0]])
    assert layers.Rescaling.from_config(layer.get_config()).scale == [1.0, 0.5]
