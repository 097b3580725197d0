"""What the kernel tests share: both dtypes, and a generator that starts afresh in every test."""

from __future__ import annotations

import numpy as np
import pytest


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
