"""Losses with their gradients against the real Keras."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from minicnn import Tensor, functions, grad, losses
from tests.crosscheck.reference import MARKS, backends, keras_vjp
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
    compare(
        keras,
        name,
        {"from_logits": form == "logits"},
        y_true,
        y_pred,
        ["softmax", None][form != "softmax output"],
    )


@pytest.mark.parametrize(
    "true_shape, pred_shape",
    [((6, 3), (6, 3)), ((6,), (6,)), ((6,), (6, 1)), ((6, 1), (6,)), ((2, 3, 4, 2), (2, 3, 4, 2))],
    ids=str,
)
def test_mean_squared_error(keras, true_shape, pred_shape):
    rng = np.random.default_rng(len(true_shape))
    y_true, y_pred = rng.normal(size=true_shape), rng.normal(size=pred_shape).astype(np.float32)
    compare(keras, "MeanSquaredError", {}, y_true, y_pred)


def compare(keras, name, kwargs, y_true, y_pred, activation=None, sample_weight=None):
    """Value and gradient with respect to y_pred, or to the logits where an activation makes it."""
    theirs, ours = getattr(keras.losses, name)(**kwargs), getattr(losses, name)(**kwargs)
    layers = {None: (lambda z: z, lambda z: z)}
    layers |= {n: (getattr(functions, n), getattr(keras.ops, n)) for n in ("softmax", "sigmoid")}
    own_layer, their_layer = layers[activation]

    def keras_loss(z):
        return theirs(y_true, their_layer(z), sample_weight)

    shape = np.shape(keras_loss(y_pred))
    seed = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    expected, (expected_gradient,) = keras_vjp(keras_loss, [y_pred], seed)
    z = Tensor(y_pred, requires_grad=True)
    for _ in backends():
        loss = ours(y_true, own_layer(z), sample_weight)
        assert_close(loss.numpy(), expected, CROSSCHECK)
        assert_close(grad(loss, z, Tensor(seed)).numpy(), expected_gradient, CROSSCHECK)


REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]
WEIGHTS = {"none": None, "(n,)": np.array([0.5, 0, 3]), "(n, 1)": np.array([[2], [1], [0]])}


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", ["MeanAbsoluteError", "SparseCategoricalCrossentropy", "BinaryCrossentropy"])
def test_reductions_and_weights(keras, name, weights, reduction):
    if weights == "(n, 1)" and reduction in ("none", None):
        return  # Keras then gives (n, 1) losses, minicnn (n,) as without weights
    y_pred, one_hot, classes = draw((3, 4), "probabilities")
    y_true = classes if name[0] == "S" else one_hot
    compare(keras, name, {"reduction": reduction}, y_true, y_pred, sample_weight=WEIGHTS[weights])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_weights_of_positions(keras, reduction):
    y_pred, _, classes = draw((2, 3, 4), "probabilities")
    for weights in (np.arange(6.0).reshape(2, 3), np.array([[2.0], [1.0]])):
        kwargs = {"reduction": reduction}
        compare(keras, "SparseCategoricalCrossentropy", kwargs, classes, y_pred, None, weights)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [None, np.arange(1.0, 7).reshape(2, 3)], ids=["", "weights"])
@pytest.mark.parametrize("activation", [None, "softmax"])
def test_ignored_classes(keras, reduction, weights, activation):
    y_pred, _, classes = draw((2, 3, 4), "logits" if activation else "probabilities")
    classes[0] = [255, 1, 255]
    kwargs = {"ignore_class": 255, "reduction": reduction}
    compare(keras, "SparseCategoricalCrossentropy", kwargs, classes, y_pred, activation, weights)


@pytest.mark.parametrize(
    "form, activation", [("logits", None), ("logits", "sigmoid"), ("probabilities", None)]
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(6, 1), (4, 3), (2, 3, 4, 1)], ids=str)
def test_binary_cross_entropy(keras, activation, form, smoothing, shape):
    y_pred = draw(shape, "logits")[0]
    y_pred = y_pred if form == "logits" else 1 / (1 + np.exp(-y_pred))
    y_true = np.random.default_rng(1).integers(2, size=shape)
    kwargs = {"from_logits": form == "logits" and not activation, "label_smoothing": smoothing}
    compare(keras, "BinaryCrossentropy", kwargs, y_true, y_pred, activation)
    if shape == (6, 1):
        compare(keras, "BinaryCrossentropy", kwargs, y_true[:, 0], y_pred, activation)


def test_means_of_binary_cross_entropy_over_another_axis(keras):
    y_pred, y_true, _ = draw((3, 4), "probabilities")
    compare(keras, "BinaryCrossentropy", {"axis": 0, "reduction": "none"}, y_true, y_pred)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_label_smoothing(keras, activation):
    y_pred, y_true, _ = draw((5, 4), "logits")
    kwargs = {"label_smoothing": 0.3, "from_logits": activation is None}
    compare(keras, "CategoricalCrossentropy", kwargs, y_true, y_pred, activation)


def test_a_sigmoid_is_no_softmax(keras):
    """Keras scales the outputs of a sigmoid to sum to 1, and clips those of a softmax in a binary loss."""
    y_pred, y_true, classes = draw((5, 4), "logits")
    compare(keras, "CategoricalCrossentropy", {}, y_true, y_pred, "sigmoid")
    compare(keras, "SparseCategoricalCrossentropy", {}, classes, y_pred, "sigmoid")
    compare(keras, "BinaryCrossentropy", {}, y_true, y_pred, "softmax")


@pytest.mark.parametrize("form", ["probabilities", "softmax output", "zeros"])
def test_divergence(keras, form):
    y_pred, one_hot, _ = draw((4, 5), "logits" if form == "softmax output" else "probabilities")
    y_true = one_hot if form == "zeros" else draw((5, 4), "probabilities")[0].T
    y_pred = y_pred * (y_pred > 0.1) if form == "zeros" else y_pred
    compare(keras, "KLDivergence", {}, y_true, y_pred, "softmax" if form == "softmax output" else None)


@pytest.mark.parametrize(
    "name, kwargs", [("MeanAbsoluteError", {}), ("Huber", {}), ("Huber", {"delta": 0.3})]
)
@pytest.mark.parametrize("true_shape, pred_shape", [((6, 3), (6, 3)), ((6,), (6,)), ((6,), (6, 1))], ids=str)
def test_other_errors(keras, name, kwargs, true_shape, pred_shape):
    rng = np.random.default_rng(5)
    y_true, y_pred = rng.normal(size=true_shape), rng.normal(size=pred_shape).astype(np.float32)
    compare(keras, name, kwargs, y_true, y_pred)


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("mean_squared_error", {}),
        ("mean_absolute_error", {}),
        ("huber", {"delta": 0.2}),
        ("kl_divergence", {}),
        ("categorical_crossentropy", {"label_smoothing": 0.1}),
        ("binary_crossentropy", {"from_logits": True}),
        ("sparse_categorical_crossentropy", {"from_logits": True}),
    ],
)
def test_functions(keras, name, arguments):
    y_pred, y_true, classes = draw((5, 4), "probabilities")
    y_true = classes if name[:2] == "sp" else y_true
    expected = getattr(keras.losses, name)(y_true, y_pred, **arguments)
    assert_close(getattr(losses, name)(y_true, y_pred, **arguments).numpy(), expected, CROSSCHECK)


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
    function = keras.losses.get(name)  # a string names a function in Keras
    assert type(losses.get(name)) is losses.LOSSES[function.__name__]
    assert getattr(losses, function.__name__).__name__ == function.__name__


@pytest.mark.parametrize("name", sorted({cls.__name__ for cls in losses.LOSSES.values()}))
def test_class_names_arguments_and_config(keras, name):
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert ours.name == theirs.name
    unnamed = {"axis", "delta"}  # Keras' configs leave out a few
    assert {
        k: v for k, v in ours.get_config().items() if k not in unnamed
    }.items() <= theirs.get_config().items()
    signatures = [inspect.signature(getattr(m, name)).parameters for m in (losses, keras.losses)]
    defaults = [{n: p.default for n, p in signature.items()} for signature in signatures]
    assert list(defaults[0].items()) == [item for item in defaults[1].items() if item[0] != "dtype"]
