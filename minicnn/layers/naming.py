"""Automatic layer names: ``conv2d``, ``conv2d_1``, …, as Keras gives them."""

from __future__ import annotations

import re

_names: dict[str, int] = {}


def unique_name(base: str) -> str:
    """``conv2d``, ``conv2d_1``, ``conv2d_2``, …"""
    number = _names.get(base, 0)
    _names[base] = number + 1
    return f"{base}_{number}" if number else base


def reset_names() -> None:
    """Let automatic names start again."""
    _names.clear()


def snake_case(name: str) -> str:
    """``MaxPooling2D`` -> ``max_pooling2d``, as Keras names layers."""
    name = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
