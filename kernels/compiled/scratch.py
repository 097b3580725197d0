"""Working memory that the next call uses again.

A fresh large array costs a page fault for every 4 KB on first touch. Kernels run one at a time (`guarded`),
so one buffer, grown to the largest request so far, serves them all.
"""

from __future__ import annotations

from math import ceil

import numpy as np

__all__ = ["LINE", "per_part", "scratch", "usable"]

LINE = 64
"""Bytes of a cache line; a vector that begins on one is loaded and stored in one piece."""

_buffer = np.empty(0, np.uint8)


def scratch(elements: int, dtype: np.dtype) -> np.ndarray:
    """Uninitialised memory for this many numbers, valid until the next call; call it `guarded`."""
    global _buffer
    nbytes = elements * np.dtype(dtype).itemsize
    if nbytes > _buffer.size:
        _buffer = np.empty(0, np.uint8)  # let the old one go first
        _buffer = np.empty(nbytes + LINE, np.uint8)
        _buffer = _buffer[-_buffer.ctypes.data % LINE :][:nbytes]  # begins on a cache line
    return _buffer[:nbytes].view(dtype)


def usable(array: np.ndarray) -> np.ndarray:
    """The array as compiled code takes it: C-contiguous, aligned, writeable; copied where it is not."""
    return array if array.flags.carray else np.require(array, requirements=["C", "A", "W"])


def per_part(elements: int, itemsize: int) -> int:
    """Round up, so that the next part begins on a cache line of its own."""
    step = LINE // itemsize
    return ceil(elements / step) * step
