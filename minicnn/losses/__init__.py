"""Losses, with Keras 3's names: a value for each sample, then one number for the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..errors import ArgumentError, message
from .base import EPSILON, Loss, class_indices, weights_for
from .mistakes import logits_mistake
from .probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from .regression import Huber, MeanAbsoluteError, MeanSquaredError

__all__ = [
    "EPSILON",
    "LOSSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "class_indices",
    "get",
    "huber",
    "kl_divergence",
    "logits_mistake",
    "mean_absolute_error",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
    "weights_for",
]

LOSSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "kl_divergence": KLDivergence,
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
}
LOSSES |= {alias: LOSSES[name] for name, alias in (
    ("mean_squared_error", "mse"), ("mean_squared_error", "MSE"),
    ("mean_absolute_error", "mae"), ("mean_absolute_error", "MAE"),
    ("binary_crossentropy", "bce"), ("binary_crossentropy", "BCE"),
    ("kl_divergence", "kld"), ("kl_divergence", "KLD"),
)}  # fmt: skip


def _function(kind: type[Loss], name: str) -> Callable[..., Tensor]:
    """The loss of each sample as a function of the same arguments, as Keras has it."""

    def function(y_true: Any, y_pred: Any, **arguments: Any) -> Tensor:
        target = y_true.data if isinstance(y_true, Tensor) else np.asarray(y_true)
        prediction = y_pred if isinstance(y_pred, Tensor) else Tensor(y_pred)
        return kind(**arguments).call(target, prediction)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f'One loss for each sample: `{kind.__name__}` with ``reduction="none"``.'
    return function


binary_crossentropy = _function(BinaryCrossentropy, "binary_crossentropy")
categorical_crossentropy = _function(CategoricalCrossentropy, "categorical_crossentropy")
sparse_categorical_crossentropy = _function(SparseCategoricalCrossentropy, "sparse_categorical_crossentropy")
kl_divergence = _function(KLDivergence, "kl_divergence")
mean_squared_error = _function(MeanSquaredError, "mean_squared_error")
mean_absolute_error = _function(MeanAbsoluteError, "mean_absolute_error")
huber = _function(Huber, "huber")


class _Wrapped(Loss):
    """A loss function of the user's own: ``fn(y_true, y_pred)`` gives values that are averaged."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__(getattr(function, "__name__", "loss"))
        self.function = function

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return self.function(y_true, y_pred)


def get(identifier: Any) -> Loss:
    """A loss from its name, its class, its config, a function ``fn(y_true, y_pred)``, or itself.

    >>> get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    classes = {cls.__name__: cls for cls in LOSSES.values()} | LOSSES
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in classes:
        return classes[identifier]()
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if callable(identifier):
        return _Wrapped(identifier)
    expected = f"one of {', '.join(LOSSES)}, a Loss or a function"
    raise ArgumentError(message("loss", "it is not known", expected=expected, got=repr(identifier)))
