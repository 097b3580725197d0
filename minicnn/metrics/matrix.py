"""The confusion matrix, and what segmentations are measured by: intersection over union."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..checks import whole
from ..errors import ArgumentError, ShapeError, message
from ..losses import weights_for
from .base import Metric, array

__all__ = ["ConfusionMatrix", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]


class ConfusionMatrix(Metric):
    """How often class i (row) was taken for class j (column), an array (classes, classes).

    Parameters
    ----------
    num_classes : how many there are; what lies outside 0 … num_classes − 1 does not count.
    ignore_class : a target that does not count either.
    sparse_y_true, sparse_y_pred : whether they hold class indices; if not, the largest along `axis` counts.

    >>> matrix = ConfusionMatrix(2); matrix.update_state([0, 1, 1], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
    >>> matrix.result().tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """

    states = ("matrix",)

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(name)
        self.num_classes = whole(num_classes, "num_classes", self.name)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = bool(sparse_y_true), bool(sparse_y_pred)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = array(y_true), array(y_pred)
        y_true = y_true if self.sparse_y_true else y_true.argmax(axis=self.axis)
        y_pred = y_pred if self.sparse_y_pred else y_pred.argmax(axis=self.axis)
        if y_true.size != y_pred.size:
            problem = "targets and predictions differ in number"
            raise ShapeError(message(self.name, problem, expected=y_pred.shape, got=y_true.shape))
        weights = 1.0 if sample_weight is None else weights_for(y_true, sample_weight, self.name)
        weights = np.broadcast_to(weights, y_true.shape).ravel()
        true, pred, k = y_true.ravel().astype(np.int64), y_pred.ravel().astype(np.int64), self.num_classes
        counts = (true >= 0) & (true < k) & (pred >= 0) & (pred < k)
        if self.ignore_class is not None:
            counts &= true != self.ignore_class
        cells = true[counts] * k + pred[counts]
        self.matrix += np.bincount(cells, weights[counts], minlength=k * k).reshape(k, k)

    def result(self) -> Any:
        return self.matrix.copy()

    def reset_state(self) -> None:
        self.matrix = np.zeros((self.num_classes, self.num_classes))

    def get_config(self) -> dict[str, Any]:
        names = ("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")
        return super().get_config() | {name: getattr(self, name) for name in names}


class IoU(ConfusionMatrix):
    """Intersection over union ``TP / (TP + FP + FN)`` of each class in `target_class_ids`; their mean.

    Classes that neither the targets nor the predictions hold do not count. Predictions are class indices
    unless ``sparse_y_pred=False``.

    >>> IoU(2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]) == 1 / 3
    True
    """

    direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, ignore_class, sparse_y_true, sparse_y_pred, axis)
        self.target_class_ids = [whole(i, "target_class_ids", self.name, 0) for i in target_class_ids]
        if not self.target_class_ids or max(self.target_class_ids) >= num_classes:
            expected, got = f"classes 0 … {num_classes - 1}", repr(target_class_ids)
            raise ArgumentError(message(self.name, "target_class_ids", expected=expected, got=got))

    def result(self) -> float:
        hits = self.matrix.diagonal()
        union = self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - hits
        hits, union = hits[self.target_class_ids], union[self.target_class_ids]
        return float((hits[union > 0] / union[union > 0]).mean()) if (union > 0).any() else 0.0

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target_class_ids": self.target_class_ids}


class MeanIoU(IoU):
    """Mean of the `IoU` of all classes.

    >>> MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1]) == 1 / 3
    True
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        ids = range(whole(num_classes, "num_classes", name or "meaniou"))
        super().__init__(num_classes, ids, name, ignore_class, sparse_y_true, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "target_class_ids"}


class OneHotIoU(IoU):
    """`IoU` of one-hot targets and class scores.

    >>> OneHotIoU(2, [0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "sparse_y_true"}


class OneHotMeanIoU(MeanIoU):
    """`MeanIoU` of one-hot targets and class scores.

    >>> OneHotMeanIoU(2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "sparse_y_true"}
