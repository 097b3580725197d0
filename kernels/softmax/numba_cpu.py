"""Softmax and cross-entropy: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    log_softmax_forward,
    log_softmax_grad,
    softmax_cross_entropy_forward,
    softmax_cross_entropy_grad,
    softmax_forward,
    softmax_grad,
)

__all__ = [
    "log_softmax_forward",
    "log_softmax_grad",
    "softmax_cross_entropy_forward",
    "softmax_cross_entropy_grad",
    "softmax_forward",
    "softmax_grad",
]
