"""The number of threads: set, refused, taken from the environment."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import minicnn
from minicnn import backend
from minicnn.errors import ArgumentError


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
