"""Models: Sequential, functional and subclassed; training, summary and files."""

from __future__ import annotations

from ..layers.registry import allow
from .functional import Functional, Model
from .graph import Symbol
from .saving import load_model
from .sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "Symbol", "load_model"]

allow(Functional, Sequential)
