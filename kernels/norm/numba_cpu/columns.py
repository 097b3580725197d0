"""The four loops of every normalization, over the rows of a matrix whose columns are normalized.

An array of rows of c channels is read as a matrix of wide rows, k rows side by side, so that the innermost
loops are long even where c is 1: column i belongs to channel ``i mod c``, and whoever calls adds up the k
columns of a channel. `mean`, `scale` and so on hold a number for each column.

A sum over many rows is taken over blocks of few, in the array's own dtype, and over the blocks in float64:
as exact as float64 throughout, at the speed of float32. Sums are added in the order written here, so that a
normalization with and without ReLU behind it gives the same bits.
"""

from __future__ import annotations

from ...compiled.jit import in_order
from ...compiled.memory import read, write

__all__ = ["gradient", "moments", "shifted", "sums", "wide"]

BLOCK = 32  # rows whose sum stays in the array's dtype
_WIDTH = 256  # numbers in a wide row, about


def wide(rows: int, c: int) -> int:
    """How many rows of c channels make a wide row; at least one, even of none."""
    return max(1, min(rows, _WIDTH // max(c, 1)))


@in_order
def _differences(x, at, rows, width, origin, once, twice):
    """Σ d and Σ d² of every column, where d = x - origin."""
    for i in range(width):
        once[i] = 0
        twice[i] = 0
    for row in range(rows):
        for i in range(width):
            d = read(x, at + row * width + i) - read(origin, i)
            write(once, i, once[i] + d)
            write(twice, i, twice[i] + d * d)


@in_order
def moments(x, start, rows, width, mean, spread, work):
    """The mean of every column and ``Σ (x - mean)²``, in float64, by one pass over at least one row.

    The differences of each block are taken from the mean of all rows before it, and those of the first from
    its own: so they are small, and few digits are lost in ``Σ d² - (Σ d)²/n``, however large the mean is.
    Blocks are joined by the formula of Chan, Golub and LeVeque (1979).
    """
    origin, once, twice = work[0], work[1], work[2]
    for i in range(width):
        spread[i] = 0
        mean[i] = 0 if rows > 1 else read(x, start + i)
    if rows == 1:
        return
    for i in range(width):
        origin[i] = read(x, start + i)
    size = min(BLOCK, rows)
    _differences(x, start, size, width, origin, once, twice)
    for i in range(width):
        origin[i] += once[i] / size
    for done in range(0, rows, BLOCK):
        size = min(BLOCK, rows - done)
        _differences(x, start + done * width, size, width, origin, once, twice)
        share = size / (done + size)
        for i in range(width):
            away = origin[i] + once[i] / float(size) - mean[i]  # the block's mean from that so far
            spread[i] += twice[i] - once[i] * (once[i] / float(size)) + away * away * (done * share)
        for i in range(width):
            mean[i] += (origin[i] + once[i] / float(size) - mean[i]) * share
        for i in range(width):
            origin[i] = mean[i]


@in_order
def shifted(x, y, start, end, width, mean, scale, beta, lower):
    """``y = (x - mean)·scale + beta``, and `lower` where that is less."""
    for at in range(start, end, width):
        for i in range(min(width, end - at)):
            value = (read(x, at + i) - read(mean, i)) * read(scale, i) + read(beta, i)
            write(y, at + i, lower if value < lower else value)  # a NaN is not less


@in_order
def _before(gradient, difference, scale, beta, i, zero):
    """The gradient in front of the ReLU that followed, recomputed from x; `beta` is None where none did."""
    if beta is None:
        return gradient
    value = difference * read(scale, i) + read(beta, i)
    kept = gradient if value > zero else zero
    return kept if value == value else value  # NaN is not equal to itself


@in_order
def sums(gy, x, start, end, width, mean, scale, beta, of_gy, of_x, work):
    """Add Σ gy and Σ gy·(x - mean) of every column to `of_gy` and `of_x`, which are float64."""
    once, twice, zero = work[0], work[1], x.dtype.type(0)
    for first in range(start, end, BLOCK * width):
        for i in range(width):
            once[i] = 0
            twice[i] = 0
        last = min(first + BLOCK * width, end)
        for at in range(first, last, width):
            for i in range(min(width, last - at)):
                d = read(x, at + i) - read(mean, i)
                g = _before(read(gy, at + i), d, scale, beta, i, zero)
                write(once, i, once[i] + g)
                write(twice, i, twice[i] + g * d)
        for i in range(width):
            of_gy[i] += once[i]
        for i in range(width):
            of_x[i] += twice[i]


@in_order
def gradient(gy, x, gx, start, end, width, mean, scale, constant, slope, beta):
    """``gx = gy·scale - constant - (x - mean)·slope``."""
    zero = x.dtype.type(0)
    for at in range(start, end, width):
        for i in range(min(width, end - at)):
            d = read(x, at + i) - read(mean, i)
            g = _before(read(gy, at + i), d, scale, beta, i, zero)
            write(gx, at + i, g * read(scale, i) - read(constant, i) - d * read(slope, i))
