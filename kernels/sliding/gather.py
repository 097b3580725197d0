"""Sum over the places that every pixel sees, nine, four, two or one of them at a time.

.. code-block:: text

    w given       y[p, q, c] = Σ x[source, c] · w[tap, c]              depthwise convolution and its gradient
    winner given  y[p, q, c] = Σ x[source, c] where winner[source, c] = tap     gradient of max pooling
    neither       y[p, q, c] = scale · Σ x[source, c]                  average pooling and its gradient
"""

from __future__ import annotations

import numpy as np

from ..compiled.jit import jit
from ..compiled.memory import read, read_back, write
from ..compiled.parallel import guarded, launch, threads_for
from ..compiled.scratch import usable
from .runs import Tables

__all__ = ["gather"]

_CHANNELS = 256  # so many at a time: weights and pixels of a window stay in the nearest cache


@jit
def _term(x, w, winner, at, tap, i, zero):
    if w is not None:
        return read(x, at + i) * read(w, tap + i)
    if winner is not None:
        return read(x, at + i) if np.int32(read(winner, at + i)) == np.int32(tap) else zero
    return read(x, at + i)


@jit
def _nine(x, w, winner, y, to, aside, length, move, size, at, tap, later, scale):
    a, b, c, d, e, f, g, h, k = at[0], at[1], at[2], at[3], at[4], at[5], at[6], at[7], at[8]
    ta, tb, tc, td, te, tf, tg, th, tk = (
        tap[0],
        tap[1],
        tap[2],
        tap[3],
        tap[4],
        tap[5],
        tap[6],
        tap[7],
        tap[8],
    )
    zero = x.dtype.type(0)
    for place in range(length):
        o = place * move
        for i in range(size):
            total = _term(x, w, winner, a + o, ta, i, zero) + _term(x, w, winner, b + o, tb, i, zero)
            total += _term(x, w, winner, c + o, tc, i, zero) + _term(x, w, winner, d + o, td, i, zero)
            total += _term(x, w, winner, e + o, te, i, zero) + _term(x, w, winner, f + o, tf, i, zero)
            total += _term(x, w, winner, g + o, tg, i, zero) + _term(x, w, winner, h + o, th, i, zero)
            total += _term(x, w, winner, k + o, tk, i, zero)
            total = total if w is not None else total * scale
            write(y, to + i, total + read_back(y, to + i) if later else total)
        to += aside


@jit
def _line(x, w, at, move, ta, tb, tc, i):
    """Three taps of four places side by side: six pixels and three weights are read for twelve products."""
    a, b, c = read(x, at + i), read(x, at + move + i), read(x, at + 2 * move + i)
    d, e, f = read(x, at + 3 * move + i), read(x, at + 4 * move + i), read(x, at + 5 * move + i)
    u, v, t = read(w, ta + i), read(w, tb + i), read(w, tc + i)
    return a * u + b * v + c * t, b * u + c * v + d * t, c * u + d * v + e * t, d * u + e * v + f * t


@jit
def _square(x, w, y, to, aside, length, move, size, at, tap):
    """3×3 taps whose pixels lie as far apart as those of neighbouring places; returns how many places
    are done."""
    a, b, c = at[0], at[3], at[6]
    ta, tb, tc, td, te, tf, tg, th, tk = (
        tap[0],
        tap[1],
        tap[2],
        tap[3],
        tap[4],
        tap[5],
        tap[6],
        tap[7],
        tap[8],
    )
    for place in range(0, length - 3, 4):
        o = place * move
        for i in range(size):
            p, q, r, s = _line(x, w, a + o, move, ta, tb, tc, i)
            p2, q2, r2, s2 = _line(x, w, b + o, move, td, te, tf, i)
            p3, q3, r3, s3 = _line(x, w, c + o, move, tg, th, tk, i)
            write(y, to + i, p + p2 + p3)
            write(y, to + aside + i, q + q2 + q3)
            write(y, to + 2 * aside + i, r + r2 + r3)
            write(y, to + 3 * aside + i, s + s2 + s3)
        to += 4 * aside
    return length // 4 * 4


@jit
def _is_square(at, move):
    """Whether nine pixels are three by three, `move` apart in each row."""
    for i in (0, 3, 6):
        if at[i + 1] - at[i] != move or at[i + 2] - at[i + 1] != move:
            return False
    return True


@jit
def _three(x, w, winner, y, to, aside, length, move, size, at, tap, later, scale):
    a, b, c, ta, tb, tc, zero = at[0], at[1], at[2], tap[0], tap[1], tap[2], x.dtype.type(0)
    for place in range(length):
        o = place * move
        for i in range(size):
            total = _term(x, w, winner, a + o, ta, i, zero) + _term(x, w, winner, b + o, tb, i, zero)
            total += _term(x, w, winner, c + o, tc, i, zero)
            total = total if w is not None else total * scale
            write(y, to + i, total + read_back(y, to + i) if later else total)
        to += aside


