"""Padding and cropping, and upsampling, each in a file of its own."""

from __future__ import annotations

from .padding import crop2d, pad2d
from .upsampling import upsample2d_forward, upsample2d_input_grad

__all__ = ["crop2d", "pad2d", "upsample2d_forward", "upsample2d_input_grad"]
