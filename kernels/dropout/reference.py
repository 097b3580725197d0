"""Dropout: draw the mask from the counter, multiply by it."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, error, result
from ..philox.reference import random_bits

__all__ = ["dropout_forward", "dropout_grad"]


def dropout_forward(
    x: np.ndarray, rate: float, key: np.ndarray, step: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Set a share of the elements to 0 and scale the rest so that the mean stays.

    ``y = x · mask / (1 - rate)``; backward: ``gx = gy · mask / (1 - rate)``.

    Parameters
    ----------
    x : array of any shape
    rate : share to drop, 0 … 1
    key : (2,) uint32, the stream
    step : number of the draw in the stream
    out : array to write the result in; may be x itself

    Returns
    -------
    same shape as x

    Raises
    ------
    ValueError : a rate outside 0 … 1.

    Examples
    --------
    >>> key = np.array([1, 2], np.uint32)
    >>> dropout_forward(np.ones(8), 0.5, key, step=0)
    array([0., 2., 0., 2., 0., 2., 0., 2.])
    """
    return _drop("dropout_forward", x, rate, key, step, out)


def dropout_grad(
    gy: np.ndarray, rate: float, key: np.ndarray, step: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient through dropout_forward called with the same rate, key and step.

    ``gx = gy · mask / (1 - rate)``, the mask drawn again.

    Parameters
    ----------
    gy : array of any shape
    rate, key, step : as in the forward
    out : array to write the result in; may be gy itself

    Returns
    -------
    same shape as gy

    Raises
    ------
    ValueError : a rate outside 0 … 1.

    Examples
    --------
    >>> key = np.array([1, 2], np.uint32)
    >>> dropout_grad(np.full(4, 3.0), 0.5, key, step=0)
    array([0., 6., 0., 6.])
    """
    return _drop("dropout_grad", gy, rate, key, step, out)


def _drop(
    where: str,
    x: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    out: np.ndarray | None,
) -> np.ndarray:
    dtype = check_floats(where, x=x)
    if not 0 <= rate <= 1:
        raise error(where, "the rate is not a share", "a number from 0 to 1", rate)
    y = result(where, out, x.shape, dtype)
    threshold = round(rate * 2**32)
    scale = 1 / (1 - rate) if rate < 1 else 0.0
    mask = random_bits(key, step, x.size).reshape(x.shape) >= threshold
    with np.errstate(invalid="ignore"):  # a dropped infinity is 0 · ∞ = NaN
        np.multiply(x, mask, out=y)
        y *= scale
    return y
