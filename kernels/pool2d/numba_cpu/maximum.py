"""Max pooling compiled: every result is written once, and nothing is scattered.

The forward takes nine pixels of a window at a time, all channels of each. Windows of 2×2 pixels, two apart, have
loops of their own, which convolution with pooling shares.
"""

from __future__ import annotations

import numpy as np

from ...checks import check_floats, check_rank, check_same_shape, result
from ...compiled.jit import jit
from ...compiled.memory import read, read_back, write
from ...compiled.parallel import guarded, launch, threads_for
from ...compiled.scratch import usable
from ...microkernels.pooling import pool_rows, unpool_rows
from ...sliding.gather import gather
from ...sliding.runs import backward, forward
from ...windows import Geometry, Pair, check_windows
from ..reference import Shape4, check_input_grad

__all__ = ["max_pool2d_forward", "max_pool2d_input_grad"]


@jit
def _pick(value, tap, best, winner):
    """The larger of two and its tap; the first of equals, and of NaNs: no comparison with one is true."""
    wins = (not value <= best) & (best == best)
    return (value, tap) if wins else (best, winner)


@jit
def _best(x, a, b, c, d, e, f, g, h, k, tap):
    """The largest of nine numbers of x, and its tap."""
    best, winner = _pick(read(x, b), tap[1], read(x, a), tap[0])
    best, winner = _pick(read(x, c), tap[2], best, winner)
    best, winner = _pick(read(x, d), tap[3], best, winner)
    best, winner = _pick(read(x, e), tap[4], best, winner)
    best, winner = _pick(read(x, f), tap[5], best, winner)
    best, winner = _pick(read(x, g), tap[6], best, winner)
    best, winner = _pick(read(x, h), tap[7], best, winner)
    return _pick(read(x, k), tap[8], best, winner)


@jit
def _nine(x, y, argmax, to, aside, length, move, size, at, taps, later):
    """The largest of nine pixels, for all places of a run; with `later`, beside what was found before."""
    a, b, c, d, e, f, g, h, k = at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8]
    tap = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6], taps[7], taps[8]
    for place in range(length):
        o, there = place * move, to + place * aside
        if later:
            for i in range(size):
                u = o + i
                best, winner = _best(x, a + u, b + u, c + u, d + u, e + u, f + u, g + u, h + u, k + u, tap)
                before = x.dtype.type(np.int32(read_back(argmax, there + i)))
                best, winner = _pick(best, winner, read_back(y, there + i), before)
                write(y, there + i, best)
                write(argmax, there + i, argmax.dtype.type(np.int32(winner)))
        else:
            for i in range(size):
                u = o + i
                best, winner = _best(x, a + u, b + u, c + u, d + u, e + u, f + u, g + u, h + u, k + u, tap)
                write(y, there + i, best)
                write(argmax, there + i, argmax.dtype.type(np.int32(winner)))


@jit
def _look_up(rows, p, runs, run, sizes, image, at, tap):
    """Where the first place of a run finds its pixels; returns how many there are.

    The last is repeated until nine more are there: the same number again wins nothing. Taps are kept as
    floats, so that they are chosen in vectors like those of the pixels.
    """
    _, h, w, c, _, _, kw = sizes
    number = 0
    for i in range(rows[p, 0]):
        above = (image * h + rows[p, 2 * i + 2]) * w
        for j in range(runs[run, 4]):
            at[number] = (above + runs[run, 2 * j + 6]) * c
            tap[number] = rows[p, 2 * i + 1] * kw + runs[run, 2 * j + 5]
            number += 1
    for i in range(number, number + 9 if number else 0):
        at[i], tap[i] = at[number - 1], tap[number - 1]
    return number


