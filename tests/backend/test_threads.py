"""The number of threads: set, refused, taken from the environment."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest

import minicnn
from minicnn import backend, layers
from minicnn.errors import ArgumentError
from minicnn.kernels.compiled.jit import COMPILED, jit
from minicnn.kernels.compiled.parallel import guarded, launch


def test_setting_the_number(threads_restored):
    before = backend.threads()
    minicnn.set_threads(1)
    assert backend.threads() == 1
    minicnn.set_threads(before)
    for number in (0, 2.5, "two"):
        with pytest.raises(ArgumentError, match="^set_threads: "):
            minicnn.set_threads(number)
    with pytest.raises(ArgumentError, match="that many threads cannot be had. Expected 1 to"):
        minicnn.set_threads(99_999)


def run_with(text):
    code = "from minicnn import backend; backend.kernel('dense_forward', 'numba'); print(backend.threads())"
    environment = os.environ | {"MINICNN_THREADS": text}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_the_environment_variable():
    assert run_with("1").stdout == "1\n"
    error = run_with("many").stderr
    assert "MINICNN_THREADS: it is no number of threads. Expected 1 or more, got 'many'." in error


@jit
def _note_thread(part, parts, seen):
    seen[part] = numba.get_thread_id()


@jit
def _note_threads(parts, seen):
    launch(_note_thread, parts, (seen,))


def threads_of_a_launch() -> int:
    """How many different threads compute when kernels are launched in this Python thread."""
    with guarded:
        seen = np.full(backend.threads(), -1)
        _note_threads(len(seen), seen)
    assert seen.min() >= 0, "every part was done"
    return len(set(seen.tolist()))


def elsewhere(function):
    """What a function returns in a Python thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.skipif(not COMPILED or numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
def test_the_number_holds_in_every_python_thread(threads_restored):
    """Numba keeps a number for each Python thread; ours is one for all."""
    minicnn.set_threads(2)
    assert threads_of_a_launch() == elsewhere(threads_of_a_launch) == 2
    elsewhere(lambda: minicnn.set_threads(1))
    assert threads_of_a_launch() == elsewhere(threads_of_a_launch) == 1
    numba.set_num_threads(1)
    elsewhere(lambda: minicnn.set_threads(2))
    assert threads_of_a_launch() == elsewhere(threads_of_a_launch) == 2
    assert numba.get_num_threads() == 1, "what the user told Numba is as it was"
    numba.set_num_threads(2)


def train() -> list[np.ndarray]:
    with minicnn.use_backend("numba"):
        minicnn.utils.set_random_seed(0)
        model = minicnn.Sequential(
            [
                layers.Input((9, 9, 2)),
                layers.Conv2D(20, 3, activation="relu"),
                layers.Flatten(),
                layers.Dense(3),
            ]
        )
        model.compile("rmsprop", "mse")
        rng = np.random.default_rng(1)
        model.fit(rng.random((32, 9, 9, 2), np.float32), rng.random((32, 3)), epochs=2, verbose=0)
        return model.get_weights()


@pytest.mark.parametrize("number", [1, 2])
def test_training_in_another_python_thread_gives_the_same_bits(number, threads_restored):
    minicnn.set_threads(min(number, numba.config.NUMBA_NUM_THREADS))
    for mine, theirs in zip(train(), elsewhere(train), strict=True):
        np.testing.assert_array_equal(mine, theirs)
