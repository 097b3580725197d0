"""Depthwise convolution compiled: all taps of a pixel in one loop over its channels.

Forward and input gradient are sums over windows, of the image and of the output. In the weight gradient each
tap adds up its products along the rows of the images. As in the reference, a channel with m filters is
repeated m times.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ..checks import check_floats, check_rank, result
from ..compiled.jit import jit
from ..compiled.memory import read, read_back, write
from ..compiled.parallel import guarded, launch, threads_for
from ..compiled.scratch import per_part, scratch, usable
from ..sliding.gather import gather
from ..sliding.runs import backward, forward
from ..windows import Geometry, Pair, taps
from .reference import Shape4, check_shapes

__all__ = [
    "depthwise_conv2d_forward",
    "depthwise_conv2d_input_grad",
    "depthwise_conv2d_weight_grad",
]

_CHANNELS, _STRIP = 128, 16  # channels and pixels of the output that all taps take from the nearest cache
_TERMS = 512  # products that are added before they go to the sum in float64


def depthwise_conv2d_forward(
    x: np.ndarray, w: np.ndarray, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Slide the m filters of each channel over that channel; parameters as in the reference."""
    where = "depthwise_conv2d_forward"
    dtype = check_floats(where, x=x, w=w)
    check_rank(where, 4, x=x, w=w)
    y_shape = (x.shape[0], *out_hw, w.shape[2] * w.shape[3])
    check_shapes(where, x.shape, w.shape, y_shape, g)
    y = result(where, out, y_shape, dtype)
    tables = forward(x.shape[1:3], w.shape[:2], g, out_hw)
    gather(_repeated(x, w.shape[3]), y, tables, w.shape[1], _filters(w, y))
    return y


