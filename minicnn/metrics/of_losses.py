"""Losses as metrics: their mean over all samples seen so far, whatever the loss of the training is."""

from __future__ import annotations

from typing import Any

from .. import losses
from ..autograd import Tensor, no_grad
from .base import Mean, array

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
]


class _OfLoss(Mean):
    """Mean of a loss; its arguments are those of the loss."""

    direction = "down"
    loss: type[losses.Loss]

    def __init__(self, name: str | None, **arguments: Any) -> None:
        self._arguments = arguments
        self._loss = self.loss(**arguments)
        super().__init__(name or self._loss.name)

    @no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = array(y_true), Tensor(array(y_pred))
        mask = self._loss.mask(y_true, y_pred)
        if mask is not None:
            values = self._loss.call(y_true, y_pred)
            weights = 1.0 if sample_weight is None else losses.weights_for(values, sample_weight, self.name)
            sample_weight = mask * weights
        super().update_state(self._loss.call(y_true, y_pred), sample_weight)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._arguments


class MeanSquaredError(_OfLoss):
    """Mean of `losses.MeanSquaredError`.

    >>> MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]])
    2.0
    """

    loss = losses.MeanSquaredError

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name)


class MeanAbsoluteError(_OfLoss):
    """Mean of `losses.MeanAbsoluteError`.

    >>> MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]])
    1.0
    """

    loss = losses.MeanAbsoluteError

    def __init__(self, name: str = "mean_absolute_error") -> None:
        super().__init__(name)


class KLDivergence(_OfLoss):
    """Mean of `losses.KLDivergence`."""

    loss = losses.KLDivergence

    def __init__(self, name: str = "kl_divergence") -> None:
        super().__init__(name)


class BinaryCrossentropy(_OfLoss):
    """Mean of `losses.BinaryCrossentropy`."""

    loss = losses.BinaryCrossentropy

    def __init__(
        self, name: str = "binary_crossentropy", from_logits: bool = False, label_smoothing: float = 0
    ) -> None:
        super().__init__(name, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(_OfLoss):
    """Mean of `losses.CategoricalCrossentropy`."""

    loss = losses.CategoricalCrossentropy

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


class SparseCategoricalCrossentropy(_OfLoss):
    """Mean of `losses.SparseCategoricalCrossentropy`."""

    loss = losses.SparseCategoricalCrossentropy

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, from_logits=from_logits, ignore_class=ignore_class, axis=axis)
