"""Every differentiable function against central differences, with random upstream gradients."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minicnn import functions as F
from minicnn import random
from minicnn.geometry import output_size, resolve_window
from minicnn.inspect import gradcheck


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.5, 2.0, size=shape)


def apart(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers none of which equal or come close to another or to 0: no kink and no tie."""
    count = int(np.prod(shape))
    values = (np.arange(count) + 0.5 - count // 2) / count * 4
    return np.random.default_rng(seed).permutation(values).reshape(shape)


LABELS = np.array([2, 0, 3])
CASES = {
    "add": (lambda x, y: x + y, numbers(2, 3), numbers(3)),
    "add, both stretched": (lambda x, y: x + y, numbers(2, 1), numbers(1, 3)),
    "subtract": (lambda x, y: x - y, numbers(4), numbers(2, 1, 4)),
    "multiply": (lambda x, y: x * y, numbers(2, 3), numbers(2, 1, seed=1)),
    "multiply by itself": (lambda x: x * x, numbers(2, 3)),
    "divide": (lambda x, y: x / y, numbers(2, 3), positive(3)),
    "divide a number": (lambda y: 2.0 / y, positive(3)),
    "power": (lambda x, p: x**p, positive(2, 3), numbers(3)),
    "power 0": (lambda x: x**0, numbers(3)),
    "power 3 of negative numbers": (lambda x: x**3, numbers(4)),
    "number to the power": (lambda p: 2.0**p, numbers(4)),
    "negative": (lambda x: -x, numbers(3)),
    "absolute": (F.absolute, apart(3, 4)),
    "exp": (F.exp, numbers(2, 3)),
    "log": (F.log, positive(2, 3)),
    "sqrt": (F.sqrt, positive(2, 3)),
    "clip": (lambda x: F.clip(x, -0.7, 0.9), apart(3, 5)),
    "clip below": (lambda x: F.clip(x, low=0.1), apart(3, 5)),
    "where": (lambda x, y: F.where(np.eye(3), x, y), numbers(3, 3), numbers(1, 3)),
    "reshape": (lambda x: F.reshape(x, (-1, 2)), numbers(4, 3)),
    "transpose": (lambda x: F.transpose(x, (2, 0, -2)), numbers(2, 3, 4)),
    "transpose, all axes": (F.transpose, numbers(2, 3, 4)),
    "concatenate": (lambda x, y: F.concatenate([x, y, x], axis=1), numbers(2, 3), numbers(2, 1)),
    "index a slice": (lambda x: x[1:, ::-2], numbers(3, 5)),
    "index with None and ...": (lambda x: x[..., None, 1], numbers(2, 3)),
    "index repeatedly": (lambda x: x[np.array([0, 2, 0, 0])], numbers(3, 2)),
    "index pairs": (lambda x: x[np.array([0, 1, 0]), np.array([1, 1, 1])], numbers(2, 3)),
    "index with a mask": (lambda x: x[np.array([True, False, True])], numbers(3, 2)),
    "sum": (F.sum, numbers(2, 3)),
    "sum over an axis": (lambda x: F.sum(x, axis=-2, keepdims=True), numbers(2, 3, 4)),
    "sum over axes": (lambda x: F.sum(x, axis=(0, -1)), numbers(2, 3, 4)),
    "mean": (F.mean, numbers(2, 3)),
    "mean over axes": (lambda x: F.mean(x, axis=(1, 2)), numbers(2, 3, 4)),
    "max": (F.max, apart(2, 3)),
    "max over axes": (lambda x: F.max(x, axis=(0, 2), keepdims=True), apart(2, 3, 4)),
    "matmul": (F.matmul, numbers(2, 3), numbers(3, 4)),
    "matmul of vectors": (F.matmul, numbers(3), numbers(3, seed=1)),
    "matmul vector @ matrices": (F.matmul, numbers(3), numbers(2, 3, 4)),
    "matmul matrices @ vector": (F.matmul, numbers(2, 5, 3), numbers(3)),
    "matmul, broadcast": (F.matmul, numbers(2, 1, 3, 4), numbers(5, 4, 2)),
    "dense": (F.dense, numbers(2, 5, 3), numbers(3, 4), numbers(4)),
    "dense without bias": (F.dense, numbers(2, 3), numbers(3, 4)),
    "relu": (F.relu, apart(3, 4)),
    "sigmoid": (F.sigmoid, numbers(3, 4)),
    "tanh": (F.tanh, numbers(3, 4)),
    "softmax": (F.softmax, numbers(3, 4)),
    "softmax over another axis": (lambda x: F.softmax(x, axis=1), numbers(2, 3, 4)),
    "log_softmax": (lambda x: F.log_softmax(x, axis=1), numbers(2, 3, 4)),
    "relu of all options": (lambda x: F.relu(x, 0.2, 1.3, 0.4), apart(3, 4)),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.3), apart(3, 4)),
    "prelu": (F.prelu, apart(2, 3, 4), numbers(1, 4)),
    "elu": (lambda x: F.elu(x, 0.7), apart(3, 4)),
    "selu": (F.selu, apart(3, 4)),
    "gelu": (F.gelu, numbers(3, 4)),
    "gelu, approximate": (lambda x: F.gelu(x, approximate=True), numbers(3, 4)),
    "silu": (F.silu, numbers(3, 4)),
    "relu6": (F.relu6, 5 * apart(3, 4)),
    "hard_sigmoid": (F.hard_sigmoid, 2.5 * apart(3, 4)),
    "hard_silu": (F.hard_silu, 2.5 * apart(3, 4)),
    "softplus": (F.softplus, numbers(3, 4)),
    "softsign": (F.softsign, apart(3, 4)),
    "batch_norm": (F.batch_norm, numbers(2, 3, 4), numbers(4), numbers(4, seed=1)),
    "batch_norm without γ": (lambda x, b: F.batch_norm(x, None, b), numbers(5, 4), numbers(4)),
    "batch_norm without β": (lambda x, g: F.batch_norm(x, g, axis=1), numbers(5, 3, 2), numbers(3)),
    "batch_norm_inference": (
        F.batch_norm_inference,
        numbers(2, 3, 4),
        numbers(4),
        positive(4),
        numbers(4, seed=1),
        numbers(4, seed=2),
    ),
    "batch_norm_inference without γ": (
        lambda x, m, v, b: F.batch_norm_inference(x, m, v, None, b, axis=1),
        numbers(2, 3, 4),
        numbers(3),
        positive(3),
        numbers(3, seed=1),
    ),
    "layer_norm": (F.layer_norm, numbers(2, 3, 4), numbers(4), numbers(4, seed=1)),
    "layer_norm over other axes": (
        lambda x, g: F.layer_norm(x, g, axis=(3, 1)),
        numbers(2, 3, 2, 4),
        numbers(4, 3),
    ),
    "group_norm": (
        lambda x, g, b: F.group_norm(x, 2, g, b),
        numbers(2, 3, 4),
        numbers(4),
        numbers(4, seed=1),
    ),
    "group_norm of another axis": (
        lambda x, b: F.group_norm(x, 3, beta=b, axis=1),
        numbers(2, 6, 4),
        numbers(6),
    ),
    "gaussian_noise": (
        lambda x: F.gaussian_noise(x, 0.4, random.derive_key("test", 0, seed=1)),
        numbers(4, 5),
    ),
    "cross-entropy of classes": (lambda z: F.softmax_cross_entropy(z, LABELS), numbers(3, 4)),
    "cross-entropy of distributions": (
        lambda z: F.softmax_cross_entropy(z, positive(3, 4)),
        numbers(3, 4),
    ),
    "cross-entropy of yes or no": (
        lambda z: F.sigmoid_cross_entropy(z, np.linspace(0, 1, 12).reshape(3, 4)),
        numbers(3, 4),
    ),
    "dropout": (lambda x: F.dropout(x, 0.4, random.derive_key("test", 0, seed=1), step=3), numbers(4, 5)),
    "cast": (lambda x: F.astype(x, "float64"), numbers(3)),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("mode", ["directional", "elementwise"])
