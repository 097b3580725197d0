"""Losses with their gradients, and metrics over several batches, against the real Keras."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, functions, grad, losses, metrics
from tests.crosscheck.reference import MARKS, keras_vjp
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = MARKS


def test_by_hand(keras):
    y_true, y_pred, classes = np.array([[0.0, 1.0]]), np.array([[0.25, 0.75]]), np.array([1])
    for package in (losses, keras.losses):
        assert_close(package.CategoricalCrossentropy()(y_true, y_pred), -np.log(0.75), CROSSCHECK)
        assert_close(package.SparseCategoricalCrossentropy()(classes, y_pred), -np.log(0.75), CROSSCHECK)
        assert_close(package.MeanSquaredError()(y_true, y_pred), 0.25**2, CROSSCHECK)


SHAPES = [(1, 2), (7, 10), (2, 3, 4), (2, 3, 2, 5)]
FORMS = ["logits", "softmax output", "probabilities"]


def draw(shape, form):
    """Predictions as they come out of a network, and soft and hard targets."""
    rng = np.random.default_rng(shape)
    y_pred = rng.normal(scale=2, size=shape).astype(np.float32)
    if form == "probabilities":
        y_pred = np.abs(y_pred) / np.abs(y_pred).sum(axis=-1, keepdims=True)
    classes = rng.integers(shape[-1], size=shape[:-1])
    return y_pred, np.eye(shape[-1], dtype=np.float32)[classes], classes


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("target", ["one-hot", "distribution", "sparse", "sparse column", "float classes"])
def test_cross_entropy(keras, shape, form, target):
    y_pred, one_hot, classes = draw(shape, form)
    y_true = {
        "one-hot": one_hot,
        "distribution": 0.9 * one_hot + 0.1 / shape[-1],
        "sparse": classes,
        "sparse column": classes[..., None],
        "float classes": classes.astype(np.float32),
    }[target]
    name = "CategoricalCrossentropy" if y_true.shape == shape else "SparseCategoricalCrossentropy"
    compare(keras, name, {"from_logits": form == "logits"}, y_true, y_pred, form == "softmax output")


@pytest.mark.parametrize(
    "true_shape, pred_shape",
    [((6, 3), (6, 3)), ((6,), (6,)), ((6,), (6, 1)), ((6, 1), (6,)), ((2, 3, 4, 2), (2, 3, 4, 2))],
    ids=str,
)
def test_mean_squared_error(keras, true_shape, pred_shape):
    rng = np.random.default_rng(len(true_shape))
    y_true, y_pred = rng.normal(size=true_shape), rng.normal(size=pred_shape).astype(np.float32)
    compare(keras, "MeanSquaredError", {}, y_true, y_pred)


def compare(keras, name, kwargs, y_true, y_pred, softmax=False):
    """Value and gradient with respect to y_pred, or to the logits where a softmax makes it."""
    theirs = getattr(keras.losses, name)(**kwargs)
    seed = np.float32(0.7)

    def keras_loss(z):
        return theirs(y_true, keras.ops.softmax(z) if softmax else z)

    expected, (expected_gradient,) = keras_vjp(keras_loss, [y_pred], seed)
    z = Tensor(y_pred, requires_grad=True)
    loss = getattr(losses, name)(**kwargs)(y_true, functions.softmax(z) if softmax else z)
    assert_close(loss.item(), expected, CROSSCHECK)
    assert_close(grad(loss, z, Tensor(seed)).numpy(), expected_gradient, CROSSCHECK)


@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
def test_large_logits_stay_exact(keras, name):
    """Keras clips a softmax output at 1e-7; here its logits are used, as Keras does with from_logits."""
    z = np.array([[40, 0, -40], [-30, 0, 90]], np.float32)
    y_true = np.eye(3, dtype=np.float32)[[2, 0]] if name[0] == "C" else np.array([2, 0])
    expected = getattr(keras.losses, name)(from_logits=True)(y_true, z)
    assert_close(getattr(losses, name)()(y_true, functions.softmax(Tensor(z))).item(), expected, CROSSCHECK)


def test_probabilities_near_0_and_1(keras):
    """Probabilities of unknown origin are clipped as Keras clips them."""
    y_pred, y_true = np.array([[1, 0], [1e-9, 1], [0.5, 0.5]], np.float32), np.array([1, 0, 1])
    compare(keras, "SparseCategoricalCrossentropy", {}, y_true, y_pred)
    compare(keras, "CategoricalCrossentropy", {}, np.eye(2, dtype=np.float32)[y_true], y_pred)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_names(keras, name):
    assert losses.get(name).name == keras.losses.get(name).__name__  # a string names a function in Keras


@pytest.mark.parametrize("name", sorted({cls.__name__ for cls in losses.LOSSES.values()}))
def test_class_names_and_config(keras, name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert ours.name == theirs.name
    assert ours.get_config().items() <= theirs.get_config().items()


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
