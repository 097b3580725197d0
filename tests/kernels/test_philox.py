"""Philox4x32-10: the published known answers, an oracle in plain integers, and the stream's order."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.philox.reference import CHUNK, philox4x32, random_bits, random_uniform
from tests import oracles

KEY = np.array([0xA4093822, 0x299F31D0], np.uint32)


def words(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


@pytest.mark.parametrize(
    "counter, key, answer",
    [  # Random123, kat_vectors
        ("0 0 0 0", "0 0", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff " * 4, "ffffffff " * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            "243f6a88 85a308d3 13198a2e 03707344",
            "a4093822 299f31d0",
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers(counter, key, answer):
    np.testing.assert_array_equal(philox4x32(words(counter)[None], words(key)), words(answer)[None])


def test_oracle(rng):
    counters = rng.integers(0, 2**32, size=(20, 4), dtype=np.uint32)
    expected = [oracles.philox4x32(counter, KEY) for counter in counters]
    result = philox4x32(counters, KEY)
    assert result.dtype == np.uint32
    np.testing.assert_array_equal(result, expected)


def test_counters_need_not_be_contiguous_and_stay_as_they_are(rng):
    counters = rng.integers(0, 2**32, size=(4, CHUNK + 3), dtype=np.uint32).T
    before = counters.copy()
    out = np.empty(counters.shape, np.uint32)
    assert philox4x32(counters, KEY, out=out) is out
    np.testing.assert_array_equal(counters, before)
    np.testing.assert_array_equal(out, philox4x32(np.ascontiguousarray(counters), KEY))


@pytest.mark.parametrize("step", [0, 1, 2**32 - 1, 2**32, 2**64 - 1])
def test_bits_are_the_words_of_the_stream(step):
    expected = [oracles.random_word(KEY, step, i) for i in range(11)]
    np.testing.assert_array_equal(random_bits(KEY, step, 11), expected)


def test_a_shorter_draw_is_the_beginning_of_a_longer_one():
    long = random_bits(KEY, 3, 4 * CHUNK + 9)
    for size in (0, 1, 4, 5, 4 * CHUNK - 1, 4 * CHUNK, 4 * CHUNK + 1):
        np.testing.assert_array_equal(random_bits(KEY, 3, size), long[:size])
    assert long[4 * CHUNK + 8] == oracles.random_word(KEY, 3, 4 * CHUNK + 8)


def test_other_keys_and_steps_give_other_streams():
    streams = [random_bits(KEY, 0, 64), random_bits(KEY, 1, 64), random_bits(KEY[::-1], 0, 64)]
    for i in range(3):
        for j in range(i):
            assert not np.any(streams[i] == streams[j])


def test_bits_are_written_in_out():
    out = np.empty(10, np.uint32)
    assert random_bits(KEY, 5, 10, out=out) is out
    np.testing.assert_array_equal(out, random_bits(KEY, 5, 10))
    numbers = np.empty(10, np.float32)
    assert random_uniform(KEY, 5, 10, np.float32, out=numbers) is numbers


def test_uniform_float32_is_the_top_24_bits():
    bits = random_bits(KEY, 5, 1000)
    numbers = random_uniform(KEY, 5, 1000, np.float32)
    assert numbers.dtype == np.float32
    np.testing.assert_array_equal(numbers.astype(np.float64), (bits // 256) / 2**24)
    assert numbers.max() < 1


def test_uniform_float64_is_53_bits_of_two_words():
    bits = [int(word) for word in random_bits(KEY, 5, 2000)]
    expected = [
        ((high // 32) * 2**26 + low // 64) / 2**53 for high, low in zip(bits[::2], bits[1::2], strict=True)
    ]
    np.testing.assert_array_equal(random_uniform(KEY, 5, 1000, "float64"), expected)


def test_uniform_is_uniform(dtype):
    numbers = random_uniform(KEY, 0, 40_000, dtype)
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    # 20 bins of about 2000: chi-square with 19 degrees of freedom exceeds 50 once in 8000 keys
    assert ((counts - 2000.0) ** 2 / 2000).sum() < 50


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: philox4x32(np.zeros((2, 3), np.uint32), KEY),
            "philox4x32: the counter is malformed. Expected (n, 4) uint32, got (2, 3) uint32.",
        ),
        (
            lambda: random_bits(KEY.astype(np.int64), 0, 1),
            "random_bits: the key is malformed. Expected (2,) uint32, got (2,) int64.",
        ),
        (
            lambda: random_bits(KEY, -1, 1),
            "random_bits: the step is out of range. Expected 0 … 2**64 - 1, got -1.",
        ),
        (
            lambda: random_bits(KEY, 0, -1),
            "random_bits: the size is negative. Expected at least 0, got -1.",
        ),
        (
            lambda: random_uniform(KEY, 0, 1, np.float16),
            "random_uniform: the dtype is unsupported. Expected float32 or float64, got float16.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
