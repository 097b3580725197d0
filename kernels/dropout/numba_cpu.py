"""Dropout and noise: not compiled yet, the reference's own functions run."""

from __future__ import annotations

from .reference import (
    dropout_forward,
    dropout_grad,
    gaussian_noise_forward,
)

__all__ = [
    "dropout_forward",
    "dropout_grad",
    "gaussian_noise_forward",
]
