"""Metrics: values by hand over several batches, the meaning of "accuracy", wrong targets."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import losses, metrics
from minicnn.errors import ArgumentError, ShapeError


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
            f"metric: it is not known. Expected accuracy, {', '.join(metrics.METRICS)} or a Metric, "
            f"got {unknown!r}."
        )


def test_the_base_says_what_is_missing():
    metric = metrics.Metric("mine")
    for call in (lambda: metric.update_state([1], [1]), metric.result, metric.reset_state):
        with pytest.raises(NotImplementedError, match="Metric has no"):
            call()
