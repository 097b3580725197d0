"""Every function worked out by hand, forward and backward, in both float dtypes."""

from __future__ import annotations

from math import exp, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest

from minicnn import Tensor
from minicnn import functions as F
from minicnn.random import derive_key
from tests.tolerances import KERNEL, assert_close


class Example(NamedTuple):
    """``function(*inputs)`` is `y`; with upstream gradient `gy` the inputs get the gradients `grads`."""

    function: Any
    inputs: list[Any]
    y: Any
    gy: Any
    grads: list[Any]


def image(rows):
    """Rows of pixels as a batch of one grey image (1, h, w, 1)."""
    return np.array(rows, float)[None, :, :, None]


PIXELS = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
CORNERS = image([[1, 2], [3, 4]])
MATRIX, ROW = [[1, 2], [3, 4]], [10, 20]
KEY = derive_key("test", 0, seed=0)
PHI = 0.8413447460685429  # Φ(1)
SELU = 1.0507009873554805, 1.6732632423543772  # λ, α
MASK = F.dropout(np.ones(8), 0.5, KEY).numpy() > 0  # itself by hand in tests/kernels

EXAMPLES = {
    "add": Example(
        lambda x, y: x + y, [MATRIX, ROW], [[11, 22], [13, 24]], [[1, 2], [3, 4]], [[[1, 2], [3, 4]], [4, 6]]
    ),
    "subtract": Example(
        lambda x, y: x - y, [MATRIX, ROW], [[-9, -18], [-7, -16]], MATRIX, [[[1, 2], [3, 4]], [-4, -6]]
    ),
    "multiply": Example(
        lambda x, y: x * y, [MATRIX, ROW], [[10, 40], [30, 80]], MATRIX, [[[10, 40], [30, 80]], [10, 20]]
    ),
    "divide": Example(lambda x, y: x / y, [[6, 1], [2, 4]], [3, 0.25], [1, 8], [[0.5, 2], [-1.5, -0.5]]),
    "negative": Example(lambda x: -x, [[1, -2]], [-1, 2], [3, 4], [[-3, -4]]),
    "power": Example(F.power, [[2, 3], [3, 2]], [8, 9], [1, 2], [[12, 12], [8 * log(2), 18 * log(3)]]),
    "power 0 at 0": Example(lambda x: x**0, [[0, 2]], [1, 1], [5, 5], [[0, 0]]),
    "exp": Example(F.exp, [[0, log(2)]], [1, 2], [3, 5], [[3, 10]]),
    "log": Example(F.log, [[1, 4]], [0, log(4)], [2, 2], [[2, 0.5]]),
    "absolute": Example(F.absolute, [[-4, 0, 9]], [4, 0, 9], [2, 3, 4], [[-2, 0, 4]]),
    "sqrt": Example(F.sqrt, [[4, 9]], [2, 3], [4, 6], [[1, 1]]),
    "clip": Example(
        lambda x: F.clip(x, -1, 2), [[-3, -1, 0, 2, 5]], [-1, -1, 0, 2, 2], [1, 2, 3, 4, 5], [[0, 2, 3, 4, 0]]
    ),
    "clip from below": Example(lambda x: F.clip(x, low=0), [[-1, 7]], [0, 7], [1, 1], [[0, 1]]),
    "maximum": Example(F.maximum, [[1, 5, 2], [3, 4, 2]], [3, 5, 2], [1, 2, 4], [[0, 2, 2], [1, 0, 2]]),
    "minimum": Example(F.minimum, [[1, 5, 2], [3, 4, 2]], [1, 4, 2], [1, 2, 4], [[1, 0, 2], [0, 2, 2]]),
    "where": Example(
        lambda x, y: F.where(np.array([True, False]), x, y),
        [MATRIX, ROW],
        [[1, 20], [3, 20]],
        [[5, 6], [7, 8]],
        [[[5, 0], [7, 0]], [0, 14]],
    ),
    "relu": Example(F.relu, [[-1, 0, 2]], [0, 0, 2], [5, 6, 7], [[0, 0, 7]]),
    "sigmoid": Example(F.sigmoid, [[0, log(3)]], [0.5, 0.75], [8, 16], [[2, 3]]),
    "tanh": Example(F.tanh, [[0, log(2)]], [0, 0.6], [1, 25], [[1, 16]]),
    "softmax": Example(F.softmax, [[0, log(3)]], [0.25, 0.75], [1, 0], [[0.1875, -0.1875]]),
    "softmax of columns": Example(
        lambda x: F.softmax(x, axis=0),
        [[[0, 0], [log(3), 0]]],
        [[0.25, 0.5], [0.75, 0.5]],
        [[1, 4], [0, 0]],
        [[[0.1875, 1], [-0.1875, -1]]],
    ),
    "relu of all options": Example(
        lambda x: F.relu(x, negative_slope=0.5, max_value=6, threshold=1),
        [[-1, 0, 2, 9]],
        [-1, -0.5, 2, 6],
        [2, 4, 6, 8],
        [[1, 2, 6, 0]],
    ),
    "log_softmax": Example(F.log_softmax, [[0, log(3)]], [-log(4), log(0.75)], [1, 0], [[0.75, -0.75]]),
    "leaky_relu": Example(lambda x: F.leaky_relu(x, 0.5), [[-4, 0, 3]], [-2, 0, 3], [2, 4, 6], [[1, 2, 6]]),
    "prelu": Example(
        F.prelu,
        [[[-4, 3], [-1, -2]], [0.5, 0.25]],
        [[-2, 3], [-0.5, -0.5]],
        [[2, 5], [4, 8]],
        [[[1, 5], [2, 2]], [-12, -16]],
    ),
    "elu": Example(lambda x: F.elu(x, 2.0), [[-log(2), 3]], [-1, 3], [4, 6], [[4, 6]]),
    "selu": Example(
        F.selu,
        [[-log(2), 1]],
        [-SELU[0] * SELU[1] / 2, SELU[0]],
        [2, 3],
        [[SELU[0] * SELU[1], 3 * SELU[0]]],
    ),
    "gelu": Example(F.gelu, [[0, 1]], [0, PHI], [2, 1], [[1, PHI + exp(-0.5) / sqrt(2 * pi)]]),
    "gelu, approximate": Example(lambda x: F.gelu(x, approximate=True), [[0, 30]], [0, 30], [2, 1], [[1, 1]]),
    "silu": Example(F.silu, [[0, log(3)]], [0, 0.75 * log(3)], [2, 4], [[1, 3 + 0.75 * log(3)]]),
    "relu6": Example(F.relu6, [[-1, 2, 9]], [0, 2, 6], [3, 4, 5], [[0, 4, 0]]),
    "hard_sigmoid": Example(
        F.hard_sigmoid, [[-4, 0, 1.5, 4]], [0, 0.5, 0.75, 1], [6, 6, 12, 6], [[0, 1, 2, 0]]
    ),
    "hard_silu": Example(F.hard_silu, [[-4, 0, 1.5, 4]], [0, 0, 1.125, 4], [6, 6, 6, 6], [[0, 3, 6, 6]]),
    "softplus": Example(F.softplus, [[0, log(3)]], [log(2), log(4)], [2, 4], [[1, 3]]),
    "softsign": Example(F.softsign, [[-1, 3]], [-0.5, 0.75], [4, 16], [[1, 1]]),
    "gaussian_noise": Example(lambda x: F.gaussian_noise(x, 0, KEY), [[7, 8]], [7, 8], [1, 2], [[1, 2]]),
    # mean 3, variance 4: x̂ = 1, −1, 1, −1; gx = γ·½·(gy − (gβ + x̂·gγ) / 4)
    "batch_norm": Example(
        lambda x, g, b: F.batch_norm(x, g, b, epsilon=0),
        [[[5], [1], [5], [1]], [2], [10]],
        [[12], [8], [12], [8]],
        [[1], [0], [0], [0]],
        [[[0.5], [0], [-0.5], [0]], [1], [1]],
    ),
    "layer_norm": Example(
        lambda x, g, b: F.layer_norm(x, g, b, epsilon=0),
        [[[5, 1, 5, 1]], [2, 2, 2, 2], [10, 10, 10, 0]],
        [[12, 8, 12, -2]],
        [[1, 0, 0, 0]],
        [[[0.5, 0, -0.5, 0]], [1, 0, 0, 0], [1, 0, 0, 0]],
    ),
    "group_norm": Example(
        lambda x, g, b: F.group_norm(x, 1, g, b, epsilon=0),
        [[[[5, 1], [5, 1]]], [2, 2], [10, 0]],
        [[[12, -2], [12, -2]]],
        [[[1, 0], [0, 0]]],
        [[[[0.5, 0], [-0.5, 0]]], [1, 0], [1, 0]],
    ),
    "batch_norm_inference": Example(
        lambda *inputs: F.batch_norm_inference(*inputs, epsilon=0),
        [[[5], [1]], [3], [4], [2], [10]],
        [[12], [8]],
        [[1], [3]],
        [[[1], [3]], [-4], [0.5], [-2], [4]],
    ),
    "softmax_cross_entropy": Example(
        lambda z: F.softmax_cross_entropy(z, np.array([1, 0])),
        [[[0, log(3)], [0, 0]]],
        [log(4 / 3), log(2)],
        [4, 2],
        [[[1, -1], [-1, 1]]],
    ),
    "softmax_cross_entropy of distributions": Example(
        lambda z: F.softmax_cross_entropy(z, np.array([[0.5, 0.5]])),
        [[[0, log(3)]]],
        [0.5 * log(4) + 0.5 * log(4 / 3)],
        [4],
        [[[-1, 1]]],
    ),
    "sigmoid_cross_entropy": Example(
        lambda z: F.sigmoid_cross_entropy(z, np.array([1, 0, 0.5])),
        [[log(3), log(3), log(3)]],
        [log(4 / 3), log(4), (log(4) + log(4 / 3)) / 2],
        [4, 4, 4],
        [[-1, 3, 1]],
    ),
    "sum": Example(lambda x: F.sum(x, axis=0), [MATRIX], [4, 6], [5, 7], [[[5, 7], [5, 7]]]),
    "mean": Example(
        lambda x: F.mean(x, axis=-1, keepdims=True), [MATRIX], [[1.5], [3.5]], [[2], [4]], [[[1, 1], [2, 2]]]
    ),
    "max": Example(
        lambda x: F.max(x, axis=1), [[[1, 5, 2], [3, 3, 0]]], [5, 3], [7, 8], [[[0, 7, 0], [4, 4, 0]]]
    ),
    "matmul": Example(F.matmul, [[[1, 2]], [[3], [4]]], [[11]], [[2]], [[[6, 8]], [[2], [4]]]),
    "matmul of a vector": Example(
        F.matmul, [[1, 2], MATRIX], [7, 10], [1, 10], [[21, 43], [[1, 10], [2, 20]]]
    ),
    "dense": Example(
        F.dense,
        [[[1, 2], [0, 1]], [[1, 0], [2, 1]], [10, 20]],
        [[15, 22], [12, 21]],
        [[1, 0], [0, 2]],
        [[[1, 2], [0, 2]], [[1, 0], [2, 2]], [1, 2]],
    ),
    "conv2d": Example(
        F.conv2d,
        [PIXELS, np.array([[1, 0], [0, -1]])[:, :, None, None], [10]],
        image([[6, 6], [6, 6]]),
        CORNERS,
        [
            image([[1, 2, 0], [3, 3, -2], [0, -3, -4]]),
            np.array([[37, 47], [67, 77]])[:, :, None, None],
            [10],
        ],
    ),
    "conv2d, same padding and stride 2": Example(
        lambda x, w: F.conv2d(x, w, strides=2, padding="same"),
        [PIXELS, np.ones((2, 2, 1, 1))],  # one row below and one column on the right are padding
        image([[12, 9], [15, 9]]),
        CORNERS,
        [image([[1, 1, 2], [1, 1, 2], [3, 3, 4]]), np.array([[64, 26], [16, 5]])[:, :, None, None]],
    ),
    "max_pool2d": Example(
        lambda x: F.max_pool2d(x, 2, 1),
        [PIXELS],
        image([[5, 6], [8, 9]]),
        CORNERS,
        [image([[0, 0, 0], [0, 1, 2], [0, 3, 4]])],
    ),
    "max_pool2d of overlapping windows": Example(
        lambda x: F.max_pool2d(x, (1, 2), (1, 1)),
        [image([[1, 9, 2]])],
        image([[9, 9]]),
        image([[3, 4]]),
        [image([[0, 7, 0]])],
    ),
    "avg_pool2d": Example(
        lambda x: F.avg_pool2d(x, 2, 1),
        [PIXELS],
        image([[3, 4], [6, 7]]),
        image([[4, 8], [12, 16]]),
        [image([[1, 3, 2], [4, 10, 6], [3, 7, 4]])],
    ),
    "avg_pool2d counts no padding": Example(
        lambda x: F.avg_pool2d(x, 2, padding="same"),
        [PIXELS],
        image([[3, 4.5], [7.5, 9]]),
        image([[4, 2], [2, 1]]),
        [image(np.ones((3, 3)))],
    ),
    "avg_pool2d, rounded up": Example(
        lambda x: F.avg_pool2d(x, (1, 2), padding="valid", ceil_mode=True),
        [image([[1, 3, 8]])],
        image([[2, 8]]),
        image([[4, 5]]),
        [image([[2, 2, 5]])],
    ),
    "adaptive_avg_pool2d": Example(
        lambda x: F.adaptive_avg_pool2d(x, (1, 2)),
        [image([[1, 3, 8]])],
        image([[2, 5.5]]),
        image([[2, 4]]),
        [image([[1, 3, 2]])],
    ),
    "depthwise_conv2d": Example(
        F.depthwise_conv2d,
        [
            np.array([[1, 10], [2, 20]]).reshape(1, 1, 2, 2),
            np.array([[1, 3], [2, -1]]).reshape(1, 2, 2, 1),
            [0, 1],
        ],
        np.array([5, 11]).reshape(1, 1, 1, 2),
        np.array([7, 8]).reshape(1, 1, 1, 2),
        [
            np.array([[7, 24], [14, -8]]).reshape(1, 1, 2, 2),
            np.array([[7, 80], [14, 160]]).reshape(1, 2, 2, 1),
            [7, 8],
        ],
    ),
    "separable_conv2d": Example(
        F.separable_conv2d,
        [image([[3]]), np.array([[[[2, 5]]]]), np.array([[[[1], [10]]]]), [0.5]],  # 6 and 15, mixed
        image([[156.5]]),
        image([[2]]),
        [image([[104]]), np.array([[[[6, 60]]]]), np.array([[[[12], [30]]]]), [2]],
    ),
    "conv2d_transpose": Example(
        F.conv2d_transpose,
        [image([[3, 5]]), np.array([[1, 2]]).reshape(1, 2, 1, 1), [10]],
        image([[13, 21, 20]]),
        image([[1, 2, 4]]),
        [image([[5, 10]]), np.array([[13, 26]]).reshape(1, 2, 1, 1), [7]],
    ),
    "conv2d_transpose with stride 3": Example(
        lambda x, w: F.conv2d_transpose(x, w, strides=(1, 3), output_padding=(0, 1)),
        [image([[3, 5]]), np.array([[1, 2]]).reshape(1, 2, 1, 1)],
        image([[3, 6, 0, 5, 10, 0]]),
        image([[1, 2, 3, 4, 5, 6]]),
        [image([[5, 14]]), np.array([[23, 31]]).reshape(1, 2, 1, 1)],
    ),
    "pad2d": Example(
        lambda x: F.pad2d(x, ((0, 1), (2, 0)), value=9),
        [image([[1, 2]])],
        image([[9, 9, 1, 2], [9, 9, 9, 9]]),
        image([[1, 2, 3, 4], [5, 6, 7, 8]]),
        [image([[3, 4]])],
    ),
    "crop2d": Example(
        lambda x: F.crop2d(x, ((0, 1), (2, 0))),
        [PIXELS],
        image([[3], [6]]),
        image([[1], [2]]),
        [image([[0, 0, 1], [0, 0, 2], [0, 0, 0]])],
    ),
    "upsample2d": Example(
        lambda x: F.upsample2d(x, (1, 2)),
        [image([[0, 4]])],
        image([[0, 0, 4, 4]]),
        image([[1, 2, 4, 8]]),
        [image([[3, 12]])],
    ),
    "upsample2d between pixels": Example(
        lambda x: F.upsample2d(x, (1, 2), "bilinear"),
        [image([[0, 4]])],
        image([[0, 1, 3, 4]]),
        image([[1, 2, 4, 8]]),
        [image([[3.5, 11.5]])],
    ),
    "im2col": Example(
        lambda x: F.im2col(x, (1, 2)),
        [image([[1, 2, 3]])],
        np.array([[1, 2], [2, 3]]).reshape(1, 1, 2, 1, 2, 1),
        np.array([[5, 6], [7, 8]]).reshape(1, 1, 2, 1, 2, 1),
        [image([[5, 13, 8]])],
    ),
    "col2im": Example(
        lambda cols: F.col2im(cols, (1, 1, 3, 1)),
        [np.array([[5, 6], [7, 8]]).reshape(1, 1, 2, 1, 2, 1)],
        image([[5, 13, 8]]),
        image([[1, 2, 3]]),
        [np.array([[1, 2], [2, 3]]).reshape(1, 1, 2, 1, 2, 1)],
    ),
    "reshape": Example(lambda x: F.reshape(x, -1), [MATRIX], [1, 2, 3, 4], [5, 6, 7, 8], [[[5, 6], [7, 8]]]),
    "transpose": Example(F.transpose, [MATRIX], [[1, 3], [2, 4]], [[5, 6], [7, 8]], [[[5, 7], [6, 8]]]),
    "concatenate": Example(
        lambda x, y: F.concatenate([x, y]), [[1, 2], [3]], [1, 2, 3], [4, 5, 6], [[4, 5], [6]]
    ),
    "getitem": Example(
        lambda x: x[np.array([0, 0, 1])],
        [MATRIX],
        [[1, 2], [1, 2], [3, 4]],
        [[1, 2], [3, 4], [5, 6]],
        [[[4, 6], [5, 6]]],
    ),
    "astype": Example(lambda x: F.astype(x, x.dtype), [[1, 2]], [1, 2], [3, 4], [[3, 4]]),
    "dropout": Example(
        lambda x: F.dropout(x, 0.5, KEY), [np.arange(8)], 2 * MASK * np.arange(8), np.ones(8), [2.0 * MASK]
    ),
}


