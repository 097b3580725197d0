"""Batch normalization compiled: `columns.py` has the loops, `batch.py` says over which values they run.

Layer and group normalization are the reference's own.
"""

from __future__ import annotations

from ..reference import group_norm_forward, group_norm_grad, layer_norm_forward, layer_norm_grad
from .batch import batch_norm_forward, batch_norm_grad, batch_norm_inference

__all__ = [
    "batch_norm_forward",
    "batch_norm_grad",
    "batch_norm_inference",
    "group_norm_forward",
    "group_norm_grad",
    "layer_norm_forward",
    "layer_norm_grad",
]
