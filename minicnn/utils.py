"""Small helpers with Keras' names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import random
from .errors import ArgumentError, message
from .layers.naming import reset_names
from .models.structure import unpack

__all__ = [
    "PyDataset",
    "Sequence",
    "clear_session",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


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


class PyDataset:
    """Base of data sets that make their batches when they are asked for, such as from files on disk.

    ``len(dataset)`` is the number of batches and ``dataset[i]`` batch i, as (x, y) or (x, y, sample_weight);
    `fit`, `evaluate` and `predict` take such an object as x. Batches are made one after the other, in the
    process that trains: other values of Keras' arguments are refused.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         x = np.array([[index], [index + 1.0]])
    ...         return x, x**2
    >>> [float(y.sum()) for x, y in Squares()]
    [1.0, 5.0]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        if workers not in (0, 1) or use_multiprocessing or max_queue_size != 10:
            got = f"workers={workers}, use_multiprocessing={use_multiprocessing}, "
            got += f"max_queue_size={max_queue_size}"
            hint = "Leave these arguments out."
            problem = "batches are made in the process that trains, one after the other"
            raise ArgumentError(message(type(self).__name__, problem, got=got, hint=hint))

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} has no __len__")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_begin(self) -> None:
        """Called before an epoch of `fit`."""

    def on_epoch_end(self) -> None:
        """Called after an epoch of `fit`."""


Sequence = PyDataset  # the name it had in Keras 2


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight of what `train_step` is given; what is not there is None.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    return unpack(data)
