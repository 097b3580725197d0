"""Random bits: integers in whole-array operations: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    philox4x32,
    random_bits,
    random_uniform,
)

__all__ = [
    "philox4x32",
    "random_bits",
    "random_uniform",
]
