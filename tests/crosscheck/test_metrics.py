"""Metrics over several batches against the real Keras."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minicnn
from minicnn import metrics
from tests.crosscheck.reference import MARKS
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = MARKS

BATCHES = (5, 5, 2)


def scores(batch, k):
    rng = np.random.default_rng([batch, k])
    y_pred = rng.uniform(size=(BATCHES[batch], k)).astype(np.float32)
    return y_pred, rng.integers(max(k, 2), size=BATCHES[batch])


@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("SparseCategoricalAccuracy", {}),
        ("CategoricalAccuracy", {}),
        ("BinaryAccuracy", {}),
        ("BinaryAccuracy", {"threshold": 0.8}),
    ],
)
def test_metrics(keras, name, kwargs):
    ours, theirs = getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs)
    assert ours.name == theirs.name
    assert ours.get_config().items() <= theirs.get_config().items()
    for _ in range(2):
        for batch in range(len(BATCHES)):
            y_pred, y_true = scores(batch, 1 if name[0] == "B" else 3)
            if name == "CategoricalAccuracy":
                y_true = np.eye(3)[y_true]
            ours.update_state(y_true, y_pred)
            theirs.update_state(y_true.reshape(len(y_pred), -1) if name[0] == "B" else y_true, y_pred)
            assert_close(ours.result(), float(theirs.result()), CROSSCHECK)
        ours.reset_state()
        theirs.reset_state()
        assert ours.result() == float(theirs.result()) == 0


def test_ties_count_for_the_first_class(keras):
    y_pred = np.array([[0.4, 0.4, 0.2], [0.1, 0.45, 0.45]], np.float32)
    for y_true in ([0, 1], [1, 2], [0, 2]):
        ours, theirs = metrics.SparseCategoricalAccuracy(), keras.metrics.SparseCategoricalAccuracy()
        ours.update_state(y_true, y_pred)
        theirs.update_state(np.array(y_true), y_pred)
        assert ours.result() == float(theirs.result())


@pytest.mark.filterwarnings("ignore:.*holds no probabilities")  # which kind it is does not depend on them
@pytest.mark.parametrize("spelling", ["accuracy", "acc"])
@pytest.mark.parametrize(
    "loss, k, target",
    [
        ("categorical_crossentropy", 3, "one-hot"),
        ("sparse_categorical_crossentropy", 3, "sparse"),
        ("sparse_categorical_crossentropy", 3, "sparse column"),
        ("mse", 1, "column"),
        ("mse", 3, "one-hot"),
    ],
)
def test_which_accuracy_is_meant(keras, spelling, loss, k, target):
    """`accuracy` in compile becomes the metric that Keras would choose, and gives its numbers."""
    y_pred, classes = scores(0, k)
    y_true = {
        "one-hot": np.eye(3, dtype=np.float32)[classes % 3],
        "sparse": classes,
        "sparse column": classes[:, None],
        "column": classes[:, None].astype(np.float32),
    }[target]
    results = []
    for package in (minicnn, keras):
        model = package.Sequential([package.layers.Input((k,)), package.layers.Activation("linear")])
        model.compile("sgd", loss, metrics=[spelling])
        results.append(model.evaluate(y_pred, y_true, verbose=0, return_dict=True))
    assert results[0].keys() == results[1].keys()
    for name, value in results[0].items():
        assert_close(value, results[1][name], CROSSCHECK)


def predictions(seed, shape=(7, 4)):
    rng = np.random.default_rng(seed)
    y_pred = rng.uniform(size=shape).round(1)  # with ties, also with thresholds
    return y_pred.astype(np.float32), rng.integers(shape[-1], size=shape[:-1]), rng.integers(0, 3, size=7)


MORE = [
    ("Accuracy", {}, "classes"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "sparse"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "sparse"),
    ("Precision", {}, "one-hot"),
    ("Precision", {"thresholds": [0.3, 0.7, 0.1]}, "one-hot"),
    ("Precision", {"thresholds": [0.0, 0.5, 1.0]}, "one-hot"),
    ("Precision", {"top_k": 2}, "one-hot"),
    ("Precision", {"class_id": 1, "thresholds": 0.2}, "one-hot"),
    ("Recall", {}, "one-hot"),
    ("Recall", {"top_k": 3, "class_id": 2}, "one-hot"),
    ("Recall", {"thresholds": [0.2, 0.5]}, "one-hot"),
    *(
        ("AUC", {"num_thresholds": 12, "curve": curve, "summation_method": method}, "column")
        for curve in ("ROC", "PR")
        for method in ("interpolation", "minoring", "majoring")
    ),
    ("AUC", {}, "column"),
    ("AUC", {"curve": "PR", "thresholds": [0.6, 0.15, 0.3]}, "one-hot"),
    ("AUC", {"multi_label": True, "num_labels": 4}, "one-hot"),
    ("AUC", {"multi_label": True, "curve": "PR", "label_weights": [1.0, 2.0, 0.0, 1.0]}, "one-hot"),
    ("AUC", {"label_weights": [1.0, 2.0, 0.0, 1.0]}, "one-hot"),
    ("AUC", {"from_logits": True}, "column"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, "classes"),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1}, "classes"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1]}, "one-hot"),
    ("OneHotMeanIoU", {"num_classes": 4}, "one-hot"),
    ("MeanSquaredError", {}, "one-hot"),
    ("MeanAbsoluteError", {}, "one-hot"),
    ("KLDivergence", {}, "one-hot"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "one-hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one-hot"),
    ("SparseCategoricalCrossentropy", {}, "sparse"),
]


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # Keras' IoU, on JAX
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name, kwargs, target", MORE, ids=str)
def test_more_metrics(keras, name, kwargs, target, weighted):
    ours, theirs = getattr(metrics, name)(**kwargs), getattr(keras.metrics, name)(**kwargs)
    for seed in range(3):
        y_pred, classes, weights = predictions(seed)
        if "from_sorted_ids" in kwargs:
            y_pred = y_pred.argsort(axis=-1).astype(np.float32)
        y_true = np.eye(4, dtype=np.float32)[classes]
        if target == "column":
            y_true, y_pred = y_true[:, :1], y_pred[:, :1]
        elif target == "classes":
            y_true, y_pred = classes, y_pred.argmax(axis=-1)
        elif target == "sparse":
            y_true = classes
        ours.update_state(y_true, y_pred, weights if weighted else None)
        theirs.update_state(y_true, y_pred, weights if weighted else None)
        assert_close(ours.result(), theirs.result(), CROSSCHECK)


def test_arguments_and_defaults(keras):
    for name in sorted({name for name, _, _ in MORE} | {"Mean", "Sum"}):
        ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (metrics, keras.metrics))
        expected = [(n, p.default) for n, p in theirs.items() if n != "dtype"]
        assert [(n, p.default) for n, p in ours.items()] == expected, name
