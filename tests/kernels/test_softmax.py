"""Softmax, its logarithm, cross-entropy: by hand, loops, huge logits, both kinds of target, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn.kernels.softmax.reference import (
    log_softmax_forward,
    log_softmax_grad,
    softmax_cross_entropy_forward,
    softmax_cross_entropy_grad,
    softmax_forward,
    softmax_grad,
)
from tests import oracles
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

each_shape = pytest.mark.parametrize("leading", [(), (1,), (6,), (2, 3)])


def rows(array):
    return array.reshape(-1, array.shape[-1])


def one_hot(t, k):
    return np.eye(k)[t]


def test_by_hand():
    z = np.log(np.array([[1.0, 2.0, 5.0]]))
    p = [[0.125, 0.25, 0.625]]
    tolerance = KERNEL[z.dtype]
    assert_close(softmax_forward(z), p, tolerance)
    loss, result = softmax_cross_entropy_forward(z, np.array([1]))
    assert_close(loss, [math.log(4)], tolerance)
    assert_close(result, p, tolerance)
    gz = softmax_cross_entropy_grad(np.array([8.0]), result, np.array([1]))
    assert_close(gz, [[1, -6, 5]], tolerance)
    # Σ gy·y = 0.125·8 = 1
    gx = softmax_grad(np.array([[8.0, 0.0, 0.0]]), result)
    assert_close(gx, [[0.125 * 7, -0.25, -0.625]], tolerance)


@each_shape
def test_softmax_oracle(leading, dtype, draw):
    x, gy = 3 * draw((*leading, 5), dtype), draw((*leading, 5), dtype)
    y = softmax_forward(x)
    expected = np.array([oracles.softmax(row) for row in rows(x)]).reshape(x.shape)
    assert_close(y, expected, KERNEL[dtype])
    # the whole Jacobian: ∂y_i / ∂x_j = y_i·([i = j] - y_j)
    expected = [g @ (np.diag(p) - np.outer(p, p)) for g, p in zip(rows(gy), rows(expected), strict=True)]
    assert_close(softmax_grad(gy, y), np.reshape(expected, x.shape), KERNEL[dtype])


@each_shape
def test_log_softmax_oracle(leading, dtype, draw):
    x, gy = 3 * draw((*leading, 5), dtype), draw((*leading, 5), dtype)
    y = log_softmax_forward(x)
    expected = np.array([np.log(oracles.softmax(row)) for row in rows(x)]).reshape(x.shape)
    assert_close(y, expected, KERNEL[dtype])
    # ∂y_i / ∂x_j = [i = j] - p_j
    expected = [g @ (np.eye(5) - np.exp(row)) for g, row in zip(rows(gy), rows(expected), strict=True)]
    assert_close(log_softmax_grad(gy, y), np.reshape(expected, x.shape), KERNEL[dtype])


@pytest.mark.parametrize(
    "forward, backward", [(softmax_forward, softmax_grad), (log_softmax_forward, log_softmax_grad)]
)
def test_slopes(forward, backward, draw, rng):
    x = draw((4, 3, 5))
    check_slopes(forward, (x,), lambda gy: (backward(gy, forward(x)),), rng)


def test_log_softmax_keeps_what_softmax_loses(dtype):
    x = np.array([[1e4, 0, -1e4], [0, -np.inf, 0]], dtype)
    y = log_softmax_forward(x)
    np.testing.assert_array_equal(y[0], [0, -1e4, -2e4])
    assert_close(y[1, [0, 2]], [-math.log(2)] * 2, KERNEL[dtype])
    assert y[1, 1] == -np.inf
    np.testing.assert_array_equal(log_softmax_grad(np.eye(3, dtype=dtype)[:2], y)[1], [-0.5, 1, -0.5])
    lost = log_softmax_forward(np.array([[-np.inf, -np.inf], [np.nan, 0], [np.inf, 0]], dtype))
    assert np.isnan(lost).all()


@each_shape
@pytest.mark.parametrize("label_dtype", [np.uint8, np.int32, np.int64])
def test_classes_oracle(leading, label_dtype, dtype, draw, rng):
    z, gloss = 3 * draw((*leading, 5), dtype), draw(leading, dtype)
    gloss = np.asarray(gloss)
    t = rng.integers(0, 5, size=leading).astype(label_dtype)
    loss, p = softmax_cross_entropy_forward(z, np.asarray(t))
    pairs = zip(rows(z), rows(one_hot(t, 5)), strict=True)
    expected = np.reshape([oracles.cross_entropy(row, target) for row, target in pairs], leading)
    assert loss.dtype == p.dtype == dtype
    assert_close(loss, expected, KERNEL[dtype])
    assert_close(p, softmax_forward(z), KERNEL[dtype])
    gz = softmax_cross_entropy_grad(gloss, p, np.asarray(t))
    assert_close(gz, gloss[..., None] * (p - one_hot(t, 5)), KERNEL[dtype])


@each_shape
def test_distributions_oracle(leading, dtype, draw, rng):
    """Rows need not sum to 1; the gradient is the slope of the loss in any direction."""
    z, t = 3 * draw((*leading, 5), dtype), rng.random((*leading, 5)).astype(dtype)
    gloss = np.asarray(draw(leading, dtype))
    t.reshape(-1)[0] = 0
    loss, p = softmax_cross_entropy_forward(z, t)
    pairs = list(zip(rows(z), rows(t), strict=True))
    expected = np.reshape([oracles.cross_entropy(*pair) for pair in pairs], leading)
    assert_close(loss, expected, KERNEL[dtype])
    gz = softmax_cross_entropy_grad(gloss, p, t)
    step, h = draw(5), 1e-5
    slopes = [
        (oracles.cross_entropy(z_ + h * step, t_) - oracles.cross_entropy(z_ - h * step, t_)) / (2 * h)
        for z_, t_ in pairs
    ]
    slopes = gloss * np.reshape(slopes, leading)
    assert_close((gz * step).sum(axis=-1), slopes, max(1e-8, KERNEL[dtype]))


def test_the_two_kinds_of_target_agree(dtype, draw, rng):
    z, gloss, t = draw((7, 4), dtype), draw(7, dtype), rng.integers(0, 4, size=7)
    both = [softmax_cross_entropy_forward(z, target) for target in (t, one_hot(t, 4).astype(dtype))]
    assert_close(both[0][0], both[1][0], KERNEL[dtype])
    p = both[0][1]
    grads = [softmax_cross_entropy_grad(gloss, p, u) for u in (t, one_hot(t, 4).astype(dtype))]
    assert_close(*grads, KERNEL[dtype])


def test_huge_logits_are_exact(dtype):
    z = np.array([[1e30, 0], [-1e30, -1e30], [16777216, 16777215]], dtype)
    loss, p = softmax_cross_entropy_forward(z, np.array([0, 1, 1]))
    assert loss[0] == 0
    assert_close(loss[1:], [math.log(2), math.log1p(math.exp(-1)) + 1], KERNEL[dtype])
    assert_close(p[:2], [[1, 0], [0.5, 0.5]], KERNEL[dtype])
    assert softmax_cross_entropy_forward(z[:1], np.array([1]))[0] == z[0, 0]
    np.testing.assert_array_equal(softmax_forward(z), p)


def test_a_masked_class_counts_nothing(dtype):
    """A logit of -inf: probability 0, and no 0·∞ in the loss when its target is 0."""
    z = np.array([[0, -np.inf, 0]], dtype)
    for t in (np.array([0]), np.array([[1, 0, 0]], dtype)):
        loss, p = softmax_cross_entropy_forward(z, t)
        assert_close(loss, [math.log(2)], KERNEL[dtype])
        np.testing.assert_array_equal(p, [[0.5, 0, 0.5]])
        assert softmax_cross_entropy_forward(z, np.array([1]))[0] == np.inf


def test_rows_without_a_maximum_are_nan_without_a_warning(dtype):
    x = np.array([[-np.inf, -np.inf], [np.nan, 0], [0, 0]], dtype)
    y = softmax_forward(x)
    assert np.isnan(y[:2]).all() and np.all(y[2] == 0.5)


def test_in_place(draw):
    x, gy = draw((4, 3)), draw((4, 3))
    for forward, backward in ((softmax_forward, softmax_grad), (log_softmax_forward, log_softmax_grad)):
        y = forward(x)
        again = x.copy()
        assert forward(again, out=again) is again
        np.testing.assert_array_equal(again, y)
        gx = backward(gy, y)
        again = gy.copy()
        assert backward(again, y, out=again) is again
        np.testing.assert_array_equal(again, gx)


Z = np.zeros((2, 3))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: softmax_cross_entropy_forward(Z, np.array([0, 3])),
            "softmax_cross_entropy_forward: a label is out of range. Expected classes 0 … 2, got 0 … 3.",
        ),
        (
            lambda: softmax_cross_entropy_grad(np.zeros(2), Z, np.array([-1, 2])),
            "softmax_cross_entropy_grad: a label is out of range. Expected classes 0 … 2, got -1 … 2.",
        ),
        (
            lambda: softmax_cross_entropy_forward(Z, np.array([0, 1, 2])),
            "softmax_cross_entropy_forward: t has the wrong shape. Expected (2,), got (3,).",
        ),
        (
            lambda: softmax_cross_entropy_forward(Z, np.zeros((2, 3), np.float32)),
            "softmax_cross_entropy_forward: the targets have the wrong dtype. "
            "Expected integer classes or distributions in float64, got float32.",
        ),
        (
            lambda: softmax_cross_entropy_forward(Z, np.zeros((3, 2))),
            "softmax_cross_entropy_forward: t has the wrong shape. Expected (2, 3), got (3, 2).",
        ),
        (
            lambda: softmax_forward(np.zeros((2, 0))),
            "softmax_forward: there are no classes. Expected a last axis of at least 1, got (2, 0).",
        ),
        (
            lambda: log_softmax_forward(np.zeros((2, 0))),
            "log_softmax_forward: there are no classes. Expected a last axis of at least 1, got (2, 0).",
        ),
        (
            lambda: log_softmax_grad(Z, Z[:1]),
            "log_softmax_grad: y has the wrong shape. Expected (2, 3), got (1, 3).",
        ),
        (
            lambda: softmax_cross_entropy_grad(np.zeros(3), Z, np.array([0, 1])),
            "softmax_cross_entropy_grad: gloss has the wrong shape. Expected (2,), got (3,).",
        ),
        (
            lambda: softmax_grad(Z, Z[:1]),
            "softmax_grad: y has the wrong shape. Expected (2, 3), got (1, 3).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
def test_keras_log_softmax(draw):
    keras = pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    x, gy = 3 * draw((4, 5), np.float32), draw((4, 5), np.float32)
    y, pull = jax.vjp(keras.activations.log_softmax, x)
    assert_close(log_softmax_forward(x), np.asarray(y), CROSSCHECK)
    assert_close(log_softmax_grad(gy, log_softmax_forward(x)), np.asarray(pull(gy)[0]), CROSSCHECK)
