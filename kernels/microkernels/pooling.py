"""Max pooling of 2×2 windows, two apart, on rows that lie anywhere, and the way back."""

from __future__ import annotations

from ..compiled.jit import jit
from ..compiled.memory import read, write

__all__ = ["pick", "pool_rows", "unpool_rows"]


@jit
def pick(value, tap, best, winner):
    """The larger of two and its tap; the first of equals, and of NaNs: no comparison with one is true."""
    wins = (value > best) | ((value != value) & (best == best))
    return (value, tap) if wins else (best, winner)


@jit
def pool_rows(x, above, below, y, argmax, to, windows, c):
    """The largest of every window between two rows of x (c channels), and which of its pixels that was."""
    for q in range(windows):
        for i in range(c):
            left = 2 * q * c + i
            best, winner = pick(read(x, above + left + c), 1, read(x, above + left), 0)
            lower, low_winner = pick(read(x, below + left + c), 3, read(x, below + left), 2)
            best, winner = pick(lower, low_winner, best, winner)
            write(y, to + q * c + i, best)
            write(argmax, to + q * c + i, argmax.dtype.type(winner))


@jit
def unpool_rows(gy, y, argmax, source, gx, above, below, windows, c, limited):
    """Send a row of gradients to the pixels that were largest, in the rows `above` and `below` of gx.

    If `limited`, only those of windows whose largest value y is positive: the gradient of a ReLU in front.
    """
    zero = gx.dtype.type(0)
    for q in range(windows):
        for i in range(c):
            at, left = source + q * c + i, 2 * q * c + i
            gradient, winner, value = read(gy, at), read(argmax, at), read(y, at)
            if limited:
                kept = gradient if value > zero else zero
                gradient = kept if value == value else value
            write(gx, above + left, gradient if winner == 0 else zero)
            write(gx, above + left + c, gradient if winner == 1 else zero)
            write(gx, below + left, gradient if winner == 2 else zero)
            write(gx, below + left + c, gradient if winner == 3 else zero)
