"""The buffer pool: memory comes back when nobody can see it any more, and never before."""

from __future__ import annotations

import random
import threading
import weakref

import numpy as np
import pytest

from minicnn import backend
from minicnn.backend import pool

BYTES = 1 << 20  # well above pool.SMALLEST


@pytest.fixture(autouse=True)
def fresh_pool(monkeypatch):
    monkeypatch.setattr(pool, "_buffers", {})


def address(array):
    return array.__array_interface__["data"][0]


def test_a_buffer_is_used_again():
    first = address(backend.empty((BYTES,), "uint8"))  # nobody holds it any longer
    assert address(backend.empty((BYTES,), "uint8")) == first


def test_a_buffer_in_use_is_not_handed_out():
    held = backend.empty((BYTES,), "uint8")
    assert address(backend.empty((BYTES,), "uint8")) != address(held)


@pytest.mark.parametrize(
    "derive",
    [
        lambda a: a[10:20],
        lambda a: a.reshape(2, -1),
        lambda a: a.T,
        lambda a: a.view("float32"),
        lambda a: a[::2][3:][:1],
        lambda a: np.broadcast_to(a[:1], (4,)),
        lambda a: np.lib.stride_tricks.sliding_window_view(a, 3)[5],
        memoryview,
        lambda a: memoryview(a)[5:6],
        lambda a: np.frombuffer(a, "uint8", 7),
        lambda a: np.asarray(memoryview(a)),
        iter,
        lambda a: (x for x in [a]),
    ],
)
def test_whatever_sees_the_memory_keeps_it(derive):
    array = backend.empty((BYTES,), "uint8")
    where = address(array)
    seen = derive(array)
    del array
    other = backend.empty((BYTES,), "uint8")
    assert address(other) != where
    del seen
    assert address(backend.empty((BYTES,), "uint8")) == where


def test_another_thread_may_hold_it():
    arrays, ready, done = [backend.empty((BYTES,), "uint8")], threading.Event(), threading.Event()
    where = address(arrays[0])

    def hold():
        mine = arrays.pop()
        ready.set()
        done.wait(10)
        del mine

    thread = threading.Thread(target=hold)
    thread.start()
    assert ready.wait(10)
    assert address(backend.empty((BYTES,), "uint8")) != where
    done.set()
    thread.join()
    assert where in {address(backend.empty((BYTES,), "uint8")) for _ in range(2)}


def test_a_buffer_serves_other_shapes_and_dtypes_of_its_size():
    first = address(backend.empty((1024, 256), "float32"))
    second = backend.empty((256, 512), "float64")
    assert address(second) == first
    assert second.shape == (256, 512) and second.dtype == np.float64
    assert second.flags.c_contiguous and second.flags.writeable and second.flags.aligned


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 5), (7,), (2, 3), (100_000,), (3, 123, 457)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64", bool])
def test_shape_and_dtype(shape, dtype):
    array = backend.empty(shape, dtype)
    assert array.shape == shape and array.dtype == np.dtype(dtype)
    array[...] = 1
    assert (array == 1).all()


def test_small_arrays_are_numpys_own():
    array = backend.empty((pool.SMALLEST - 1,), "uint8")
    assert array.base is None
    assert backend.pool_info() == {"used": 0, "idle": 0}


def test_at_most_an_eighth_is_wasted():
    for nbytes in [pool.SMALLEST, pool.SMALLEST + 1, 100_001, 2**20 - 1, 2**20, 2**20 + 1, 10**9]:
        assert nbytes <= pool._size_class(nbytes) <= nbytes * 9 / 8


def test_pool_info_and_clear_pool():
    held = backend.empty((BYTES,), "uint8")
    backend.empty((2 * BYTES,), "uint8")
    info = backend.pool_info()
    assert info == {"used": pool._size_class(BYTES), "idle": pool._size_class(2 * BYTES)}
    backend.clear_pool()
    assert backend.pool_info() == {"used": info["used"], "idle": 0}
    where = address(held)
    del held
    assert address(backend.empty((BYTES,), "uint8")) == where


def test_cleared_memory_is_really_given_back():
    backend.empty((BYTES,), "uint8")
    (buffers,) = pool._buffers.values()
    buffer = weakref.ref(buffers[0])
    del buffers
    backend.clear_pool()
    assert buffer() is None


def test_no_more_than_the_limit_lies_idle(monkeypatch):
    monkeypatch.setattr(pool, "LIMIT", 3 * BYTES)
    for size in range(BYTES, 9 * BYTES, BYTES // 2):  # each a size class of its own
        idle = backend.pool_info()["idle"]
        backend.empty((size,), "uint8")
        # the buffer just let go comes on top; it is looked at with the next new one
        assert idle <= 3 * BYTES + pool._size_class(size)
    backend.empty((20 * BYTES,), "uint8")
    assert backend.pool_info()["idle"] <= 3 * BYTES + pool._size_class(20 * BYTES)


def test_buffers_in_use_do_not_count_against_the_limit(monkeypatch):
    monkeypatch.setattr(pool, "LIMIT", 0)
    held = [backend.empty((BYTES,), "uint8") for _ in range(5)]
    assert backend.pool_info() == {"used": 5 * pool._size_class(BYTES), "idle": 0}
    assert len({address(array) for array in held}) == 5


@pytest.mark.parametrize("seed", range(5))
def test_no_two_live_arrays_share_memory(seed):
    """Take, look at parts, and let go in random order: every live array keeps what was written in it."""
    rng = random.Random(seed)
    live = {}
    for number in range(400):
        action = rng.random()
        if action < 0.5 or not live:
            shape = (rng.choice([1, 2, 3]), rng.choice([40_000, 70_001, 300_000]))
            array = backend.empty(shape, rng.choice(["uint8", "int16"]))
            array[...] = number % 100
            live[number] = (array, number % 100)
        elif action < 0.7:  # a view outlives its array
            key = rng.choice(list(live))
            array, value = live.pop(key)
            live[key] = (array[..., rng.randrange(1000) :: 7], value)
        else:
            del live[rng.choice(list(live))]
        if len(live) > 12:
            del live[min(live)]
        if number % 10 == 0:
            for array, value in live.values():
                assert (array == value).all()


def test_threads_never_share_a_buffer():
    failures = []

    def work(value):
        for _ in range(200):
            array = backend.empty((pool.SMALLEST,), "uint8")
            array[...] = value
            if (array != value).any():
                failures.append(value)

    threads = [threading.Thread(target=work, args=(value,)) for value in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
