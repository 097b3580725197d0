"""im2col and col2im: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    col2im,
    im2col,
)

__all__ = [
    "col2im",
    "im2col",
]
