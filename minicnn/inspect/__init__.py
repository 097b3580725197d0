"""Tools to look into a network while it learns: `gradcheck` of functions, `sanity` of whole models."""

from __future__ import annotations

from .gradcheck import gradcheck
from .sanity import Sanity, sanity
from .verdict import GradientCheck

__all__ = ["GradientCheck", "Sanity", "gradcheck", "sanity"]
