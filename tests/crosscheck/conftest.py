"""Keras on JAX, imported when the first test asks for it: a missing one skips tests, not collection."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def keras(tmp_path_factory):
    """The real Keras. MINICNN_REQUIRE_CROSSCHECK=1 turns the skip into a failure, in tests/conftest.py."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # a GPU would multiply in TF32
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # to compile takes longer here than to run
    # What is the same in two tests is compiled once: a sixth of the time.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("jax")))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    pytest.importorskip("jax")
    module = pytest.importorskip("keras")
    backend = module.backend.backend()
    assert backend == "jax", f"Keras runs on {backend}: set KERAS_BACKEND=jax before anything imports keras"
    return module
