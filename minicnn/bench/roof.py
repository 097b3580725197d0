"""The measured roofs: the FLOP/s of a large matrix product and the bytes/s of the STREAM triad.

They are what this machine gives here and now, not what a data sheet promises. A kernel of intensity I
(FLOPs for each compulsory byte) can reach ``min(FLOP/s, I · bytes/s)``. One that stays in the cache may
exceed the memory roof, and Winograd, which needs fewer multiplications than are counted, both.

Source: S. Williams et al., Roofline: an insightful visual performance model, CACM 52, 2009; J. McCalpin,
STREAM: sustainable memory bandwidth in high performance computers, 1995.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

__all__ = ["Roof", "measure_roof"]

_GEMM = 1536  # rows and columns: three matrices of 9 MB
_TRIAD = 16_000_000  # elements: three arrays of 64 MB, larger than most caches
_BLOCK = 16_384  # elements that the triad handles at a time


@dataclass(frozen=True)
class Roof:
    """Measured limits: `flops` a second of float32 GEMM, `bytes` a second of the triad."""

    flops: float
    bytes: float

    def attainable(self, intensity: float) -> float:
        """FLOP/s that a kernel of this intensity can reach at most.

        >>> Roof(flops=100e9, bytes=10e9).attainable(2.0)
        20000000000.0
        """
        return min(self.flops, intensity * self.bytes)

    @property
    def ridge(self) -> float:
        """Intensity from which on the arithmetic is the limit, FLOPs for each byte."""
        return self.flops / self.bytes


def measure_roof(threads: int, rounds: int = 5, gemm: int = _GEMM, triad: int = _TRIAD) -> Roof:
    """Measure both, the best of some rounds in turn; the caller has limited BLAS to so many threads.

    ``C = A @ B`` of `gemm`² float32 counts 2·gemm³ FLOPs. The triad ``a = b + s·c`` counts the 12 bytes an
    element that STREAM counts; it runs in NumPy, which lets go of Python's lock, on as many threads.
    """
    a, b = np.full((gemm, gemm), 0.5, np.float32), np.full((gemm, gemm), 0.25, np.float32)
    c = np.empty_like(a)
    arrays = np.zeros(triad, np.float32), np.ones(triad, np.float32), np.ones(triad, np.float32)
    ends = [triad * number // threads for number in range(threads + 1)]
    parts = [tuple(array[low:high] for array in arrays) for low, high in itertools.pairwise(ends)]
    with ThreadPoolExecutor(threads) as pool:

        def product() -> None:
            np.matmul(a, b, out=c)

        def add_scaled() -> None:
            list(pool.map(_triad, parts))

        product()
        add_scaled()
        pairs = [(_seconds(product), _seconds(add_scaled)) for _ in range(rounds)]
    best = min(p for p, _ in pairs), min(t for _, t in pairs)
    return Roof(2 * gemm**3 / best[0], 12 * triad / best[1])


def _triad(part: tuple[np.ndarray, ...]) -> None:
    """``x = y + 3·z``, block by block, so that 3·z never leaves the cache."""
    x, y, z = part
    scaled = np.empty(_BLOCK, np.float32)
    for start in range(0, len(x), _BLOCK):
        block = slice(start, start + _BLOCK)
        product = scaled[: len(x[block])]
        np.multiply(z[block], np.float32(3), out=product)
        np.add(y[block], product, out=x[block])


def _seconds(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
