"""The base of all losses: a value for each sample, weights for the samples, and one number for all."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .. import functions as F
from ..autograd import Tensor
from ..checks import is_number
from ..errors import ArgumentError, ShapeError, message

__all__ = ["EPSILON", "Loss", "aligned", "class_indices", "weights_for"]

# Probabilities are kept this far from 0 before their logarithm is taken, as in Keras.
EPSILON = 1e-7

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss:
    """Base: `call(y_true, y_pred)` gives a loss for each sample, ``loss(y_true, y_pred)`` one for all.

    Parameters
    ----------
    name : how messages call it; from the class when None.
    reduction : "sum_over_batch_size" or "mean", ``Σ wᵢ·lossᵢ / n``; "sum", ``Σ wᵢ·lossᵢ``;
        "mean_with_sample_weight", ``Σ wᵢ·lossᵢ / Σ wᵢ``; "none" or None, the ``wᵢ·lossᵢ`` themselves.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size") -> None:
        self.name = name or re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        if reduction not in REDUCTIONS:
            expected = f"one of {', '.join(map(repr, REDUCTIONS))}"
            raise ArgumentError(message(self.name, "reduction", expected=expected, got=repr(reduction)))
        self.reduction = reduction

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def mask(self, y_true: Any, y_pred: Tensor) -> Any:
        """Which of the losses count, an array of 0 and 1; None where all do."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """The loss of a batch; `sample_weight` has the shape of the losses, or one number a sample."""
        y_pred = y_pred if isinstance(y_pred, Tensor) else Tensor(y_pred)
        y_true = y_true.data if isinstance(y_true, Tensor) else np.asarray(y_true)
        values = self.call(y_true, y_pred)
        values = values if isinstance(values, Tensor) else Tensor(values)
        weights = None if sample_weight is None else weights_for(values, sample_weight, self.name)
        mask = self.mask(y_true, y_pred)
        if mask is not None:
            if self.reduction in ("sum_over_batch_size", "mean"):
                mask = mask * (mask.size / max(mask.sum(), 1))  # so that the mean is over those that count
            weights = mask if weights is None else weights * mask
        return self._reduced(values if weights is None else values * weights, weights)

    def _reduced(self, values: Tensor, weights: Any) -> Tensor:
        if self.reduction in ("none", None) or values.ndim == 0:
            return values
        if self.reduction == "sum":
            return values.sum()
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            total = float(weights.sum())
            return values.sum() / total if total else values.sum() * 0.0
        return values.mean()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {name: value for name, value in vars(self).items() if name[0] != "_"}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss from what `get_config` gave."""
        return cls(**config)


def weights_for(values: Any, sample_weight: Any, where: str) -> Any:
    """Weights that multiply `values`: of its shape, or broadcast to it from the axis of samples on."""
    weights = sample_weight.numpy() if isinstance(sample_weight, Tensor) else np.asarray(sample_weight)
    weights = weights.astype(values.dtype if values.dtype.kind == "f" else np.float32)
    shape = tuple(values.shape)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    given = weights.shape
    if weights.ndim and weights.ndim < len(shape):  # (n,) -> (n, 1, …)
        weights = weights.reshape(given + (1,) * (len(shape) - len(given)))
    fits = weights.ndim <= len(shape)
    fits = fits and all(w in (1, n) for w, n in zip(weights.shape, shape if given else (), strict=True))
    if not fits:
        hint = "Give one weight for each sample." if shape else "Give it predictions of shape (n, 1)."
        problem = "sample_weight does not fit the losses"
        raise ShapeError(message(where, problem, expected=shape, got=given, hint=hint))
    return weights


def aligned(y_true: Any, y_pred: Tensor, where: str) -> tuple[Any, Tensor]:
    """Target and prediction of one shape and dtype; (n,) and (n, 1) stand for each other."""
    if abs(y_true.ndim - y_pred.ndim) == 1 and y_true.size == y_pred.size:
        longer = max(y_true.shape, tuple(y_pred.shape), key=len)
        if longer[-1] == 1 and len(longer) == 2:
            y_true, y_pred = y_true.reshape(longer), F.reshape(y_pred, longer)  # (n,) -> (n, 1)
        elif longer[-1] == 1:
            y_true = y_true.reshape(y_pred.shape)
    if y_true.shape != tuple(y_pred.shape):
        problem = "the target does not have the shape of the prediction"
        hint = "Class indices need the sparse_ form of a loss; to_categorical(y) makes one-hot rows."
        raise ShapeError(message(where, problem, expected=y_pred.shape, got=y_true.shape, hint=hint))
    return y_true.astype(y_pred.dtype), y_pred


def class_indices(y_true: Any, shape: tuple[int, ...], where: str, ignore: int | None = None) -> Any:
    """Integer class indices (…) for predictions of shape (…, k); checked, a last axis of size 1 dropped.

    Where the target is `ignore`, class 0 stands in its place.
    """
    if y_true.ndim == len(shape) and y_true.shape[-1] == 1:
        y_true = y_true[..., 0]
    if y_true.shape != tuple(shape[:-1]):
        hint = "One-hot rows need the loss without sparse_."
        problem = "the target does not hold one class index per sample"
        raise ShapeError(message(where, problem, expected=tuple(shape[:-1]), got=y_true.shape, hint=hint))
    if ignore is not None:
        y_true = np.where(y_true == ignore, 0, y_true)
    with np.errstate(invalid="ignore"):
        classes = y_true.astype(np.int64)  # NaN becomes some number, which the next line refuses
    if (classes != y_true).any() or (classes.size and not (classes.min() >= 0 and classes.max() < shape[-1])):
        got = f"{y_true.min()} … {y_true.max()}"
        problem = "the target is not a class index everywhere"
        raise ArgumentError(message(where, problem, expected=f"integers from 0 to {shape[-1] - 1}", got=got))
    return classes


def share(where: str, name: str, value: Any) -> float:
    """A number from 0 to 1 that a user passed as `name`."""
    if not is_number(value) or not 0 <= value <= 1:
        raise ArgumentError(message(where, name, expected="a number from 0 to 1", got=repr(value)))
    return float(value)
