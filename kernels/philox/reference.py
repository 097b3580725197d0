"""Philox4x32-10 on arrays of counters: 32-bit words kept in 64-bit integers, all blocks at once."""

from __future__ import annotations

import numpy as np

from ..checks import error, result

__all__ = ["philox4x32", "random_bits", "random_uniform"]

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
CHUNK = 8192
"""Blocks worked on at a time, so that the 100 passes of the ten rounds stay in the cache."""


def philox4x32(counter: np.ndarray, key: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Scramble each counter into four random words.

    Ten rounds of the bijection on the folder's page.

    Parameters
    ----------
    counter : (n, 4) uint32
    key : (2,) uint32
    out : array to write the result in

    Returns
    -------
    (n, 4) uint32

    Raises
    ------
    ValueError : wrong shape or dtype.

    Examples
    --------
    >>> words = philox4x32(np.zeros((1, 4), np.uint32), np.zeros(2, np.uint32))
    >>> [f"{word:08x}" for word in words[0]]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    check_counter(counter)
    keys = key_words("philox4x32", key)
    words = result("philox4x32", out, counter.shape, np.dtype(np.uint32))
    for first in range(0, len(counter), CHUNK):
        chunk = counter[first : first + CHUNK]
        lanes = [chunk[:, lane].astype(np.uint64) for lane in range(4)]
        for lane, word in enumerate(_ten_rounds(lanes, keys)):
            words[first : first + CHUNK, lane] = word
    return words


def random_bits(key: np.ndarray, step: int, size: int, out: np.ndarray | None = None) -> np.ndarray:
    """Draw the first `size` words of the stream (key, step).

    ``bits[4·block + lane] = philox4x32((block, step), key)[lane]``.

    Parameters
    ----------
    key : (2,) uint32
    step : 0 … 2⁶⁴ - 1
    size : how many words
    out : array to write the result in

    Returns
    -------
    (size,) uint32; a shorter draw is the beginning of a longer one

    Raises
    ------
    ValueError : a key, step or size outside these ranges.

    Examples
    --------
    >>> key = np.zeros(2, np.uint32)
    >>> [f"{word:08x}" for word in random_bits(key, 0, 5)]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8', 'f8e4cca4']
    """
    keys = key_words("random_bits", key)
    check_draw(step, size)
    bits = result("random_bits", out, (size,), np.dtype(np.uint32))
    for first in range(0, -(-size // 4), CHUNK):
        block = np.arange(first, min(first + CHUNK, -(-size // 4)), dtype=np.uint64)
        low, high = (np.full_like(block, word) for word in (step & 0xFFFFFFFF, step >> 32))
        words = np.empty((len(block), 4), np.uint32)
        for lane, word in enumerate(_ten_rounds([block & LOW, block >> HALF, low, high], keys)):
            words[:, lane] = word
        bits[4 * first : 4 * (first + CHUNK)] = words.ravel()[: size - 4 * first]
    return bits


def random_uniform(
    key: np.ndarray,
    step: int,
    size: int,
    dtype: np.dtype | type | str,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Draw numbers uniform in [0, 1) from the stream (key, step).

    float32: ``(bits[i] >> 8) · 2⁻²⁴``;
    float64: ``((bits[2i] >> 5)·2²⁶ + (bits[2i + 1] >> 6)) · 2⁻⁵³``.

    Parameters
    ----------
    key : (2,) uint32
    step : 0 … 2⁶⁴ - 1
    size : how many numbers
    dtype : float32 or float64
    out : array to write the result in

    Returns
    -------
    (size,)

    Raises
    ------
    ValueError : another dtype, or what random_bits refuses.

    Examples
    --------
    >>> random_uniform(np.zeros(2, np.uint32), 0, 2, np.float64).round(6)
    array([0.399046, 0.735713])
    """
    dtype = check_uniform(dtype)
    uniform = result("random_uniform", out, (size,), dtype)
    if dtype == np.float32:
        uniform[...] = (random_bits(key, step, size) >> 8) * 2.0**-24
    else:
        pairs = random_bits(key, step, 2 * size).reshape(size, 2)
        high, low = pairs[:, 0] >> 5, pairs[:, 1] >> 6  # 27 and 26 bits
        uniform[...] = (high * 2.0**26 + low) * 2.0**-53
    return uniform


def _ten_rounds(lanes: list[np.ndarray], keys: tuple[int, int]) -> list[np.ndarray]:
    """Apply the ten rounds to four uint64 arrays holding 32-bit words."""
    c0, c1, c2, c3 = lanes
    for turn in range(10):
        k0, k1 = (np.uint64((k + turn * s) % 2**32) for k, s in zip(keys, KEY_STEPS, strict=True))
        product0, product1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (product1 >> HALF) ^ c1 ^ k0,
            product1 & LOW,
            (product0 >> HALF) ^ c3 ^ k1,
            product0 & LOW,
        )
    return [c0, c1, c2, c3]


def check_counter(counter: np.ndarray) -> None:
    """A counter is four words."""
    if counter.ndim != 2 or counter.shape[1] != 4 or counter.dtype != np.uint32:
        got = f"{counter.shape} {counter.dtype}"
        raise error("philox4x32", "the counter is malformed", "(n, 4) uint32", got)


def check_draw(step: int, size: int) -> None:
    """The step must fit in two words; nothing less than no number can be drawn."""
    if not 0 <= step < 2**64:
        raise error("random_bits", "the step is out of range", "0 … 2**64 - 1", step)
    if size < 0:
        raise error("random_bits", "the size is negative", "at least 0", size)


def check_uniform(dtype: np.dtype | type | str) -> np.dtype:
    """Return the dtype of uniform numbers; it must be float32 or float64."""
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64):
        raise error("random_uniform", "the dtype is unsupported", "float32 or float64", dtype)
    return dtype


def key_words(where: str, key: np.ndarray) -> tuple[int, int]:
    """Return the key as two Python integers."""
    if key.shape != (2,) or key.dtype != np.uint32:
        raise error(where, "the key is malformed", "(2,) uint32", f"{key.shape} {key.dtype}")
    return int(key[0]), int(key[1])