def test_gradient(name: str, mode: str) -> None:
    function, *inputs = CASES[name]
    result = gradcheck(function, inputs, mode=mode)
    assert result, result


WINDOWS = [
    (hw, kernel, strides, padding, dilation)
    for hw, kernel, strides, padding, dilation in itertools.product(
        [(5, 7), (6, 6)],
        [(1, 1), (3, 3), (2, 3)],
        [1, 2, (2, 1)],
        ["valid", "same", 1, ((2, 0), (0, 1))],
        [1, 2],
    )
    if all(output_size(size, k, 1, (0, 0), dilation) >= 1 for size, k in zip(hw, kernel, strict=True))
]


@pytest.mark.parametrize("window", WINDOWS[::3], ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_gradient(window, groups: int) -> None:
    hw, kernel, strides, padding, dilation = window
    x, w, b = numbers(2, *hw, 4), numbers(*kernel, 4 // groups, 2), numbers(2)
    result = gradcheck(lambda x, w, b: F.conv2d(x, w, b, strides, padding, dilation, groups), [x, w, b])
    assert result, result


@pytest.mark.parametrize("window", WINDOWS[1::4], ids=str)
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_pooling_gradient(window, pool) -> None:
    hw, kernel, strides, padding, _ = window
    if kernel == (1, 1) and padding != "valid":
        padding = "same"  # other padding leaves windows without a single pixel
    result = gradcheck(lambda x: pool(x, kernel, strides, padding), apart(2, *hw, 3))
    assert result, result


@pytest.mark.parametrize("window", WINDOWS[2::7], ids=str)
def test_im2col_and_col2im_gradients(window) -> None:
    hw, kernel, strides, padding, dilation = window
    result = gradcheck(lambda x: F.im2col(x, kernel, strides, padding, dilation), numbers(2, *hw, 2))
    assert result, result
    _, out_hw = resolve_window("test", hw, kernel, strides, padding, dilation)
    cols = numbers(2, *out_hw, *kernel, 2)
    result = gradcheck(lambda c: F.col2im(c, (2, *hw, 2), strides, padding, dilation), cols)
    assert result, result


def test_naive_and_im2col_have_the_same_gradients() -> None:
    x, w = numbers(1, 5, 4, 2), numbers(3, 2, 2, 3)
    for algorithm in ("naive", "im2col"):
        assert gradcheck(
            lambda x, w, a=algorithm: F.conv2d(x, w, strides=2, padding="same", algorithm=a), [x, w]
        )


def test_ties_share_or_choose() -> None:
    """max shares the gradient among equals; max pooling gives it to the first, as every framework does."""
    from minicnn import Tensor

    x = Tensor(np.ones((1, 2, 2, 1)), requires_grad=True)
    F.max(x).backward()
    np.testing.assert_array_equal(x.grad.numpy().ravel(), [0.25] * 4)
    x.zero_grad()
    F.max_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy().ravel(), [1, 0, 0, 0])
