"""What functions refuse, in which words, and which dtypes they keep."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, no_grad
from minicnn import functions as F
from minicnn.errors import ArgumentError, GradientError, MinicnnError, ShapeError
from tests.tolerances import KERNEL, assert_close

VECTOR, MATRIX = np.zeros(3, "float32"), np.zeros((2, 3), "float32")
IMAGES, FILTERS = np.zeros((1, 3, 4, 2), "float32"), np.zeros((2, 2, 2, 4), "float32")
COLS = np.zeros((1, 2, 2, 2, 2, 1), "float32")

SENTENCES = [
    (
        lambda: F.conv2d(
            IMAGES, np.zeros((7, 1, 2, 1), "float32"), padding=((1, 0), (0, 0)), where="Conv2D 'c'"
        ),
        ShapeError,
        "Conv2D 'c': the kernel is larger than the padded input. Expected kernel height at most 4 (input 3 + "
        "padding 1 + 0), got 7: ⌊(3 + 1 + 0 − 7) / 1⌋ + 1 = -2. Use a smaller kernel, a larger input or "
        'padding="same".',
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, dilation_rate=(1, 4)),
        ShapeError,
        "conv2d: the kernel is larger than the padded input. Expected kernel width at most 4 (input 4 + "
        "padding 0 + 0), got 2 (dilated by 4: 5): ⌊(4 + 0 + 0 − 5) / 1⌋ + 1 = 0. Use a smaller kernel, a "
        'larger input or padding="same".',
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS[0]),
        ShapeError,
        "conv2d: the filters are not 4-dimensional. Expected (kh, kw, c / groups, f), got (2, 2, 4).",
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, groups=4),
        ShapeError,
        "conv2d: the groups do not divide evenly. Expected a divisor of the 2 channels and the 4 filters, "
        "got 4.",
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, groups=2),
        ShapeError,
        "conv2d: wrong number of channels. Expected 4 channels (2 per filter · 2 groups), got 2. Images are "
        "channels-last here: (n, h, w, c).",
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, VECTOR),
        ArgumentError,
        "bias_activation_forward: b has the wrong shape. Expected (4,), got (3,).",
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, strides=(1, 2, 3)),
        ArgumentError,
        "conv2d: strides is not an integer or a pair of integers. Expected integers of at least 1, got "
        "(1, 2, 3).",
    ),
    (
        lambda: F.max_pool2d(IMAGES[0]),
        ShapeError,
        "max_pool2d: the input is not a batch of images. Expected (n, h, w, c), got shape (3, 4, 2). Add the "
        "missing axis, for example x[..., None] for grey images or x[None] for one image.",
    ),
    (
        lambda: F.avg_pool2d(IMAGES, (4, 1)),
        ShapeError,
        "avg_pool2d: the kernel is larger than the padded input. Expected kernel height at most 3 (input 3 + "
        "padding 0 + 0), got 4: ⌊(3 + 0 + 0 − 4) / 4⌋ + 1 = 0. Use a smaller kernel, a larger input or "
        'padding="same".',
    ),
    (
        lambda: F.im2col(VECTOR, 2),
        ShapeError,
        "im2col: the input is not a batch of images. Expected (n, h, w, c), got shape (3,). Add the missing "
        "axis, for example x[..., None] for grey images or x[None] for one image.",
    ),
    (
        lambda: F.col2im(COLS[0], (1, 3, 3, 1)),
        ShapeError,
        "col2im: wrong shape of cols. Expected (n, oh, ow, kh, kw, c), got (2, 2, 2, 2, 1).",
    ),
    (
        lambda: F.col2im(COLS, (1, 4, 3, 1)),
        ShapeError,
        "col2im: cols does not fit x_shape. Expected (1, 3, 2, 2, 2, 1), got (1, 2, 2, 2, 2, 1).",
    ),
    (
        lambda: F.dense(MATRIX, np.zeros((2, 5), "float32"), where="Dense 'out'"),
        ShapeError,
        "Dense 'out': the last axis does not fit the weights. Expected 2 inputs for w (2, 5), got 3.",
    ),
    (
        lambda: F.matmul(VECTOR, Tensor(1.0)),
        ShapeError,
        "matmul: the inner sizes differ. Expected (…, m, k) @ (…, k, n), got (3,) @ ().",
    ),
    (
        lambda: F.softmax_cross_entropy(MATRIX, np.array([0, 1, 2])),
        ShapeError,
        "softmax_cross_entropy: the target does not fit. Expected (2,), got (3,) of dtype int64. Integers "
        "are class indices, floats are probabilities of every class.",
    ),
    (
        lambda: F.softmax_cross_entropy(MATRIX, np.array([0, 3])),
        ArgumentError,
        "softmax_cross_entropy_forward: a label is out of range. Expected classes 0 … 2, got 0 … 3.",
    ),
    (
        lambda: F.sigmoid_cross_entropy(VECTOR, [1.0, 0.0]),
        ShapeError,
        "sigmoid_cross_entropy: the target does not fit. Expected (3,), got (2,).",
    ),
    (
        lambda: F.concatenate([MATRIX, VECTOR]),
        ShapeError,
        "concatenate: wrong shapes. Expected shapes that are equal except along axis -1, got (2, 3) and "
        "(3,).",
    ),
    (
        lambda: F.concatenate([]),
        ArgumentError,
        "concatenate: nothing to join. Expected a list of at least one Tensor, got [].",
    ),
    (
        lambda: F.max(MATRIX, axis=(0, -3)),
        ArgumentError,
        "max: there is no such axis. Expected an axis from -2 to 1, got -3.",
    ),
    (
        lambda: F.transpose(MATRIX, (0, 2)),
        ArgumentError,
        "transpose: wrong axes. Expected each of 0 … 1 once, got (0, 2).",
    ),
    (
        lambda: Tensor(MATRIX)[0, 0, 0],
        ArgumentError,
        "indexing: too many indices for array: array is 2-dimensional, but 3 were indexed. Got shape (2, 3).",
    ),
    (
        lambda: F.where(np.ones(4), VECTOR, VECTOR),
        ArgumentError,
        "where: the shapes do not broadcast. Got (4,) and (3,). Sizes must be equal or 1, counted from the "
        "last axis.",
    ),
    (
        lambda: F.power(MATRIX, np.ones(2)),
        ArgumentError,
        "power: the shapes do not broadcast. Got (2, 3) and (2,). Sizes must be equal or 1, counted from the "
        "last axis.",
    ),
    (
        lambda: F.dropout(VECTOR, -0.1, None),
        ArgumentError,
        "dropout: impossible rate. Expected 0 ≤ rate < 1, got -0.1.",
    ),
    (
        lambda: F.conv2d(IMAGES, FILTERS, groups=1.5),
        ArgumentError,
        "conv2d: groups. Expected a positive integer, got 1.5.",
    ),
    (
        lambda: Tensor(MATRIX) * Tensor(MATRIX.astype("float64")),
        ArgumentError,
        "MultiplyFunction: two float dtypes in one operation. Got float32 and float64. Convert one: "
        "x.astype('float32').",
    ),
]


@pytest.mark.parametrize("call, kind, text", SENTENCES, ids=[text[:45] for _, _, text in SENTENCES])
def test_sentences(call, kind, text):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == text


def test_in_place_changes_of_what_is_recorded():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(
        GradientError, match=r"in-place add: the Tensor is part of a recorded computation\. Make"
    ):
        x += 1
    with no_grad():
        x *= 3
    np.testing.assert_array_equal(x.numpy(), [3, 6])


def test_what_backward_needs_must_not_change():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = F.exp(x)
    with no_grad():
        y += 1
    with pytest.raises(
        GradientError, match=r"backward of ExpFunction: its saved array 'y' was changed in place\."
    ):
        y.sum().backward()


# -- dtypes ------------------------------------------------------------------------------------------

FLOAT_FUNCTIONS = {
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "softmax": F.softmax,
    "exp": F.exp,
    "mean": F.mean,
    "sqrt": F.sqrt,
    "clip": lambda x: F.clip(x, 0, 1),
}
KEEPING_FUNCTIONS = {
    "sum": F.sum,
    "max": F.max,
    "reshape": lambda x: F.reshape(x, -1),
    "transpose": F.transpose,
    "getitem": lambda x: x[1:],
    "negative": lambda x: -x,
    "add a whole number": lambda x: x + 1,
}


@pytest.mark.parametrize("name", FLOAT_FUNCTIONS)
def test_integers_become_float32_where_the_result_is_no_integer(name):
    assert FLOAT_FUNCTIONS[name](Tensor(np.array([1, 4]))).dtype == np.float32


@pytest.mark.parametrize("name", KEEPING_FUNCTIONS)
def test_integers_stay_integers_where_they_can(name):
    assert KEEPING_FUNCTIONS[name](Tensor(np.array([1, 4]))).dtype == np.int64


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_and_plain_arrays_follow_the_tensor(dtype):
    x = Tensor(np.ones(2, dtype))
    others = [2, 2.5, np.float32(2), np.float64(2), np.ones(2), np.ones(2, "float32"), np.int32(3)]
    for other in others:
        for y in (x + other, other - x, x * other, x / other, x**other, F.where(x > 0, x, other)):
            assert y.dtype == dtype, other


def test_whole_numbers_divide_to_floats():
    y = Tensor(np.array([1, 3])) / Tensor(np.array([2, 2]))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y.numpy(), [0.5, 1.5])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_without_axes_stay_arrays(dtype):
    """NumPy turns the sum of two such arrays into a scalar, which is no array any more."""
    x = Tensor(np.array(3.0, dtype), requires_grad=True)
    y = x * x + x * 2 + F.where(x > 0, x, x)
    y.backward()
    y = x * 1
    y.backward()
    assert isinstance(x.grad.data, np.ndarray) and (x.grad.dtype, x.grad.shape) == (dtype, ())
    assert x.grad.item() == 2 * 3 + 2 + 1 + 1


# -- further refusals, and numbers of NumPy ------------------------------------------------------------

FURTHER = {
    "softmax axis": lambda: F.softmax(MATRIX, axis=2),
    "compare": lambda: Tensor(MATRIX) < np.zeros(2),
    "matmul batches": lambda: F.matmul(np.zeros((2, 3, 4)), np.zeros((3, 4, 5))),
    "axis twice": lambda: F.sum(MATRIX, axis=(0, 0)),
    "max of nothing": lambda: F.max(MATRIX[:0]),
    "col2im sizes": lambda: F.col2im(COLS, (1, 3, 3)),
    "astype": lambda: F.astype(MATRIX, "float33"),
}


@pytest.mark.parametrize("name", FURTHER)
def test_these_are_sentences_too(name):
    with pytest.raises(MinicnnError):
        FURTHER[name]()


def test_limits_of_clip_do_not_change_the_dtype():
    assert F.clip(MATRIX, np.float64(0.1), np.float64(0.2)).dtype == np.float32


def test_numpy_integers_are_axes_and_sizes():
    assert F.sum(MATRIX, np.int64(1)).shape == (2,)
    assert F.reshape(MATRIX, np.int64(6)).shape == (6,)


def test_one_sample_has_one_class():
    loss = F.softmax_cross_entropy(Tensor(np.zeros(3, "float32")), np.array(1))
    assert_close(loss.numpy(), np.log(3), KERNEL[loss.dtype])


def test_the_functions_are_public():
    assert minicnn.functions is F
