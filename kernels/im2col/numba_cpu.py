"""im2col and col2im compiled: row by row of the result, each on one thread.

Without dilation, the kw taps of a kernel row lie side by side in the image and in cols, so that they are
copied or added as one run of kw·c numbers.
"""

from __future__ import annotations

import numpy as np

from ..checks import FLOATS, check_rank, result
from ..compiled.jit import inlined, jit
from ..compiled.parallel import driver, guarded, threads_for
from ..compiled.scratch import usable
from ..windows import Geometry, Pair, check_windows
from . import reference
from .reference import check_cols

__all__ = ["col2im", "im2col"]


@inlined
def _inside(s, taps, w):
    """Which of the taps that begin at column s lie in the image: from the first up to the last, exclusive."""
    first = min(max(-s, 0), taps)
    return first, max(min(taps, w - s), first)


@jit
def _im2col_part(part, parts, x, cols, sizes):
    n, h, w, c, kh, kw, oh, ow, sh, sw, top, left, dh, dw = sizes
    taps = kw if dw == 1 else 1
    for row in range(part * n * oh // parts, (part + 1) * n * oh // parts):
        image, p = row // oh, row % oh
        for i in range(kh):
            r = p * sh - top + i * dh
            outside = r < 0 or r >= h
            for q in range(ow):
                for j in range(0, kw, taps):
                    s, place = q * sw - left + j * dw, ((q * kh + i) * kw + j) * c
                    to = cols[row, place : place + taps * c]
                    first, last = _inside(s, taps, w)
                    if outside or first > 0 or last < taps:
                        to[:] = 0
                    if not outside:
                        own = x[image * h + r, (s + first) * c : (s + last) * c]
                        to = to[first * c :]
                        for k in range(own.size):
                            to[k] = own[k]


@jit
def _col2im_part(part, parts, cols, x, sizes):
    n, h, w, c, kh, kw, oh, ow, sh, sw, top, left, dh, dw = sizes
    taps = kw if dw == 1 else 1
    for row in range(part * n * h // parts, (part + 1) * n * h // parts):
        image, r = row // h, row % h
        x[row] = 0
        for i in range(kh):
            p, between = divmod(r + top - i * dh, sh)
            if between or p < 0 or p >= oh:  # no window sees this row through tap i
                continue
            for q in range(ow):
                for j in range(0, kw, taps):
                    s, place = q * sw - left + j * dw, ((q * kh + i) * kw + j) * c
                    first, last = _inside(s, taps, w)
                    own = cols[image * oh + p, place + first * c : place + last * c]
                    to = x[row, (s + first) * c : (s + last) * c]
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
    n, oh, ow, *kernel_hw, _ = cols.shape
    x = result("col2im", out, x_shape, cols.dtype)
    if not cols.size:
        x.fill(0)
    elif x.size:
        with guarded:
            arrays = usable(cols).reshape(n * oh, -1), x.reshape(n * x_shape[1], -1)
            _col2im(threads_for(cols.size), *arrays, _sizes(x_shape, kernel_hw, g, (oh, ow)))
    return x
