"""Metrics: values by hand over several batches, the meaning of "accuracy", wrong targets."""

from __future__ import annotations

import json

import numpy as np
import pytest

from minicnn import losses, metrics
from minicnn.errors import ArgumentError, ShapeError
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float32)]  # thresholds are compared in float32


def test_mean_by_hand():
    mean = metrics.Mean("m")
    assert mean.result() == 0.0
    mean.add(1.0, 3)
    mean.add(5.0)
    assert mean.result() == 2.0
    mean.reset_state()
    assert mean.result() == 0.0


CASES = {
    "sparse_categorical_accuracy": (
        [([0, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]]), ([0], [[0.6, 0.4]])],
        3 / 4,
    ),
    "categorical_accuracy": (
        [([[1, 0], [0, 1]], [[0.9, 0.1], [0.9, 0.1]]), ([[0.2, 0.8]], [[0.6, 0.4]])],
        1 / 3,
    ),
    "binary_accuracy": ([([[0], [1], [1]], [[0.2], [0.5], [0.51]]), ([0, 0], [[0.9], [0.1]])], 3 / 5),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    batches, expected = CASES[name]
    metric = metrics.get(name)
    for y_true, y_pred in batches:
        metric.update_state(np.array(y_true), np.array(y_pred))
    assert metric.result() == expected
    metric.reset_state()
    metric.update_state(*map(np.array, batches[-1]))
    alone = metrics.get(name)
    alone.update_state(*map(np.array, batches[-1]))
    assert metric.result() == alone.result()


def test_sparse_accuracy_over_positions():
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state(np.array([[0, 1], [1, 1]]), np.eye(2)[np.array([[0, 1], [0, 1]])])
    assert metric.result() == 3 / 4
    metric.reset_state()
    metric.update_state(np.array([[0], [1]]), np.eye(2))
    assert metric.result() == 1.0


def test_binary_threshold():
    metric = metrics.BinaryAccuracy(threshold=0.0)
    metric.update_state(np.array([[1.0], [0.0]]), np.array([[0.1], [-3.0]]))
    assert metric.result() == 1.0
    assert metrics.get({"class_name": "BinaryAccuracy", "config": metric.get_config()}).threshold == 0.0


