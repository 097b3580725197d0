"""Bias and activation: by hand, against loops, extreme values, in-place use, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn.kernels.activation.reference import (
    ACTIVATIONS,
    activation_grad,
    bias_activation_forward,
    bias_grad,
)
from tests import oracles
from tests.tolerances import KERNEL, assert_close

each_activation = pytest.mark.parametrize("name", ACTIVATIONS)


def test_by_hand():
    y = np.array([[-3.0, 0.0], [1.0, 2.0]])
    b = np.array([1.0, -1.0])
    np.testing.assert_array_equal(bias_activation_forward(y, b, "linear"), [[-2, -1], [2, 1]])
    np.testing.assert_array_equal(bias_activation_forward(y, b, "relu"), [[0, 0], [2, 1]])
    np.testing.assert_array_equal(bias_grad(y), [-2, 2])
    half = bias_activation_forward(np.zeros((1, 2)), None, "sigmoid")
    np.testing.assert_array_equal(half, [[0.5, 0.5]])
    gy = np.array([[4.0, 8.0]])
    np.testing.assert_array_equal(activation_grad(gy, half, "sigmoid"), [[1, 2]])
    np.testing.assert_array_equal(activation_grad(gy, half, "tanh"), [[3, 6]])


@each_activation
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 3, 2, 5), (0, 3)])
@pytest.mark.parametrize("biased", [True, False])
def test_forward_oracle(name, shape, biased, dtype, draw):
    y = 3 * draw(shape, dtype)
    b = draw(shape[-1:], dtype) if biased else None
    z = y.astype(np.float64) + (0 if b is None else b)
    expected = np.array([oracles.activation(v, name) for v in z.ravel()]).reshape(shape)
    assert_close(bias_activation_forward(y, b, name), expected, KERNEL[dtype])


@each_activation
def test_gradient_is_the_slope_of_the_loop(name, draw):
    """(a(z + h) - a(z - h)) / 2h, at points away from the kink of relu."""
    z, gy, h = draw((40,)), draw((40,)), 1e-5
    z = z[np.abs(z) > 1e-3]
    gy = gy[: z.size]
    y = bias_activation_forward(z, None, name)
    slope = [(oracles.activation(v + h, name) - oracles.activation(v - h, name)) / (2 * h) for v in z]
    # the error of the difference quotient is about h² + 1e-16 / h
    assert_close(activation_grad(gy, y, name), gy * slope, 1e-9)


def test_relu_has_no_slope_at_zero(dtype):
    y = np.array([0.0, -0.0, 1.0], dtype)
    np.testing.assert_array_equal(activation_grad(np.full(3, 5.0, dtype), y, "relu"), [0, 0, 5])


def test_relu_drops_infinite_gradients_exactly(dtype):
    gy = np.array([np.inf, np.nan, np.inf], dtype)
    y = np.array([0.0, 0.0, 2.0], dtype)
    np.testing.assert_array_equal(activation_grad(gy, y, "relu"), [0, 0, np.inf])


def test_relu_lets_nan_through(dtype):
    nan = np.array([np.nan, 1.0], dtype)
    assert np.isnan(bias_activation_forward(nan, None, "relu")[0])
    gx = activation_grad(np.ones(2, dtype), nan, "relu")
    np.testing.assert_array_equal(gx, [np.nan, 1])


def test_sigmoid_of_extreme_values(dtype):
    """No overflow, and small results keep their digits down to the smallest normal number."""
    z = np.array([-np.inf, -1e5, -80, -20, 20, 1e5, np.inf], dtype)
    y = bias_activation_forward(z, None, "sigmoid")
    np.testing.assert_array_equal(y[[-2, -1]], [1, 1])
    assert 0 < y[0] == y[1] < 3e-38
    for result, value in zip(y[2:5], z[2:5], strict=True):
        assert_close(result, oracles.activation(value, "sigmoid"), 20 * KERNEL[dtype])


def test_bias_grad_oracle(dtype, draw):
    gy = draw((3, 4, 5, 6), dtype)
    expected = [math.fsum(float(v) for v in gy[..., c].ravel()) for c in range(6)]
    assert_close(bias_grad(gy), expected, KERNEL[dtype])
    np.testing.assert_array_equal(bias_grad(gy[:0]), np.zeros(6))
    np.testing.assert_array_equal(bias_grad(gy[0, 0, 0]), gy[0, 0, 0])


@each_activation
def test_in_place(name, dtype, draw):
    y, b, gy = draw((4, 3), dtype), draw((3,), dtype), draw((4, 3), dtype)
    expected = bias_activation_forward(y, b, name)
    expected_grad = activation_grad(gy, expected, name)
    assert bias_activation_forward(y, b, name, out=y) is y
    np.testing.assert_array_equal(y, expected)
    assert activation_grad(gy, y, name, out=gy) is gy
    np.testing.assert_array_equal(gy, expected_grad)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: bias_activation_forward(np.zeros(3), None, "swish"),
            "bias_activation_forward: there is no such activation. "
            "Expected one of linear, relu, sigmoid, tanh, got 'swish'.",
        ),
        (
            lambda: bias_activation_forward(np.zeros((2, 3)), np.zeros(2), "relu"),
            "bias_activation_forward: b has the wrong shape. Expected (3,), got (2,).",
        ),
        (
            lambda: activation_grad(np.zeros(3), np.zeros(2), "relu"),
            "activation_grad: y has the wrong shape. Expected (3,), got (2,).",
        ),
        (
            lambda: bias_grad(np.zeros(())),
            "bias_grad: gy has no axis to keep. Expected at least 1 axis, got a number.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
