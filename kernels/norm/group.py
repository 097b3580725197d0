"""Group normalization: channels cut in equal runs, one mean and variance for each run of a sample.

One group is layer normalization over rows, columns and channels; as many groups as channels is
instance normalization. γ and β stay one number for each channel.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error
from .moments import check_affine, scale_shift_, standardize, standardize_grad, standardized, total

__all__ = ["group_norm_forward", "group_norm_grad"]

SHARED = (1, 3)
"""The axes of (n, pixels, groups, c/groups) that share a mean."""


def group_norm_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    groups: int,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normalize each sample's groups of channels by their own mean and variance.

    ``y = γ·(x - mean)·rstd + β``, ``rstd = 1/√(var + ε)``; backward: ``group_norm_grad``.

    Parameters
    ----------
    x : (n, …, c), as a rule (n, h, w, c)
    gamma, beta : (c,), or None for 1 and 0
    groups : into how many equal runs the channels are cut
    epsilon : number added to the variance

    Returns
    -------
    y : (n, …, c)
    mean, rstd : (n, groups)

    Raises
    ------
    ValueError : groups do not divide c, gamma or beta of another shape or dtype.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 10.0, 10.0]).reshape(1, 1, 1, 4)
    >>> y, mean, rstd = group_norm_forward(x, None, None, groups=2, epsilon=3.0)
    >>> mean, rstd.round(3), y.ravel()
    (array([[ 2., 10.]]), array([[0.5  , 0.577]]), array([-0.5,  0.5,  0. ,  0. ]))
    """
    where = "group_norm_forward"
    check_affine(where, x, x.shape[-1:], gamma, beta)
    check_groups(where, x, groups)
    xhat, mean, rstd = standardize(where, _grouped(x, groups), SHARED, epsilon)
    y = scale_shift_(xhat.reshape(x.shape), gamma, beta)
    shape = (len(x), groups)
    return y, mean.reshape(shape), rstd.reshape(shape)  # (n, 1, groups, 1) -> (n, groups)


def group_norm_grad(
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients through group_norm_forward.

    ``gβ = Σ gy``, ``gγ = Σ gy·x̂`` over samples and pixels,
    ``gx = rstd·(gx̂ - mean(gx̂) - x̂·mean(gx̂·x̂))`` with ``gx̂ = γ·gy`` and means over each group.

    Parameters
    ----------
    gy, x : (n, …, c)
    gamma : (c,) or None, as in the forward
    mean, rstd : (n, groups) from the forward

    Returns
    -------
    gx : (n, …, c)
    ggamma, gbeta : (c,)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x = np.array([-1.0, 1.0, 0.0]).reshape(1, 3, 1)
    >>> gy = np.array([3.0, 0.0, 0.0]).reshape(1, 3, 1)
    >>> gx, ggamma, gbeta = group_norm_grad(gy, x, None, np.zeros((1, 1)), np.ones((1, 1)))
    >>> gx.ravel(), ggamma, gbeta
    (array([ 1.,  0., -1.]), array([-3.]), array([3.]))
    """
    check_group_gradient("group_norm_grad", gy, x, gamma, mean, rstd)
    grouped = _grouped(x, mean.shape[1])
    mean, rstd = (array[:, None, :, None] for array in (mean, rstd))  # -> (n, 1, groups, 1)
    xhat = standardized(grouped, mean, rstd)
    axes = tuple(range(x.ndim - 1))
    gbeta, ggamma = total(gy, axes), total(gy * xhat.reshape(x.shape), axes)
    gxhat = gy if gamma is None else gy * gamma
    gx = standardize_grad(gxhat.reshape(grouped.shape), xhat, rstd, SHARED)
    return gx.reshape(x.shape), ggamma, gbeta


def check_groups(where: str, x: np.ndarray, groups: int) -> None:
    """The channels of x can be cut into so many groups."""
    if x.ndim < 2:
        raise error(where, "x has the wrong number of axes", "at least 2", f"shape {x.shape}")
    c = x.shape[-1]
    if groups < 1 or c % groups:
        raise error(where, "the channels cannot be cut into groups", f"a divisor of {c}", groups)


def check_group_gradient(
    where: str,
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
) -> None:
    """The arguments of group_norm_grad fit together."""
    check_floats(where, x=x, gy=gy, mean=mean, rstd=rstd)
    check_same_shape(where, x.shape, gy=gy)
    check_affine(where, x, x.shape[-1:], gamma)
    if mean.ndim != 2:
        raise error(where, "mean has the wrong number of axes", 2, f"shape {mean.shape}")
    check_groups(where, x, mean.shape[1])
    check_same_shape(where, (len(x), mean.shape[1]), mean=mean, rstd=rstd)


def _grouped(x: np.ndarray, groups: int) -> np.ndarray:
    """Return x as (n, pixels, groups, c/groups)."""
    pixels, c = int(np.prod(x.shape[1:-1])), x.shape[-1]
    return x.reshape(len(x), pixels, groups, c // groups)  # (n, …, c) -> (n, pixels, groups, c/groups)
