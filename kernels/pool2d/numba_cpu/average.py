"""Average pooling compiled: sums over windows; the adaptive forward adds row by row of each window."""

from __future__ import annotations

import numpy as np

from ...checks import check_floats, check_rank, result
from ...compiled.jit import jit
from ...compiled.memory import read, read_back, write
from ...compiled.parallel import guarded, launch, threads_for
from ...compiled.scratch import usable
from ...sliding.gather import gather
from ...sliding.runs import adaptive_backward, backward, forward
from ...windows import Geometry, Pair, adaptive_window, check_windows
from ..adaptive import check_adaptive, check_adaptive_grad
from ..reference import Shape4, check_input_grad, counts

__all__ = [
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_input_grad",
    "avg_pool2d_forward",
    "avg_pool2d_input_grad",
]

_CHANNELS = 256  # whose sums are kept in the nearest cache


def avg_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Average each window over its pixels inside the image; parameters as in the reference."""
    where = "avg_pool2d_forward"
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    check_windows(where, x.shape[1:3], kernel_hw, g, out_hw)
    y = result(where, out, (x.shape[0], *out_hw, x.shape[3]), dtype)
    gather(x, y, forward(x.shape[1:3], kernel_hw, g, out_hw), average=True)
    return y


def avg_pool2d_input_grad(
    gy: np.ndarray, x_shape: Shape4, kernel_hw: Pair, g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Spread the gradient of each window evenly over its pixels; parameters as in the reference."""
    dtype = check_input_grad("avg_pool2d_input_grad", gy, x_shape, kernel_hw, g)
    gx = result("avg_pool2d_input_grad", out, x_shape, dtype)
    number = counts(x_shape[1:3], kernel_hw, g, gy.shape[1:3], dtype)[..., 0]
    _spread(gy, gx, backward(x_shape[1:3], kernel_hw, g, gy.shape[1:3]), number)
    return gx


@jit
def _share_part(part, parts, gy, shares, y):
    """Every pixel of gy times its number in `shares`."""
    pixels, c = shares.size, gy.shape[1]
    flat, to = gy.reshape(-1), y.reshape(-1)
    for pixel in range(part * len(gy) // parts, (part + 1) * len(gy) // parts):
        share = shares[pixel % pixels]
        for i in range(c):
            write(to, pixel * c + i, read(flat, pixel * c + i) * share)


@jit
def _run_shares(threads, gy, shares, y):
    launch(_share_part, threads, (gy, shares, y))


def _spread(
    gy: np.ndarray, gx: np.ndarray, tables: tuple[np.ndarray, np.ndarray], number: np.ndarray
) -> None:
    """Add up in gx what it gets of gy, for windows of so many pixels, (oh, ow)."""
    if not gx.size:
        return
    share = 1 / number
    if (number == number[0, 0]).all():
        gather(gy, gx, tables, scale=share[0, 0])
        return
    shared = np.empty(gy.shape, gy.dtype)
    with guarded:
        rows = (usable(array).reshape(-1, gy.shape[3]) for array in (gy, shared))
        _run_shares(threads_for(gy.size), next(rows), share.reshape(-1), next(rows))
    gather(shared, gx, tables)


@jit
def _add_line(x, at, step, pixels, size, line):
    """The sum of pixels `step` apart, four at a time, for each of `size` channels."""
    for i in range(size):
        line[i] = 0
    q = 0
    while q + 4 <= pixels:
        a, b, c, d = at + q * step, at + (q + 1) * step, at + (q + 2) * step, at + (q + 3) * step
        for i in range(size):
            total = (read(x, a + i) + read(x, b + i)) + (read(x, c + i) + read(x, d + i))
            write(line, i, read_back(line, i) + total)
        q += 4
    while q < pixels:
        for i in range(size):
            write(line, i, read_back(line, i) + read(x, at + q * step + i))
        q += 1


@jit
def _adaptive_part(part, parts, x, y, tops, lefts, sizes, lines, totals):
    """Each window: its rows one by one in the array's dtype, their sum in float64."""
    n, h, w, c = sizes
    out_h, out_w = len(tops), len(lefts)
    line, total = lines[part], totals[part]
    for row in range(part * n * out_h // parts, (part + 1) * n * out_h // parts):
        image, (top, bottom) = row // out_h, tops[row % out_h]
        for q in range(out_w):
            left, right = lefts[q]
            for first in range(0, c, _CHANNELS):
                size = min(_CHANNELS, c - first)
                for i in range(size):
                    total[i] = 0
                for r in range(top, bottom):
                    at = ((image * h + r) * w + left) * c + first
                    _add_line(x, at, c, right - left, size, line)
                    for i in range(size):
                        total[i] += line[i]
                for i in range(size):
                    write(y, (row * out_w + q) * c + first + i, total[i] / ((bottom - top) * (right - left)))


@jit
def _adaptive(threads, x, y, tops, lefts, sizes, lines, totals):
    launch(_adaptive_part, threads, (x, y, tops, lefts, sizes, lines, totals))


def adaptive_avg_pool2d_forward(x: np.ndarray, out_hw: Pair, out: np.ndarray | None = None) -> np.ndarray:
    """Cut each image in oh × ow windows and average each; parameters as in the reference."""
    where = "adaptive_avg_pool2d_forward"
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    check_adaptive(where, x.shape[1:3], out_hw)
    y = result(where, out, (x.shape[0], *out_hw, x.shape[3]), dtype)
    tops, lefts = (
        np.array([adaptive_window(size, number, place) for place in range(number)], np.int64)
        for size, number in zip(x.shape[1:3], out_hw, strict=True)
    )
    with guarded:
        threads = threads_for(x.size)
        work = np.empty((threads, _CHANNELS), dtype), np.empty((threads, _CHANNELS))
        _adaptive(threads, usable(x).reshape(-1), y.reshape(-1), tops, lefts, x.shape, *work)
    return y


def adaptive_avg_pool2d_input_grad(
    gy: np.ndarray, x_shape: Shape4, out: np.ndarray | None = None
) -> np.ndarray:
    """Spread the gradient of each window evenly over its pixels; parameters as in the reference."""
    where = "adaptive_avg_pool2d_input_grad"
    dtype = check_adaptive_grad(where, gy, x_shape)
    gx, x_hw, out_hw = result(where, out, x_shape, dtype), x_shape[1:3], gy.shape[1:3]
    rows, columns = (
        np.array([np.subtract(*adaptive_window(size, number, place)[::-1]) for place in range(number)])
        for size, number in zip(x_hw, out_hw, strict=True)
    )
    _spread(gy, gx, adaptive_backward(x_hw, out_hw), np.outer(rows, columns).astype(dtype))
    return gx
