"""1×1 convolution: every pixel is a row of one matrix product, so rows of pixels can be made longer.

A micro-kernel works on a row of output pixels. With a 1×1 window and no padding, rows that follow each
other in memory are one long row; the longer it is, the better blocks fit and the longer weights stay in
registers and cache.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ..tiling import Conv

__all__ = ["LONGEST", "long_rows"]

LONGEST = 256
"""Pixels of a row at most, so that the rows of a block and a panel of weights stay in cache."""


@cache
def long_rows(conv: Conv, threads: int) -> Conv:
    """The same 1×1 convolution on fewer, longer rows, still at least one for every thread."""
    n, h, w, c = conv.x
    rows = n * h
    merge = max(k for k in range(1, rows + 1) if rows % k == 0 and (k == 1 or _fits(k, rows, w, threads)))
    shape = (rows // merge, 1, merge * w)
    return replace(conv, x=(*shape, c), y=(*shape, conv.w[3]))


def _fits(merge: int, rows: int, width: int, threads: int) -> bool:
    return merge * width <= LONGEST and rows // merge >= threads
