"""Batch normalization: every channel, the last axis, has one mean and variance over all the rest."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error, result
from .moments import check_affine, scale_shift_, standardize, standardized, total

__all__ = ["batch_norm_forward", "batch_norm_grad", "batch_norm_inference"]


def batch_norm_forward(
    x: np.ndarray, gamma: np.ndarray | None, beta: np.ndarray | None, epsilon: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalize each channel by the mean and variance of this batch.

    ``y = γ·(x - mean)·rstd + β``, ``rstd = 1/√(var + ε)``; backward: ``batch_norm_grad``.

    Parameters
    ----------
    x : (…, c)
    gamma, beta : (c,), or None for 1 and 0
    epsilon : number added to the variance

    Returns
    -------
    y : (…, c)
    mean, rstd : (c,); the variance is ``1/rstd² - ε``

    Raises
    ------
    ValueError : no values to average, gamma or beta of another shape or dtype.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [3.0, 10.0]])
    >>> y, mean, rstd = batch_norm_forward(x, np.array([2.0, 1.0]), None, epsilon=0.25)
    >>> mean, rstd.round(3), y.round(3)
    (array([ 2., 10.]), array([0.894, 2.   ]), array([[-1.789,  0.   ],
           [ 1.789,  0.   ]]))
    """
    where = "batch_norm_forward"
    check_channels(where, x)
    check_affine(where, x, x.shape[-1:], gamma, beta)
    xhat, mean, rstd = standardize(where, x, _all_but_last(x), epsilon)
    return scale_shift_(xhat, gamma, beta), mean.reshape(-1), rstd.reshape(-1)  # (1, …, c) -> (c,)


def batch_norm_inference(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    epsilon: float,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalize each channel by a mean and variance that are given.

    ``y = γ·(x - mean)/√(var + ε) + β``; backward: ``gx = γ·gy/√(var + ε)``.

    Parameters
    ----------
    x : (…, c)
    gamma, beta : (c,), or None for 1 and 0
    mean, var : (c,), as a rule the moving averages of training
    epsilon : number added to the variance
    out : array to write the result in; may be x itself

    Returns
    -------
    (…, c)

    Raises
    ------
    ValueError : a vector of another shape or dtype, a negative epsilon.

    Examples
    --------
    >>> mean, var = np.array([1.0]), np.array([3.0])
    >>> batch_norm_inference(np.array([[1.0], [5.0]]), None, None, mean, var, epsilon=1.0)
    array([[0.],
           [2.]])
    """
    where = "batch_norm_inference"
    dtype = check_inference(where, x, gamma, beta, mean, var, epsilon)
    scale = 1 / np.sqrt(var + float(epsilon))
    y = result(where, out, x.shape, dtype)
    # Subtracting first keeps the digits that x·scale - mean·scale would cancel.
    np.subtract(x, mean, out=y)
    return scale_shift_(y, scale if gamma is None else gamma * scale, beta)


def batch_norm_grad(
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients through batch_norm_forward.

    ``gβ = Σ gy``, ``gγ = Σ gy·x̂``, ``gx = γ·rstd·(gy - (gβ + x̂·gγ)/N)``; N values a channel.

    Parameters
    ----------
    gy, x : (…, c)
    gamma : (c,) or None, as in the forward
    mean, rstd : (c,) from the forward

    Returns
    -------
    gx : (…, c)
    ggamma, gbeta : (c,)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x = np.array([[-1.0], [1.0], [0.0]])
    >>> gy, mean, rstd = np.array([[3.0], [0.0], [0.0]]), np.array([0.0]), np.array([1.0])
    >>> batch_norm_grad(gy, x, None, mean, rstd)
    (array([[ 1.],
           [ 0.],
           [-1.]]), array([-3.]), array([3.]))
    """
    check_gradient("batch_norm_grad", gy, x, gamma, mean, rstd)
    axes = _all_but_last(x)
    xhat = standardized(x, mean, rstd)
    gbeta, ggamma = total(gy, axes), total(gy * xhat, axes)
    count = max(1, int(np.prod(x.shape[:-1])))
    # γ is the same for all values of a channel, so that the means of gx̂ are γ·gβ/N and γ·gγ/N.
    gx = np.multiply(xhat, -ggamma / count, out=xhat)
    gx += gy
    gx -= gbeta / count
    gx *= rstd if gamma is None else gamma * rstd
    return gx, ggamma, gbeta


def _all_but_last(x: np.ndarray) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def check_channels(where: str, x: np.ndarray) -> None:
    """x has an axis of channels and another."""
    if x.ndim < 2:
        raise error(where, "x has no axis to normalize over", "(…, c)", f"shape {x.shape}")


def check_inference(
    where: str,
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    var: np.ndarray,
    epsilon: float,
) -> np.dtype:
    """The arguments of batch_norm_inference fit together; return their dtype."""
    check_channels(where, x)
    dtype = check_affine(where, x, x.shape[-1:], gamma, beta)
    check_floats(where, x=x, mean=mean, var=var)
    check_same_shape(where, x.shape[-1:], mean=mean, var=var)
    if not epsilon >= 0:
        raise error(where, "epsilon is out of range", "at least 0", epsilon)
    return dtype


def check_gradient(
    where: str,
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> np.dtype:
    """The arguments of batch_norm_grad fit together; return their dtype."""
    check_channels(where, x)
    check_affine(where, x, x.shape[-1:], gamma)
    dtype = check_floats(where, x=x, gy=gy, mean=mean, rstd=rstd)
    check_same_shape(where, x.shape, gy=gy)
    check_same_shape(where, x.shape[-1:], mean=mean, rstd=rstd)
    return dtype
