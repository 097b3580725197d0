"""Precision, recall and the area under a curve: what a yes-or-no decision gets right at a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import is_number, whole
from ..errors import ArgumentError, message
from ..losses import weights_for
from .accuracy import same_shape
from .base import Metric, array

__all__ = ["AUC", "Precision", "Recall"]


class _AtThresholds(Metric):
    """Counts right and wrong decisions ``y_pred > t`` for every threshold t: arrays (thresholds, labels)."""

    states = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    direction = "up"
    _limits: np.ndarray
    _labels = 1

    def reset_state(self) -> None:
        for state in self.states:
            vars(self)[state] = np.zeros((len(self._limits), self._labels))

    def count(self, y_true: np.ndarray, y_pred: np.ndarray, weights: Any) -> None:
        """Add the decisions about (…) predictions, label by label where there are several."""
        rows = (-1, self._labels)
        weights = np.broadcast_to(weights, y_pred.shape).reshape(rows)
        y_true, y_pred = (y_true != 0).reshape(rows), y_pred.astype(np.float32).reshape(rows)
        for label in range(self._labels):
            # below[i] thresholds lie below prediction i: it is a yes at each of those
            order = np.argsort(self._limits, kind="stable")
            below = np.searchsorted(self._limits[order], y_pred[:, label], side="left")
            below[np.isnan(y_pred[:, label])] = 0
            for right, kinds in ((True, (0, 3)), (False, (1, 2))):
                chosen = weights[:, label] * (y_true[:, label] == right)
                counts = np.bincount(below, chosen, minlength=len(order) + 1)
                positives = counts[::-1].cumsum()[::-1][1:]  # at threshold j: all with below > j
                yes, no = (getattr(self, self.states[kind]) for kind in kinds)
                yes[order, label] += positives
                no[order, label] += chosen.sum() - positives


def _ratio(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """part / (part + rest), 0 where there is nothing."""
    whole = part + rest
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def _limits(where: str, thresholds: Any) -> list[float]:
    given = [float(t) for t in thresholds] if isinstance(thresholds, Sequence | np.ndarray) else [thresholds]
    if not given or not all(is_number(t) and 0 <= t <= 1 for t in given):
        raise ArgumentError(
            message(where, "thresholds", expected="numbers from 0 to 1", got=repr(thresholds))
        )
    return given


class _Share(_AtThresholds):
    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self.thresholds = None if thresholds is None else _limits(self.name, thresholds)
        self.top_k = None if top_k is None else whole(top_k, "top_k", self.name)
        self.class_id = None if class_id is None else whole(class_id, "class_id", self.name, 0)
        # Among the top k everything is a yes, unless a threshold says more.
        default = [0.5] if top_k is None else [-np.inf]
        self._limits = np.array(default if self.thresholds is None else self.thresholds, np.float32)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = array(y_pred)
        y_true = same_shape(array(y_true), y_pred, self.name, "It decides element by element.")
        weights = np.ones(()) if sample_weight is None else weights_for(y_pred, sample_weight, self.name)
        if self.top_k is not None:
            order = np.argsort(-y_pred, axis=-1, kind="stable")
            rank = np.argsort(order, axis=-1, kind="stable")  # 0 for the largest
            y_pred = np.where(rank < self.top_k, y_pred, -np.inf)
        if self.class_id is not None:
            if y_pred.ndim < 2 or self.class_id >= y_pred.shape[-1]:
                expected, got = f"predictions (…, more than {self.class_id})", y_pred.shape
                raise ArgumentError(
                    message(self.name, "there is no such class_id", expected=expected, got=got)
                )
            weights = np.broadcast_to(weights, y_pred.shape)
            y_true, y_pred, weights = (a[..., self.class_id] for a in (y_true, y_pred, weights))
        self.count(y_true, y_pred, weights)

    def _as_result(self, values: np.ndarray) -> Any:
        return float(values[0, 0]) if len(values) == 1 else values[:, 0]

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("thresholds", "top_k", "class_id")}
        return super().get_config() | own


class Precision(_Share):
    """Share of what was taken for a yes that is one: ``TP / (TP + FP)``.

    Parameters
    ----------
    thresholds : a prediction above it is a yes; 0.5 when None. Several give an array of results.
    top_k : count only the k largest predictions of each sample as a yes, whatever they are.
    class_id : look at this column of (…, k) predictions alone.

    >>> Precision()([0, 1, 1, 1], [0.6, 0.7, 0.8, 0.1]) == 2 / 3
    True
    """

    def result(self) -> Any:
        return self._as_result(_ratio(self.true_positives, self.false_positives))  # type: ignore[attr-defined]


class Recall(_Share):
    """Share of all that is a yes that was taken for one: ``TP / (TP + FN)``; arguments as in `Precision`.

    >>> Recall()([0, 1, 1, 1], [0.6, 0.7, 0.8, 0.1]) == 2 / 3
    True
    """

    def result(self) -> Any:
        return self._as_result(_ratio(self.true_positives, self.false_negatives))  # type: ignore[attr-defined]


class AUC(_AtThresholds):
    """Area under the ROC curve (recall over false alarms) or the PR curve (precision over recall).

    The curve is sampled at `num_thresholds` thresholds, evenly from 0 to 1 or at the inner `thresholds`
    given, so that it can be added up batch by batch.

    Parameters
    ----------
    curve : "ROC" or "PR". summation_method : "interpolation" (trapezoids; between points of a PR curve the
        hyperbola of J. Davis, M. Goadrich, ICML 2006), "minoring" or "majoring".
    multi_label : an area for each of `num_labels` columns; the result is their mean.
    label_weights : a weight for each column. from_logits : apply a sigmoid first.

    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    0.75
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name)
        if thresholds is None:
            n = whole(num_thresholds, "num_thresholds", self.name, 2)
            inner = [i / (n - 1) for i in range(1, n - 1)]
        else:
            inner = sorted(_limits(self.name, thresholds))
        self.thresholds = None if thresholds is None else inner
        self.num_thresholds = len(inner) + 2
        self._limits = np.array([-1e-7, *inner, 1 + 1e-7], np.float32)
        self.curve = _one_of(self.name, "curve", str(curve).upper(), ("ROC", "PR"))
        methods = ("interpolation", "minoring", "majoring")
        self.summation_method = _one_of(self.name, "summation_method", str(summation_method).lower(), methods)
        self.multi_label, self.num_labels, self.from_logits = bool(multi_label), num_labels, bool(from_logits)
        if num_labels is not None and not multi_label:
            hint = "Only multi_label=True has labels to count."
            raise ArgumentError(message(self.name, "num_labels", got=num_labels, hint=hint))
        self.label_weights = None if label_weights is None else [float(w) for w in label_weights]
        self._labels = num_labels or 1
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = array(y_pred)
        y_true = same_shape(array(y_true), y_pred, self.name, "It decides element by element.")
        if self.from_logits:
            y_pred = np.exp(-np.logaddexp(0, -y_pred))  # sigmoid
        if y_pred.size and (y_pred.min() < 0 or y_pred.max() > 1):
            hint = "With from_logits=True a sigmoid is applied first."
            got = f"{y_pred.min():.4g} … {y_pred.max():.4g}"
            problem = "the prediction holds no probabilities"
            raise ArgumentError(
                message(self.name, problem, expected="values from 0 to 1", got=got, hint=hint)
            )
        if self.multi_label and y_pred.shape[-1] != self._labels:
            if self.num_labels is not None or any(getattr(self, state).any() for state in self.states):
                expected, got = f"{self._labels} labels", y_pred.shape[-1]
                raise ArgumentError(message(self.name, "the labels differ", expected=expected, got=got))
            self._labels = y_pred.shape[-1]
            self.reset_state()
        weights = np.ones(()) if sample_weight is None else weights_for(y_pred, sample_weight, self.name)
        if self.label_weights is not None and not self.multi_label:
            weights = weights * np.asarray(self.label_weights)
        self.count(y_true, y_pred, weights)

    def result(self) -> float:
        tp, fp, tn, fn = (getattr(self, state) for state in self.states)
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(tp, fp, fn)
        else:
            recall = _ratio(tp, fn)
            x, y = (_ratio(fp, tn), recall) if self.curve == "ROC" else (recall, _ratio(tp, fp))
            heights = {"minoring": np.minimum, "majoring": np.maximum}.get(self.summation_method, _middle)
            areas = ((x[:-1] - x[1:]) * heights(y[:-1], y[1:])).sum(axis=0)
        weights = self.label_weights if self.multi_label else None
        return float(np.average(areas, weights=weights))

    def get_config(self) -> dict[str, Any]:
        names = ("num_thresholds", "curve", "summation_method", "thresholds", "multi_label", "num_labels")
        own = {name: getattr(self, name) for name in (*names, "label_weights", "from_logits")}
        return super().get_config() | own

    def set_state(self, state: Any) -> None:
        super().set_state(state)
        self._labels = self.true_positives.shape[1]  # type: ignore[attr-defined]


def _one_of(where: str, name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ArgumentError(message(where, name, expected=f"one of {', '.join(known)}", got=repr(value)))
    return value


def _middle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a + b) / 2


def _interpolated_pr(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Area under precision over recall, where between two points TP grows in proportion to P = TP + FP.

    With slope s = ΔTP / ΔP, precision at P is ``s + (TP₁ − s·P₁) / P``; its integral over TP from point 1 to
    point 0 is ``s·(ΔTP + (TP₁ − s·P₁)·ln(P₀ / P₁))``, and dividing by all yes turns TP into recall.
    """
    p = tp + fp
    gained, taken = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = np.divide(gained, taken, out=np.zeros_like(taken), where=taken > 0)
    start = tp[1:] - slope * p[1:]
    ratio = np.divide(p[:-1], p[1:], out=np.ones_like(taken), where=(p[:-1] > 0) & (p[1:] > 0))
    yes = (tp + fn)[1:]
    area = slope * (gained + start * np.log(ratio))
    return np.divide(area, yes, out=np.zeros_like(yes), where=yes > 0).sum(axis=0)
