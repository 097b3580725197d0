"""What the layer tests share: a seed, so that every run draws the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import utils


@pytest.fixture(autouse=True)
def seeded():
    utils.set_random_seed(0)
    utils.clear_session()


@pytest.fixture
def rng():
    return np.random.default_rng(3)
