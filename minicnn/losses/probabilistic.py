"""Losses of probabilities: cross-entropies and the Kullback-Leibler divergence.

A softmax or sigmoid that was already applied is traced back to its logits: the logarithm of a saturated
probability is lost, that of its logits is not. Only what comes from elsewhere is clipped, as in Keras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions as F
from ..autograd import Tensor
from ..checks import is_integer
from ..errors import ArgumentError, message
from .base import EPSILON, Loss, aligned, class_indices, share

__all__ = ["BinaryCrossentropy", "CategoricalCrossentropy", "KLDivergence", "SparseCategoricalCrossentropy"]

_MEAN = "sum_over_batch_size"


class _FromProbabilities(Loss):
    """What `activation` turns logits into."""

    activation = "softmax"
    from_logits = False

    def logits(self, y_pred: Tensor) -> Tensor | None:
        """The logits behind y_pred, or None where it holds probabilities of unknown origin."""
        if self.from_logits:
            return y_pred
        source, activation = y_pred.logits or (None, None)
        return source if activation == self.activation else None


def _last_axis(where: str, axis: Any) -> int:
    if not is_integer(axis) or axis != -1:
        hint = "Classes are on the last axis here; transpose what has them elsewhere."
        raise ArgumentError(message(where, "axis", expected=-1, got=repr(axis), hint=hint))
    return -1


def _log_probabilities(y_pred: Tensor) -> Tensor:
    p = y_pred / y_pred.sum(axis=-1, keepdims=True)
    return F.log(F.clip(p, EPSILON, 1 - EPSILON))


class CategoricalCrossentropy(_FromProbabilities):
    """``loss = −Σᵢ tᵢ·ln pᵢ`` for one-hot (or any) target distributions t (…, k).

    With ``from_logits=True``, p = softmax(y_pred). Otherwise y_pred holds probabilities: those that come
    out of a softmax are traced back to its logits, which loses nothing where they are near 0 or 1; others
    are scaled to sum to 1 and kept 1e-7 from 0 and 1. ``label_smoothing=s`` makes the targets
    ``t·(1 − s) + s/k``. Backward on logits: ``gz = (p·Σ t − t) / n``.

    >>> loss = CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])
    >>> round(loss.item(), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "categorical_crossentropy",
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits, self.axis = bool(from_logits), _last_axis(name, axis)
        self.label_smoothing = share(name, "label_smoothing", label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        logits = self.logits(y_pred)
        t, y = aligned(y_true, y_pred if logits is None else logits, self.name)
        t = t * (1 - self.label_smoothing) + self.label_smoothing / t.shape[-1]
        return -(_log_probabilities(y) * t).sum(axis=-1) if logits is None else F.softmax_cross_entropy(y, t)


class SparseCategoricalCrossentropy(_FromProbabilities):
    """``loss = −ln p[y_true]`` for class indices y_true (…) and predictions (…, k).

    `from_logits` as in `CategoricalCrossentropy`. Targets equal to `ignore_class` (such as 255 in the maps
    of a segmentation) cost nothing and do not count in the mean. Backward on logits:
    ``gz = (p − onehot(y_true)) / n``.

    >>> loss = SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])
    >>> round(loss.item(), 4)
    0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _MEAN,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits, self.axis = bool(from_logits), _last_axis(name, axis)
        if ignore_class is not None and not is_integer(ignore_class):
            expected = "an integer or None"
            raise ArgumentError(message(name, "ignore_class", expected=expected, got=repr(ignore_class)))
        self.ignore_class = None if ignore_class is None else int(ignore_class)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        classes = class_indices(y_true, y_pred.shape, self.name, self.ignore_class)
        logits = self.logits(y_pred)
        if logits is not None:
            values = F.softmax_cross_entropy(logits, classes)
        else:
            one_hot = (classes[..., None] == np.arange(y_pred.shape[-1])).astype(y_pred.dtype)
            values = -(_log_probabilities(y_pred) * one_hot).sum(axis=-1)
        mask = self.mask(y_true, y_pred)
        return values if mask is None else F.where(mask, values, 0.0)

    def mask(self, y_true: Any, y_pred: Tensor) -> Any:
        """1 where the target is a class, 0 where it is `ignore_class`."""
        if self.ignore_class is None:
            return None
        return (y_true != self.ignore_class).reshape(y_pred.shape[:-1]).astype(y_pred.dtype)


class BinaryCrossentropy(_FromProbabilities):
    """``loss = mean −t·ln p − (1 − t)·ln(1 − p)`` over the last axis, for targets t of 0 and 1.

    With ``from_logits=True``, p = sigmoid(y_pred). Otherwise y_pred holds probabilities: those that come
    out of a sigmoid are traced back to its logits, others are kept 1e-7 from 0 and 1. ``label_smoothing=s``
    makes the targets ``t·(1 − s) + s/2``. Backward on logits: ``gz = (p − t) / n``.

    >>> round(BinaryCrossentropy()([[1.0]], [[0.5]]).item(), 4)
    0.6931
    """

    activation = "sigmoid"

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _MEAN,
        name: str = "binary_crossentropy",
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits, self.axis = bool(from_logits), axis
        self.label_smoothing = share(name, "label_smoothing", label_smoothing)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        logits = self.logits(y_pred)
        t, y = aligned(y_true, y_pred if logits is None else logits, self.name)
        t = t * (1 - self.label_smoothing) + self.label_smoothing / 2
        if logits is not None:
            return F.sigmoid_cross_entropy(y, t).mean(axis=self.axis)
        p = F.clip(y, EPSILON, 1 - EPSILON)
        return -(F.log(p) * t + F.log(1 - p) * (1 - t)).mean(axis=self.axis)


class KLDivergence(_FromProbabilities):
    """``loss = Σᵢ tᵢ·ln(tᵢ / pᵢ)`` between distributions (…, k), both kept 1e-7 from 0.

    Source: S. Kullback, R. Leibler, On Information and Sufficiency, 1951. A softmax before it is traced
    back to its logits. Backward on those: ``gz = (p·Σ t − t) / n``.

    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
    0.1438
    """

    def __init__(self, reduction: str | None = _MEAN, name: str = "kl_divergence") -> None:
        super().__init__(name, reduction)

    def call(self, y_true: Any, y_pred: Tensor) -> Tensor:
        logits = self.logits(y_pred)
        t, y = aligned(y_true, y_pred if logits is None else logits, self.name)
        t = t.clip(EPSILON, 1)
        own = (t * np.log(t)).sum(axis=-1)  # what does not depend on the prediction
        if logits is not None:
            return F.softmax_cross_entropy(y, t) + own
        return -(F.log(F.clip(y, EPSILON, 1)) * t).sum(axis=-1) + own
