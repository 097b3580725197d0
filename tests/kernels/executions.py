"""Run every test of a file with the kernels of each backend."""

from __future__ import annotations

import importlib

import pytest

FILES = ("reference", "numba_cpu")


def every_execution(folder, namespace):
    """A fixture for all tests of a file: puts the kernels of one backend in place of the imported ones."""

    @pytest.fixture(params=FILES, autouse=True)
    def execution(request, monkeypatch):
        module = importlib.import_module(f"minicnn.kernels.{folder}.{request.param}")
        for name in module.__all__:
            if name in namespace:
                monkeypatch.setitem(namespace, name, getattr(module, name))
        return request.param

    return execution
