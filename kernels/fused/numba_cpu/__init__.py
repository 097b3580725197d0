"""Fused kernels compiled for this processor: `conv2d.py` forward, `gradients.py` backward, `norm.py` both."""

from __future__ import annotations

from .conv2d import (
    conv2d_bias_activation_forward,
    conv2d_bias_activation_max_pool2d_forward,
    dense_bias_activation_forward,
)
from .gradients import bias_activation_grad, max_pool2d_bias_activation_grad
from .norm import add_activation_forward, batch_norm_activation_forward, batch_norm_activation_grad

__all__ = [
    "add_activation_forward",
    "batch_norm_activation_forward",
    "batch_norm_activation_grad",
    "bias_activation_grad",
    "conv2d_bias_activation_forward",
    "conv2d_bias_activation_max_pool2d_forward",
    "dense_bias_activation_forward",
    "max_pool2d_bias_activation_grad",
]
