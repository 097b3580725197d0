"""Pooling tap by tap: each tap (i, j) of the window is one strided slice of x for all windows."""

from __future__ import annotations

import numpy as np

from ..bits import keep
from ..checks import check_floats, check_rank, check_same_shape, error, result
from ..windows import Geometry, Pair, check_windows, taps
from .adaptive import adaptive_avg_pool2d_forward, adaptive_avg_pool2d_input_grad

__all__ = [
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_input_grad",
    "avg_pool2d_forward",
    "avg_pool2d_input_grad",
    "max_pool2d_forward",
    "max_pool2d_input_grad",
]

Shape4 = tuple[int, int, int, int]


def max_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Take the largest value of each window, and remember where it was.

    ``y[n, p, q, c] = max_ij x[n, p·sh - top + i·dh, q·sw - left + j·dw, c]``;
    backward: ``gx[that pixel] += gy[n, p, q, c]``.

    Parameters
    ----------
    x : (n, h, w, c)
    kernel_hw : (kh, kw)
    g : (stride, pad, dilation)
    out_hw : (oh, ow)

    Returns
    -------
    y : (n, oh, ow, c)
    argmax : (n, oh, ow, c), i·kw + j of the first maximum; uint8, or int32 where kh·kw > 256

    Raises
    ------
    ValueError : a window ends outside the padded x.

    Examples
    --------
    >>> x = np.array([[1.0, 5.0, 2.0], [7.0, 7.0, 3.0]]).reshape(1, 2, 3, 1)
    >>> y, argmax = max_pool2d_forward(x, (2, 2), ((1, 1), ((0, 0), (0, 0)), (1, 1)), (1, 2))
    >>> y.ravel(), argmax.ravel()
    (array([7., 7.]), array([2, 2], dtype=uint8))
    """
    y = _new_output("max_pool2d_forward", x, kernel_hw, g, out_hw)
    y.fill(-np.inf)
    pairs = [(outs, ins) for _, _, outs, ins in taps(x.shape[1:3], kernel_hw, g, out_hw)]
    for outs, ins in pairs:
        np.maximum(y[outs], x[ins], out=y[outs])  # np.maximum lets NaN win
    # The index of the first maximum is the number of taps that missed it before the first hit.
    argmax = np.zeros(y.shape, np.uint8 if len(pairs) <= 256 else np.int32)
    missed = np.ones(y.shape, bool)
    has_nan = np.isnan(np.min(y, initial=np.inf))
    for outs, ins in pairs:
        misses = x[ins] != y[outs]
        if has_nan:
            misses &= x[ins] == x[ins]  # NaN != NaN, yet a NaN is a hit
        missed[outs] &= misses
        argmax += missed
    if np.any(missed):
        argmax[missed] = 0  # windows that see only padding
    return y, argmax


def max_pool2d_input_grad(
    gy: np.ndarray,
    argmax: np.ndarray,
    x_shape: Shape4,
    kernel_hw: Pair,
    g: Geometry,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Send the gradient of each window to its maximum.

    ``gx[n, r, s, c] = Σ gy[n, p, q, c]`` over the windows whose maximum is pixel (r, s).

    Parameters
    ----------
    gy, argmax : (n, oh, ow, c), argmax from max_pool2d_forward
    x_shape : (n, h, w, c)
    kernel_hw, g : as in the forward
    out : array to write the result in

    Returns
    -------
    (n, h, w, c)

    Raises
    ------
    ValueError : shapes that do not fit together.

    Examples
    --------
    >>> gy, argmax = np.array([[[[3.0]]]]), np.array([[[[2]]]], np.uint8)
    >>> g = ((2, 2), ((0, 0), (0, 0)), (1, 1))
    >>> max_pool2d_input_grad(gy, argmax, (1, 2, 2, 1), (2, 2), g).reshape(2, 2)
    array([[0., 0.],
           [3., 0.]])
    """
    gx = _new_input_grad("max_pool2d_input_grad", gy, x_shape, kernel_hw, g, out)
    check_same_shape("max_pool2d_input_grad", gy.shape, argmax=argmax)
    for i, j, outs, ins in taps(x_shape[1:3], kernel_hw, g, gy.shape[1:3]):
        won = argmax[outs] == i * kernel_hw[1] + j
        gx[ins] += keep(gy[outs], won, np.empty(won.shape, gy.dtype))
    return gx


