"""Metrics: numbers collected over the batches of an epoch, with Keras 3's names."""

from __future__ import annotations

from typing import Any

from .. import losses
from ..errors import ArgumentError, message
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .base import Mean, MeanMetricWrapper, Metric, Sum
from .confusion import AUC, Precision, Recall
from .matrix import ConfusionMatrix, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from .of_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

__all__ = [
    "AUC",
    "METRICS",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "ConfusionMatrix",
    "IoU",
    "KLDivergence",
    "Mean",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "Precision",
    "Recall",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "Sum",
    "TopKCategoricalAccuracy",
    "get",
]

# What a name alone is enough for.
METRICS: dict[str, type[Metric]] = {
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "binary_accuracy": BinaryAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "precision": Precision,
    "recall": Recall,
    "auc": AUC,
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "kl_divergence": KLDivergence,
}
# Short names mean what they mean as losses.
METRICS |= {
    alias: METRICS[name]
    for alias, kind in losses.LOSSES.items()
    for name, other in losses.LOSSES.items()
    if other is kind and name in METRICS
}
_OTHERS = (Accuracy, ConfusionMatrix, IoU, Mean, MeanIoU, OneHotIoU, OneHotMeanIoU, Sum)


def get(identifier: Any, loss: Any = None, output_shape: Any = None) -> Metric:
    """A metric from its name, its class, its config, a function ``fn(y_true, y_pred)``, or itself.

    ``"accuracy"`` becomes the form that fits the loss and the last size of the output, as in Keras; names of
    losses stand for their means.

    >>> type(get("accuracy", output_shape=(None, 10))).__name__
    'CategoricalAccuracy'
    """
    if isinstance(identifier, Metric):
        return identifier
    kinds: tuple[type[Metric], ...] = (*METRICS.values(), *_OTHERS)
    classes = {cls.__name__: cls for cls in kinds} | METRICS
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]].from_config(identifier.get("config", {}))
    if identifier in ("accuracy", "acc"):
        if isinstance(loss, losses.SparseCategoricalCrossentropy):
            return SparseCategoricalAccuracy(identifier)
        binary = output_shape is not None and output_shape[-1] == 1
        return (BinaryAccuracy if binary else CategoricalAccuracy)(identifier)
    if isinstance(identifier, str) and identifier in classes and not identifier.endswith(("IoU", "Matrix")):
        return classes[identifier](name=identifier)
    if isinstance(identifier, str) and identifier in losses.LOSSES:
        return MeanMetricWrapper(getattr(losses, identifier), name=identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if callable(identifier):
        return MeanMetricWrapper(identifier)
    expected = f"accuracy, {', '.join(METRICS)}, a Metric or a function"
    raise ArgumentError(message("metric", "it is not known", expected=expected, got=repr(identifier)))
