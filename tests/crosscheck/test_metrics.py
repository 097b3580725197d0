"""Metrics over several batches against the real Keras."""

from __future__ import annotations

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
