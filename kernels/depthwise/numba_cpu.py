"""Depthwise convolution: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    depthwise_conv2d_forward,
    depthwise_conv2d_input_grad,
    depthwise_conv2d_weight_grad,
)

__all__ = [
    "depthwise_conv2d_forward",
    "depthwise_conv2d_input_grad",
    "depthwise_conv2d_weight_grad",
]
