"""Pooling compiled: `maximum.py` and `average.py`."""

from __future__ import annotations

from .average import (
    adaptive_avg_pool2d_forward,
    adaptive_avg_pool2d_input_grad,
    avg_pool2d_forward,
    avg_pool2d_input_grad,
)
from .maximum import max_pool2d_forward, max_pool2d_input_grad

__all__ = [
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_input_grad",
    "avg_pool2d_forward",
    "avg_pool2d_input_grad",
    "max_pool2d_forward",
    "max_pool2d_input_grad",
]
