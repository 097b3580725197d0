"""What goes into a network: data sets and images, brought into one form for every command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import datasets
from ..datasets import Split
from ..errors import ArgumentError, message
from .terminal import check_choice

__all__ = ["CLASSES", "image_shape", "load", "network_input"]

CLASSES = 10  # all data sets are of digits


def load(name: str, folder: Path | None, where: str) -> tuple[Split, Split]:
    """Load ``(x_train, y_train), (x_test, y_test)`` of a data set; images are uint8 (n, h, w)."""
    check_choice(name, datasets.NAMES, "data set", where)
    if name != "mnist" and folder is not None:
        problem, hint = f"{name} comes with minicnn and takes no --data-dir", "Leave it out, or use mnist."
        raise ArgumentError(message(where, problem, got=f"'{folder}'", hint=hint))
    return datasets.load(name, folder)


def network_input(images: np.ndarray) -> np.ndarray:
    """Turn pixels from 0 to 255 into what the networks take: float32 from 0 to 1, with a channel axis.

    Parameters
    ----------
    images : uint8, (n, h, w) grey or (n, h, w, c).

    Returns
    -------
    ndarray : (n, h, w, 1) or (n, h, w, c).

    Examples
    --------
    >>> network_input(np.full((1, 2, 2), 51, np.uint8))[0, 0, 0]
    array([0.2], dtype=float32)
    """
    x = images[..., None] if images.ndim == 3 else images  # (n, h, w) -> (n, h, w, 1)
    return x.astype(np.float32) / np.float32(255)


def image_shape(model: Any, where: str) -> tuple[int, int, int]:
    """Return (h, w, c) of the images a model takes; ArgumentError if it is no classifier of images."""
    shape, outputs = model.input_shape, model.output_shape
    if isinstance(shape, list) or len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3):
        problem = "the model does not take images of a fixed size"
        expected = "one input of shape (None, height, width, 1 or 3)"
        raise ArgumentError(message(where, problem, expected=expected, got=shape))
    if isinstance(outputs, list) or len(outputs) != 2 or outputs[1] is None or outputs[1] < 2:
        problem = "the model does not tell classes apart"
        expected = "one output of shape (None, 2 classes or more)"
        raise ArgumentError(message(where, problem, expected=expected, got=outputs))
    return shape[1:]
