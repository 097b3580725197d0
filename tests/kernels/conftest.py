"""What the kernel tests share: both dtypes, a generator that starts afresh, and both executions.

A test that imports an operation from its ``reference`` is a test of what the operation promises: it runs once
with the reference and once with the compiled kernel in its place.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from numba.core import config

from minicnn.kernels import OPERATIONS
from minicnn.kernels.compiled import parallel

EXECUTIONS = ("reference", "numba_cpu")
ABOUT_THE_REFERENCE = {"test_conv2d_tiling"}  # how its tiles are cut, and what they take in memory


def references(module) -> list[str]:
    """Operations of the reference among the names of a test file."""
    if module.__name__.rpartition(".")[2] in ABOUT_THE_REFERENCE:
        return []
    sources = {op: getattr(vars(module).get(op), "__module__", "") for op in OPERATIONS}
    return [
        op
        for op, source in sources.items()
        if source.startswith("minicnn.kernels.") and "numba_cpu" not in source.split(".")
    ]


def pytest_generate_tests(metafunc) -> None:
    if references(metafunc.module):
        metafunc.parametrize("either_execution", EXECUTIONS, indirect=True)


@pytest.fixture(autouse=True)
def either_execution(request, monkeypatch):
    """Put the kernels of one execution in the place of those that the test file imported."""
    file = getattr(request, "param", EXECUTIONS[0])
    for op in references(request.module) if file != EXECUTIONS[0] else ():
        kernels = importlib.import_module(f"minicnn.kernels.{OPERATIONS[op]}.{file}")
        monkeypatch.setattr(request.module, op, getattr(kernels, op))


@pytest.fixture(autouse=True)
def all_threads(monkeypatch):
    """Cut the work of every kernel into parts, whatever number of threads other tests run on."""
    monkeypatch.setattr(parallel, "_threads", config.NUMBA_NUM_THREADS)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def draw(rng):
    """Return a function (shape, dtype) -> normal random array."""
    return lambda shape, dtype=np.float64: rng.normal(size=shape).astype(dtype)
