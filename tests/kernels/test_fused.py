"""Fused kernels: bit for bit what the plain kernels they stand for give one after the other."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

from minicnn.kernels.activation.numba_cpu import activation_grad, bias_activation_forward, bias_grad
from minicnn.kernels.conv2d.numba_cpu import conv2d_forward, conv2d_input_grad, conv2d_weight_grad
from minicnn.kernels.dense.numba_cpu import dense_forward
from minicnn.kernels.fused import FUSED
from minicnn.kernels.fused import numba_cpu as fused
from minicnn.kernels.pool2d.numba_cpu import max_pool2d_forward, max_pool2d_input_grad

PLAIN = (1, 1), ((0, 0), (0, 0)), (1, 1)
HALVES = (2, 2), ((0, 0), (0, 0)), (1, 1)

# x, w, g, groups: odd and even sizes, padding, stride, dilation, groups, ragged filters, 1×1, Winograd's 3×3
CONVS = {
    "valid": ((3, 13, 11, 4), (3, 3, 4, 16), PLAIN, 1),
    "same": ((2, 8, 9, 3), (3, 3, 3, 20), ((1, 1), ((1, 1), (1, 1)), (1, 1)), 1),
    "stride": ((2, 12, 14, 4), (5, 3, 4, 7), ((2, 1), ((2, 1), (0, 3)), (1, 1)), 1),
    "dilation": ((2, 11, 12, 4), (2, 3, 4, 8), ((1, 1), ((1, 0), (2, 2)), (2, 2)), 1),
    "groups": ((2, 9, 9, 4), (3, 3, 2, 34), ((1, 1), ((1, 1), (1, 1)), (1, 1)), 2),
    "pointwise": ((4, 6, 7, 8), (1, 1, 8, 24), PLAIN, 1),
    "winograd": ((2, 17, 18, 32), (3, 3, 32, 64), ((1, 1), ((1, 1), (1, 1)), (1, 1)), 1),
    "winograd, cut": ((3, 13, 13, 32), (3, 3, 32, 64), PLAIN, 1),
}


def sizes(x, w, g):
    (stride, pad, dilation), pairs = g, range(2)
    return tuple((x[1 + i] + sum(pad[i]) - dilation[i] * (w[i] - 1) - 1) // stride[i] + 1 for i in pairs)


@pytest.fixture(params=CONVS)
def conv(request, draw):
    x_shape, w_shape, g, groups = CONVS[request.param]
    x, w, b = draw(*x_shape), draw(*w_shape), draw(w_shape[3])
    return x, w, b, g, groups, sizes(x_shape, w_shape, g)


@pytest.fixture
def draw():
    rng = np.random.default_rng(5)
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


def test_every_fused_kernel_names_plain_ones_and_keeps_their_errors():
    assert set(fused.__all__) == set(FUSED)
    for name, plain in FUSED.items():
        assert inspect.getdoc(getattr(fused, name)) and plain
    assert importlib.util.find_spec("minicnn.kernels.fused.reference") is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "linear", "tanh"])
def test_convolution_with_bias_and_activation(conv, activation, dtype):
    x, w, b, g, groups, out_hw = conv
    x, w, b = (array.astype(dtype) for array in (x, w, b))
    for bias in (b, None):
        found = fused.conv2d_bias_activation_forward(x, w, bias, g, groups, out_hw, activation)
        plain = conv2d_forward(x, w, g, groups, out_hw)
        np.testing.assert_array_equal(found, bias_activation_forward(plain, bias, activation))


@pytest.mark.parametrize("activation", ["relu", "linear", "sigmoid"])
def test_convolution_with_pooling_and_its_gradients(conv, activation, draw):
    x, w, b, g, groups, out_hw = conv
    half = out_hw[0] // 2, out_hw[1] // 2
    y, argmax = fused.conv2d_bias_activation_max_pool2d_forward(x, w, b, g, groups, out_hw, activation)
    plain = bias_activation_forward(conv2d_forward(x, w, g, groups, out_hw), b, activation)
    expected, winners = max_pool2d_forward(plain, (2, 2), HALVES, half)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, winners)
    gy = draw(*y.shape)
    gz, gb = fused.max_pool2d_bias_activation_grad(gy, y, argmax, activation)
    whole = max_pool2d_input_grad(gy, argmax, plain.shape, (2, 2), HALVES)
    whole = activation_grad(whole, plain, activation)
    np.testing.assert_array_equal(gz, whole[:, : 2 * half[0], : 2 * half[1]])
    if activation != "sigmoid":
        np.testing.assert_array_equal(gb, bias_grad(whole))
    # What was not looked at has gradient 0: the convolution's own gradients come out the same without it.
    for cut, full in ((gz, whole),):
        np.testing.assert_array_equal(
            conv2d_input_grad(cut, w, x.shape, g, groups), conv2d_input_grad(full, w, x.shape, g, groups)
        )
        np.testing.assert_array_equal(
            conv2d_weight_grad(x, cut, w.shape, g, groups), conv2d_weight_grad(x, full, w.shape, g, groups)
        )


@pytest.mark.parametrize("shape", [(5, 7), (4, 9, 9, 33), (64, 26, 26, 3), (2, 3, 300)])
@pytest.mark.parametrize("activation", ["relu", "linear", "sigmoid"])
def test_gradients_of_bias_and_activation(shape, activation, draw):
    gy, y = draw(*shape), np.maximum(draw(*shape), 0)
    y[0, 0] = np.nan
    gz, gb = fused.bias_activation_grad(gy, y, activation)
    expected = activation_grad(gy, y, activation)
    np.testing.assert_array_equal(gz, expected)
    np.testing.assert_array_equal(gb, bias_grad(expected))
    out = np.empty_like(gy)
    assert fused.bias_activation_grad(gy[::1], y, activation, out)[0] is out


@pytest.mark.parametrize("shape", [(8, 6, 10), (3, 4, 8, 24), (1, 3000, 400)])
def test_dense_with_bias_and_activation(shape, draw):
    *rows, c, f = shape
    x, w, b = draw(*rows, c), draw(c, f), draw(f)
    found = fused.dense_bias_activation_forward(x, w, b, "relu")
    np.testing.assert_array_equal(found, bias_activation_forward(dense_forward(x, w), b, "relu"))


def test_nan_passes_through(draw):
    x, w = draw(2, 8, 8, 4), draw(3, 3, 4, 8)
    x[1, 4, 4, 0] = np.nan
    y, _ = fused.conv2d_bias_activation_max_pool2d_forward(x, w, None, PLAIN, 1, (6, 6), "relu")
    assert np.isnan(y[1, 1:3, 1:3]).all() and not np.isnan(y[0]).any()


def test_a_bias_that_does_not_fit(draw):
    x, w = draw(2, 8, 8, 4), draw(3, 3, 4, 8)
    with pytest.raises(ValueError, match=r"b has the wrong shape. Expected \(8,\), got \(7,\)"):
        fused.conv2d_bias_activation_forward(x, w, draw(7), PLAIN, 1, (6, 6), "relu")
    with pytest.raises(ValueError, match="there is no window of 2×2. Expected at least 2 rows and columns"):
        fused.conv2d_bias_activation_max_pool2d_forward(x[:, :4], w, None, PLAIN, 1, (1, 6), "relu")
