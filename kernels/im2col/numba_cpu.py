"""im2col and col2im compiled: row by row of the result, each on one thread.

Without dilation, the kw taps of a kernel row lie side by side in the image and in cols, so that they are
copied or added as one run of kw·c numbers.
"""

from __future__ import annotations

import numpy as np

from ..checks import FLOATS, check_rank, result
from ..compiled.elementary import real
from ..compiled.elementwise import copy, fill
from ..compiled.jit import in_order, inlined
from ..compiled.parallel import driver, guarded, threads_for
from ..compiled.scratch import usable
from ..windows import Geometry, Pair, check_windows
from . import reference
from .reference import check_cols

__all__ = ["col2im", "im2col"]


NARROW = 8
"""With fewer channels the innermost loop goes from window to window, else over the run of one window."""


@inlined
def _run(row, windows, q, i, j, taps, sizes):
    """What window q sees of a row of pixels through its taps from (i, j) on, and the place for it."""
    _, _, w, c, _, kw, _, _, _, sw, _, left, _, dw = sizes
    s, place = q * sw - left + j * dw, (i * kw + j) * c
    first = min(max(-s, 0), taps)
    last = max(min(taps, w - s), first)  # taps that lie in the image: first, …, last - 1
    return row[(s + first) * c : (s + last) * c], windows[q, place + first * c : place + last * c]


@inlined
def _column(row, windows, i, j, sizes):
    """The same of all windows through tap (i, j): (windows, c) both."""
    _, _, w, c, _, kw, _, ow, _, sw, _, left, _, dw = sizes
    offset, place = j * dw - left, (i * kw + j) * c
    first = max(0, -(offset // sw))
    last = max(min(ow, (w - 1 - offset) // sw + 1), first)  # windows whose tap is in the image
    return row.reshape(w, c)[first * sw + offset :: sw], windows[first:last, place : place + c]


@in_order
def _im2col_part(part, parts, x, cols, sizes):
    n, h, _, c, kh, kw, oh, ow, sh, _, top, _, dh, dw = sizes
    taps = kw if dw == 1 else 1
    for row in range(part * n * oh // parts, (part + 1) * n * oh // parts):
        image, p = row // oh, row % oh
        fill(cols[row], real(0, x[0, 0]))
        windows = cols[row].reshape(ow, kh * kw * c)
        for i in range(kh):
            r = p * sh - top + i * dh
            if r < 0 or r >= h:
                continue
            if c < NARROW:
                for j in range(kw):
                    own, to = _column(x[image * h + r], windows, i, j, sizes)
                    for k in range(c):
                        for q in range(to.shape[0]):
                            to[q, k] = own[q, k]
            else:
                for q in range(ow):
                    for j in range(0, kw, taps):
                        own, to = _run(x[image * h + r], windows, q, i, j, taps, sizes)
                        copy(to, own)


@in_order
def _col2im_part(part, parts, cols, x, sizes):
    n, h, _, c, kh, kw, oh, ow, sh, _, top, _, dh, dw = sizes
    taps = kw if dw == 1 else 1
    for row in range(part * n * h // parts, (part + 1) * n * h // parts):
        image, r = row // h, row % h
        fill(x[row], real(0, cols[0, 0]))
        for i in range(kh):
            p, between = divmod(r + top - i * dh, sh)
            if between or p < 0 or p >= oh:  # no window sees this row through tap row i
                continue
            windows = cols[image * oh + p].reshape(ow, kh * kw * c)
            if c < NARROW:
                for j in range(kw):
                    to, own = _column(x[row], windows, i, j, sizes)
                    for k in range(c):
                        for q in range(own.shape[0]):
                            to[q, k] += own[q, k]
            else:
                for q in range(ow):
                    for j in range(0, kw, taps):
                        to, own = _run(x[row], windows, q, i, j, taps, sizes)
                        for k in range(own.size):
                            to[k] += own[k]


_im2col, _col2im = driver(_im2col_part), driver(_col2im_part)


def _sizes(x_shape: tuple[int, ...], kernel_hw: Pair, g: Geometry, out_hw: Pair) -> tuple[int, ...]:
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    return (*x_shape, *kernel_hw, *out_hw, sh, sw, top, left, dh, dw)


def im2col(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Copy every window of x into a row of its own; parameters as in the reference."""
    if x.dtype not in FLOATS:
        return reference.im2col(x, kernel_hw, g, out_hw, out)
    check_rank("im2col", 4, x=x)
    n, h, w, c = x.shape
    check_windows("im2col", (h, w), kernel_hw, g, out_hw)
    cols = result("im2col", out, (n, *out_hw, *kernel_hw, c), x.dtype)
    if cols.size:
        with guarded:
            arrays = usable(x).reshape(n * h, w * c), cols.reshape(n * out_hw[0], -1)
            _im2col(threads_for(cols.size), *arrays, _sizes(x.shape, kernel_hw, g, out_hw))
    return cols


def col2im(
    cols: np.ndarray, x_shape: tuple[int, int, int, int], g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Add every row of cols back where im2col read it; parameters as in the reference."""
    if cols.dtype not in FLOATS:
        return reference.col2im(cols, x_shape, g, out)
    check_cols(cols, x_shape, g)
    n, oh, ow, kh, kw, _ = cols.shape
    x = result("col2im", out, x_shape, cols.dtype)
    if not cols.size:
        x.fill(0)
    elif x.size:
        with guarded:
            arrays = usable(cols).reshape(n * oh, -1), x.reshape(n * x_shape[1], -1)
            _col2im(threads_for(cols.size), *arrays, _sizes(x_shape, (kh, kw), g, (oh, ow)))
    return x
