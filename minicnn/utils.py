"""Small helpers with Keras' names."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import random
from .errors import ArgumentError, message
from .layers.naming import reset_names

__all__ = ["clear_session", "set_random_seed", "to_categorical"]


def set_random_seed(seed: int) -> None:
    """Start all random draws from `seed`: what is built and trained after this call repeats exactly.

    >>> set_random_seed(0)
    """
    random.set_seed(seed)


def clear_session() -> None:
    """Let automatic layer names start again: the next Conv2D is ``conv2d``."""
    reset_names()


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows from class indices: (n,) -> (n, num_classes) float32.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    classes = np.asarray(x)
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    with np.errstate(invalid="ignore"):
        whole = classes.astype(np.int64)  # NaN becomes some number, which the next line refuses
    if classes.size == 0 or (whole != classes).any() or whole.min() < 0:
        got = f"{classes.size} values" if classes.size == 0 else f"{classes.min()} … {classes.max()}"
        expected = "integers of at least 0"
        raise ArgumentError(message("to_categorical", "not class indices", expected=expected, got=got))
    k = int(whole.max()) + 1 if num_classes is None else num_classes
    if whole.max() >= k:
        expected, got = f"classes below num_classes={k}", str(whole.max())
        raise ArgumentError(message("to_categorical", "a class is too large", expected=expected, got=got))
    return (whole[..., None] == np.arange(k)).astype(np.float32)