def test_every_public_function_has_an_example():
    operators = {"add", "subtract", "multiply", "divide", "negative"}
    covered = {name.replace(",", "").split()[0] for name in EXAMPLES}
    assert covered - operators == set(F.__all__) - {"FUNCTIONS", "attach", "logits_of"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_forward_and_backward_by_hand(name, dtype):
    example, tolerance = EXAMPLES[name], KERNEL[np.dtype(dtype)]
    inputs = [Tensor(np.array(x, dtype), requires_grad=True) for x in example.inputs]
    before = [x.numpy().copy() for x in inputs]
    y = example.function(*inputs)
    assert (y.dtype, y.shape) == (dtype, np.shape(example.y))
    assert_close(y.numpy(), example.y, tolerance)
    y.backward(np.array(example.gy, dtype))
    for x, gradient, old in zip(inputs, example.grads, before, strict=True):
        assert x.grad.dtype == dtype
        assert_close(x.grad.numpy(), gradient, tolerance)
        np.testing.assert_array_equal(x.numpy(), old)


def test_astype_gives_the_gradient_in_the_dtype_of_its_input():
    x = Tensor(np.array([1.5], "float32"), requires_grad=True)
    y = F.astype(x, "float64")
    y.backward(np.array([2.0]))
    assert (y.dtype, x.grad.dtype, x.grad.item()) == (np.float64, np.float32, 2.0)


def test_softmax_of_enormous_logits():
    x = Tensor(np.array([1e38, 0.0, -1e38], "float32"), requires_grad=True)
    y = F.softmax(x)
    np.testing.assert_array_equal(y.numpy(), [1, 0, 0])
    y.backward(np.array([1, 2, 3], "float32"))
    np.testing.assert_array_equal(x.grad.numpy(), 0)
    assert_close(F.sigmoid(x).numpy(), [1, 0.5, 0], KERNEL[x.dtype])


def test_ties_of_max_share_the_gradient():
    x = Tensor(np.array([[2.0, 2.0, 2.0, 1.0], [0.0, 5.0, 5.0, 1.0]]), requires_grad=True)
    F.max(x, axis=1).backward(np.array([3.0, 8.0]))
    np.testing.assert_array_equal(x.grad.numpy(), [[1, 1, 1, 0], [0, 4, 4, 0]])


def test_ties_of_max_pooling_go_to_the_first():
    x = Tensor(image([[1, 1, 0], [1, 1, 0], [0, 0, 0]]), requires_grad=True)
    F.max_pool2d(x, 2, 1).backward(image([[1, 2], [3, 4]]))
    np.testing.assert_array_equal(x.grad.numpy()[0, :, :, 0], [[1, 2, 0], [3, 4, 0], [0, 0, 0]])
