"""Tools to look into a network while it learns: so far `gradcheck`, which proves gradients right or wrong."""

from __future__ import annotations

from .gradcheck import gradcheck
from .verdict import GradientCheck

__all__ = ["GradientCheck", "gradcheck"]
