"""Layer normalization: every sample has its own mean and variance, over its last axes."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error
from .moments import check_affine, scale_shift_, standardize, standardize_grad, standardized, total

__all__ = ["layer_norm_forward", "layer_norm_grad"]


def layer_norm_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    axes: tuple[int, ...],
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalize each sample by the mean and variance of its own values.

    ``y = γ·(x - mean)·rstd + β``, ``rstd = 1/√(var + ε)``; backward: ``layer_norm_grad``.

    Parameters
    ----------
    x : (n, …, a, b)
    gamma, beta : (a, b), the shape of the normalized axes; or None for 1 and 0
    axes : the last axes of x, such as (-1,) or (1, 2, 3)
    epsilon : number added to the variance

    Returns
    -------
    y : (n, …, a, b)
    mean, rstd : (n, …), the shape of the other axes

    Raises
    ------
    ValueError : axes that are not the last ones, gamma or beta of another shape or dtype.

    Examples
    --------
    >>> x = np.array([[1.0, 3.0], [10.0, 10.0]])
    >>> y, mean, rstd = layer_norm_forward(x, None, np.array([0.0, 5.0]), (-1,), epsilon=3.0)
    >>> mean, rstd.round(3), y
    (array([ 2., 10.]), array([0.5  , 0.577]), array([[-0.5,  5.5],
           [ 0. ,  5. ]]))
    """
    where = "layer_norm_forward"
    last = last_axes(where, x, axes)
    lead = x.ndim - len(last)
    check_affine(where, x, x.shape[lead:], gamma, beta)
    xhat, mean, rstd = standardize(where, x, last, epsilon)
    shape = x.shape[:lead]
    return scale_shift_(xhat, gamma, beta), mean.reshape(shape), rstd.reshape(shape)


def layer_norm_grad(
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients through layer_norm_forward.

    ``gβ = Σ gy``, ``gγ = Σ gy·x̂`` over the samples, ``gx = rstd·(gx̂ - mean(gx̂) - x̂·mean(gx̂·x̂))``
    with ``gx̂ = γ·gy`` and means over the normalized axes.

    Parameters
    ----------
    gy, x : (n, …, a, b)
    gamma : (a, b) or None, as in the forward
    mean, rstd : (n, …) from the forward; the axes they lack are the normalized ones

    Returns
    -------
    gx : (n, …, a, b)
    ggamma, gbeta : (a, b)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x, gy = np.array([[-1.0, 1.0, 0.0]]), np.array([[3.0, 0.0, 0.0]])
    >>> gx, ggamma, gbeta = layer_norm_grad(gy, x, None, np.array([0.0]), np.array([1.0]))
    >>> gx, ggamma, gbeta
    (array([[ 1.,  0., -1.]]), array([-3.,  0.,  0.]), array([3., 0., 0.]))
    """
    check_layer_gradient("layer_norm_grad", gy, x, gamma, mean, rstd)
    lead = mean.ndim
    axes = tuple(range(lead, x.ndim))
    mean, rstd = (np.expand_dims(array, axes) for array in (mean, rstd))  # (n, …) -> (n, …, 1, 1)
    xhat = standardized(x, mean, rstd)
    samples = tuple(range(lead))
    gbeta, ggamma = total(gy, samples), total(gy * xhat, samples)
    gxhat = gy if gamma is None else gy * gamma
    return standardize_grad(gxhat, xhat, rstd, axes), ggamma, gbeta


def check_layer_gradient(
    where: str,
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> None:
    """The arguments of layer_norm_grad fit together."""
    check_floats(where, x=x, gy=gy, mean=mean, rstd=rstd)
    check_same_shape(where, x.shape, gy=gy)
    lead = mean.ndim
    if lead >= x.ndim:
        raise error(where, "mean leaves no axis of x", f"fewer than {x.ndim} axes", f"shape {mean.shape}")
    check_same_shape(where, x.shape[:lead], mean=mean, rstd=rstd)
    check_affine(where, x, x.shape[lead:], gamma)


def last_axes(where: str, x: np.ndarray, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes counted from the front; they must be a run that ends with the last one."""
    given = sorted(axis + x.ndim if axis < 0 else axis for axis in axes)
    last = tuple(range(x.ndim - len(given), x.ndim))
    if not given or tuple(given) != last:
        hint = "Transpose x so that the axes to normalize come last."
        expected = last or "at least one axis"
        raise error(where, "the axes are not the last ones of x", expected, tuple(axes), hint)
    return last
