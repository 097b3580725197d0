"""Normalization: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    batch_norm_forward,
    batch_norm_grad,
    batch_norm_inference,
    group_norm_forward,
    group_norm_grad,
    layer_norm_forward,
    layer_norm_grad,
)

__all__ = [
    "batch_norm_forward",
    "batch_norm_grad",
    "batch_norm_inference",
    "group_norm_forward",
    "group_norm_grad",
    "layer_norm_forward",
    "layer_norm_grad",
]