@jit
def _one(x, w, winner, y, to, aside, length, move, size, at, tap, later, scale):
    a, ta, zero = at[0], tap[0], x.dtype.type(0)
    for place in range(length):
        o = place * move
        for i in range(size):
            total = _term(x, w, winner, a + o, ta, i, zero)
            total = total if w is not None else total * scale
            write(y, to + i, total + read_back(y, to + i) if later else total)
        to += aside


@jit
def _look_up(rows, p, runs, run, sizes, image, first, at, tap):
    """Where the first place of a run finds its terms; returns how many there are."""
    _, h, width, c, _, _, kw, w_row, _, _ = sizes
    number = 0
    for i in range(rows[p, 0]):
        above = (image * h + rows[p, 2 * i + 2]) * width
        for j in range(runs[run, 4]):
            at[number] = (above + runs[run, 2 * j + 6]) * c + first
            tap[number] = (rows[p, 2 * i + 1] * kw + runs[run, 2 * j + 5]) * w_row + first
            number += 1
    return number


@jit
def _gather_part(part, parts, x, w, winner, y, rows, runs, sizes, scale, places):
    """Row by row of y; in each, channels by channels; in these, run by run."""
    n, _, _, c, out_h, out_w, _, _, flat, average = sizes
    at, tap = places[part, 0], places[part, 1]
    for row in range(part * n * out_h // parts, (part + 1) * n * out_h // parts):
        for first in range(0, c, _CHANNELS):
            for run in range(runs.shape[0]):
                step, length, move = runs[run, 1], runs[run, 2], runs[run, 3]
                number = _look_up(rows, row % out_h, runs, run, sizes, row // out_h, first, at, tap)
                share = scale / x.dtype.type(max(number, 1)) if average else scale
                to, size = (row * out_w + runs[run, 0]) * c + first, min(_CHANNELS, c - first)
                if flat and step == 1 and (move == 1 or length == 1):  # side by side in x, too
                    size, length = length * c, 1
                if number == 0:
                    for place in range(length):
                        for i in range(size):
                            write(y, to + place * step * c + i, x.dtype.type(0))
                done = 0
                if w is not None:
                    if number == 9 and length >= 4 and _is_square(at, move * c):
                        ready = _square(x, w, y, to, step * c, length, move * c, size, at, tap)
                        to, length = to + ready * step * c, length - ready
                        for i in range(9):
                            at[i] += ready * move * c
                while done < number:
                    arguments = x, w, winner, y, to, step * c, length, move * c, size
                    if number - done >= 9:
                        _nine(*arguments, at[done:], tap[done:], done > 0, share)
                        done += 9
                    elif number - done >= 3:
                        _three(*arguments, at[done:], tap[done:], done > 0, share)
                        done += 3
                    else:
                        _one(*arguments, at[done:], tap[done:], done > 0, share)
                        done += 1


@jit
def _gather(threads, x, w, winner, y, rows, runs, sizes, scale, places):
    launch(_gather_part, threads, (x, w, winner, y, rows, runs, sizes, scale, places))


def gather(
    x: np.ndarray,
    y: np.ndarray,
    tables: Tables,
    kernel_w: int = 1,
    w: np.ndarray | None = None,
    winner: np.ndarray | None = None,
    scale: float = 1.0,
    average: bool = False,
) -> None:
    """Write in y (n, oh, ow, c) what the tables say of x (n, h, w, c).

    Taps of rows count `kernel_w` times those of columns. `w` is (taps, c); where it is wider, its c channels
    are repeated, so that many pixels can be taken at once. With `average` each sum is divided by the number
    of its terms.
    """
    if not y.size:
        return
    (rows, runs), c, w_row = tables, y.shape[3], 1 if w is None else w.shape[1]
    flat = c <= _CHANNELS and (w is None or w_row >= y.shape[2] * c)
    sizes = (*x.shape, *y.shape[1:3], kernel_w, w_row, int(flat), int(average))
    most = max(1, (rows.shape[1] // 2) * (runs.shape[1] // 2))  # not less than the pairs of any pixel
    with guarded:
        threads = threads_for(max(x.size, y.size))
        places = np.empty((threads, 2, most), np.int64)
        flat_x, flat_w = (array if array is None else usable(array).reshape(-1) for array in (x, w))
        flat_winner = winner if winner is None else usable(winner).reshape(-1)
        arrays = flat_x, flat_w, flat_winner, y.reshape(-1)
        _gather(threads, *arrays, rows, runs, sizes, x.dtype.type(scale), places)
