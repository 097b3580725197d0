"""Softmax twice, or not at all: the commonest mistake with a cross-entropy, in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..errors import message
from .base import Loss
from .probabilistic import BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy

__all__ = ["logits_mistake"]

_CROSS_ENTROPIES = (BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy)
_ROUNDING = 1e-2  # how far from 0 … 1, or from a sum of 1, probabilities may be


def logits_mistake(loss: Loss, y_pred: Any) -> str | None:
    """What is wrong between the last activation and `from_logits`, or None.

    >>> from minicnn import functions
    >>> p = functions.softmax(Tensor([[1.0, 2.0]]))
    >>> logits_mistake(CategoricalCrossentropy(), p) is None
    True
    >>> logits_mistake(CategoricalCrossentropy(from_logits=True), p)  # doctest: +ELLIPSIS
    'categorical_crossentropy: from_logits=True, but the prediction is the output of a softmax already. ...
    """
    if not isinstance(loss, _CROSS_ENTROPIES) or not isinstance(y_pred, Tensor):
        return None
    source, activation = y_pred.logits or (None, None)
    if source is None:
        return None if loss.from_logits else _no_probabilities(loss, y_pred.numpy())
    if loss.from_logits:
        problem = f"from_logits=True, but the prediction is the output of a {activation} already"
        hint = f"Use from_logits=False, or take the {activation} out of the model."
        return message(loss.name, problem, hint=hint)
    if source.logits:
        problem = f"the prediction is a {activation} of a {source.logits[1]}"
        return message(loss.name, problem, hint="Take one of the two out of the model.")
    return None


def _no_probabilities(loss: Any, values: np.ndarray) -> str | None:
    if not values.size or not np.isfinite(values).all():
        return None  # that is another mistake
    low, high, hint = (
        values.min(),
        values.max(),
        f"End the model with a {loss.activation}, or use from_logits=True.",
    )
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        problem, got = "the prediction holds no probabilities", f"{low:.4g} … {high:.4g}"
        return message(loss.name, problem, expected="values from 0 to 1", got=got, hint=hint)
    sums = values.sum(axis=-1)
    if loss.activation == "softmax" and np.abs(sums - 1).max() > _ROUNDING:
        problem, got = "the prediction holds no probabilities", f"{sums.min():.4g} … {sums.max():.4g}"
        return message(loss.name, problem, expected="values that sum to 1", got=got, hint=hint)
    return None
