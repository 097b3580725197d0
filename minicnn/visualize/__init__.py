"""Pictures of training and of what a network does; `plot` draws them, imported on first use."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["plot"]


def __getattr__(name: str) -> ModuleType:
    # matplotlib takes most of a second to import, so `plot` waits until somebody asks for it.
    if name == "plot":
        return importlib.import_module("minicnn.visualize.plot")
    raise AttributeError(f"module 'minicnn.visualize' has no attribute {name!r}")
