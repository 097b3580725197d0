"""Philox4x32-10 compiled: the same integers as in the reference, a thousand words at a time.

Four rows hold the four words of a block, one block a column, so that a vector is the same word of several
blocks; then they are written out block after block.
"""

from __future__ import annotations

import numpy as np

from ..checks import result
from ..compiled.jit import inlined, jit
from ..compiled.parallel import driver, guarded, share, threads_for
from ..compiled.scratch import usable
from .reference import (
    HALF,
    KEY_STEPS,
    LOW,
    MULTIPLIERS,
    check_counter,
    check_draw,
    check_uniform,
    key_words,
)

__all__ = [
    "WORDS",
    "WORK",
    "chunks",
    "draw",
    "philox4x32",
    "random_bits",
    "random_uniform",
    "room",
    "stream",
]

BLOCKS = 256
WORDS = 4 * BLOCKS
"""Words drawn at a time: one chunk of the stream."""

WORK = 4
"""A random word takes as long as four simple elements."""

_STEP_0, _STEP_1 = (np.uint64(step) for step in KEY_STEPS)
_FACTOR_0, _FACTOR_1 = MULTIPLIERS


@inlined
def _ten_rounds(c0, c1, c2, c3, k0, k1):
    for _ in range(10):
        product0, product1 = _FACTOR_0 * c0, _FACTOR_1 * c2
        c0, c1 = (product1 >> HALF) ^ c1 ^ k0, product1 & LOW
        c2, c3 = (product0 >> HALF) ^ c3 ^ k1, product0 & LOW
        k0, k1 = (k0 + _STEP_0) & LOW, (k1 + _STEP_1) & LOW
    return c0, c1, c2, c3


@inlined
def room():
    """Memory for `draw`: the four rows, and the words in order."""
    return np.empty((4, BLOCKS), np.uint32), np.empty(WORDS, np.uint32)


@inlined
def chunks(part, parts, words):
    """The first and the last but one chunk of this part, of a stream of so many words."""
    total = (words + WORDS - 1) // WORDS
    return part * total // parts, (part + 1) * total // parts


@inlined
def draw(rows, words, chunk, stream):
    """Write a chunk of the stream in `words`."""
    k0, k1, low, high = stream
    row0, row1, row2, row3 = rows[0], rows[1], rows[2], rows[3]
    for b in range(BLOCKS):
        block = np.uint64(chunk * BLOCKS + b)
        c0, c1, c2, c3 = _ten_rounds(block & LOW, block >> HALF, low, high, k0, k1)
        row0[b], row1[b], row2[b], row3[b] = c0, c1, c2, c3
    for b in range(BLOCKS):
        words[4 * b], words[4 * b + 1] = row0[b], row1[b]
        words[4 * b + 2], words[4 * b + 3] = row2[b], row3[b]


@jit
def _philox_part(part, parts, counter, words, k0, k1):
    counter, words = share(part, parts, counter), share(part, parts, words)
    for i in range(words.shape[0]):
        c0, c1, c2, c3 = counter[i]
        c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
        words[i, 0], words[i, 1], words[i, 2], words[i, 3] = _ten_rounds(c0, c1, c2, c3, k0, k1)


@jit
def _bits_part(part, parts, bits, stream):
    rows, words = room()
    first, last = chunks(part, parts, bits.size)
    for chunk in range(first, last):
        draw(rows, words, chunk, stream)
        to = bits[chunk * WORDS : (chunk + 1) * WORDS]
        for i in range(to.size):
            to[i] = words[i]


@jit
def _single_part(part, parts, uniform, stream):
    rows, words = room()
    first, last = chunks(part, parts, uniform.size)
    for chunk in range(first, last):
        draw(rows, words, chunk, stream)
        to = uniform[chunk * WORDS : (chunk + 1) * WORDS]
        for i in range(to.size):
            to[i] = np.float32(np.int32(words[i] >> 8)) * np.float32(2.0**-24)


@jit
def _double_part(part, parts, uniform, stream):
    rows, words = room()
    first, last = chunks(part, parts, 2 * uniform.size)
    for chunk in range(first, last):
        draw(rows, words, chunk, stream)
        to = uniform[chunk * WORDS // 2 : (chunk + 1) * WORDS // 2]
        for i in range(to.size):
            high, low = np.int32(words[2 * i] >> 5), np.int32(words[2 * i + 1] >> 6)  # 27 and 26 bits
            to[i] = (np.float64(high) * 2.0**26 + np.float64(low)) * 2.0**-53


_philox, _bits = driver(_philox_part), driver(_bits_part)
_single, _double = driver(_single_part), driver(_double_part)


def stream(key: np.ndarray, step: int, size: int) -> tuple[np.uint64, ...]:
    """The words of key and step as compiled code takes them, for a draw of so many."""
    k0, k1 = key_words("random_bits", key)
    check_draw(step, size)
    return np.uint64(k0), np.uint64(k1), np.uint64(step & 0xFFFFFFFF), np.uint64(step >> 32)


def philox4x32(counter: np.ndarray, key: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Scramble each counter into four random words; parameters as in the reference."""
    check_counter(counter)
    k0, k1 = key_words("philox4x32", key)
    words = result("philox4x32", out, counter.shape, np.dtype(np.uint32))
    with guarded:
        _philox(threads_for(WORK * counter.size), usable(counter), words, np.uint64(k0), np.uint64(k1))
    return words


def random_bits(key: np.ndarray, step: int, size: int, out: np.ndarray | None = None) -> np.ndarray:
    """Draw the first `size` words of the stream (key, step); parameters as in the reference."""
    own = stream(key, step, size)
    bits = result("random_bits", out, (size,), np.dtype(np.uint32))
    with guarded:
        _bits(threads_for(WORK * size), bits, own)
    return bits


def random_uniform(
    key: np.ndarray,
    step: int,
    size: int,
    dtype: np.dtype | type | str,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Draw numbers uniform in [0, 1) from the stream (key, step); parameters as in the reference."""
    dtype = check_uniform(dtype)
    own = stream(key, step, size)
    uniform = result("random_uniform", out, (size,), dtype)
    with guarded:
        run = _single if dtype == np.float32 else _double
        run(threads_for(WORK * size), uniform, own)
    return uniform
