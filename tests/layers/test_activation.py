"""Activations as layers and as names in other layers; the mask of Softmax; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, activations, grad, layers, load_model
from minicnn.errors import ArgumentError, ShapeError
from tests.tolerances import KERNEL, assert_close

X = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_every_name_works_everywhere_and_in_files(name, tmp_path):
    model = Sequential(
        [
            layers.Input(X.shape[1:]),
            layers.Conv2D(3, 2, activation=name),
            layers.Activation(name),
            layers.Dense(4, activation=activations.ACTIVATIONS[name]),
        ]
    )
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert [layer.activation for layer in loaded.layers] == [activations.get(name)] * 3
    x = 0.1 * X  # three exponentials in a row grow fast
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))


def test_prelu_learns_one_slope_a_channel():
    layer = layers.PReLU(shared_axes=[1, 2])
    y = layer(X)
    np.testing.assert_array_equal(y.numpy(), np.maximum(X, 0))  # its slope starts at 0
    (galpha,) = grad(y, [layer.alpha], Tensor(np.ones_like(X)))
    assert_close(galpha.numpy(), np.minimum(X, 0).sum((0, 1, 2))[None, None], KERNEL[X.dtype])
    free = layers.Input((None, None, 3))
    assert Model(free, layers.PReLU(shared_axes=(1, 2))(free)).predict(X).shape == X.shape


@pytest.mark.parametrize(
    "mask",
    [
        np.array([True, False, True]),
        np.array([1.0, 0.2, 0.7]),
        np.random.default_rng(1).random((2, 1, 4, 3)) < 0.5,
        Tensor(np.array([True, False, True])),
    ],
    ids=["bool", "share", "image", "tensor"],
)
def test_softmax_as_if_masked_elements_were_not_there(mask):
    y = layers.Softmax()(X, mask=mask)
    keep = np.broadcast_to(np.asarray(mask.numpy() if isinstance(mask, Tensor) else mask) > 0.5, X.shape)
    exp = np.where(keep, np.exp(X.astype(np.float64)), 0)
    total = exp.sum(-1, keepdims=True)
    assert_close(y.numpy(), exp / np.where(total == 0, 1, total), KERNEL[X.dtype])


def test_a_mask_that_is_an_input_of_a_model():
    x, mask = layers.Input((3,)), layers.Input((3,))
    model = Model([x, mask], layers.Softmax()(x, mask))
    given = np.array([[1, 0, 1]], np.float32)
    expected = layers.Softmax()(X[0, 0, :1], mask=given).numpy()
    np.testing.assert_array_equal(model.predict([X[0, 0, :1], given]), expected)


@pytest.mark.parametrize("mask", [np.ones(2), np.ones((1, 1, 1, 1, 3)), np.ones((4, 4, 4, 3))])
def test_a_mask_that_does_not_fit(mask):
    with pytest.raises(ShapeError) as caught:
        layers.Softmax(name="s")(X, mask=mask)
    expected = (
        f"Softmax 's': the mask does not fit. Expected sizes of 1 or as in {X.shape}, got {mask.shape}."
    )
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: layers.LeakyReLU(-1, name="n"),
            "LeakyReLU 'n': negative_slope. Expected a number of at least 0, got -1.",
        ),
        (lambda: layers.ELU("1", name="n"), "ELU 'n': alpha. Expected a number, got '1'."),
        (
            lambda: layers.PReLU(shared_axes=[0], name="n"),
            "PReLU 'n': shared_axes. Expected axes counted from 1, the first behind the batch, got [0].",
        ),
        (lambda: activations.leaky_relu(X, None), "leaky_relu: negative_slope. Expected a number, got None."),
    ],
)
def test_arguments_that_are_refused(make, text):
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == text


def test_inputs_that_prelu_refuses():
    with pytest.raises(
        ShapeError, match=r"names an axis that is not there\. Expected axes below 4, got \[4\]\."
    ):
        layers.PReLU(shared_axes=[4])(X)
    with pytest.raises(
        ShapeError, match=r"a size of its alpha is unknown\. Got \(None, None, 3\)\. Share the"
    ):
        layers.PReLU()(layers.Input((None, 3)))
    layer = layers.PReLU()
    layer(X)
    with pytest.raises(ShapeError, match=r"does not fit alpha\. Expected \(4, 4, 3\), got \(4, 5, 3\)\."):
        layer(np.zeros((2, 4, 5, 3)))
