"""Adaptive average pooling: by hand, against loops, as adjoints, special sizes, errors; crosscheck."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.pool2d.reference import (
    adaptive_avg_pool2d_forward,
    adaptive_avg_pool2d_input_grad,
    avg_pool2d_forward,
)
from tests import oracles
from tests.kernels.executions import every_execution
from tests.kernels.keras_layers import output_and_gradients
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

execution = every_execution("pool2d", globals())

SIZES = {
    "whole windows": ((6, 4), (3, 2)),
    "overlapping windows": ((7, 5), (3, 2)),
    "one window": ((5, 4), (1, 1)),
    "every pixel": ((4, 3), (4, 3)),
    "more windows than pixels": ((2, 3), (5, 4)),
    "rows and columns differ": ((9, 2), (4, 3)),
}
each_size = pytest.mark.parametrize("x_hw, out_hw", SIZES.values(), ids=SIZES.keys())


def test_by_hand():
    x = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]).reshape(1, 2, 3, 1)
    y = adaptive_avg_pool2d_forward(x, (1, 2))  # columns 0 and 1, columns 1 and 2
    np.testing.assert_array_equal(y.ravel(), [2.5, 5])
    gx = adaptive_avg_pool2d_input_grad(np.array([4.0, 8.0]).reshape(1, 1, 2, 1), x.shape)
    np.testing.assert_array_equal(gx.reshape(2, 3), [[1, 3, 2], [1, 3, 2]])


@each_size
def test_oracle(x_hw, out_hw, dtype, draw):
    x, gy = draw((2, *x_hw, 3), dtype), draw((2, *out_hw, 3), dtype)
    y = adaptive_avg_pool2d_forward(x, out_hw)
    assert_close(y, oracles.adaptive_avg_pool2d_forward(x, out_hw), KERNEL[dtype])
    gx = adaptive_avg_pool2d_input_grad(gy, x.shape)
    assert_close(gx, oracles.adaptive_avg_pool2d_input_grad(gy, x.shape), KERNEL[dtype])


@each_size
def test_adjoint(x_hw, out_hw, draw):
    """⟨pool(x), gy⟩ = ⟨x, input_grad(gy)⟩."""
    x, gy = draw((2, *x_hw, 3)), draw((2, *out_hw, 3))
    y, gx = adaptive_avg_pool2d_forward(x, out_hw), adaptive_avg_pool2d_input_grad(gy, x.shape)
    assert_close((x * gx).sum(), (y * gy).sum(), 1e3 * KERNEL[x.dtype])


def test_slopes(draw, rng):
    x = draw((2, 7, 5, 3))
    check_slopes(
        lambda x: adaptive_avg_pool2d_forward(x, (3, 2)),
        (x,),
        lambda gy: (adaptive_avg_pool2d_input_grad(gy, x.shape),),
        rng,
    )


def test_whole_windows_are_those_of_average_pooling(dtype, draw):
    x = draw((2, 6, 4, 3), dtype)
    g = (2, 2), ((0, 0), (0, 0)), (1, 1)
    expected = avg_pool2d_forward(x, (2, 2), g, (3, 2))
    assert_close(adaptive_avg_pool2d_forward(x, (3, 2)), expected, KERNEL[dtype])


def test_an_empty_batch():
    y = adaptive_avg_pool2d_forward(np.zeros((0, 4, 4, 2)), (3, 3))
    assert y.shape == (0, 3, 3, 2)
    assert adaptive_avg_pool2d_input_grad(y, (0, 4, 4, 2)).shape == (0, 4, 4, 2)


X = np.zeros((2, 4, 4, 3))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: adaptive_avg_pool2d_forward(X, (0, 2)),
            "adaptive_avg_pool2d_forward: the output is empty. "
            "Expected at least 1 row and 1 column, got 0 and 2.",
        ),
        (
            lambda: adaptive_avg_pool2d_forward(X[:, :, :0], (1, 1)),
            "adaptive_avg_pool2d_forward: the image is empty. "
            "Expected at least 1 row and 1 column, got 4 and 0.",
        ),
        (
            lambda: adaptive_avg_pool2d_input_grad(X, (2, 4, 4, 5)),
            "adaptive_avg_pool2d_input_grad: gy does not belong to x. "
            "Expected (n, c) of x (2, 4, 4, 5), got (2, 4, 4, 3).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@pytest.mark.parametrize("out_hw", [(3, 2), (2, 4), (1, 1)])
def test_keras(out_hw, draw):
    keras = pytest.importorskip("keras")
    x, gy = draw((2, 7, 5, 3), np.float32), draw((2, *out_hw, 3), np.float32)
    layer = keras.layers.AdaptiveAveragePooling2D(out_hw)
    y, gx, _ = output_and_gradients(layer, x, [], gy)
    assert_close(adaptive_avg_pool2d_forward(x, out_hw), y, CROSSCHECK)
    assert_close(adaptive_avg_pool2d_input_grad(gy, x.shape), gx, CROSSCHECK)
