"""The compiled pooling, activation and optimizer kernels beside their references."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.activation import numba_cpu as activation
from minicnn.kernels.activation import reference as activation_reference
from minicnn.kernels.optimizer import numba_cpu as optimizer
from minicnn.kernels.optimizer import reference as optimizer_reference
from minicnn.kernels.pool2d import numba_cpu as pool
from minicnn.kernels.pool2d import reference as pool_reference
from tests.kernels.geometries import CASES, Case
from tests.tolerances import KERNEL, assert_close

POOLS = {
    **CASES,
    "two by two": Case((6, 8), (2, 2), (2, 2)),
    "two by two, left over": Case((7, 5), (2, 2), (2, 2)),
    "two by two, overlapping": Case((6, 5), (2, 2), (1, 1)),
    "many taps": Case((20, 18), (17, 17)),
}


def awkward(draw, shape, dtype):
    """Numbers with ties, infinities and a few NaN among them."""
    x = np.round(draw(shape, dtype) * 2)
    flat = x.reshape(-1)
    flat[::17], flat[5::29], flat[7::31] = np.nan, np.inf, -np.inf
    return x


@pytest.mark.parametrize("case", POOLS.values(), ids=POOLS.keys())
@pytest.mark.parametrize("channels", [1, 37])
def test_max_pooling(case, channels, dtype, draw):
    x = awkward(draw, (3, *case.x_hw, channels), dtype)
    arguments = case.kernel_hw, case.g, case.out_hw
    y, argmax = pool.max_pool2d_forward(x, *arguments)
    expected, expected_argmax = pool_reference.max_pool2d_forward(x, *arguments)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(argmax, expected_argmax)
    gy = draw(y.shape, dtype)
    gx = pool.max_pool2d_input_grad(gy, argmax, x.shape, case.kernel_hw, case.g)
    expected = pool_reference.max_pool2d_input_grad(gy, argmax, x.shape, case.kernel_hw, case.g)
    assert_close(gx, expected, KERNEL[dtype])  # where windows overlap, sums are added in another order


@pytest.mark.parametrize("shape", [(3, 5), (4, 7, 6, 33), (50, 40, 40), (2, 0)])
def test_bias_and_relu_are_bit_equal(shape, dtype, draw):
    y, gy, b = awkward(draw, shape, dtype), draw(shape, dtype), draw(shape[-1:], dtype)
    for name in ("linear", "relu"):
        for bias in (b, None):
            z = activation.bias_activation_forward(y, bias, name)
            expected = activation_reference.bias_activation_forward(y, bias, name)
            np.testing.assert_array_equal(z, expected)
    gz = activation.activation_grad(gy, y, "relu")
    np.testing.assert_array_equal(gz, activation_reference.activation_grad(gy, y, "relu"))
    expected = gy.astype(np.float64).reshape(-1, shape[-1]).sum(axis=0) if gy.size else np.zeros(shape[-1])
    assert_close(activation.bias_grad(gy), expected, 10 * KERNEL[dtype])  # thousands of terms


@pytest.mark.parametrize("size", [3, 40_000])
def test_optimizer_steps(size, dtype, draw):
    w, gw, states = draw(size, dtype), draw(size, dtype), np.abs(draw((2, size), dtype))
    calls = {
        "rmsprop_update_": lambda w, s: (w, gw, s[0], None, None, 0.01, 0.9, 0.0, 1e-7, False),
        "adam_update_": lambda w, s: (w, gw, s[0], s[1], None, 0.01, 0.9, 0.99, 1e-7, 3, False),
    }
    for name, arguments in calls.items():
        mine, theirs = (w.copy(), states.copy()), (w.copy(), states.copy())
        getattr(optimizer, name)(*arguments(*mine))
        getattr(optimizer_reference, name)(*arguments(*theirs))
        for a, b in zip(mine, theirs, strict=True):
            assert_close(a, b, KERNEL[dtype])


def test_what_a_step_changes_may_lie_anywhere(draw):
    wide = draw((6, 2))
    w, gw, s = wide[:, 0], draw(6), np.abs(draw((6, 2)))[:, 1]
    expected = w.copy(), s.copy()
    options = None, None, 0.01, 0.9, 0.0, 1e-7, False
    optimizer_reference.rmsprop_update_(expected[0], gw, expected[1], *options)
    optimizer.rmsprop_update_(w, gw, s, *options)
    np.testing.assert_array_equal(w, expected[0])
    np.testing.assert_array_equal(s, expected[1])
