"""Tables of who sees whom along one axis, and runs of places that see the same.

A place is a row or column of the result; it sees sources through taps. Along an axis of 4 outputs, with 3
taps, stride 2 and a padding of 1 in front, the places of the forward pass see

.. code-block:: text

    place   0              1                  2                  3
    pairs   (1,0) (2,1)    (0,1) (1,2) (2,3)  (0,3) (1,4) (2,5)  (0,5) (1,6) (2,7)

as pairs (tap, source). Places 1, 2 and 3 are a run: the same taps, and sources that move on by 2 each time. A
loop over a run has nothing to look up and nothing to check.
"""

from __future__ import annotations

from functools import cache
from itertools import chain

import numpy as np

from ..windows import Geometry, Pair, adaptive_window

__all__ = ["adaptive_backward", "backward", "forward"]

Pairs = list[list[tuple[int, int]]]
"""For each place, the pairs (tap, source) it sees."""

Tables = tuple[np.ndarray, np.ndarray]
"""What `gather` is told: one row of pairs for each row of the result, and the runs of its columns."""


def _windows(size: int, out: int, taps: int, stride: int, pad: int, dilation: int) -> Pairs:
    """What every output sees of the image along one axis.

    >>> _windows(3, 2, taps=2, stride=2, pad=1, dilation=1)
    [[(1, 0)], [(0, 1), (1, 2)]]
    """
    starts = (place * stride - pad for place in range(out))
    return [
        [(tap, start + tap * dilation) for tap in range(taps) if 0 <= start + tap * dilation < size]
        for start in starts
    ]


def _turned(pairs: Pairs, size: int) -> Pairs:
    """The other way: by which places each of `size` sources is seen, as pairs (tap, place).

    >>> _turned([[(1, 0)], [(0, 1), (1, 2)]], 3)
    [[(1, 0)], [(0, 1)], [(1, 1)]]
    """
    found: Pairs = [[] for _ in range(size)]
    for place, seen in enumerate(pairs):
        for tap, source in seen:
            found[source].append((tap, place))
    return found


def _axes(x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> list[Pairs]:
    """Rows and columns."""
    stride, pad, dilation = g
    return [
        _windows(x_hw[axis], out_hw[axis], kernel_hw[axis], stride[axis], pad[axis][0], dilation[axis])
        for axis in (0, 1)
    ]


@cache
def forward(x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> Tables:
    """From each output pixel to the image."""
    rows, columns = _axes(x_hw, kernel_hw, g, out_hw)
    return _rows(rows), _runs(columns, 1)


@cache
def backward(x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> Tables:
    """From each pixel of the image to the outputs that see it; columns a stride apart see alike."""
    rows, columns = _axes(x_hw, kernel_hw, g, out_hw)
    return _rows(_turned(rows, x_hw[0])), _runs(_turned(columns, x_hw[1]), g[0][1])


@cache
def adaptive_backward(x_hw: Pair, out_hw: Pair) -> Tables:
    """From each pixel of the image to the windows of an adaptive pooling that hold it; all through tap 0."""
    rows, columns = (
        [[(0, source) for source in range(*adaptive_window(size, out, place))] for place in range(out)]
        for size, out in zip(x_hw, out_hw, strict=True)
    )
    return _rows(_turned(rows, x_hw[0])), _runs(_turned(columns, x_hw[1]), 1)


def _rows(pairs: Pairs) -> np.ndarray:
    """A row for each place: how many pairs, then the pairs."""
    return _table([(len(seen), *chain(*seen)) for seen in pairs])


def _runs(pairs: Pairs, step: int) -> np.ndarray:
    """A row for each run of places `step` apart.

    It holds the first place, step, length, by how much sources move from place to place, and pairs as above.

    >>> _runs(_windows(7, 4, taps=2, stride=2, pad=1, dilation=1), 1).tolist()
    [[0, 1, 1, 0, 1, 1, 0, 0, 0], [1, 1, 3, 2, 2, 0, 1, 1, 2]]
    """
    table = []
    for first in range(min(step, len(pairs))):
        while first < len(pairs):
            seen, length = pairs[first], 1
            move = _move(seen, pairs[first + step]) if first + step < len(pairs) else None
            while move is not None and first + length * step < len(pairs):
                if _move(seen, pairs[first + length * step]) != length * move:
                    break
                length += 1
            table.append((first, step, length, move or 0, len(seen), *chain(*seen)))
            first += length * step
    return _table(table)


def _move(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> int | None:
    """By how much all sources have moved; None where taps or distances differ."""
    if [tap for tap, _ in before] != [tap for tap, _ in after]:
        return None
    moves = {there - here for (_, here), (_, there) in zip(before, after, strict=True)} or {0}
    return moves.pop() if len(moves) == 1 else None


def _table(rows: list[tuple[int, ...]]) -> np.ndarray:
    table = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
