"""Drivers call their bodies by name: in this process, from the disk, and when the disk has lost them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from minicnn.kernels.compiled import linking, parallel
from minicnn.kernels.compiled.jit import COMPILED, jit

pytestmark = pytest.mark.skipif(not COMPILED, reason="NUMBA_DISABLE_JIT=1")


@jit
def _twice_part(part, parts, x):
    for i in range(part * x.size // parts, (part + 1) * x.size // parts):
        x[i] *= 2


@jit
def _twice(parts, x):
    parallel.launch(_twice_part, parts, (x,))


@jit
def _four_times(parts, x):
    _twice(parts, x)
    _twice(parts, x)


def test_a_driver_names_its_bodies_and_holds_no_copy():
    x = np.ones(5)
    with parallel.guarded:
        _twice(1, x)
    assert x.tolist() == [2] * 5
    (compiled,) = _twice.overloads.values()
    (body,) = linking.called_by(compiled.library)
    assert body[:2] == (__name__, "_twice_part") and body.find() is _twice_part
    assert f"declare i32 @{body.symbol}" in compiled.library.get_llvm_str().replace('"', "")


def test_names_are_passed_on_to_who_copies_a_driver():
    x = np.ones(3)
    with parallel.guarded:
        _four_times(1, x)
    assert x.tolist() == [4] * 3
    (compiled,) = _four_times.overloads.values()
    assert [body.name for body in linking.called_by(compiled.library)] == ["_twice_part"]


def test_functions_inside_functions_are_called_but_not_kept():
    @jit
    def body(part, parts, x):
        x[part] = 7

    @jit
    def driver(parts, x):
        parallel.launch(body, parts, (x,))

    x = np.zeros(2)
    with parallel.guarded:
        driver(1, x)
    assert x.tolist() == [7, 0]
    (compiled,) = driver.overloads.values()
    assert [found.find() for found in linking.called_by(compiled.library)] == [None]


def test_one_compilation_for_all_integers():
    @jit
    def inner(x, i):
        return x[i]

    @jit
    def outer(x, i):
        return inner(x, 0) + inner(x, 1) + inner(x, i)

    assert outer(np.array([1.0, 2.0, 4.0]), 2) == 7
    assert len(inner.signatures) == 1


RELU = """
import numpy as np
from minicnn.kernels.activation.numba_cpu import bias_activation_forward
print(bias_activation_forward(np.array([[-1.0, 2.0]]), None, "relu"))
"""


def test_a_body_that_the_disk_has_lost(tmp_path):
    def run():
        environment = os.environ | {"MINICNN_KERNEL_CACHE": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", RELU], env=environment, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("[[0. 2.]]\n", "")
        return {file.name for file in tmp_path.rglob("*.nb?")}

    files = run()
    parts = min(file for file in files if ".apart-" in file and file.endswith(".nbi"))
    for kind in ("i", "c"):
        for file in tmp_path.rglob(f"{parts.split('.')[0]}*.nb{kind}"):
            file.unlink()
    assert parts in run()
