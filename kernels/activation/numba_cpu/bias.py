"""Bias and activation, and their gradients: one pass over memory each, on all threads."""

from __future__ import annotations

import numpy as np

from ...checks import check_floats, check_same_shape, error, result
from ...compiled.elementwise import at_least, mapped, paired
from ...compiled.jit import COMPILED, jit
from ...compiled.parallel import driver, guarded, launch, share, threads_for, whole_images
from ...compiled.pointers import address_of
from ...compiled.scratch import per_part, scratch, usable
from ...microkernels.tiles import multiply, panels, tiles
from .. import reference
from ..reference import check_activation
from . import formulas

__all__ = ["activation_grad", "bias_activation_forward", "bias_grad"]

EXPONENTIAL = 4
"""An element with an exponential takes as long as four simple ones."""

_limit, _sigmoid, _tanh = mapped(at_least), mapped(formulas.sigmoid), mapped(formulas.tanh)
_GRADIENTS = {
    "relu": paired(formulas.relu_grad),
    "sigmoid": paired(formulas.sigmoid_grad),
    "tanh": paired(formulas.tanh_grad),
}


@jit
def _bias_part(part, parts, y, b, lower):
    y = share(part, parts, y)
    for row in range(y.shape[0]):
        for i in range(b.size):
            y[row, i] = at_least(y[row, i] + b[i], lower)


_add_bias = driver(_bias_part)


def bias_activation_forward(
    y: np.ndarray, b: np.ndarray | None, activation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """Add the bias to the last axis and apply the activation; parameters as in the reference."""
    where = "bias_activation_forward"
    check_activation(where, activation)
    dtype = check_floats(where, y=y) if b is None else check_floats(where, y=y, b=b)
    z = result(where, out, y.shape, dtype)
    if b is not None:
        check_same_shape(where, y.shape[-1:], b=b)
    to, threads = z.reshape(-1), threads_for(z.size)
    lower = dtype.type(0 if activation == "relu" else -np.inf)
    with guarded:
        if z is not y and (b is not None or activation == "linear"):
            np.copyto(z, y)
            y = z
        if b is not None and z.size:
            _add_bias(threads, z.reshape(-1, b.size), usable(b), lower)
        source = to if z is y else usable(y).reshape(-1)
        if activation == "relu" and b is None:
            _limit(threads, source, to, lower)
        elif activation == "sigmoid":
            # Below this the result would be no normal number.
            low = dtype.type(np.log(np.finfo(dtype).tiny) + 0.1)
            _sigmoid(threads_for(EXPONENTIAL * z.size), source, to, low)
        elif activation == "tanh":
            _tanh(threads_for(EXPONENTIAL * z.size), source, to)
    return z


def activation_grad(
    gy: np.ndarray, y: np.ndarray, activation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient through the activation, from the output y; parameters as in the reference."""
    where = "activation_grad"
    check_activation(where, activation)
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y)
    gz = result(where, out, gy.shape, dtype)
    if activation == "linear":
        if gz is not gy:
            np.copyto(gz, gy)
        return gz
    with guarded:
        arrays = usable(gy).reshape(-1), usable(y).reshape(-1), gz.reshape(-1)
        _GRADIENTS[activation](threads_for(y.size), *arrays)
    return gz


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
def _run_bias_grad(threads, gy, n, gb, sums, one, blocks, panels, own):
    launch(_bias_grad_part, threads, (gy, n, sums, one, blocks, panels, gb.size, own))
    for i in range(gb.size):
        gb[i] = sums[i]
        for part in range(1, threads):
            gb[i] += sums[part * own + i]


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
