"""Batch, layer and group normalization, each in a file of its own, on the formulas of moments.py."""

from __future__ import annotations

from .batch import batch_norm_forward, batch_norm_grad, batch_norm_inference
from .group import group_norm_forward, group_norm_grad
from .layer import layer_norm_forward, layer_norm_grad

__all__ = [
    "batch_norm_forward",
    "batch_norm_grad",
    "batch_norm_inference",
    "group_norm_forward",
    "group_norm_grad",
    "layer_norm_forward",
    "layer_norm_grad",
]
