"""Losses of numbers: how far a prediction is from its target."""

from __future__ import annotations

from typing import Any

from .. import functions as F
from ..autograd import Tensor
from ..checks import is_number
from ..errors import ArgumentError, message
from .base import Loss, aligned

__all__ = ["Huber", "MeanAbsoluteError", "MeanSquaredError"]

_MEAN = "sum_over_batch_size"


class MeanSquaredError(Loss):
    """``loss = mean (y_pred − y_true)²``; backward ``g = 2·(y_pred − y_true) / n``.

    >>> MeanSquaredError()([[1.0, 2.0]], [[1.0, 4.0]]).item()
    2.0
    """

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_squared_error") -> None:
        super().__init__(name, reduction)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_true, y_pred = aligned(y_true, y_pred, self.name)
        difference = y_pred - y_true
        return (difference * difference).mean(axis=-1)


class MeanAbsoluteError(Loss):
    """``loss = mean |y_pred − y_true|``; backward ``g = sign(y_pred − y_true) / n``.

    >>> MeanAbsoluteError()([[1.0, 2.0]], [[1.0, 4.0]]).item()
    1.0
    """

    def __init__(self, reduction: str | None = _MEAN, name: str = "mean_absolute_error") -> None:
        super().__init__(name, reduction)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_true, y_pred = aligned(y_true, y_pred, self.name)
        return F.absolute(y_pred - y_true).mean(axis=-1)


class Huber(Loss):
    """Squared for small errors e = y_pred − y_true, straight for large ones (Huber 1964).

    ``loss = mean (½·e² where |e| ≤ delta, else delta·|e| − ½·delta²)``; backward ``g = clip(e, −delta,
    delta) / n``.

    >>> Huber(delta=1.0)([[0.0, 0.0]], [[1.0, 3.0]]).item()
    1.5
    """

    def __init__(self, delta: float = 1.0, reduction: str | None = _MEAN, name: str = "huber_loss") -> None:
        super().__init__(name, reduction)
        if not is_number(delta) or not delta > 0:
            raise ArgumentError(message(name, "delta", expected="a number above 0", got=repr(delta)))
        self.delta = float(delta)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        y_true, y_pred = aligned(y_true, y_pred, self.name)
        error = y_pred - y_true
        near = F.clip(error, -self.delta, self.delta)
        return (near * (error - 0.5 * near)).mean(axis=-1)  # ½·e² inside, delta·(|e| − ½·delta) outside
