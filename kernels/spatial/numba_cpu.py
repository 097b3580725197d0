"""Padding, cropping and upsampling: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    crop2d,
    pad2d,
    upsample2d_forward,
    upsample2d_input_grad,
)

__all__ = [
    "crop2d",
    "pad2d",
    "upsample2d_forward",
    "upsample2d_input_grad",
]
