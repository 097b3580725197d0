"""Values of functions by hand and against NumPy, dtypes, and errors as sentences."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Tensor
from minicnn import functions as F
from minicnn.errors import ArgumentError, GradientError, ShapeError
from tests import oracles
from tests.tolerances import KERNEL, assert_close

X = np.random.default_rng(0).normal(size=(2, 3, 4))
ROWS = np.random.default_rng(1).normal(size=(3, 4))

NUMPY = {
    "add": (lambda x, y: x + y, lambda x, y: x + y, X, ROWS),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y, X, ROWS),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y, X, ROWS),
    "divide": (lambda x, y: x / y, lambda x, y: x / y, X, ROWS),
    "power": (F.power, lambda x, y: x**y, np.abs(X), ROWS),
    "exp": (F.exp, np.exp, X),
    "log": (F.log, np.log, np.abs(X)),
    "absolute": (F.absolute, np.abs, X),
    "sqrt": (F.sqrt, np.sqrt, np.abs(X)),
    "clip": (lambda x: F.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5), X),
    "where": (lambda x, y: F.where(x > 0, x, y), lambda x, y: np.where(x > 0, x, y), X, ROWS),
    "matmul": (F.matmul, np.matmul, X, ROWS.T.copy()),
    "sum": (lambda x: F.sum(x, (0, 2)), lambda x: x.sum((0, 2)), X),
    "mean": (lambda x: F.mean(x, -1, True), lambda x: x.mean(-1, keepdims=True), X),
    "max": (lambda x: F.max(x, 1), lambda x: x.max(1), X),
    "reshape": (lambda x: F.reshape(x, (4, -1)), lambda x: x.reshape(4, -1), X),
    "transpose": (lambda x: F.transpose(x, (1, 2, 0)), lambda x: x.transpose(1, 2, 0), X),
    "index": (lambda x: x[:, [0, 0, 2], None, ..., 1:3], lambda x: x[:, [0, 0, 2], None, ..., 1:3], X),
    "concatenate": (lambda x, y: F.concatenate([x, x], 1), lambda x, y: np.concatenate([x, x], 1), X, ROWS),
    "relu": (F.relu, lambda x: np.maximum(x, 0), X),
    "sigmoid": (F.sigmoid, lambda x: 1 / (1 + np.exp(-x)), X),
    "tanh": (F.tanh, np.tanh, X),
    "softmax": (
        lambda x: F.softmax(x, axis=1),
        lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        X,
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NUMPY)
def test_like_numpy_and_in_the_same_dtype(name: str, dtype: type) -> None:
    function, reference, *inputs = NUMPY[name]
    arrays = [array.astype(dtype) for array in inputs]
    found = function(*(Tensor(array) for array in arrays))
    assert found.dtype == dtype
    assert_close(
        found.numpy(), reference(*(array.astype(np.float64) for array in arrays)), KERNEL[np.dtype(dtype)]
    )


def test_convolution_by_hand() -> None:
    """An edge detector: right neighbour minus left neighbour."""
    x = np.array([[0.0, 0.0, 1.0, 1.0, 0.0]]).reshape(1, 1, 5, 1)
    w = np.array([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
    np.testing.assert_array_equal(F.conv2d(x, w).numpy().ravel(), [1, 1, -1])
    np.testing.assert_array_equal(F.conv2d(x, w, padding="same").numpy().ravel(), [0, 1, 1, -1, -1])
    np.testing.assert_array_equal(F.conv2d(x, w, b=np.array([10.0]), strides=2).numpy().ravel(), [11, 9])


@pytest.mark.parametrize("padding", ["valid", "same", 1, ((1, 0), (2, 1))])
@pytest.mark.parametrize("strides, dilation, groups", [(1, 1, 1), ((2, 1), 1, 2), (1, 2, 1), (3, 1, 1)])
def test_convolution_like_the_loops(padding, strides, dilation, groups) -> None:
    from minicnn.geometry import resolve_window

    generator = np.random.default_rng(2)
    x, w = generator.normal(size=(2, 7, 6, 4)), generator.normal(size=(3, 2, 4 // groups, 6))
    g, out_hw = resolve_window("test", (7, 6), (3, 2), strides, padding, dilation)
    expected = oracles.conv2d_forward(x, w, g, groups, out_hw)
    found = F.conv2d(x, w, None, strides, padding, dilation, groups)
    assert found.shape == expected.shape
    assert_close(found.numpy(), expected, KERNEL[np.dtype(np.float64)])


def test_logits_are_found_behind_probabilities() -> None:
    x = Tensor([[1.0, 2.0]])
    assert F.logits_of(F.softmax(x)) is x
    assert F.logits_of(F.sigmoid(x)) is x
    assert F.logits_of(x) is x
    assert F.logits_of(F.softmax(x) * 1.0).logits is None


def test_cross_entropy_of_huge_logits_is_exact() -> None:
    z = Tensor([[1000.0, 0.0], [0.0, 1000.0]])
    np.testing.assert_array_equal(F.softmax_cross_entropy(z, np.array([0, 0])).numpy(), [0, 1000])


@pytest.mark.parametrize("comparison", ["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"])
def test_comparisons(comparison: str) -> None:
    x, y = Tensor([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0], np.float32)
    found = getattr(x, comparison)(y)
    assert found.dtype == bool
    np.testing.assert_array_equal(found.numpy(), getattr(x.numpy(), comparison)(y))


def test_a_nan_comes_through() -> None:
    x = np.full((1, 2, 2, 1), np.nan, np.float32)
    for function in (F.relu, F.sigmoid, F.tanh, F.softmax, F.max_pool2d, F.avg_pool2d, F.max, F.sum):
        assert np.isnan(function(x).numpy()).all(), function


IMAGE = np.zeros((1, 4, 4, 2), np.float32)
ERRORS = {
    "add: the shapes do not broadcast. Got (2,) and (3,). Sizes must be equal or 1, "
    "counted from the last axis.": (lambda: Tensor([1.0, 2.0]) + Tensor([1.0, 2.0, 3.0])),
    "reshape to (4,): the number of elements differs. Expected 4 elements, got 6 in shape (6,). "
    "One size may be -1: it is computed.": lambda: F.reshape(np.zeros(6), (4,)),
    "transpose: wrong axes. Expected each of 0 … 1 once, got (0, 0).": (
        lambda: F.transpose(np.zeros((2, 2)), (0, 0))
    ),
    "sum: there is no such axis. Expected an axis from -2 to 1, got 2.": lambda: F.sum(np.zeros((2, 2)), 2),
    "matmul: the inner sizes differ. Expected (…, m, k) @ (…, k, n), got (2, 3) @ (2, 3).": (
        lambda: F.matmul(np.zeros((2, 3)), np.zeros((2, 3)))
    ),
    "clip: low is above high. Got low=1, high=0.": lambda: F.clip(np.zeros(2), 1, 0),
    "dropout: impossible rate. Expected 0 ≤ rate < 1, got 1.": lambda: F.dropout(np.zeros(2), 1, None),
    "conv2d: the input is not a batch of images. Expected (n, h, w, c), got shape (4, 4, 2). Add the "
    "missing axis, for example x[..., None] for grey images or x[None] for one image.": (
        lambda: F.conv2d(IMAGE[0], np.zeros((3, 3, 2, 1), np.float32))
    ),
    "conv2d: the kernel is larger than the padded input. Expected kernel height at most 4 (input 4 + padding "
    '0 + 0), got 5: ⌊(4 + 0 + 0 − 5) / 1⌋ + 1 = 0. Use a smaller kernel, a larger input or padding="same".': (
        lambda: F.conv2d(IMAGE, np.zeros((5, 3, 2, 1), np.float32))
    ),
    "conv2d: wrong number of channels. Expected 3 channels (3 per filter · 1 groups), got 2. Images are "
    "channels-last here: (n, h, w, c).": lambda: F.conv2d(IMAGE, np.zeros((3, 3, 3, 1), np.float32)),
    "max_pool2d: pool_size is not an integer or a pair of integers. Expected integers of at least 1, "
    "got 0.": (lambda: F.max_pool2d(IMAGE, 0)),
    'conv2d: the padding is not understood. Expected "valid", "same", an integer, (rows, columns) or ((top, '
    "bottom), (left, right)), got 'full'.": (
        lambda: F.conv2d(IMAGE, np.zeros((3, 3, 2, 1), np.float32), padding="full")
    ),
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: text[:40])
def test_errors_are_sentences(text: str) -> None:
    with pytest.raises((ArgumentError, ShapeError)) as caught:
        ERRORS[text]()
    assert str(caught.value) == text


def test_an_unknown_algorithm() -> None:
    with pytest.raises(ArgumentError, match="Expected one of auto, .*im2col, naive, got 'fft'"):
        F.conv2d(IMAGE, np.zeros((3, 3, 2, 1), np.float32), algorithm="fft")


def test_a_target_has_no_gradient() -> None:
    target = Tensor(np.full((1, 2), 0.5), requires_grad=True)
    for function in (F.softmax_cross_entropy, F.sigmoid_cross_entropy):
        loss = function(Tensor(np.zeros((1, 2)), requires_grad=True), target)
        with pytest.raises(GradientError, match=r"Detach it: target\.detach\(\)\."):
            loss.sum().backward()


def test_saturated_yes_and_no() -> None:
    z = Tensor(np.array([1000.0, -1000.0, 1000.0, -1000.0]), requires_grad=True)
    loss = F.sigmoid_cross_entropy(z, [1, 1, 0, 0])
    assert loss.numpy().tolist() == [0, 1000, 1000, 0]
    loss.sum().backward()
    assert_close(z.grad.numpy(), [0, -1, 1, 0], KERNEL[z.dtype])
