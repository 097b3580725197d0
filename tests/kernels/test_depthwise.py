"""Depthwise convolution: by hand, against single-channel loops, as adjoints, errors; crosscheck."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.conv2d.reference import conv2d_forward
from minicnn.kernels.depthwise.reference import (
    depthwise_conv2d_forward,
    depthwise_conv2d_input_grad,
    depthwise_conv2d_weight_grad,
)
from tests import oracles
from tests.kernels.executions import every_execution
from tests.kernels.geometries import CASES, each_case
from tests.kernels.keras_layers import output_and_gradients
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

PLAIN = CASES["plain"].g
execution = every_execution("depthwise", globals())
each_multiplier = pytest.mark.parametrize("channels, multiplier", [(3, 1), (1, 2), (3, 2)])


def operands(draw, case, channels, multiplier, dtype=np.float64):
    x = draw((2, *case.x_hw, channels), dtype)
    w = draw((*case.kernel_hw, channels, multiplier), dtype)
    return x, w, draw((2, *case.out_hw, channels * multiplier), dtype)


def test_by_hand():
    x = np.array([[1.0, 10.0], [2.0, 20.0]]).reshape(1, 1, 2, 2)
    w = np.array([[[1.0, 3.0], [0.0, 1.0]], [[2.0, 4.0], [5.0, 0.0]]]).reshape(1, 2, 2, 2)
    y = depthwise_conv2d_forward(x, w, PLAIN, (1, 1))
    # channel 0 by its two filters, then channel 1 by its two
    np.testing.assert_array_equal(y.ravel(), [1 + 4, 3 + 8, 0 + 100, 10 + 0])
    gy = np.array([1.0, 10.0, 100.0, 1000.0]).reshape(1, 1, 1, 4)
    gx = depthwise_conv2d_input_grad(gy, w, x.shape, PLAIN)
    np.testing.assert_array_equal(gx.reshape(2, 2), [[1 + 30, 1000], [2 + 40, 500]])
    gw = depthwise_conv2d_weight_grad(x, gy, w.shape, PLAIN)
    expected = [[[1, 10], [1000, 10000]], [[2, 20], [2000, 20000]]]
    np.testing.assert_array_equal(gw[0], expected)


@each_case
@each_multiplier
def test_oracle(case, channels, multiplier, dtype, draw):
    x, w, gy = operands(draw, case, channels, multiplier, dtype)
    g, tolerance = case.g, KERNEL[dtype]
    y = depthwise_conv2d_forward(x, w, g, case.out_hw)
    assert_close(y, oracles.depthwise_conv2d_forward(x, w, g, case.out_hw), tolerance)
    gx = depthwise_conv2d_input_grad(gy, w, x.shape, g)
    assert_close(gx, oracles.depthwise_conv2d_input_grad(gy, w, x.shape, g), tolerance)
    gw = depthwise_conv2d_weight_grad(x, gy, w.shape, g)
    assert_close(gw, oracles.depthwise_conv2d_weight_grad(x, gy, w.shape, g), tolerance)


@each_case
def test_adjoint(case, draw):
    """⟨conv(x, w), gy⟩ = ⟨x, input_grad(gy, w)⟩ = ⟨w, weight_grad(x, gy)⟩."""
    x, w, gy = operands(draw, case, 3, 2)
    y = depthwise_conv2d_forward(x, w, case.g, case.out_hw)
    gx = depthwise_conv2d_input_grad(gy, w, x.shape, case.g)
    gw = depthwise_conv2d_weight_grad(x, gy, w.shape, case.g)
    tolerance = 1e3 * KERNEL[x.dtype]  # the sums cancel
    assert_close((x * gx).sum(), (y * gy).sum(), tolerance)
    assert_close((w * gw).sum(), (y * gy).sum(), tolerance)


def test_slopes(draw, rng):
    case = CASES["all at once"]
    x, w, _ = operands(draw, case, 3, 2)
    check_slopes(
        lambda x, w: depthwise_conv2d_forward(x, w, case.g, case.out_hw),
        (x, w),
        lambda gy: (
            depthwise_conv2d_input_grad(gy, w, x.shape, case.g),
            depthwise_conv2d_weight_grad(x, gy, w.shape, case.g),
        ),
        rng,
    )


def test_it_is_the_convolution_with_as_many_groups_as_channels(dtype, draw):
    case = CASES["unevenly padded"]
    x, w, _ = operands(draw, case, 3, 2, dtype)
    y = depthwise_conv2d_forward(x, w, case.g, case.out_hw)
    grouped = w.reshape(*w.shape[:2], 1, 6)  # (kh, kw, c, m) -> (kh, kw, 1, c·m)
    assert_close(y, conv2d_forward(x, grouped, case.g, 3, case.out_hw), KERNEL[dtype])


def test_an_empty_batch():
    x, w = np.zeros((0, 5, 5, 2)), np.ones((3, 3, 2, 2))
    y = depthwise_conv2d_forward(x, w, PLAIN, (3, 3))
    assert y.shape == (0, 3, 3, 4)
    assert depthwise_conv2d_input_grad(y, w, x.shape, PLAIN).shape == x.shape
    gw = depthwise_conv2d_weight_grad(x, y, w.shape, PLAIN)
    np.testing.assert_array_equal(gw, np.zeros(w.shape))


X, W, GY = np.zeros((2, 5, 6, 4)), np.zeros((3, 3, 4, 2)), np.zeros((2, 3, 4, 8))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: depthwise_conv2d_forward(X, W[:, :, :3], PLAIN, (3, 4)),
            "depthwise_conv2d_forward: the channels of x and w do not fit. "
            "Expected 3 channels in x, got x (2, 5, 6, 4).",
        ),
        (
            lambda: depthwise_conv2d_forward(X, W, PLAIN, (4, 4)),
            "depthwise_conv2d_forward: the windows do not fit in the padded input along its rows. "
            "Expected at least one window and a span of at most 5 rows, got 4 windows spanning 6. "
            "Check kernel size, stride, padding and dilation.",
        ),
        (
            lambda: depthwise_conv2d_forward(X, W[0], PLAIN, (3, 4)),
            "depthwise_conv2d_forward: w has the wrong number of axes. Expected 4, got shape (3, 4, 2).",
        ),
        (
            lambda: depthwise_conv2d_input_grad(GY, W, (3, 5, 6, 4), PLAIN),
            "depthwise_conv2d_input_grad: gy does not fit x and w. "
            "Expected gy (3, oh, ow, 8), got (2, 3, 4, 8).",
        ),
        (
            lambda: depthwise_conv2d_weight_grad(X, GY, (3, 3, 8), PLAIN),
            "depthwise_conv2d_weight_grad: the shape of w has the wrong length. Expected 4, got (3, 3, 8).",
        ),
        (
            lambda: depthwise_conv2d_weight_grad(X, GY.astype(np.float32), W.shape, PLAIN),
            "depthwise_conv2d_weight_grad: gy has another dtype than the rest. "
            "Expected float64, got float32. Cast the arrays to one dtype first.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@pytest.mark.parametrize(
    "strides, padding, pad, dilation, out_hw",
    [
        (1, "valid", ((0, 0), (0, 0)), 1, (5, 6)),
        (2, "same", ((1, 1), (0, 1)), 1, (4, 4)),
        (1, "same", ((2, 2), (2, 2)), 2, (7, 8)),
    ],
)
def test_keras(strides, padding, pad, dilation, out_hw, draw):
    keras = pytest.importorskip("keras")
    x, w = draw((2, 7, 8, 3), np.float32), draw((3, 3, 3, 2), np.float32)
    gy = draw((2, *out_hw, 6), np.float32)
    layer = keras.layers.DepthwiseConv2D(
        3, strides, padding, depth_multiplier=2, dilation_rate=dilation, use_bias=False
    )
    y, gx, (gw,) = output_and_gradients(layer, x, [w], gy)
    g = (strides, strides), pad, (dilation, dilation)
    assert_close(depthwise_conv2d_forward(x, w, g, out_hw), y, CROSSCHECK)
    assert_close(depthwise_conv2d_input_grad(gy, w, x.shape, g), gx, CROSSCHECK)
    assert_close(depthwise_conv2d_weight_grad(x, gy, w.shape, g), gw, CROSSCHECK)
