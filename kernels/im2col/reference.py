"""im2col as one strided copy, col2im as one addition for every tap of the kernel."""

from __future__ import annotations

import numpy as np

from ..checks import check_rank, error, result
from ..windows import Geometry, Pair, check_windows, taps, window_span, window_view

__all__ = ["col2im", "im2col"]


def im2col(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Copy every window of x into a row of its own.

    ``cols[n, p, q, i, j, c] = x[n, p·sh - top + i·dh, q·sw - left + j·dw, c]``, 0 outside x;
    backward: ``gx = col2im(gcols)``.

    Parameters
    ----------
    x : (n, h, w, c)
    kernel_hw : (kh, kw)
    g : (stride, pad, dilation)
    out_hw : (oh, ow)
    out : array to write the result in

    Returns
    -------
    (n, oh, ow, kh, kw, c)

    Raises
    ------
    ValueError : a window ends outside the padded x, or `out` does not fit.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> im2col(x, (2, 2), g, (2, 2)).reshape(4, 4)
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]])
    """
    check_rank("im2col", 4, x=x)
    n, h, w, c = x.shape
    check_windows("im2col", (h, w), kernel_hw, g, out_hw)
    cols = result("im2col", out, (n, *out_hw, *kernel_hw, c), x.dtype)
    windows = window_view(_padded(x, kernel_hw, g, out_hw), kernel_hw, g, out_hw)
    if c > 1:
        cols[...] = windows
    else:
        # NumPy copies the last axes in its inner loop, here kw·c elements. With one channel that
        # is too few to pay for the loop; tap by tap the inner loop is ow long (3 times faster).
        for i, j in np.ndindex(*kernel_hw):
            cols[:, :, :, i, j] = windows[:, :, :, i, j]
    return cols


def col2im(
    cols: np.ndarray, x_shape: tuple[int, int, int, int], g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Add every row of cols back where im2col read it: the adjoint of im2col.

    ``x[n, r, s, c] = Σ cols[n, p, q, i, j, c]`` over all windows and taps that read (r, s);
    backward: ``gcols = im2col(gx)``.

    Parameters
    ----------
    cols : (n, oh, ow, kh, kw, c)
    x_shape : (n, h, w, c); what fell on the padding is dropped
    g : (stride, pad, dilation)
    out : array to write the result in

    Returns
    -------
    (n, h, w, c)

    Raises
    ------
    ValueError : cols is not what im2col makes of an x of this shape, or `out` does not fit.

    Examples
    --------
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> col2im(np.ones((1, 2, 2, 2, 2, 1)), (1, 3, 3, 1), g).reshape(3, 3)
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    check_cols(cols, x_shape, g)
    x = result("col2im", out, x_shape, cols.dtype)
    x.fill(0)
    add_windows_(x, cols, g)
    return x


def check_cols(cols: np.ndarray, x_shape: tuple[int, int, int, int], g: Geometry) -> None:
    """cols must be what im2col makes of an x of this shape."""
    check_rank("col2im", 6, cols=cols)
    n, oh, ow, kh, kw, c = cols.shape
    if (n, c) != (x_shape[0], x_shape[3]):
        raise error("col2im", "cols does not belong to x", f"(n, c) of x {x_shape}", cols.shape)
    check_windows("col2im", x_shape[1:3], (kh, kw), g, (oh, ow))


def add_windows_(x: np.ndarray, cols: np.ndarray, g: Geometry) -> None:
    """Add every row of cols to the window of x it came from, in place."""
    _, oh, ow, kh, kw, _ = cols.shape
    for i, j, outs, ins in taps(x.shape[1:3], (kh, kw), g, (oh, ow)):
        x[ins] += cols[:, :, :, i, j][outs]  # (n, rows, columns, c), one tap of all windows


def padded_shape(
    shape: tuple[int, int, int, int], kernel_hw: Pair, g: Geometry, out_hw: Pair
) -> tuple[int, int, int, int] | None:
    """Return the shape of the padded copy im2col makes, None where it needs none."""
    (top, bottom), (left, right) = g[1]
    if top == bottom == left == right == 0:
        return None
    rows, cols = window_span(kernel_hw, g, out_hw)
    return shape[0], rows, cols, shape[3]


def _padded(x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> np.ndarray:
    """Return x with its zero padding, as far as the windows reach."""
    shape = padded_shape(x.shape, kernel_hw, g, out_hw)
    if shape is None:
        return x
    (top, _), (left, _) = g[1]
    x = x[:, : max(0, shape[1] - top), : max(0, shape[2] - left)]
    padded = np.zeros(shape, x.dtype)
    padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
    return padded
