"""Keras on JAX, imported when the first test asks for it: a missing one skips tests, not collection."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def keras():
    """The real Keras. MINICNN_REQUIRE_CROSSCHECK=1 turns the skip into a failure, in tests/conftest.py."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # a GPU would multiply in TF32
    os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")  # to compile takes longer here than to run
    pytest.importorskip("jax")
    module = pytest.importorskip("keras")
    backend = module.backend.backend()
    assert backend == "jax", f"Keras runs on {backend}: set KERAS_BACKEND=jax before anything imports keras"
    return module
