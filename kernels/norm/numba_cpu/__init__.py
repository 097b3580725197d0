"""Normalization compiled: `columns.py` has the loops, `batch.py` and `sets.py` say over which values they run."""

from __future__ import annotations

from .batch import batch_norm_forward, batch_norm_grad, batch_norm_inference
from .sets import group_norm_forward, group_norm_grad, layer_norm_forward, layer_norm_grad

__all__ = [
    "batch_norm_forward",
    "batch_norm_grad",
    "batch_norm_inference",
    "group_norm_forward",
    "group_norm_grad",
    "layer_norm_forward",
    "layer_norm_grad",
]
