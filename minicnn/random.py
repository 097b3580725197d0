"""Random numbers that depend on nothing but where they are used.

Every draw is a pure function of (seed, purpose, layer, step, element), computed by the counter-based
generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). So the
order of other draws, threads, prefetching or resuming a run cannot disturb it, and a dropout mask can
be drawn a second time in the backward pass instead of being stored. `numpy.random` is never touched.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from .checks import is_integer
from .errors import ArgumentError, message
from .kernels.philox.reference import philox4x32, random_bits, random_uniform

__all__ = [
    "at_step",
    "current_step",
    "derive_key",
    "get_seed",
    "next_stream",
    "normal",
    "permutation",
    "restore_seed",
    "seed_was_drawn",
    "set_seed",
    "truncated_normal",
    "uniform",
]


class _State:
    """The seed of this process and how many streams of each purpose were handed out."""

    seed: int | None = None
    drawn = False
    streams: dict[str, int] = {}  # noqa: RUF012 - one process-wide record, replaced by set_seed


_step: ContextVar[int | None] = ContextVar("minicnn_random_step", default=None)


def set_seed(seed: int) -> None:
    """Start again from `seed` (0 … 2⁶⁴ − 1): what is built after this call repeats exactly.

    >>> set_seed(7); first = uniform((2,), "demo", 0)
    >>> set_seed(7); bool((first == uniform((2,), "demo", 0)).all())
    True
    """
    _State.seed, _State.drawn, _State.streams = check_seed(seed, "set_random_seed"), False, {}


def restore_seed(seed: int, drawn: bool) -> None:
    """Take up the seed of an earlier process; streams that were handed out stay, unlike with `set_seed`."""
    _State.seed, _State.drawn = check_seed(seed, "restore_seed"), bool(drawn)


def check_seed(seed: int, where: str) -> int:
    """A seed from 0 to 2⁶⁴ − 1 as a Python integer, or an ArgumentError."""
    if not is_integer(seed) or not 0 <= int(seed) < 2**64:
        expected = "an integer from 0 to 2⁶⁴ − 1"
        raise ArgumentError(message(where, "the seed is unusable", expected=expected, got=repr(seed)))
    return int(seed)


def get_seed() -> int:
    """The current seed; when none was set, one is drawn from the operating system and kept."""
    if _State.seed is None:
        _State.seed, _State.drawn = int.from_bytes(os.urandom(4), "little"), True
    return _State.seed


def seed_was_drawn() -> bool:
    """True when nobody set the seed: a training run then prints it, so that it can be repeated."""
    get_seed()
    return _State.drawn


def next_stream(purpose: str) -> int:
    """Number the users of a purpose 0, 1, 2, … since the seed was set.

    Layers take theirs when they are built. A purpose counts alone, so that adding a Dropout layer
    does not change the initial weights of the layers behind it.
    """
    number = _State.streams.get(purpose, 0)
    _State.streams[purpose] = number + 1
    return number


@contextmanager
def at_step(step: int) -> Iterator[None]:
    """Fix the step that dropout and its kin draw for, as a training step does."""
    token = _step.set(int(step))
    try:
        yield
    finally:
        _step.reset(token)


def current_step() -> int | None:
    """The step set by `at_step`, or None outside of it."""
    return _step.get()


def derive_key(purpose: str, stream: int, seed: int | None = None) -> np.ndarray:
    """The key of one stream, two 32-bit words mixed from seed, purpose and stream number."""
    seed = get_seed() if seed is None else int(seed)
    counter = np.array([[zlib.crc32(purpose.encode()), stream & 0xFFFFFFFF, stream >> 32, 0]], np.uint32)
    return philox4x32(counter, np.array([seed & 0xFFFFFFFF, seed >> 32], np.uint32))[0, :2]


def uniform(
    shape: tuple[int, ...],
    purpose: str,
    stream: int,
    step: int = 0,
    low: float = 0.0,
    high: float = 1.0,
    dtype: str = "float32",
    seed: int | None = None,
) -> np.ndarray:
    """Uniform numbers in [low, high) of the given shape."""
    size = int(np.prod(shape, dtype=np.int64))
    unit = random_uniform(derive_key(purpose, stream, seed), step, size, np.dtype(dtype))
    drawn = unit * np.asarray(high - low, dtype) + np.asarray(low, dtype)
    below = np.nextafter(np.asarray(high, dtype), np.asarray(low, dtype))
    return np.minimum(drawn, below).reshape(shape)  # rounding may have reached high


def normal(
    shape: tuple[int, ...],
    purpose: str,
    stream: int,
    step: int = 0,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str = "float32",
    seed: int | None = None,
) -> np.ndarray:
    """Normal numbers, by the Box–Muller transform of pairs of uniforms (Box & Muller, 1958)."""
    size = int(np.prod(shape, dtype=np.int64))
    pairs = random_uniform(derive_key(purpose, stream, seed), step, 2 * size, np.dtype("float64"))
    u, v = pairs[0::2], pairs[1::2]
    z = np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v)  # 1 − u is in (0, 1]: the log is finite
    return (mean + stddev * z).astype(dtype).reshape(shape)


def truncated_normal(
    shape: tuple[int, ...],
    purpose: str,
    stream: int,
    step: int = 0,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str = "float32",
    seed: int | None = None,
) -> np.ndarray:
    """Normal numbers of which those further than 2·stddev from the mean are drawn again."""
    z = normal(shape, purpose, stream, step, dtype="float64", seed=seed)
    attempt = 0
    while (outside := np.abs(z) > 2.0).any():
        attempt += 1
        again = normal(shape, f"{purpose}/again{attempt}", stream, step, dtype="float64", seed=seed)
        z = np.where(outside, again, z)
    return (mean + stddev * z).astype(dtype)


def permutation(n: int, purpose: str, stream: int, step: int = 0, seed: int | None = None) -> np.ndarray:
    """A random order of 0 … n − 1: the order that sorts n random 64-bit keys."""
    words = random_bits(derive_key(purpose, stream, seed), step, 2 * n).astype(np.uint64)
    return np.argsort(words[0::2] << np.uint64(32) | words[1::2], kind="stable")
