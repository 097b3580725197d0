"""Bias, ReLU and their gradients compiled: one pass over memory each, on all threads.

Activations that need an exponential are the reference's own.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error, result
from ..compiled.jit import jit
from ..compiled.parallel import guarded, launch, threads_for
from ..compiled.scratch import scratch, usable
from . import reference
from .reference import (
    activation_forward,
    activation_input_grad,
    prelu_forward,
    prelu_grad,
)

__all__ = [
    "activation_forward",
    "activation_grad",
    "activation_input_grad",
    "bias_activation_forward",
    "bias_grad",
    "prelu_forward",
    "prelu_grad",
]


@jit
def _bias_part(part, parts, y, b, z, lower):
    c = b.size
    for row in range(part * (y.size // c) // parts, (part + 1) * (y.size // c) // parts):
        for i in range(c):
            value = y[row * c + i] + b[i]
            z[row * c + i] = lower if value < lower else value  # a NaN is not smaller


@jit
def _limit_part(part, parts, y, z, lower):
    for i in range(part * y.size // parts, (part + 1) * y.size // parts):
        z[i] = lower if y[i] < lower else y[i]


@jit
def _relu_grad_part(part, parts, gy, y, gz, zero):
    for i in range(part * y.size // parts, (part + 1) * y.size // parts):
        # Where y is NaN, y + gy is, too.
        gz[i] = gy[i] if y[i] > zero else (zero if y[i] <= zero else y[i] + gy[i])


@jit
def _bias_grad_part(part, parts, gy, sums, c, own):
    rows = gy.size // c
    for i in range(c):
        sums[part * own + i] = 0
    for row in range(part * rows // parts, (part + 1) * rows // parts):
        for i in range(c):
            sums[part * own + i] += gy[row * c + i]


@jit
def _run_bias(threads, y, b, z, lower):
    launch(_bias_part, threads, (y, b, z, lower))


@jit
def _run_limit(threads, y, z, lower):
    launch(_limit_part, threads, (y, z, lower))


@jit
def _run_relu_grad(threads, gy, y, gz, zero):
    launch(_relu_grad_part, threads, (gy, y, gz, zero))


@jit
def _run_bias_grad(threads, gy, gb, sums, own):
    launch(_bias_grad_part, threads, (gy, sums, gb.size, own))
    for i in range(gb.size):
        gb[i] = sums[i]
        for part in range(1, threads):
            gb[i] += sums[part * own + i]


def bias_activation_forward(
    y: np.ndarray, b: np.ndarray | None, activation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """Add the bias to the last axis and apply the activation; parameters as in the reference."""
    where = "bias_activation_forward"
    if activation not in ("linear", "relu") or (b is None and activation == "linear"):
        return reference.bias_activation_forward(y, b, activation, out)
    dtype = check_floats(where, y=y) if b is None else check_floats(where, y=y, b=b)
    z = result(where, out, y.shape, dtype)
    lower = dtype.type(0 if activation == "relu" else -np.inf)
    with guarded:
        flat, to, threads = usable(y).reshape(-1), z.reshape(-1), threads_for(y.size)
        if b is None:
            _run_limit(threads, flat, to, lower)
        else:
            check_same_shape(where, y.shape[-1:], b=b)
            if b.size:
                _run_bias(threads, flat, usable(b), to, lower)
    return z


def activation_grad(
    gy: np.ndarray, y: np.ndarray, activation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient through the activation, from the output y; parameters as in the reference."""
    if activation != "relu":
        return reference.activation_grad(gy, y, activation, out)
    dtype = check_floats("activation_grad", gy=gy, y=y)
    check_same_shape("activation_grad", gy.shape, y=y)
    gz = result("activation_grad", out, gy.shape, dtype)
    with guarded:
        arrays = usable(gy).reshape(-1), usable(y).reshape(-1), gz.reshape(-1)
        _run_relu_grad(threads_for(y.size), *arrays, dtype.type(0))
    return gz


def bias_grad(gy: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Sum of the gradient over all axes but the last; parameters as in the reference."""
    dtype = check_floats("bias_grad", gy=gy)
    if gy.ndim < 1:
        raise error("bias_grad", "gy has no axis to keep", "at least 1 axis", "a number")
    gb = result("bias_grad", out, gy.shape[-1:], dtype)
    own = -(-gb.size // 16) * 16  # a cache line of its own for every part
    with guarded:
        threads = threads_for(gy.size)
        if gb.size:
            sums = scratch(threads * own, dtype)
            _run_bias_grad(threads, usable(gy).reshape(-1), gb, sums, own)
    return gb
