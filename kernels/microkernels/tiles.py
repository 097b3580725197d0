"""Into which blocks a product is cut, and the loop that runs micro-kernels over a row of blocks."""

from __future__ import annotations

from functools import cache
from math import ceil
from typing import NamedTuple

import numpy as np

from ..compiled.jit import jit
from ..compiled.pointers import call_gemm
from .build import host
from .gemm import gemm_address

__all__ = ["Panels", "multiply", "panels", "tiles"]

# Most rows of a block by vectors in a row, such that the block, a row of B and one number of A fit in the
# registers; and which number of vectors is tried first. 6 × 4 loads least for each multiplication.
_MOST_ROWS = {32: {4: 6, 2: 14, 3: 9, 1: 24}, 16: {3: 4, 2: 6, 1: 12}}

_ROWS, _MAIN, _TAIL = 0, 1, 3  # places in the array of `tiles`; the ragged kernel follows the full one


class Panels(NamedTuple):
    """How the columns of C are cut: panels of `vectors` vectors; the last may have fewer columns."""

    number: int
    vectors: int
    width: int  # columns of a full panel
    last: int  # lanes of the last vector of the last panel

    @property
    def ragged(self) -> bool:
        """Whether the last panel is not full."""
        return self.width // self.vectors != self.last


@cache
def panels(columns: int, itemsize: int) -> Panels:
    """Cut this many columns into panels of equally many vectors."""
    lanes = host().vector_bytes // itemsize
    total = ceil(columns / lanes)
    vectors = next(v for v in _MOST_ROWS[host().registers] if total % v == 0)
    return Panels(total // vectors, vectors, vectors * lanes, columns - (total - 1) * lanes)


@cache
def tiles(rows: int, vectors: int, ragged: bool, itemsize: int, packed: bool = False) -> np.ndarray:
    """The blocks for C of this many rows: (rows of a block, and the addresses of its kernels).

    `packed` kernels are for products whose a2 is 1 and whose b2 is the width of the panel, see gemm.py.

    Blocks are equally high where that is possible: 26 rows are twice 13, not 14 and 12.
    """
    most = _MOST_ROWS[host().registers][vectors]
    height = ceil(rows / ceil(rows / most))
    found = np.zeros(5, np.int64)
    found[_ROWS] = height
    for place, size in ((_MAIN, height), (_TAIL, rows % height)):
        for cut in (False, True)[: 1 + ragged]:
            if size:
                found[place + cut] = gemm_address(size, vectors, cut, np.dtype(f"f{itemsize}"), packed)
    return found


@jit
def multiply(
    tiles, rows, cut, last, size, a, b, c, k1, k2, a1, a2, b1, b2, a_row, c_row, add, bias, lower, upper
):
    """C (+)= A · B for as many rows as `tiles` was made for, in one panel of columns.

    `cut` is 1 for a ragged panel, else 0; `size` the bytes of a number; the rest as in gemm.py.
    """
    height, done = tiles[_ROWS], 0
    while done + height <= rows:
        call_gemm(
            tiles[_MAIN + cut], a + done * a_row * size, b, c + done * c_row * size,
            k1, k2, a1, a2, b1, b2, a_row, c_row, add, last, bias, lower, upper,
        )  # fmt: skip
        done += height
    if done < rows:
        call_gemm(
            tiles[_TAIL + cut], a + done * a_row * size, b, c + done * c_row * size,
            k1, k2, a1, a2, b1, b2, a_row, c_row, add, last, bias, lower, upper,
        )  # fmt: skip
