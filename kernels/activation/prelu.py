"""PReLU: a leaky ReLU whose slope below 0 is learned, one for each channel, pixel or both."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, error, result

__all__ = ["prelu_forward", "prelu_grad"]


def prelu_forward(x: np.ndarray, alpha: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Keep what is positive and scale the rest by α.

    ``y = max(x, 0) + α·min(x, 0)``; backward: ``prelu_grad``.

    Parameters
    ----------
    x : (n, …)
    alpha : broadcasts against x, such as (h, w, c), (1, 1, c) or (c,)
    out : array to write the result in; may be x itself

    Returns
    -------
    same shape as x

    Raises
    ------
    ValueError : alpha does not broadcast against x, or differs in dtype.

    Examples
    --------
    >>> prelu_forward(np.array([[-4.0, -4.0], [1.0, -2.0]]), np.array([0.5, 0.25]))
    array([[-2. , -1. ],
           [ 1. , -0.5]])
    """
    where = "prelu_forward"
    dtype = check_floats(where, x=x, alpha=alpha)
    check_broadcast(where, x.shape, alpha.shape)
    y = result(where, out, x.shape, dtype)
    negative = np.minimum(x, 0)
    np.maximum(x, 0, out=y)
    y += alpha * negative
    return y


def prelu_grad(gy: np.ndarray, x: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients through prelu_forward.

    ``gx = gy`` where ``x > 0``, else ``α·gy``; ``gα = Σ gy·min(x, 0)`` over the axes along which α is
    broadcast.

    Parameters
    ----------
    gy, x : (n, …)
    alpha : as in the forward

    Returns
    -------
    gx : (n, …)
    galpha : the shape of alpha

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x, gy = np.array([[-4.0, 3.0], [-1.0, -2.0]]), np.array([[1.0, 1.0], [2.0, 10.0]])
    >>> prelu_grad(gy, x, np.array([0.5, 0.25]))
    (array([[0.5, 1. ],
           [1. , 2.5]]), array([ -6., -20.]))
    """
    where = "prelu_grad"
    dtype = check_floats(where, gy=gy, x=x, alpha=alpha)
    check_same_shape(where, gy.shape, x=x)
    check_broadcast(where, x.shape, alpha.shape)
    slope = np.where(x > 0, dtype.type(1), alpha)
    slope[np.isnan(x)] = np.nan  # NaN > 0 is False, yet a NaN must not be lost
    aligned = (1,) * (x.ndim - alpha.ndim) + alpha.shape
    broadcast = tuple(axis for axis, size in enumerate(aligned) if size == 1)
    terms = gy * np.minimum(x, 0)
    galpha = terms.sum(axis=broadcast, dtype=np.float64).astype(dtype).reshape(alpha.shape)
    return np.multiply(gy, slope, order="C"), galpha


def check_broadcast(where: str, x_shape: tuple[int, ...], alpha_shape: tuple[int, ...]) -> None:
    """Every axis of alpha, counted from the last, must be 1 or as long as that of x."""
    pairs = zip(x_shape[::-1], alpha_shape[::-1], strict=False)
    if len(alpha_shape) > len(x_shape) or not all(a in (1, size) for size, a in pairs):
        expected = f"axes of size 1 or as in {x_shape}"
        raise error(where, "alpha does not broadcast against x", expected, alpha_shape)
