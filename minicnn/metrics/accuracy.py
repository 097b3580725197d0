"""Accuracies: how often a prediction is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import whole
from ..errors import ShapeError, message
from ..losses import class_indices
from .base import Mean, array

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "same_shape",
]


class _Accuracy(Mean):
    """Share of samples for which `hits` is true."""

    direction = "up"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        super().update_state(self.hits(array(y_true), array(y_pred)), sample_weight)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no hits")


def same_shape(y_true: np.ndarray, y_pred: np.ndarray, where: str, hint: str) -> np.ndarray:
    """The target in the shape of the prediction; (n,) and (n, 1) stand for each other."""
    nearly = y_true.size == y_pred.size and abs(y_true.ndim - y_pred.ndim) == 1
    if nearly and max(y_true.shape, y_pred.shape, key=len)[-1] == 1:
        y_true = y_true.reshape(y_pred.shape)
    if y_true.shape != y_pred.shape:
        problem = "the target does not have the shape of the prediction"
        raise ShapeError(message(where, problem, expected=y_pred.shape, got=y_true.shape, hint=hint))
    return y_true


class Accuracy(_Accuracy):
    """How often y_pred equals y_true, element by element.

    >>> Accuracy()([1, 2, 3], [1, 2, 4]) == 2 / 3
    True
    """

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(name)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_pred == same_shape(y_true, y_pred, self.name, "It compares element by element.")


class SparseCategoricalAccuracy(_Accuracy):
    """How often the largest of y_pred (…, k) is at the class index y_true (…).

    >>> m = SparseCategoricalAccuracy(); m.update_state([1, 0], [[0.1, 0.9], [0.2, 0.8]]); m.result()
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_pred.argmax(axis=-1) == class_indices(y_true, y_pred.shape, self.name)


class CategoricalAccuracy(_Accuracy):
    """How often the largest of y_pred (…, k) is where y_true (…, k) is largest.

    >>> m = CategoricalAccuracy(); m.update_state([[0, 1]], [[0.1, 0.9]]); m.result()
    1.0
    """

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return y_pred.argmax(axis=-1) == _one_hot(y_true, y_pred, self.name).argmax(axis=-1)


def _one_hot(y_true: np.ndarray, y_pred: np.ndarray, name: str) -> np.ndarray:
    return same_shape(y_true, y_pred, name, f'For class indices use "sparse_{name}".')


class BinaryAccuracy(_Accuracy):
    """How often y_pred > threshold agrees with y_true (0 or 1).

    >>> m = BinaryAccuracy(); m.update_state([[0.0], [1.0]], [[0.6], [0.7]]); m.result()
    0.5
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        y_true = same_shape(y_true, y_pred, self.name, "It compares element by element.")
        return (y_pred > self.threshold) == (y_true > 0.5)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"threshold": self.threshold}


def _in_top_k(classes: np.ndarray, y_pred: np.ndarray, k: int) -> np.ndarray:
    """Whether fewer than k predictions are larger than that of the class: equals all count, as in Keras."""
    own = np.take_along_axis(y_pred, classes[..., None], axis=-1)  # (…, 1)
    return (~(y_pred <= own)).sum(axis=-1) < k  # a NaN is never among the first


class TopKCategoricalAccuracy(_Accuracy):
    """How often the class where y_true (…, k) is largest is among the k largest of y_pred (…, k).

    >>> TopKCategoricalAccuracy(k=2)([[0, 1, 0], [0, 0, 1]], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    0.5
    """

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy") -> None:
        super().__init__(name)
        self.k = whole(k, "k", name)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        return _in_top_k(_one_hot(y_true, y_pred, self.name).argmax(axis=-1), y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"k": self.k}


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """How often the class index y_true (…) is among the k largest of y_pred (…, k).

    With `from_sorted_ids`, y_pred holds class indices instead, the likeliest first.

    >>> SparseTopKCategoricalAccuracy(k=2)([1, 2], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    0.5
    """

    def __init__(
        self, k: int = 5, name: str = "sparse_top_k_categorical_accuracy", from_sorted_ids: bool = False
    ) -> None:
        super().__init__(k, name)
        self.from_sorted_ids = bool(from_sorted_ids)

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        if self.from_sorted_ids:
            return (y_true.reshape((*y_pred.shape[:-1], 1)) == y_pred[..., : self.k]).any(axis=-1)
        return _in_top_k(class_indices(y_true, y_pred.shape, self.name), y_pred, self.k)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"from_sorted_ids": self.from_sorted_ids}
