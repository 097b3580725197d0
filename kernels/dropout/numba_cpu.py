"""Dropout and noise compiled: random words are drawn, used and forgotten a thousand at a time."""

from __future__ import annotations

import numpy as np

from ..checks import result
from ..compiled.elementary import real
from ..compiled.jit import in_order
from ..compiled.parallel import driver, guarded, threads_for
from ..compiled.scratch import usable
from ..philox.numba_cpu import WORDS, WORK, chunks, draw, random_uniform, room, stream
from .reference import Shape, check_dropout, check_noise, normal

__all__ = ["dropout_forward", "dropout_grad", "gaussian_noise_forward"]


@in_order
def _drop_part(part, parts, x, y, threshold, scale, stream):
    rows, words = room()
    first, last = chunks(part, parts, x.size)
    for chunk in range(first, last):
        draw(rows, words, chunk, stream)
        own, to = x[chunk * WORDS : (chunk + 1) * WORDS], y[chunk * WORDS : (chunk + 1) * WORDS]
        for i in range(to.size):
            to[i] = own[i] * (scale if words[i] >= threshold else real(0, scale))


_drop = driver(_drop_part)


def dropout_forward(
    x: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Set a share of the elements to 0 and scale the rest; parameters as in the reference."""
    return _dropout("dropout_forward", x, rate, key, step, noise_shape, out)


def dropout_grad(
    gy: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient through dropout_forward called with the same mask; parameters as in the reference."""
    return _dropout("dropout_grad", gy, rate, key, step, noise_shape, out)


def gaussian_noise_forward(
    x: np.ndarray, stddev: float, key: np.ndarray, step: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Add normal random numbers; parameters as in the reference. The logarithms and sines are NumPy's."""
    where = "gaussian_noise_forward"
    dtype = check_noise(where, x, stddev)
    y = result(where, out, x.shape, dtype)
    pairs = -(-x.size // 2)
    z = normal(random_uniform(key, step, 2 * pairs, dtype).reshape(pairs, 2))
    z *= float(stddev)
    return np.add(x, z.reshape(-1)[: x.size].reshape(x.shape), out=y)


def _dropout(
    where: str,
    x: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None,
    out: np.ndarray | None,
) -> np.ndarray:
    shape, threshold, scale = check_dropout(where, x, rate, noise_shape)
    own = stream(key, step, x.size)
    y = result(where, out, x.shape, x.dtype)
    numbers = np.uint64(threshold), x.dtype.type(scale), own
    with guarded:
        if shape == x.shape:
            _drop(threads_for(WORK * x.size), usable(x).reshape(-1), y.reshape(-1), *numbers)
            return y
        factors = np.ones(shape, x.dtype)
        _drop(threads_for(WORK * factors.size), factors.reshape(-1), factors.reshape(-1), *numbers)
    with np.errstate(invalid="ignore"):  # a dropped infinity is 0 · ∞ = NaN
        return np.multiply(x, factors, out=y)
