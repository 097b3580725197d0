"""Dropout: draw the mask from the counter, multiply by it. Noise: draw it from the counter, add it."""

from __future__ import annotations

from math import pi, prod

import numpy as np

from ..checks import check_floats, error, result
from ..philox.reference import random_bits, random_uniform

__all__ = ["dropout_forward", "dropout_grad", "gaussian_noise_forward"]

Shape = tuple[int, ...]


def dropout_forward(
    x: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Set a share of the elements to 0 and scale the rest so that the mean stays.

    ``y = x · mask / (1 - rate)``; backward: ``gx = gy · mask / (1 - rate)``.

    Parameters
    ----------
    x : array of any shape
    rate : share to drop, 0 … 1
    key : (2,) uint32, the stream
    step : number of the draw in the stream
    noise_shape : shape of the mask, each axis 1 or as in x; None for the shape of x
    out : array to write the result in; may be x itself

    Returns
    -------
    same shape as x

    Raises
    ------
    ValueError : a rate outside 0 … 1, a noise_shape that does not broadcast to the shape of x.

    Examples
    --------
    >>> key = np.array([1, 2], np.uint32)
    >>> dropout_forward(np.ones(8), 0.5, key, step=0)
    array([0., 2., 0., 2., 0., 2., 0., 2.])
    >>> dropout_forward(np.ones((2, 3)), 0.5, key, step=0, noise_shape=(2, 1))
    array([[0., 0., 0.],
           [2., 2., 2.]])
    """
    return _drop("dropout_forward", x, rate, key, step, noise_shape, out)


def dropout_grad(
    gy: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient through dropout_forward called with the same rate, key, step and noise_shape.

    ``gx = gy · mask / (1 - rate)``, the mask drawn again.

    Parameters
    ----------
    gy : array of any shape
    rate, key, step, noise_shape : as in the forward
    out : array to write the result in; may be gy itself

    Returns
    -------
    same shape as gy

    Raises
    ------
    ValueError : a rate outside 0 … 1, a noise_shape that does not broadcast to the shape of gy.

    Examples
    --------
    >>> key = np.array([1, 2], np.uint32)
    >>> dropout_grad(np.full(4, 3.0), 0.5, key, step=0)
    array([0., 6., 0., 6.])
    """
    return _drop("dropout_grad", gy, rate, key, step, noise_shape, out)


def gaussian_noise_forward(
    x: np.ndarray, stddev: float, key: np.ndarray, step: int, out: np.ndarray | None = None
) -> np.ndarray:
    """Add normal random numbers of mean 0.

    ``y = x + stddev·z``, z from the stream (key, step) by Box and Muller; backward: ``gx = gy``.

    Parameters
    ----------
    x : array of any shape
    stddev : standard deviation of the noise, at least 0
    key : (2,) uint32, the stream
    step : number of the draw in the stream
    out : array to write the result in; may be x itself

    Returns
    -------
    same shape as x

    Raises
    ------
    ValueError : a stddev below 0.

    Examples
    --------
    >>> key = np.array([1, 2], np.uint32)
    >>> gaussian_noise_forward(np.full(4, 10.0), 0.5, key, step=0).round(3)
    array([10.06 , 10.086, 10.264, 10.403])
    """
    where = "gaussian_noise_forward"
    dtype = check_noise(where, x, stddev)
    y = result(where, out, x.shape, dtype)
    pairs = -(-x.size // 2)
    z = normal(random_uniform(key, step, 2 * pairs, dtype).reshape(pairs, 2))
    z *= float(stddev)
    return np.add(x, z.reshape(-1)[: x.size].reshape(x.shape), out=y)


def normal(uniform: np.ndarray) -> np.ndarray:
    """Make pairs of normal numbers (pairs, 2) from pairs of uniform ones."""
    radius = np.sqrt(-2 * np.log(1 - uniform[:, 0]))
    angle = 2 * pi * uniform[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def check_noise(where: str, x: np.ndarray, stddev: float) -> np.dtype:
    """Return the dtype of x; the standard deviation must not be negative."""
    dtype = check_floats(where, x=x)
    if not stddev >= 0:
        raise error(where, "the standard deviation is out of range", "at least 0", stddev)
    return dtype


def _drop(
    where: str,
    x: np.ndarray,
    rate: float,
    key: np.ndarray,
    step: int,
    noise_shape: Shape | None,
    out: np.ndarray | None,
) -> np.ndarray:
    shape, threshold, scale = check_dropout(where, x, rate, noise_shape)
    y = result(where, out, x.shape, x.dtype)
    mask = random_bits(key, step, prod(shape)).reshape(shape) >= threshold
    with np.errstate(invalid="ignore"):  # a dropped infinity is 0 · ∞ = NaN
        np.multiply(x, mask, out=y)
        y *= scale
    return y


def check_dropout(
    where: str, x: np.ndarray, rate: float, noise_shape: Shape | None
) -> tuple[Shape, int, float]:
    """Return the shape of the mask, the least word that is kept, and what is kept is multiplied by."""
    check_floats(where, x=x)
    if not 0 <= rate <= 1:
        raise error(where, "the rate is not a share", "a number from 0 to 1", rate)
    shape = x.shape if noise_shape is None else tuple(noise_shape)
    if len(shape) != x.ndim or not all(m in (1, s) for m, s in zip(shape, x.shape, strict=True)):
        expected = f"{x.ndim} axes of size 1 or as in {x.shape}"
        raise error(where, "noise_shape does not broadcast to the shape of the input", expected, shape)
    return shape, round(rate * 2**32), 1 / (1 - rate) if rate < 1 else 0.0