@jit
def _forward_part(part, parts, x, y, argmax, rows, runs, sizes, places, taps):
    n, _, _, c, out_h, out_w, _ = sizes
    at, tap = places[part], taps[part]
    for row in range(part * n * out_h // parts, (part + 1) * n * out_h // parts):
        for run in range(runs.shape[0]):
            step, length, move, size = runs[run, 1], runs[run, 2], runs[run, 3], c
            number = _look_up(rows, row % out_h, runs, run, sizes, row // out_h, at, tap)
            to = (row * out_w + runs[run, 0]) * c
            if move == 1:  # the pixels of the run lie side by side in x, too
                size, length = length * c, 1
            if number == 0:  # windows of nothing but padding
                for i in range(length * size):
                    write(y, to + i, x.dtype.type(-np.inf))
                    write(argmax, to + i, argmax.dtype.type(0))
            for done in range(0, number, 9):
                _nine(x, y, argmax, to, step * c, length, move * c, size, at[done:], tap[done:], done > 0)


@jit
def _forward(threads, x, y, argmax, rows, runs, sizes, places, taps):
    launch(_forward_part, threads, (x, y, argmax, rows, runs, sizes, places, taps))


@jit
def _halves_part(part, parts, x, y, argmax, sizes):
    n, h, w, c, out_h, out_w = sizes
    for row in range(part * n * out_h // parts, (part + 1) * n * out_h // parts):
        above = (row // out_h * h + row % out_h * 2) * w * c
        pool_rows(x, above, above + w * c, y, argmax, row * out_w * c, out_w, c)


@jit
def _halves_grad_part(part, parts, gy, argmax, gx, sizes):
    n, h, w, c, out_h, out_w = sizes
    for image in range(part * n // parts, (part + 1) * n // parts):
        if h != 2 * out_h or w != 2 * out_w:  # a row or column is left over
            for i in range(image * h * w * c, (image + 1) * h * w * c):
                gx[i] = 0
        for p in range(out_h):
            source, above = (image * out_h + p) * out_w * c, (image * h + 2 * p) * w * c
            unpool_rows(gy, gy, argmax, source, gx, above, above + w * c, out_w, c, 0)


@jit
def _halves(threads, x, y, argmax, sizes):
    launch(_halves_part, threads, (x, y, argmax, sizes))


@jit
def _halves_grad(threads, gy, argmax, gx, sizes):
    launch(_halves_grad_part, threads, (gy, argmax, gx, sizes))


def _are_halves(kernel_hw: Pair, g: Geometry) -> bool:
    """Windows of 2×2, two apart, without padding or gaps, as nearly every network has them."""
    return kernel_hw == (2, 2) and g[0] == (2, 2) and g[2] == (1, 1) and not any(map(any, g[1]))


def max_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Take the largest value of each window, and remember where it was; as in the reference."""
    where = "max_pool2d_forward"
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    check_windows(where, x.shape[1:3], kernel_hw, g, out_hw)
    y = np.empty((x.shape[0], *out_hw, x.shape[3]), dtype)
    argmax = np.empty(y.shape, np.uint8 if kernel_hw[0] * kernel_hw[1] <= 256 else np.int32)
    with guarded:
        threads, sizes = threads_for(x.size), (*x.shape, *out_hw)
        arrays = usable(x).reshape(-1), y.reshape(-1), argmax.reshape(-1)
        if _are_halves(kernel_hw, g):
            _halves(threads, *arrays, sizes)
        else:
            tables, most = forward(x.shape[1:3], kernel_hw, g, out_hw), kernel_hw[0] * kernel_hw[1] + 9
            places = np.empty((threads, most), np.int64), np.empty((threads, most), dtype)
            _forward(threads, *arrays, *tables, (*sizes, kernel_hw[1]), *places)
    return y, argmax


def max_pool2d_input_grad(
    gy: np.ndarray,
    argmax: np.ndarray,
    x_shape: Shape4,
    kernel_hw: Pair,
    g: Geometry,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Send the gradient of each window to its maximum; as in the reference."""
    where = "max_pool2d_input_grad"
    dtype = check_input_grad(where, gy, x_shape, kernel_hw, g)
    check_same_shape(where, gy.shape, argmax=argmax)
    gx = result(where, out, x_shape, dtype)
    if not _are_halves(kernel_hw, g):
        tables = backward(x_shape[1:3], kernel_hw, g, gy.shape[1:3])
        gather(gy, gx, tables, kernel_hw[1], winner=argmax)
        return gx
    with guarded:
        arrays = usable(gy).reshape(-1), usable(argmax).reshape(-1), gx.reshape(-1)
        _halves_grad(threads_for(gx.size), *arrays, (*x_shape, *gy.shape[1:3]))
    return gx
