"""Random numbers as a function of where they are used: repeatable, in any order, in any thread."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from minicnn import random
from minicnn.errors import ArgumentError
from tests import oracles

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def seeded():
    random.set_seed(3)


def test_the_uniforms_are_philox_words():
    key = random.derive_key("demo", 1)
    drawn = random.uniform((2, 3), "demo", 1, step=5)
    words = [oracles.random_word(key, 5, i) for i in range(6)]
    np.testing.assert_array_equal(drawn.ravel(), [(word >> 8) / 2**24 for word in words])


def test_the_key_is_philox_of_purpose_and_stream():
    import zlib

    seed, stream = 2**33 + 7, 2**40 + 9
    counter = [zlib.crc32(b"demo"), stream % 2**32, stream // 2**32, 0]
    expected = oracles.philox4x32(counter, [7, 2])[:2]
    assert random.derive_key("demo", stream, seed).tolist() == expected


def draws():
    """One draw of each kind."""
    return [
        random.uniform((3,), "a", 0),
        random.uniform((3,), "a", 0, step=1),
        random.uniform((3,), "a", 1),
        random.uniform((3,), "b", 0),
        random.normal((3,), "a", 0),
        random.truncated_normal((3,), "c", 0),
        random.permutation(9, "a", 0).astype(float),
    ]


def test_the_same_place_gives_the_same_numbers_in_any_order():
    first = draws()
    kinds = [random.normal, random.uniform]
    for draw in kinds:
        draw((1000,), "in between", 0)
    for a, b in zip(first, draws(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_places_and_seeds_give_other_numbers():
    first = [tuple(np.resize(draw, 3)) for draw in draws()]
    assert len(set(first)) == len(first)
    random.set_seed(4)
    assert not set(first) & {tuple(np.resize(draw, 3)) for draw in draws()}


def test_an_explicit_seed_does_not_look_at_the_current_one():
    first = random.uniform((3,), "a", 0, seed=11)
    random.set_seed(99)
    np.testing.assert_array_equal(random.uniform((3,), "a", 0, seed=11), first)


def test_a_larger_draw_begins_with_the_smaller_one():
    np.testing.assert_array_equal(random.uniform((9,), "a", 0)[:4], random.uniform((4,), "a", 0))


def test_other_threads_draw_the_same():
    found = []
    thread = threading.Thread(target=lambda: found.extend(draws()))
    thread.start()
    thread.join()
    for a, b in zip(found, draws(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numpys_global_generator_is_left_alone():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    draws()
    assert np.random.random() == expected


def test_the_numbers_do_not_depend_on_the_process():
    code = "from minicnn import random; random.set_seed(3); print(random.uniform((2,), 'a', 0).tolist())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True, check=True)
    assert done.stdout.strip() == str(random.uniform((2,), "a", 0).tolist())


def within_five_errors(values, mean, stddev):
    """The mean of n numbers misses theirs by stddev / √n; five of these are a chance of 6·10⁻⁷."""
    return abs(float(np.mean(values)) - mean) <= 5 * stddev / math.sqrt(values.size)


def moments_fit(values, mean, variance, fourth):
    """Mean and variance as they must be; `fourth` is the fourth central moment."""
    values = values.astype(np.float64).ravel()
    spread = math.sqrt(fourth - variance**2)
    return within_five_errors(values, mean, math.sqrt(variance)) and within_five_errors(
        (values - mean) ** 2, variance, spread
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments(dtype):
    shape = (200, 1000)
    uniform = random.uniform(shape, "moments", 0, low=-1.0, high=3.0, dtype=dtype)
    assert uniform.dtype == dtype and uniform.shape == shape
    assert uniform.min() >= -1 and uniform.max() < 3
    assert moments_fit(uniform, 1.0, 16 / 12, 256 / 80)
    normal = random.normal(shape, "moments", 0, mean=2.0, stddev=0.5, dtype=dtype)
    assert normal.dtype == dtype and normal.shape == shape
    assert moments_fit(normal, 2.0, 0.25, 3 * 0.5**4)
    assert abs(normal - 2).max() > 0.5 * 4  # 1 in 16,000 is as far out: the tails are there
    # neighbours are independent: their product has mean 0 and deviation 1
    z = (normal.ravel().astype(np.float64) - 2) / 0.5
    assert within_five_errors(z[:-1] * z[1:], 0.0, 1.0)


def truncated_moments():
    """Variance and fourth moment of a standard normal cut at ±2, by integrating its density."""
    z = np.linspace(-2, 2, 400_001)
    density = np.exp(-z * z / 2)
    return [float((z**k * density).sum() / density.sum()) for k in (2, 4)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_truncated_normal(dtype):
    values = random.truncated_normal((200_000,), "cut", 0, mean=1.0, stddev=0.25, dtype=dtype)
    assert values.dtype == dtype
    assert values.min() >= 0.5 and values.max() <= 1.5
    assert values.min() < 0.51 and values.max() > 1.49
    variance, fourth = truncated_moments()
    assert moments_fit((values.astype(np.float64) - 1) / 0.25, 0.0, variance, fourth)
    kept = random.normal((200_000,), "cut", 0, mean=1.0, stddev=0.25, dtype=dtype)
    inside = abs(kept.astype(np.float64) - 1) <= 0.5 - 1e-6
    np.testing.assert_array_equal(values[inside], kept[inside])  # only the others are drawn again


def test_a_uniform_never_reaches_its_upper_end(monkeypatch):
    """1 + (1 − 2⁻²⁴) rounds to 2 in float32."""
    largest = np.full(3, 1 - 2.0**-24, np.float32)
    monkeypatch.setattr(random, "random_uniform", lambda *_: largest)
    drawn = random.uniform((3,), "a", 0, low=1.0, high=2.0)
    assert (drawn < 2).all() and drawn.dtype == np.float32


def test_permutation():
    for n in (0, 1, 2, 1000):
        assert sorted(random.permutation(n, "shuffle", 0)) == list(range(n))
    orders = {tuple(random.permutation(4, "shuffle", 0, step)) for step in range(600)}
    assert len(orders) == 24  # every order comes up
    firsts = np.bincount([random.permutation(5, "first", 0, step)[0] for step in range(1000)], minlength=5)
    assert abs(firsts - 200).max() <= 5 * math.sqrt(1000 * 0.2 * 0.8)


def test_streams_count_by_purpose_from_the_seed_on():
    assert [random.next_stream("layer") for _ in range(3)] == [0, 1, 2]
    assert random.next_stream("dropout") == 0
    random.set_seed(3)
    assert random.next_stream("layer") == 0


def test_at_step():
    assert random.current_step() is None
    with random.at_step(4):
        assert random.current_step() == 4
        with pytest.raises(KeyError), random.at_step(5):
            assert random.current_step() == 5
            raise KeyError
        assert random.current_step() == 4
        seen = []
        thread = threading.Thread(target=lambda: seen.append(random.current_step()))
        thread.start()
        thread.join()
        assert seen == [None]
    assert random.current_step() is None


def test_a_seed_is_drawn_once_where_none_was_set(monkeypatch):
    monkeypatch.setattr(random._State, "seed", None)
    monkeypatch.setattr(random._State, "drawn", False)
    seed = random.get_seed()
    assert random.seed_was_drawn() and random.get_seed() == seed
    random.set_seed(seed)
    assert not random.seed_was_drawn() and random.get_seed() == seed


@pytest.mark.parametrize("seed", [0, 2**64 - 1, np.int64(7)])
def test_seeds(seed):
    random.set_seed(seed)
    assert random.get_seed() == seed
    assert np.isfinite(random.uniform((2,), "a", 0)).all()


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, "1", None, True])
def test_refused_seeds(seed):
    with pytest.raises(ArgumentError) as error:
        random.set_seed(seed)
    expected = f"Expected an integer from 0 to 2⁶⁴ − 1, got {seed!r}."
    assert str(error.value) == f"set_random_seed: the seed is unusable. {expected}"
    assert random.get_seed() == 3
