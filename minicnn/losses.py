"""Losses, with Keras 3's names: a value for each sample, then their mean over the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import functions as F
from .autograd import Tensor
from .errors import ArgumentError, ShapeError, message

__all__ = [
    "LOSSES",
    "CategoricalCrossentropy",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]

# Probabilities are kept this far from 0 before their logarithm is taken, as in Keras.
EPSILON = 1e-7


class Loss:
    """Base: `call(y_true, y_pred)` gives one loss for each sample, ``loss(y_true, y_pred)`` their mean."""

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def __call__(self, y_true: Any, y_pred: Any) -> Tensor:
        y_pred = y_pred if isinstance(y_pred, Tensor) else Tensor(y_pred)
        y_true = y_true.data if isinstance(y_true, Tensor) else np.asarray(y_true)
        return self.call(y_true, y_pred).mean()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))


class MeanSquaredError(Loss):
    """``loss = mean (y_pred − y_true)²``; backward ``g = 2·(y_pred − y_true) / n``.

    >>> MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]]).item()
    2.0
    """

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_true = _same_shape(y_true, y_pred, self.name)
        difference = y_pred - y_true.astype(y_pred.dtype)
        squared = difference * difference
        return squared.mean(axis=-1) if squared.ndim > 1 else squared


def _same_shape(y_true: Any, y_pred: Tensor, where: str) -> Any:
    """The target in the shape of the prediction; (n,) and (n, 1) stand for each other."""
    if y_true.shape != y_pred.shape and y_true.size == y_pred.size and abs(y_true.ndim - y_pred.ndim) == 1:
        longer = max(y_true.shape, y_pred.shape, key=len)
        if longer[-1] == 1:
            y_true = y_true.reshape(y_pred.shape)
    if y_true.shape != y_pred.shape:
        problem = "the target does not have the shape of the prediction"
        hint = "Class indices need the sparse_ form of a loss; to_categorical(y) makes one-hot rows."
        raise ShapeError(message(where, problem, expected=y_pred.shape, got=y_true.shape, hint=hint))
    return y_true


class CategoricalCrossentropy(Loss):
    """``loss = −Σᵢ y_trueᵢ·ln pᵢ`` for one-hot (or any) target distributions (…, k).

    With ``from_logits=True``, p = softmax(y_pred). Otherwise y_pred holds probabilities: those that come
    out of a softmax are traced back to its logits, which loses nothing where they are near 0 or 1; others
    are scaled to sum to 1 and kept 1e-7 from 0 and 1. Backward on logits: ``gz = (p·Σ y_true − y_true) / n``.

    >>> loss = CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(loss.item(), 4)
    0.6931
    """

    def __init__(self, from_logits: bool = False, name: str = "categorical_crossentropy") -> None:
        super().__init__(name)
        self.from_logits = bool(from_logits)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        target = _same_shape(y_true, y_pred, self.name).astype(y_pred.dtype)
        logits = self.logits(y_pred)
        if logits is not None:
            return F.softmax_cross_entropy(logits, target)
        p = y_pred / y_pred.sum(axis=-1, keepdims=True)
        return -(F.log(F.clip(p, EPSILON, 1 - EPSILON)) * target).sum(axis=-1)

    def logits(self, y_pred: Tensor) -> Tensor | None:
        """The logits behind y_pred, or None where it holds probabilities of unknown origin."""
        if self.from_logits:
            return y_pred
        logits = F.logits_of(y_pred)
        return None if logits is y_pred else logits


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """``loss = −ln p[y_true]`` for class indices y_true (…) and predictions (…, k).

    `from_logits` as in `CategoricalCrossentropy`. Backward on logits: ``gz = (p − onehot(y_true)) / n``.

    >>> loss = SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])
    >>> round(loss.item(), 4)
    0.6931
    """

    def __init__(self, from_logits: bool = False, name: str = "sparse_categorical_crossentropy") -> None:
        super().__init__(from_logits, name)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        classes = class_indices(y_true, y_pred.shape, self.name)
        logits = self.logits(y_pred)
        if logits is not None:
            return F.softmax_cross_entropy(logits, classes)
        p = y_pred / y_pred.sum(axis=-1, keepdims=True)
        one_hot = (classes[..., None] == np.arange(p.shape[-1])).astype(p.dtype)
        return -(F.log(F.clip(p, EPSILON, 1 - EPSILON)) * one_hot).sum(axis=-1)


def class_indices(y_true: Any, shape: tuple[int, ...], where: str) -> Any:
    """Integer class indices (…) for predictions of shape (…, k); checked, a last axis of size 1 dropped."""
    if y_true.ndim == len(shape) and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != tuple(shape[:-1]):
        hint = "One-hot rows need the loss without sparse_."
        problem = "the target does not hold one class index per sample"
        raise ShapeError(message(where, problem, expected=tuple(shape[:-1]), got=y_true.shape, hint=hint))
    with np.errstate(invalid="ignore"):
        classes = y_true.astype(np.int64)  # NaN becomes some number, which the next line refuses
    if (classes != y_true).any() or (classes.size and not (classes.min() >= 0 and classes.max() < shape[-1])):
        got = f"{y_true.min()} … {y_true.max()}"
        problem = "the target is not a class index everywhere"
        raise ArgumentError(message(where, problem, expected=f"integers from 0 to {shape[-1] - 1}", got=got))
    return classes


LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
}


class _Wrapped(Loss):
    """A loss function of the user's own: ``fn(y_true, y_pred)`` gives values that are averaged."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__(getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


def get(identifier: Any) -> Loss:
    """A loss from its name, its config, a function ``fn(y_true, y_pred)``, or itself.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    classes = {cls.__name__: cls for cls in LOSSES.values()} | LOSSES
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]](**identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in classes:
        return classes[identifier]()  # type: ignore[call-arg]
    if callable(identifier):
        return _Wrapped(identifier)
    expected = f"one of {', '.join(LOSSES)}, a Loss or a function"
    raise ArgumentError(message("loss", "it is not known", expected=expected, got=repr(identifier)))
