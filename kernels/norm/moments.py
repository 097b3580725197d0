"""What batch, layer and group normalization share: mean, variance, and the gradient through both.

All three see x as an array and the axes whose values are normalized together. Statistics keep
these axes with size 1, so that they broadcast against x.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error

__all__ = [
    "check_affine",
    "check_moments",
    "scale_shift_",
    "standardize",
    "standardize_grad",
    "standardized",
    "total",
]

Axes = tuple[int, ...]


def standardize(
    where: str, x: np.ndarray, axes: Axes, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x̂ = (x - mean)·rstd, mean and rstd over the axes, which are kept with size 1.

    >>> standardize("example", np.array([[1.0, 3.0]]), (1,), 0.0)
    (array([[-1.,  1.]]), array([[2.]]), array([[1.]]))
    """
    check_moments(where, x, axes, epsilon)
    # Float64 sums: a float32 sum over 100,000 pixels has lost two of its seven digits.
    mean = x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype)
    with np.errstate(invalid="ignore"):  # ∞ - ∞ = NaN, silently
        xhat = np.subtract(x, mean, order="C")
    var = np.square(xhat).mean(axis=axes, keepdims=True, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # epsilon 0 and equal values: 0 · ∞ = NaN
        rstd = (1 / np.sqrt(var + epsilon)).astype(x.dtype)
        xhat *= rstd
    return xhat, mean, rstd


def standardized(x: np.ndarray, mean: np.ndarray, rstd: np.ndarray) -> np.ndarray:
    """Return x̂ once more, from x and what the forward found; mean and rstd broadcast."""
    with np.errstate(invalid="ignore"):
        xhat = np.subtract(x, mean, order="C")
        xhat *= rstd
    return xhat


def standardize_grad(gxhat: np.ndarray, xhat: np.ndarray, rstd: np.ndarray, axes: Axes) -> np.ndarray:
    """Return gx = rstd·(gx̂ - mean(gx̂) - x̂·mean(gx̂·x̂)).

    >>> standardize_grad(np.array([[1.0, 0.0]]), np.array([[-1.0, 1.0]]), np.array([[1.0]]), (1,))
    array([[0., 0.]])
    """
    mean = gxhat.mean(axis=axes, keepdims=True, dtype=np.float64).astype(gxhat.dtype)
    slope = (gxhat * xhat).mean(axis=axes, keepdims=True, dtype=np.float64).astype(gxhat.dtype)
    gx = xhat * -slope
    gx += gxhat
    gx -= mean
    gx *= rstd
    return gx


def scale_shift_(y: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None) -> np.ndarray:
    """Turn y into γ·y + β in place; γ and β broadcast, None leaves its part out."""
    if gamma is not None:
        y *= gamma
    if beta is not None:
        y += beta
    return y


def total(values: np.ndarray, axes: Axes) -> np.ndarray:
    """Sum over the axes in float64; the result has the dtype of the values."""
    return np.asarray(values.sum(axis=axes, dtype=np.float64).astype(values.dtype))


def check_moments(where: str, x: np.ndarray, axes: Axes, epsilon: float) -> None:
    """There are values to average along the axes, and epsilon keeps the root real."""
    if not epsilon >= 0:
        raise error(where, "epsilon is out of range", "at least 0", epsilon)
    if 0 in (x.shape[axis] for axis in axes):
        raise error(where, "there is nothing to normalize over", "at least one value", f"x {x.shape}")


def check_affine(
    where: str,
    x: np.ndarray,
    shape: tuple[int, ...],
    gamma: np.ndarray | None,
    beta: np.ndarray | None = None,
) -> np.dtype:
    """γ and β, where given, have this shape and the dtype of x, which is returned."""
    given = {name: array for name, array in (("gamma", gamma), ("beta", beta)) if array is not None}
    dtype = check_floats(where, x=x, **given)
    check_same_shape(where, shape, **given)
    return dtype