@pytest.mark.parametrize("word", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("loss", "output_shape", "kind"),
    [
        ("sparse_categorical_crossentropy", (None, 10), metrics.SparseCategoricalAccuracy),
        ("categorical_crossentropy", (None, 10), metrics.CategoricalAccuracy),
        ("mse", (None, 1), metrics.BinaryAccuracy),
        ("mse", (None, 3), metrics.CategoricalAccuracy),
        ("mse", None, metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_the_one_that_fits(word, loss, output_shape, kind):
    metric = metrics.get(word, losses.get(loss), output_shape)
    assert type(metric) is kind and metric.name == word


@pytest.mark.parametrize(
    ("kind", "y_true", "text"),
    [
        (
            metrics.CategoricalAccuracy,
            [1, 0],
            "categorical_accuracy: the target does not have the shape of the prediction. "
            'Expected (2, 3), got (2,). For class indices use "sparse_categorical_accuracy".',
        ),
        (metrics.CategoricalAccuracy, [[1], [0]], "Expected (2, 3), got (2, 1)."),
        (metrics.SparseCategoricalAccuracy, [[1, 0, 0], [0, 1, 0]], "Expected (2,), got (2, 3)."),
        (metrics.SparseCategoricalAccuracy, [0, 3], "Expected integers from 0 to 2, got 0 … 3."),
        (metrics.BinaryAccuracy, [1, 0], "Expected (2, 3), got (2,). It compares element by element."),
    ],
)
def test_targets_that_would_give_a_wrong_number_are_refused(kind, y_true, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        kind().update_state(np.array(y_true), np.full((2, 3), 0.5))
    assert text in str(error.value)


@pytest.mark.parametrize("name", metrics.METRICS)
def test_by_name(name):
    metric = metrics.get(name)
    assert metric.name == name and metrics.get(metric) is metric
    again = metrics.get({"class_name": type(metric).__name__, "config": metric.get_config()})
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


def test_unknown_metrics_are_named():
    for unknown in ("acuracy", None, 3, {"class_name": "x"}):
        with pytest.raises(ArgumentError) as error:
            metrics.get(unknown)
        assert str(error.value) == (
            f"metric: it is not known. Expected accuracy, {', '.join(metrics.METRICS)}, a Metric or a "
            f"function, got {unknown!r}."
        )


def test_the_base_says_what_is_missing():
    metric = metrics.Metric("mine")
    for call in (lambda: metric.update_state([1], [1]), metric.result, metric.reset_state):
        with pytest.raises(NotImplementedError, match="Metric has no"):
            call()


# -- all metrics: batch by batch, weighted, kept in a checkpoint ----------------------------------------


def scores(n, k):
    rng = np.random.default_rng([n, k])
    y_pred = rng.uniform(size=(n, k)).round(2)  # with ties
    return y_pred / y_pred.sum(axis=1, keepdims=True), rng.integers(k, size=n), rng.integers(0, 4, size=n)


Y_PRED, CLASSES, WEIGHTS = scores(12, 4)
ONE_HOT = np.eye(4)[CLASSES]
SPARSE, DENSE = (CLASSES, Y_PRED), (ONE_HOT, Y_PRED)
YES = (ONE_HOT[:, :1], Y_PRED[:, :1])
ALL = {
    "accuracy": (metrics.Accuracy(), CLASSES[:, None], CLASSES[::-1, None]),
    "sparse accuracy": (metrics.SparseCategoricalAccuracy(), *SPARSE),
    "categorical accuracy": (metrics.CategoricalAccuracy(), *DENSE),
    "binary accuracy": (metrics.BinaryAccuracy(), *DENSE),
    "top 2": (metrics.TopKCategoricalAccuracy(2), *DENSE),
    "sparse top 2": (metrics.SparseTopKCategoricalAccuracy(2), *SPARSE),
    "sorted ids": (metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True), CLASSES, Y_PRED.argsort()),
    "precision": (metrics.Precision([0.2, 0.4]), *DENSE),
    "recall": (metrics.Recall(top_k=2, class_id=1), *DENSE),
    "ROC": (metrics.AUC(), *YES),
    "PR": (metrics.AUC(20, "PR"), *YES),
    "labels": (metrics.AUC(multi_label=True, label_weights=[1, 2, 3, 4]), *DENSE),
    "matrix": (metrics.ConfusionMatrix(4), *SPARSE),
    "mean IoU": (metrics.MeanIoU(4, sparse_y_pred=False), *SPARSE),
    "one-hot IoU": (metrics.OneHotIoU(4, [0, 1, 2, 3]), *DENSE),
    "one-hot mean IoU": (metrics.OneHotMeanIoU(4), *DENSE),
    "squared error": (metrics.MeanSquaredError(), *DENSE),
    "absolute error": (metrics.MeanAbsoluteError(), *DENSE),
    "binary cross-entropy": (metrics.BinaryCrossentropy(label_smoothing=0.1), *DENSE),
    "cross-entropy": (metrics.CategoricalCrossentropy(), *DENSE),
    "sparse cross-entropy": (metrics.SparseCategoricalCrossentropy(ignore_class=2), *SPARSE),
    "divergence": (metrics.KLDivergence(), *DENSE),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ALL)
def test_batches_add_up_to_the_whole(name, weighted):
    """Also through a checkpoint between the batches; a weight of 2 is a sample that comes twice."""
    metric, y_true, y_pred = ALL[name]
    config = json.loads(json.dumps(metric.get_config()))
    metric, whole, again, repeated = (type(metric).from_config(config) for _ in range(4))
    for start in range(0, 12, 5):
        chosen = slice(start, start + 5)
        metric.update_state(y_true[chosen], y_pred[chosen], WEIGHTS[chosen] if weighted else None)
        again.set_state(metric.get_state())
        metric, again = again, metric
    whole.update_state(y_true, y_pred, WEIGHTS if weighted else None)
    times = WEIGHTS if weighted else np.ones(12, int)
    repeated.update_state(np.repeat(y_true, times, axis=0), np.repeat(y_pred, times, axis=0))
    assert_close(metric.result(), whole.result(), EXACT)
    assert_close(repeated.result(), whole.result(), EXACT)
    assert np.sum(whole.result()) > 0


def test_a_state_is_a_copy():
    metric = metrics.Precision()
    state = metric.get_state()
    metric.update_state([1.0], [0.9])
    assert state["true_positives"].sum() == 0
    metric.set_state(state)
    metric.update_state([1.0], [0.9])
    assert state["true_positives"].sum() == 0


def test_sums_and_means_of_values():
    total, mean = metrics.Sum(), metrics.Mean()
    for metric in (total, mean):
        metric.update_state([[1.0, 3.0], [5.0, 7.0]], sample_weight=[1, 3])
        metric.update_state(2.0)
    assert total.result() == 4 + 36 + 2 and mean.result() == (2 + 18 + 2) / (1 + 3 + 1)


def test_a_function_and_a_loss_are_metrics():
    def largest(y_true, y_pred):
        return np.abs(y_true - y_pred).max(axis=1)

    metric = metrics.get(largest)
    assert metric.name == "largest"
    assert metric([[0.0, 1.0], [0.0, 0.0]], [[3.0, 1.0], [0.0, 1.0]]) == 2.0
    assert metrics.get("huber")([[0.0]], [[3.0]]) == 2.5
    assert metrics.get("mae")([[0.0]], [[3.0]]) == 3.0 and metrics.get("mae").name == "mae"
    assert metrics.get(metrics.AUC).name == "auc"


def test_the_confusion_matrix_by_hand():
    matrix = metrics.ConfusionMatrix(2, sparse_y_pred=True, ignore_class=1)
    matrix.update_state([0, 0, 1, 7], [1, 0, 0, 1], sample_weight=[2, 1, 1, 1])
    assert matrix.result().tolist() == [[1, 2], [0, 0]]


def test_the_area_by_hand():
    y_true, y_pred = [0, 0, 1, 1], [0, 0.5, 0.3, 0.9]
    expected = {"interpolation": 0.75, "minoring": 0.5, "majoring": 1.0}
    for method, area in expected.items():
        assert metrics.AUC(3, summation_method=method)(y_true, y_pred) == area
    assert metrics.AUC()([1, 0], [0.2, 0.1]) == 1.0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: metrics.Precision(1.5), "precision: thresholds. Expected numbers from 0 to 1, got 1.5."),
        (lambda: metrics.Recall(top_k=0), "recall: top_k. Expected a positive integer, got 0."),
        (
            lambda: metrics.Precision(class_id=4)(ONE_HOT, Y_PRED),
            "precision: there is no such class_id. Expected predictions (…, more than 4), got (12, 4).",
        ),
        (lambda: metrics.AUC(curve="PRGAIN"), "auc: curve. Expected one of ROC, PR, got 'PRGAIN'."),
        (
            lambda: metrics.AUC(num_labels=3),
            "auc: num_labels. Got 3. Only multi_label=True has labels to count.",
        ),
        (
            lambda: metrics.AUC()([0, 1], [-2.0, 3.0]),
            "auc: the prediction holds no probabilities. Expected values from 0 to 1, got -2 … 3. With "
            "from_logits=True a sigmoid is applied first.",
        ),
        (
            lambda: metrics.AUC(multi_label=True, num_labels=3)(ONE_HOT, Y_PRED),
            "auc: the labels differ. Expected 3 labels, got 4.",
        ),
        (
            lambda: metrics.IoU(2, [2]),
            "io_u: target_class_ids. Expected classes 0 … 1, got [2].",
        ),
        (
            lambda: metrics.MeanIoU(2)([0, 1], [0, 1, 1]),
            "mean_io_u: targets and predictions differ in number. Expected (3,), got (2,).",
        ),
        (
            lambda: metrics.Mean()([1.0, 2.0], [1, 2, 3]),
            "mean: sample_weight does not fit the values. Expected (2,), got (3,).",
        ),
    ],
)
def test_what_is_refused(make, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        make()
    assert str(error.value) == text
