"""Result buffers that are used again.

A fresh large array costs more than it seems: the operating system maps and clears every page on first
touch. `empty` therefore hands out arrays cut from buffers it keeps, and takes a buffer back only when
nobody holds any view of it. NumPy makes that visible: every view of a buffer, however derived, keeps a
reference to the buffer itself, so the buffer's reference count tells whether it is still in use.
"""

from __future__ import annotations

import math
import sys
import threading
from typing import Any

import numpy as np

SMALLEST = 64 * 1024  # bytes; below this, malloc reuses memory well by itself
LIMIT = 1 << 30  # bytes of idle buffers the pool may keep

_buffers: dict[int, list[np.ndarray]] = {}  # size class -> buffers, idle and in use
_lock = threading.Lock()


def _references(buffers: list[np.ndarray], index: int) -> int:
    return sys.getrefcount(buffers[index])


# What the count reads for a buffer that only the pool's list holds; it differs between Python versions.
_IDLE = _references([np.empty(1, np.uint8)], 0)


def _size_class(nbytes: int) -> int:
    """Round up to one of eight steps per power of two, so that at most an eighth is wasted."""
    step = 1 << max(nbytes.bit_length() - 4, 0)
    return -(-nbytes // step) * step


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An uninitialised array of this shape and dtype, in memory used before where possible.

    >>> empty((2, 3), "float32").shape
    (2, 3)
    """
    dtype = np.dtype(dtype)
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes < SMALLEST:
        return np.empty(shape, dtype)
    with _lock:
        buffers = _buffers.setdefault(_size_class(nbytes), [])
        for index in range(len(buffers)):
            if _references(buffers, index) == _IDLE:
                # The view is made under the lock: from here on the buffer counts as used.
                return _view(buffers[index], nbytes, shape, dtype)
        _trim(LIMIT)
        buffers = _buffers.setdefault(_size_class(nbytes), [])
        buffers.append(np.empty(_size_class(nbytes), np.uint8))
        return _view(buffers[-1], nbytes, shape, dtype)


def _view(buffer: np.ndarray, nbytes: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    return buffer[:nbytes].view(dtype).reshape(shape)


def _trim(limit: int) -> None:
    """Drop idle buffers, largest first, until at most `limit` bytes of them are kept."""
    idle = _totals()[1]
    for size in sorted(_buffers, reverse=True):
        buffers = _buffers[size]
        for index in reversed(range(len(buffers))):
            if idle <= limit:
                return
            if _references(buffers, index) == _IDLE:
                del buffers[index]
                idle -= size
        if not buffers:
            del _buffers[size]


def _totals() -> tuple[int, int]:
    used = idle = 0
    for size, buffers in _buffers.items():
        for index in range(len(buffers)):
            if _references(buffers, index) == _IDLE:
                idle += size
            else:
                used += size
    return used, idle


def pool_info() -> dict[str, int]:
    """Bytes of pooled buffers in use and idle."""
    with _lock:
        used, idle = _totals()
    return {"used": used, "idle": idle}


def clear_pool() -> None:
    """Give all idle buffers back to the operating system."""
    with _lock:
        _trim(0)
