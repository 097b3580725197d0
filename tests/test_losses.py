"""Losses: values by hand, logits instead of saturated probabilities, gradients, wrong targets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn import Tensor, functions, losses
from minicnn.errors import ArgumentError, ShapeError
from tests import oracles
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float64)]
SPARSE, CATEGORICAL, SQUARED = (
    losses.SparseCategoricalCrossentropy,
    losses.CategoricalCrossentropy,
    losses.MeanSquaredError,
)


def one_hot(classes, k):
    return np.eye(k)[np.asarray(classes)]


# -- by hand -------------------------------------------------------------------------------------------


def test_mean_squared_error_by_hand():
    y_true, y_pred = [[1.0, 2.0], [0.0, 0.0]], np.array([[1.0, 4.0], [3.0, 0.0]])
    assert SQUARED()(y_true, y_pred).item() == (0 + 4 + 9 + 0) / 4
    assert SQUARED().call(np.array(y_true), Tensor(y_pred)).numpy().tolist() == [2.0, 4.5]
    assert SQUARED()([1.0, 2.0], np.array([2.0, 4.0])).item() == 2.5


def test_cross_entropy_by_hand():
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert_close(CATEGORICAL()([[0, 1], [1, 0]], p).item(), expected, EXACT)
    assert_close(SPARSE()([1, 0], p).item(), expected, EXACT)
    assert_close(SPARSE()([[1], [0]], p).item(), expected, EXACT)


def test_a_distribution_as_target():
    p, t = np.array([[0.25, 0.75]]), np.array([[0.5, 0.5]])
    assert_close(CATEGORICAL()(t, p).item(), -(math.log(0.25) + math.log(0.75)) / 2, EXACT)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 5), (2, 2, 2, 5)])
def test_against_loops(shape):
    rng = np.random.default_rng(0)
    z, classes = rng.normal(size=shape), rng.integers(0, 5, shape[:-1])
    rows, targets = z.reshape(-1, 5), one_hot(classes, 5)
    expected = np.mean(
        [oracles.cross_entropy(row, t) for row, t in zip(rows, targets.reshape(-1, 5), strict=True)]
    )
    for loss, target in ((SPARSE, classes), (CATEGORICAL, targets)):
        assert_close(loss(from_logits=True)(target, z).item(), expected, EXACT)
        assert_close(loss()(target, functions.softmax(Tensor(z))).item(), expected, EXACT)
        p = functions.softmax(Tensor(z)).numpy()
        assert_close(loss()(target, p).item(), expected, 10 * EXACT)


# -- logits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SPARSE, CATEGORICAL])
def test_softmax_outputs_are_traced_to_their_logits(loss):
    """The gradient is that of the logits route, bit for bit; the plain probabilities give it too."""
    rng = np.random.default_rng(1)
    classes = np.array([0, 2, 1])
    target = classes if loss is SPARSE else one_hot(classes, 3)
    z = rng.normal(size=(3, 3))
    routes = {
        "logits": lambda x: loss(from_logits=True)(target, x),
        "softmax": lambda x: loss()(target, functions.softmax(x)),
        "probabilities": lambda x: loss()(target, functions.exp(x) / functions.exp(x).sum(-1, True)),
    }
    found = {}
    for name, route in routes.items():
        x = Tensor(z, requires_grad=True)
        route(x).backward()
        found[name] = x.grad.numpy()
    expected = (np.exp(z) / np.exp(z).sum(-1, keepdims=True) - one_hot(classes, 3)) / 3
    np.testing.assert_array_equal(found["softmax"], found["logits"])
    assert_close(found["softmax"], expected, 10 * EXACT)
    assert_close(found["probabilities"], expected, 100 * EXACT)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saturated_softmax_keeps_its_gradient(dtype):
    """Logits 0 and 1000: the probability of the first is 0, its loss is 1000, its slope −1."""
    z = Tensor(np.array([[0.0, 1000.0]], dtype), requires_grad=True)
    p = functions.softmax(z)
    assert p.numpy().tolist() == [[0.0, 1.0]]
    loss = SPARSE()([0], p)
    assert loss.item() == 1000.0
    loss.backward()
    assert z.grad.numpy().tolist() == [[-1.0, 1.0]]


def test_probabilities_of_unknown_origin_are_kept_from_zero():
    p = Tensor(np.array([[0.0, 1.0]]), requires_grad=True)
    loss = SPARSE()([0], p)
    assert_close(loss.item(), -math.log(losses.EPSILON), EXACT)
    loss.backward()
    assert np.isfinite(p.grad.numpy()).all()


def test_unnormalised_probabilities_are_scaled():
    assert_close(SPARSE()([0], np.array([[1.0, 3.0]])).item(), -math.log(0.25), EXACT)
    assert_close(CATEGORICAL()([[1, 0]], np.array([[2.0, 6.0]])).item(), -math.log(0.25), EXACT)


def test_from_logits_takes_the_output_as_it_is():
    z = Tensor(np.array([[1.0, 3.0]]))
    p = functions.softmax(z)
    twice = SPARSE(from_logits=True)([0], p).item()
    assert_close(twice, oracles.cross_entropy(p.numpy()[0], [1, 0]), EXACT)


# -- gradients and dtypes ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SPARSE, CATEGORICAL, SQUARED])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_follows_the_prediction(loss, dtype):
    y = Tensor(np.array([[0.25, 0.75]], dtype), requires_grad=True)
    target = [1] if loss is SPARSE else [[0, 1]]
    for given in (target, np.array(target, "int8"), np.array(target, "float64"), Tensor(np.array(target))):
        value = loss()(given, y)
        assert value.dtype == dtype and value.shape == ()
        value.backward()
        assert y.grad.dtype == dtype


def test_gradient_of_the_squared_error():
    y = Tensor(np.array([[1.0, 4.0], [3.0, 0.0]]), requires_grad=True)
    SQUARED()([[1.0, 2.0], [0.0, 0.0]], y).backward()
    assert y.grad.numpy().tolist() == [[0.0, 2 * 2 / 4], [2 * 3 / 4, 0.0]]


def test_columns_and_vectors_stand_for_each_other():
    y = np.array([[1.0], [2.0], [3.0]])
    assert SQUARED()([1.0, 2.0, 3.0], y).item() == 0.0
    assert SQUARED()(y, np.array([1.0, 2.0, 3.0])).item() == 0.0


# -- wrong targets -------------------------------------------------------------------------------------


P = np.array([[0.25, 0.75], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("loss", "target", "text"),
    [
        (losses.BinaryCrossentropy, [1, 0], "binary_crossentropy: the target does not have the shape of"),
        (losses.Huber, [1, 0, 1], "huber_loss: the target does not have the shape of the prediction."),
        (
            CATEGORICAL,
            [1, 0],
            "categorical_crossentropy: the target does not have the shape of the prediction. Expected "
            "(2, 2), got (2,). Class indices need the sparse_ form of a loss; to_categorical(y) makes "
            "one-hot rows.",
        ),
        (
            SPARSE,
            [[1, 0], [0, 1]],
            "sparse_categorical_crossentropy: the target does not hold one class index per sample. "
            "Expected (2,), got (2, 2). One-hot rows need the loss without sparse_.",
        ),
        (
            SPARSE,
            [0, 2],
            "sparse_categorical_crossentropy: the target is not a class index everywhere. "
            "Expected integers from 0 to 1, got 0 … 2.",
        ),
        (SPARSE, [-1, 0], "Expected integers from 0 to 1, got -1 … 0."),
        (SPARSE, [0.5, 0.0], "Expected integers from 0 to 1, got 0.0 … 0.5."),
        (SPARSE, [np.nan, 0.0], "Expected integers from 0 to 1, got nan … nan."),
        (SPARSE, [1, 0, 1], "Expected (2,), got (3,)."),
        (
            SQUARED,
            [1.0, 2.0, 3.0],
            "mean_squared_error: the target does not have the shape of the prediction. Expected (2, 2)",
        ),
        (SQUARED, np.zeros((2, 1)), "Expected (2, 2), got (2, 1)."),
    ],
)
def test_wrong_targets(loss, target, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        loss()(target, P)
    assert text in str(error.value)


# -- by name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", losses.LOSSES)
def test_by_name(name):
    loss = losses.get(name)
    assert type(loss) is losses.LOSSES[name]
    again = losses.get({"class_name": type(loss).__name__, "config": loss.get_config()})
    assert again.get_config() == loss.get_config()
    assert losses.get(loss) is loss


def test_config_keeps_from_logits():
    loss = losses.get({"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}})
    assert loss.from_logits and loss.get_config()["from_logits"] is True


def test_a_function_is_a_loss():
    def largest_error(y_true, y_pred):
        return functions.max((y_pred - y_true) ** 2, axis=1)

    loss = losses.get(largest_error)
    assert loss.name == "largest_error"
    assert loss([[0.0, 0.0], [0.0, 0.0]], np.array([[1.0, 2.0], [3.0, 0.0]])).item() == (4 + 9) / 2


def test_unknown_losses_are_named():
    for unknown in ("binary", None, 3, {"class_name": "x"}, ["mse"]):
        with pytest.raises(ArgumentError) as error:
            losses.get(unknown)
        text = f"loss: it is not known. Expected one of {', '.join(losses.LOSSES)}, a Loss or a function, "
        assert str(error.value) == f"{text}got {unknown!r}."


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Loss has no call"):
        losses.Loss("mine")([1.0], [1.0])


# -- options, weights and reductions -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: SQUARED(reduction="average"),
            "mean_squared_error: reduction. Expected one of 'sum_over_batch_size', 'sum', 'mean', "
            "'mean_with_sample_weight', 'none', None, got 'average'.",
        ),
        (
            lambda: CATEGORICAL(axis=1),
            "categorical_crossentropy: axis. Expected -1, got 1. Classes are on the last axis here; "
            "transpose "
            "what has them elsewhere.",
        ),
        (
            lambda: CATEGORICAL(label_smoothing=2),
            "categorical_crossentropy: label_smoothing. Expected a number from 0 to 1, got 2.",
        ),
        (
            lambda: SPARSE(ignore_class="sky"),
            "sparse_categorical_crossentropy: ignore_class. Expected an integer or None, got 'sky'.",
        ),
        (lambda: losses.Huber(0), "huber_loss: delta. Expected a number above 0, got 0."),
        (
            lambda: SQUARED()([[1.0], [2.0]], [[1.0], [2.0]], sample_weight=[1, 2, 3]),
            "mean_squared_error: sample_weight does not fit the losses. Expected (2,), got (3,). "
            "Give one weight for each sample.",
        ),
        (
            lambda: SQUARED()([1.0, 2.0], [1.0, 2.0], sample_weight=[1, 2]),
            "mean_squared_error: sample_weight does not fit the losses. Expected (), got (2,). "
            "Give it predictions of shape (n, 1).",
        ),
    ],
)
def test_options_that_are_refused(make, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        make()
    assert str(error.value) == text


def test_weights_by_hand():
    y_true, y_pred, weights = [[0.0]] * 3, np.array([[1.0], [2.0], [3.0]]), [1, 0, 2]
    expected = {"sum": 19, "mean": 19 / 3, "mean_with_sample_weight": 19 / 3, "none": [1, 0, 18]}
    for reduction, value in expected.items():
        assert SQUARED(reduction=reduction)(y_true, y_pred, weights).numpy().tolist() == value
    assert SQUARED(reduction="mean_with_sample_weight")(y_true, y_pred, [0, 0, 0]).item() == 0
    positions = SPARSE(reduction="none", from_logits=True)(np.zeros((2, 3), int), np.zeros((2, 3, 2)), [0, 1])
    assert_close(positions.numpy(), math.log(2) * np.array([[0, 0, 0], [1, 1, 1]]), EXACT)


def test_a_saturated_sigmoid_keeps_its_gradient():
    z = Tensor(np.array([[-1000.0]]), requires_grad=True)
    loss = losses.BinaryCrossentropy()([[1]], functions.sigmoid(z))
    loss.backward()
    assert loss.item() == 1000 and z.grad.item() == -1


def test_functions_of_keras_names():
    assert losses.mean_squared_error([[1.0, 3.0]], [[1.0, 1.0]]).numpy().tolist() == [2.0]
    assert losses.get(losses.huber)([[0.0]], [[3.0]]).item() == 2.5
    assert losses.huber([[0.0]], [[3.0]], delta=2.0).item() == 4.0
    assert losses.get(losses.Huber).delta == 1.0


# -- softmax twice, or not at all ----------------------------------------------------------------------

Z = Tensor([[1.0, -2.0]])
BINARY = losses.BinaryCrossentropy


@pytest.mark.parametrize(
    ("loss", "y_pred", "text"),
    [
        (CATEGORICAL(True), Z, None),
        (CATEGORICAL(), functions.softmax(Z), None),
        (CATEGORICAL(), functions.sigmoid(Z), None),
        (CATEGORICAL(), Tensor([[0.25, 0.75]]), None),
        (BINARY(), functions.sigmoid(Z), None),
        (BINARY(), Tensor([[0.9, 0.9]]), None),
        (BINARY(), Tensor([[float("nan"), 3.0]]), None),
        (SQUARED(), functions.softmax(Z), None),
        (
            SPARSE(True),
            functions.softmax(Z),
            "sparse_categorical_crossentropy: from_logits=True, but the prediction is the output of a "
            "softmax "
            "already. Use from_logits=False, or take the softmax out of the model.",
        ),
        (
            BINARY(True),
            functions.sigmoid(Z),
            "binary_crossentropy: from_logits=True, but the prediction is the output of a sigmoid already. "
            "Use from_logits=False, or take the sigmoid out of the model.",
        ),
        (
            CATEGORICAL(),
            functions.softmax(functions.softmax(Z)),
            "categorical_crossentropy: the prediction is a softmax of a softmax. Take one of the two out of "
            "the model.",
        ),
        (
            CATEGORICAL(),
            Z,
            "categorical_crossentropy: the prediction holds no probabilities. Expected values from 0 to 1, "
            "got "
            "-2 … 1. End the model with a softmax, or use from_logits=True.",
        ),
        (
            SPARSE(),
            Tensor([[0.5, 0.5], [0.25, 0.25]]),
            "sparse_categorical_crossentropy: the prediction holds no probabilities. Expected values that "
            "sum "
            "to 1, got 0.5 … 1. End the model with a softmax, or use from_logits=True.",
        ),
        (
            BINARY(),
            Z,
            "binary_crossentropy: the prediction holds no probabilities. Expected values from 0 to 1, got "
            "-2 … 1. End the model with a sigmoid, or use from_logits=True.",
        ),
    ],
)
def test_mistakes_with_logits(loss, y_pred, text):
    assert losses.logits_mistake(loss, y_pred) == text
