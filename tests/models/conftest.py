"""Every test of models starts from one seed and with fresh layer names."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import utils


@pytest.fixture(autouse=True)
def fresh_start():
    utils.clear_session()
    utils.set_random_seed(0)


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def images(rng):
    """Twelve 8×8 images of three classes, and their classes."""
    y = np.arange(12) % 3
    x = rng.normal(size=(12, 8, 8, 1)).astype("float32")
    x[:, 2:4] += y[:, None, None, None]
    return x, y
