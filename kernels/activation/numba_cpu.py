"""Bias, ReLU and their gradients compiled: one pass over memory each, on all threads.

Activations that need an exponential are the reference's own.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error, result
from ..compiled.jit import COMPILED, jit
from ..compiled.parallel import guarded, launch, threads_for, whole_images
from ..compiled.pointers import address_of
from ..compiled.scratch import per_part, scratch, usable
from ..microkernels.tiles import multiply, panels, tiles
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
        value, gradient = y[i], gy[i]  # both loaded whatever follows, so that the loop has no branch
        kept = gradient if value > zero else zero
        gz[i] = kept if value == value else value  # NaN is not equal to itself


@jit
def _bias_grad_part(part, parts, gy, n, sums, one, blocks, panels, c, own):
    """A product with a row of ones: the micro-kernel sums columns, the one it reads never moves on."""
    number, _, width, last, ragged = panels
    size = gy.itemsize
    first, end = whole_images(part, parts, n, gy.size // c // n)
    for panel in range(number):
        cut = ragged if panel == number - 1 else 0
        b, to = (first * c + panel * width) * size, (part * own + panel * width) * size
        multiply(
            blocks, 1, cut, last, size, address_of(one), address_of(gy) + b, address_of(sums) + to,
            1, end - first, 0, 0, 0, c, 0, 0, 0, 0, -np.inf, np.inf,
        )  # fmt: skip


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
def _run_bias_grad(threads, gy, n, gb, sums, one, blocks, panels, own):
    launch(_bias_grad_part, threads, (gy, n, sums, one, blocks, panels, gb.size, own))
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
    if not (COMPILED and gy.size):
        return reference.bias_grad(gy, gb)
    cut = panels(gb.size, gb.itemsize)
    blocks = tiles(1, cut.vectors, cut.ragged, gb.itemsize)
    own = per_part(gb.size, gb.itemsize)
    with guarded:
        threads = threads_for(gy.size)
        sums, one = scratch(threads * own, dtype), np.ones(1, dtype)
        columns = (cut.number, cut.vectors, cut.width, cut.last, int(cut.ragged))
        n = len(gy) if gy.ndim > 1 else 1
        _run_bias_grad(threads, usable(gy).reshape(-1), n, gb, sums, one, blocks, columns, own)
    return gb