def avg_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Average each window over its pixels inside the image.

    ``y[n, p, q, c] = Σ_ij x[n, r, s, c] / count[p, q]``; backward: ``gx[n, r, s, c] += gy/count``.

    Parameters
    ----------
    x : (n, h, w, c)
    kernel_hw : (kh, kw)
    g : (stride, pad, dilation)
    out_hw : (oh, ow)
    out : array to write the result in

    Returns
    -------
    (n, oh, ow, c)

    Raises
    ------
    ValueError : a window ends outside the padded x, or `out` does not fit.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 8.0]).reshape(1, 1, 3, 1)
    >>> g = ((1, 2), ((0, 0), (0, 1)), (1, 1))
    >>> avg_pool2d_forward(x, (1, 2), g, (1, 2)).ravel()
    array([2., 8.])
    """
    y = _new_output("avg_pool2d_forward", x, kernel_hw, g, out_hw, out)
    y.fill(0)
    for _, _, outs, ins in taps(x.shape[1:3], kernel_hw, g, out_hw):
        y[outs] += x[ins]
    y /= counts(x.shape[1:3], kernel_hw, g, out_hw, y.dtype)
    return y


def avg_pool2d_input_grad(
    gy: np.ndarray,
    x_shape: Shape4,
    kernel_hw: Pair,
    g: Geometry,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Spread the gradient of each window evenly over its pixels inside the image.

    ``gx[n, r, s, c] = Σ gy[n, p, q, c] / count[p, q]`` over the windows that read pixel (r, s).

    Parameters
    ----------
    gy : (n, oh, ow, c)
    x_shape : (n, h, w, c)
    kernel_hw, g : as in the forward
    out : array to write the result in

    Returns
    -------
    (n, h, w, c)

    Raises
    ------
    ValueError : shapes that do not fit together.

    Examples
    --------
    >>> g = ((1, 2), ((0, 0), (0, 1)), (1, 1))
    >>> gy = np.array([2.0, 8.0]).reshape(1, 1, 2, 1)
    >>> avg_pool2d_input_grad(gy, (1, 1, 3, 1), (1, 2), g).ravel()
    array([1., 1., 8.])
    """
    gx = _new_input_grad("avg_pool2d_input_grad", gy, x_shape, kernel_hw, g, out)
    share = gy / counts(x_shape[1:3], kernel_hw, g, gy.shape[1:3], gy.dtype)
    for _, _, outs, ins in taps(x_shape[1:3], kernel_hw, g, gy.shape[1:3]):
        gx[ins] += share[outs]
    return gx


def counts(x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair, dtype: np.dtype) -> np.ndarray:
    """Return (oh, ow, 1): how many pixels of each window lie inside the image, at least 1."""
    counts = np.zeros((1, *out_hw, 1), dtype)
    for _, _, outs, _ in taps(x_hw, kernel_hw, g, out_hw):
        counts[outs] += 1
    return np.maximum(counts[0], 1)


def _new_output(
    where: str,
    x: np.ndarray,
    kernel_hw: Pair,
    g: Geometry,
    out_hw: Pair,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Check the forward's arguments and return the array for y."""
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    check_windows(where, x.shape[1:3], kernel_hw, g, out_hw)
    return result(where, out, (x.shape[0], *out_hw, x.shape[3]), dtype)


def _new_input_grad(
    where: str,
    gy: np.ndarray,
    x_shape: Shape4,
    kernel_hw: Pair,
    g: Geometry,
    out: np.ndarray | None,
) -> np.ndarray:
    """Check the backward's arguments and return the array for gx, filled with 0."""
    gx = result(where, out, x_shape, check_input_grad(where, gy, x_shape, kernel_hw, g))
    gx.fill(0)
    return gx


def check_input_grad(where: str, gy: np.ndarray, x_shape: Shape4, kernel_hw: Pair, g: Geometry) -> np.dtype:
    """gy must fit x and the windows; return its dtype."""
    check_rank(where, 4, gy=gy)
    dtype = check_floats(where, gy=gy)
    if (gy.shape[0], gy.shape[3]) != (x_shape[0], x_shape[3]):
        raise error(where, "gy does not belong to x", f"(n, c) of x {x_shape}", gy.shape)
    check_windows(where, x_shape[1:3], kernel_hw, g, gy.shape[1:3])
    return dtype
