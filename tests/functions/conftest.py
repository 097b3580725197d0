"""Every test of functions runs on every backend."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def on_each_backend(each_backend):
    pass