def depthwise_conv2d_input_grad(
    gy: np.ndarray, w: np.ndarray, x_shape: Shape4, g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient with respect to the input; parameters as in the reference."""
    where = "depthwise_conv2d_input_grad"
    dtype = check_floats(where, gy=gy, w=w)
    check_rank(where, 4, gy=gy, w=w)
    check_shapes(where, x_shape, w.shape, gy.shape, g)
    gx, m = result(where, out, x_shape, dtype), w.shape[3]
    repeated = gx if m == 1 else np.empty((*x_shape[:3], gy.shape[3]), dtype)
    tables = backward(x_shape[1:3], w.shape[:2], g, gy.shape[1:3])
    gather(gy, repeated, tables, w.shape[1], _filters(w, repeated))
    if m > 1:
        repeated.reshape(*x_shape, m).sum(axis=4, out=gx)  # (n, h, w, c·m) -> (n, h, w, c, m) -> (n, h, w, c)
    return gx


def _repeated(x: np.ndarray, m: int) -> np.ndarray:
    """Every channel m times side by side."""
    return x if m == 1 else np.repeat(x, m, axis=3)


def _filters(w: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The filters as (taps, c·m); where these are short, as many times as there are pixels in a row of y."""
    flat = w.reshape(-1, y.shape[3])
    return flat if y.shape[3] >= 16 else np.tile(flat, y.shape[2])


@jit
def _four(x, gy, sums, seen, at, to, move, c, size):
    """Add the products of four pixels side by side in gy, and `move` apart in x."""
    for i in range(size):
        total = read(x, seen + i) * read(gy, at + i)
        total += read(x, seen + move + i) * read(gy, at + c + i)
        total += read(x, seen + 2 * move + i) * read(gy, at + 2 * c + i)
        total += read(x, seen + 3 * move + i) * read(gy, at + 3 * c + i)
        write(sums, to + i, read_back(sums, to + i) + total)


@jit
def _one(x, gy, sums, seen, at, to, size):
    for i in range(size):
        write(sums, to + i, read_back(sums, to + i) + read(x, seen + i) * read(gy, at + i))


@jit
def _row(x, gy, sums, seen, at, to, begin, end, move, c, size):
    """Add the products of the pixels from `begin` to `end` of a row of gy; sources are `move` apart in x."""
    q = begin
    while q + 4 <= end:
        _four(x, gy, sums, seen + q * move, at + q * c, to, move, c, size)
        q += 4
    while q < end:
        _one(x, gy, sums, seen + q * move, at + q * c, to, size)
        q += 1


@jit
def _weight_part(part, parts, x, gy, spans, totals, memory, sizes):
    """Row by row of gy; in each, channels by channels; in these, strip by strip and tap by tap."""
    n, h, width, c, out_h, out_w, sh, sw, flat = sizes
    sums, total, waiting = memory[part], totals[part], 0
    own = total.size // spans.shape[0]  # sums of a tap
    for i in range(total.size):
        sums[i] = 0
    for row in range(part * n * out_h // parts, (part + 1) * n * out_h // parts):
        image, p = row // out_h, row % out_h
        for first in range(0, c, _CHANNELS):
            size = min(_CHANNELS, c - first)
            for strip in range(0, out_w, out_w if flat else _STRIP):
                for tap in range(spans.shape[0]):
                    top, bottom, begin, end = spans[tap, 0], spans[tap, 1], spans[tap, 2], spans[tap, 3]
                    if p < top or p >= bottom:
                        continue
                    seen = ((image * h + p * sh + spans[tap, 4]) * width + spans[tap, 5]) * c + first
                    at, to = row * out_w * c + first, tap * own + first
                    if flat:
                        _one(x, gy, sums, seen + begin * c, at + begin * c, to, (end - begin) * c)
                    else:
                        begin, end = max(begin, strip), min(end, strip + _STRIP)
                        _row(x, gy, sums, seen, at, to, begin, end, sw * c, c, size)
        waiting += 1 if flat else out_w
        if waiting >= _TERMS or row + 1 == (part + 1) * n * out_h // parts:
            waiting = 0
            for i in range(total.size):
                total[i] += sums[i]
            for i in range(total.size):
                sums[i] = 0


@jit
def _weight_grad(threads, x, gy, spans, totals, memory, sizes):
    launch(_weight_part, threads, (x, gy, spans, totals, memory, sizes))


@cache
def _spans(x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> np.ndarray:
    """For each tap the rows and the columns of the output that see the image through it, and where
    (0, 0) looks."""
    (_, ((top, _), (left, _)), (dh, dw)), spans = g, []
    for i, j, (_, rows, columns), _ in taps(x_hw, kernel_hw, g, out_hw):
        spans.append((rows.start, rows.stop, columns.start, columns.stop, i * dh - top, j * dw - left))
    return np.array(spans, np.int64)


def depthwise_conv2d_weight_grad(
    x: np.ndarray, gy: np.ndarray, w_shape: Shape4, g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient with respect to the weights; parameters as in the reference."""
    where = "depthwise_conv2d_weight_grad"
    dtype = check_floats(where, x=x, gy=gy)
    check_rank(where, 4, x=x, gy=gy)
    check_shapes(where, x.shape, w_shape, gy.shape, g)
    gw, c = result(where, out, w_shape, dtype), gy.shape[3]
    if not gy.size:
        gw.fill(0)
        return gw
    flat = g[0][1] == 1 and c < 16  # the pixels of a row, side by side, are summed each by itself
    own = c * gy.shape[2] if flat else c
    sizes = (*x.shape[:3], c, *gy.shape[1:3], *g[0], int(flat))
    with guarded:
        threads = threads_for(gy.size)
        totals = np.zeros((threads, w_shape[0] * w_shape[1] * own))
        memory = scratch(threads * per_part(totals.shape[1], dtype.itemsize), dtype).reshape(threads, -1)
        arrays = usable(_repeated(x, w_shape[3])).reshape(-1), usable(gy).reshape(-1)
        spans = _spans(x.shape[1:3], w_shape[:2], g, gy.shape[1:3])
        _weight_grad(threads, *arrays, spans, totals, memory, sizes)
    with np.errstate(over="ignore", invalid="ignore"):
        # (threads, taps, pixels or 1, c) -> (taps, c)
        gw[...] = totals.reshape(threads, -1, own // c, c).sum(axis=(0, 2)).reshape(w_shape)
    return gw
