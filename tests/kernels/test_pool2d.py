"""Pooling: by hand, against loops, ties, infinities, NaN, padding, large windows, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.kernels.pool2d.reference import (
    avg_pool2d_forward,
    avg_pool2d_input_grad,
    max_pool2d_forward,
    max_pool2d_input_grad,
)
from tests import oracles
from tests.kernels.executions import every_execution
from tests.kernels.geometries import CASES, each_case
from tests.kernels.test_im2col import any_case
from tests.tolerances import KERNEL, assert_close

ONE = (1, 1), ((0, 0), (0, 0)), (1, 1)
execution = every_execution("pool2d", globals())


def test_max_by_hand():
    x = np.array([[1.0, 5.0, 2.0], [7.0, 3.0, 8.0]]).reshape(1, 2, 3, 1)
    y, argmax = max_pool2d_forward(x, (2, 2), ONE, (1, 2))
    np.testing.assert_array_equal(y.ravel(), [7, 8])
    np.testing.assert_array_equal(argmax.ravel(), [2, 3])
    gx = max_pool2d_input_grad(np.array([10.0, 20.0]).reshape(y.shape), argmax, x.shape, (2, 2), ONE)
    np.testing.assert_array_equal(gx.reshape(2, 3), [[0, 0, 0], [10, 0, 20]])


def test_average_by_hand():
    x = np.array([[1.0, 5.0], [7.0, 3.0]]).reshape(1, 2, 2, 1)
    g = (1, 1), ((0, 1), (0, 1)), (1, 1)  # "same": windows at the edge hold 2 or 1 real pixels
    y = avg_pool2d_forward(x, (2, 2), g, (2, 2))
    np.testing.assert_array_equal(y.reshape(2, 2), [[4, 4], [5, 3]])
    gx = avg_pool2d_input_grad(np.full(y.shape, 4.0), x.shape, (2, 2), g)
    np.testing.assert_array_equal(gx.reshape(2, 2), [[1, 1 + 2], [1 + 2, 1 + 2 + 2 + 4]])


def check_max(x, gy, case):
    y, argmax = max_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    expected_y, expected_argmax = oracles.max_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(argmax, expected_argmax)
    gx = max_pool2d_input_grad(gy, argmax, x.shape, case.kernel_hw, case.g)
    expected = oracles.max_pool2d_input_grad(gy, argmax, x.shape, case.kernel_hw, case.g)
    assert_close(gx, expected, KERNEL[x.dtype])
    assert (y.dtype, argmax.dtype, gx.dtype) == (x.dtype, np.uint8, x.dtype)


def check_average(x, gy, case):
    y = avg_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    expected = oracles.avg_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    assert_close(y, expected, KERNEL[x.dtype])
    gx = avg_pool2d_input_grad(gy, x.shape, case.kernel_hw, case.g)
    expected = oracles.avg_pool2d_input_grad(gy, x.shape, case.kernel_hw, case.g)
    assert_close(gx, expected, KERNEL[x.dtype])
    assert y.dtype == gx.dtype == x.dtype


@each_case
def test_oracle(case, dtype, draw):
    x, gy = draw((2, *case.x_hw, 3), dtype), draw((2, *case.out_hw, 3), dtype)
    check_max(x, gy, case)
    check_average(x, gy, case)


@each_case
def test_the_first_of_equal_maxima_wins(case, dtype, draw, rng):
    x = rng.integers(0, 2, size=(2, *case.x_hw, 3)).astype(dtype)
    check_max(x, draw((2, *case.out_hw, 3), dtype), case)


@settings(max_examples=60, deadline=None)
@given(any_case(), st.integers(0, 2**32 - 1), st.sampled_from([2, 1000]))
def test_any_geometry(case, seed, values):
    rng = np.random.default_rng(seed)
    x = rng.integers(-values, values, size=(2, *case.x_hw, 2)).astype(np.float64)
    gy = rng.normal(size=(2, *case.out_hw, 2))
    check_max(x, gy, case)
    check_average(x, gy, case)


@each_case
def test_adjoint_of_the_average(case, draw):
    """⟨pool(x), gy⟩ = ⟨x, input_grad(gy)⟩."""
    x, gy = draw((2, *case.x_hw, 3)), draw((2, *case.out_hw, 3))
    y = avg_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    gx = avg_pool2d_input_grad(gy, x.shape, case.kernel_hw, case.g)
    assert_close((x * gx).sum(), (y * gy).sum(), 1e3 * KERNEL[x.dtype])


@each_case
def test_padding_never_wins(case, dtype):
    """Even where all real values are -inf the gradient goes to a real pixel, not to the padding."""
    x = np.full((1, *case.x_hw, 1), -np.inf, dtype)
    y, argmax = max_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)
    assert np.all(y == -np.inf)
    expected = oracles.max_pool2d_forward(x, case.kernel_hw, case.g, case.out_hw)[1]
    np.testing.assert_array_equal(argmax, expected)


@each_case
def test_nan_wins(case, dtype, draw, rng):
    x, gy = draw((2, *case.x_hw, 3), dtype), draw((2, *case.out_hw, 3), dtype)
    x[rng.random(x.shape) < 0.2] = np.nan
    check_max(x, gy, case)


def test_an_infinite_gradient_stays_where_it_belongs():
    argmax = np.array([3], np.uint8).reshape(1, 1, 1, 1)
    for bad in (np.inf, np.nan):
        gx = max_pool2d_input_grad(np.full((1, 1, 1, 1), bad), argmax, (1, 2, 2, 1), (2, 2), ONE)
        np.testing.assert_array_equal(gx.ravel(), [0, 0, 0, bad])


@pytest.mark.parametrize("width, index_dtype", [(256, np.uint8), (257, np.int32)])
def test_argmax_of_large_windows(width, index_dtype, dtype):
    x = np.zeros((1, 1, width, 2), dtype)
    x[0, 0, width - 1, 0] = 1
    x[0, 0, :, 1] = np.nan
    y, argmax = max_pool2d_forward(x, (1, width), ONE, (1, 1))
    assert argmax.dtype == index_dtype
    np.testing.assert_array_equal(argmax.ravel(), [width - 1, 0])
    np.testing.assert_array_equal(y.ravel(), [1, np.nan])
    gx = max_pool2d_input_grad(np.ones(y.shape, dtype), argmax, x.shape, (1, width), ONE)
    assert gx[0, 0, width - 1, 0] == gx[0, 0, 0, 1] == 1 and gx.sum() == 2


def test_an_empty_batch():
    y, argmax = max_pool2d_forward(np.zeros((0, 4, 4, 2)), (2, 2), ONE, (3, 3))
    assert y.shape == argmax.shape == (0, 3, 3, 2)
    assert max_pool2d_input_grad(y, argmax, (0, 4, 4, 2), (2, 2), ONE).shape == (0, 4, 4, 2)
    assert avg_pool2d_forward(np.zeros((0, 4, 4, 2)), (2, 2), ONE, (3, 3)).shape == (0, 3, 3, 2)


X, GY = np.zeros((2, 4, 4, 3)), np.zeros((2, 3, 3, 3))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: max_pool2d_forward(X, (5, 2), ONE, (1, 3)),
            "max_pool2d_forward: the windows do not fit in the padded input along its rows. "
            "Expected at least one window and a span of at most 4 rows, got 1 windows spanning 5. "
            "Check kernel size, stride, padding and dilation.",
        ),
        (
            lambda: avg_pool2d_forward(X.astype(np.uint8), (2, 2), ONE, (3, 3)),
            "avg_pool2d_forward: x has an unsupported dtype. Expected float32 or float64, got uint8.",
        ),
        (
            lambda: avg_pool2d_input_grad(GY, (2, 4, 4, 5), (2, 2), ONE),
            "avg_pool2d_input_grad: gy does not belong to x. "
            "Expected (n, c) of x (2, 4, 4, 5), got (2, 3, 3, 3).",
        ),
        (
            lambda: max_pool2d_input_grad(GY, np.zeros((2, 3, 3), np.uint8), X.shape, (2, 2), ONE),
            "max_pool2d_input_grad: argmax has the wrong shape. Expected (2, 3, 3, 3), got (2, 3, 3).",
        ),
        (
            lambda: max_pool2d_input_grad(GY, GY, X.shape, (2, 2), CASES["dilated"].g),
            "max_pool2d_input_grad: the windows do not fit in the padded input along its rows. "
            "Expected at least one window and a span of at most 4 rows, got 3 windows spanning 5. "
            "Check kernel size, stride, padding and dilation.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
