"""Metrics: numbers collected over the batches of an epoch, with Keras 3's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import ArgumentError, ShapeError, message
from .losses import SparseCategoricalCrossentropy, class_indices

__all__ = [
    "METRICS",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "Metric",
    "SparseCategoricalAccuracy",
    "get",
]


class Metric:
    """Base: `update_state` after every batch, `result` at any time, `reset_state` at an epoch's start."""

    def __init__(self, name: str) -> None:
        self.name = name

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no update_state")

    def result(self) -> float:
        raise NotImplementedError(f"{type(self).__name__} has no result")

    def reset_state(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no reset_state")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}


class Mean(Metric):
    """Mean of values weighted by how many samples each stands for.

    >>> loss = Mean("loss"); loss.add(1.0, 3); loss.add(5.0, 1); loss.result()
    2.0
    """

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name)
        self.reset_state()

    def add(self, value: float, count: int = 1) -> None:
        """Count `value` in for `count` samples."""
        self.total += value * count
        self.count += count

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total, self.count = 0.0, 0


class _Accuracy(Mean):
    """Share of samples for which `hits` is true."""

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        hits = self.hits(np.asarray(y_true), np.asarray(y_pred))
        self.total += float(hits.sum())
        self.count += hits.size

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no hits")


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
        _check_shapes(y_true, y_pred, self.name, 'For class indices use "sparse_categorical_accuracy".')
        return y_pred.argmax(axis=-1) == y_true.argmax(axis=-1)


class BinaryAccuracy(_Accuracy):
    """How often y_pred > threshold agrees with y_true (0 or 1).

    >>> m = BinaryAccuracy(); m.update_state([[0.0], [1.0]], [[0.6], [0.7]]); m.result()
    0.5
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def hits(self, y_true: np.ndarray, y_pred: np.ndarray) -> np.ndarray:
        if y_true.shape == y_pred.shape[:-1] and y_pred.shape[-1] == 1:
            y_true = y_true[..., None]  # (n,) -> (n, 1)
        _check_shapes(y_true, y_pred, self.name, "It compares element by element.")
        return (y_pred > self.threshold) == (y_true > 0.5)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"threshold": self.threshold}


def _check_shapes(y_true: np.ndarray, y_pred: np.ndarray, where: str, hint: str) -> None:
    if y_true.shape != y_pred.shape:
        problem = "the target does not have the shape of the prediction"
        raise ShapeError(message(where, problem, expected=y_pred.shape, got=y_true.shape, hint=hint))


METRICS: dict[str, type[Metric]] = {
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "binary_accuracy": BinaryAccuracy,
}


def get(identifier: Any, loss: Any = None, output_shape: Any = None) -> Metric:
    """A metric from its name, its config or itself.

    ``"accuracy"`` becomes the form that fits the loss and the last size of the output, as in Keras.

    >>> type(get("accuracy", output_shape=(None, 10))).__name__
    'CategoricalAccuracy'
    """
    if isinstance(identifier, Metric):
        return identifier
    classes = {cls.__name__: cls for cls in METRICS.values()} | METRICS
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]](**identifier.get("config", {}))
    if identifier in ("accuracy", "acc"):
        if isinstance(loss, SparseCategoricalCrossentropy):
            return SparseCategoricalAccuracy(identifier)
        binary = output_shape is not None and output_shape[-1] == 1
        return (BinaryAccuracy if binary else CategoricalAccuracy)(identifier)
    if isinstance(identifier, str) and identifier in classes:
        return classes[identifier]()  # type: ignore[call-arg]
    expected = f"accuracy, {', '.join(METRICS)} or a Metric"
    raise ArgumentError(message("metric", "it is not known", expected=expected, got=repr(identifier)))
