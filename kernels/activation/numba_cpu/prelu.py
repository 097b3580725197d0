"""PReLU compiled: one pass over memory forward, one backward, with a sum for every element of α."""

from __future__ import annotations

import numpy as np

from ...checks import check_floats, check_same_shape, result
from ...compiled.elementary import real
from ...compiled.elementwise import at_least, at_most
from ...compiled.jit import in_order
from ...compiled.parallel import driver, guarded, share, threads_for
from ...compiled.scratch import scratch, usable
from .. import reference
from ..prelu import check_broadcast

__all__ = ["prelu_forward", "prelu_grad"]


@in_order
def _forward_part(part, parts, x, alpha, y):
    x, y = share(part, parts, x), share(part, parts, y)
    for row in range(x.shape[0]):
        for i in range(alpha.size):
            value, zero = x[row, i], real(0, x[row, i])
            y[row, i] = at_least(value, zero) + alpha[i] * at_most(value, zero)


@in_order
def _grad_part(part, parts, gy, x, alpha, gx, sums):
    gy, x, gx = share(part, parts, gy), share(part, parts, x), share(part, parts, gx)
    own = sums[part]
    for i in range(alpha.size):
        own[i] = 0
    for row in range(x.shape[0]):
        for i in range(alpha.size):
            value, gradient = x[row, i], gy[row, i]
            scaled = gradient * alpha[i]
            kept = gradient if value > 0 else scaled
            gx[row, i] = kept if value == value else value
            own[i] += gradient * at_most(value, real(0, value))


_forward, _grad = driver(_forward_part), driver(_grad_part)


def _tail(x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """α without its first axes of size 1, in the shape of the last axes of x that are left, at least one."""
    while alpha.ndim and alpha.shape[0] == 1:
        alpha = alpha[0]
    return np.broadcast_to(alpha, x.shape[-max(alpha.ndim, 1) :])


def prelu_forward(x: np.ndarray, alpha: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Keep what is positive and scale the rest by α; parameters as in the reference."""
    where = "prelu_forward"
    dtype = check_floats(where, x=x, alpha=alpha)
    check_broadcast(where, x.shape, alpha.shape)
    y = result(where, out, x.shape, dtype)
    if not x.size:
        return y
    flat = usable(_tail(x, alpha)).reshape(-1)
    with guarded:
        arrays = usable(x).reshape(-1, flat.size), flat, y.reshape(-1, flat.size)
        _forward(threads_for(x.size), *arrays)
    return y


def prelu_grad(gy: np.ndarray, x: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients through prelu_forward; parameters as in the reference."""
    where = "prelu_grad"
    dtype = check_floats(where, gy=gy, x=x, alpha=alpha)
    check_same_shape(where, gy.shape, x=x)
    check_broadcast(where, x.shape, alpha.shape)
    if not x.size:
        return reference.prelu_grad(gy, x, alpha)
    tail = _tail(x, alpha)
    flat, gx = usable(tail).reshape(-1), np.empty(x.shape, dtype)
    with guarded:
        threads = threads_for(x.size)
        sums = scratch(threads * flat.size, np.dtype(np.float64)).reshape(threads, flat.size)
        rows = (usable(array).reshape(-1, flat.size) for array in (gy, x))
        _grad(threads, *rows, flat, gx.reshape(-1, flat.size), sums)
        total = sums.sum(axis=0).reshape(tail.shape)
    aligned = (1,) * (tail.ndim - alpha.ndim) + alpha.shape[max(alpha.ndim - tail.ndim, 0) :]
    broadcast = tuple(axis for axis, size in enumerate(aligned) if size == 1)
    return gx, total.sum(axis=broadcast).astype(dtype).reshape(alpha.shape)
