"""Normalization: by hand, against loops, slopes, large means, invariances, errors; crosscheck."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.activation.reference import bias_grad
from minicnn.kernels.norm.reference import (
    batch_norm_forward,
    batch_norm_grad,
    batch_norm_inference,
    group_norm_forward,
    group_norm_grad,
    layer_norm_forward,
    layer_norm_grad,
)
from tests import oracles
from tests.kernels.executions import every_execution
from tests.kernels.keras_layers import output_and_gradients
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

EPSILON = 0.05

execution = every_execution("norm", globals())


def batch_sets(x):
    """Number the values that share a mean: one number for each channel."""
    return np.broadcast_to(np.arange(x.shape[-1]), x.shape)


def layer_sets(x, lead):
    count = int(np.prod(x.shape[:lead]))
    return np.broadcast_to(np.arange(count).reshape(x.shape[:lead] + (1,) * (x.ndim - lead)), x.shape)


def group_sets(x, groups):
    c = x.shape[-1]
    sample = np.arange(len(x)).reshape((-1,) + (1,) * (x.ndim - 1))
    return np.broadcast_to(sample * groups + np.arange(c) // (c // groups), x.shape)


def batch(shape=(2, 3, 2, 4)):
    return (
        shape,
        shape[-1:],
        batch_sets,
        lambda x, *ab: batch_norm_forward(x, *ab, EPSILON),
        lambda *arrays: batch_norm_grad(*arrays),
    )


def layer(shape, axes):
    lead = len(shape) - len(axes)
    return (
        shape,
        shape[lead:],
        lambda x: layer_sets(x, lead),
        lambda x, *ab: layer_norm_forward(x, *ab, axes, EPSILON),
        lambda *arrays: layer_norm_grad(*arrays),
    )


def group(shape, groups):
    return (
        shape,
        shape[-1:],
        lambda x: group_sets(x, groups),
        lambda x, *ab: group_norm_forward(x, *ab, groups, EPSILON),
        lambda *arrays: group_norm_grad(*arrays),
    )


EACH = {
    "batch": batch(),
    "batch of vectors": batch((7, 3)),
    "layer, last axis": layer((2, 3, 2, 4), (-1,)),
    "layer, all but the first": layer((3, 2, 2, 3), (1, 2, 3)),
    "layer, two axes, any order": layer((2, 3, 2, 4), (-1, 2)),
    "layer, everything": layer((3, 4), (0, 1)),
    "group": group((2, 3, 2, 6), 3),
    "one group": group((2, 3, 2, 4), 1),
    "instance": group((2, 3, 2, 4), 4),
    "group of vectors": group((3, 6), 2),
}
each = pytest.mark.parametrize("shape, affine, sets, forward, backward", EACH.values(), ids=EACH.keys())


def test_batch_by_hand():
    x = np.array([[1.0, 5.0], [3.0, 5.0]])
    y, mean, rstd = batch_norm_forward(x, np.array([2.0, 3.0]), np.array([10.0, 20.0]), 0.5625)
    np.testing.assert_array_equal(mean, [2, 5])
    assert_close(rstd, [0.8, 4 / 3], KERNEL[x.dtype])  # variances 1 and 0: √1.5625 = 1.25, √0.5625 = 0.75
    assert_close(y, [[8.4, 20], [11.6, 20]], KERNEL[x.dtype])
    gy = np.array([[1.0, 0.0], [0.0, 3.0]])
    gx, ggamma, gbeta = batch_norm_grad(gy, x, None, mean, rstd)
    np.testing.assert_array_equal(gbeta, [1, 3])
    assert_close(ggamma, [-0.8, 0], KERNEL[x.dtype])
    # channel 0: 0.8·(1 - 1/2 - (-0.8)·(-0.8)/2) = 0.144
    assert_close(gx, [[0.144, -2], [-0.144, 2]], KERNEL[x.dtype])


def test_layer_and_group_by_hand():
    x = np.array([1.0, 3.0, 5.0, 5.0]).reshape(1, 4)
    beta = np.array([0.0, 0.0, 1.0, 2.0])
    y, mean, rstd = group_norm_forward(x, None, beta, 2, 0.5625)
    assert_close(y, [[-0.8, 0.8, 1, 2]], KERNEL[x.dtype])
    np.testing.assert_array_equal(mean, [[2, 5]])
    assert_close(rstd, [[0.8, 4 / 3]], KERNEL[x.dtype])
    y, mean, rstd = layer_norm_forward(x.reshape(2, 2), np.array([10.0, 1.0]), None, (-1,), 0.5625)
    assert_close(y, [[-8, 0.8], [0, 0]], KERNEL[x.dtype])
    np.testing.assert_array_equal(mean, [2, 5])


@each
@pytest.mark.parametrize("scaled", [True, False])
def test_oracle(shape, affine, sets, forward, backward, scaled, dtype, draw):
    x, gy = 2 * draw(shape, dtype) + 1, draw(shape, dtype)
    gamma, beta = (draw(affine, dtype), draw(affine, dtype)) if scaled else (None, None)
    xhat, jacobian, means, rstds = oracles.normalize(x, sets(x), EPSILON)
    y, mean, rstd = forward(x, gamma, beta)
    assert_close(y, xhat * gamma.astype(float) + beta if scaled else xhat, KERNEL[dtype])
    assert_close(mean.ravel(), means, KERNEL[dtype])
    assert_close(rstd.ravel(), rstds, KERNEL[dtype])
    gx, ggamma, gbeta = backward(gy, x, gamma, mean, rstd)
    gxhat = gy.astype(float) * (gamma if scaled else 1)
    assert_close(gx.ravel(), gxhat.ravel() @ jacobian, 2 * KERNEL[dtype])
    others = tuple(range(len(shape) - len(affine)))
    assert_close(ggamma, (gy * xhat).sum(axis=others), 2 * KERNEL[dtype])
    assert_close(gbeta, gy.astype(float).sum(axis=others), KERNEL[dtype])
    assert {a.dtype for a in (y, mean, rstd, gx, ggamma, gbeta)} == {dtype}


@each
def test_slopes(shape, affine, sets, forward, backward, draw, rng):
    x, gamma, beta = 2 * draw(shape) + 1, draw(affine), draw(affine)
    _, mean, rstd = forward(x, gamma, beta)
    check_slopes(
        lambda *arrays: forward(*arrays)[0],
        (x, gamma, beta),
        lambda gy: backward(gy, x, gamma, mean, rstd),
        rng,
    )


@each
def test_one_of_gamma_and_beta(shape, affine, sets, forward, backward, draw):
    x, gamma, beta = draw(shape), draw(affine), draw(affine)
    np.testing.assert_array_equal(forward(x, gamma, None)[0], forward(x, gamma, 0 * beta)[0])
    np.testing.assert_array_equal(forward(x, None, beta)[0], forward(x, 1 + 0 * gamma, beta)[0])


@each
def test_a_large_mean_leaves_the_variance(shape, affine, sets, forward, backward, draw):
    """In float32, mean(x²) - mean² of values around 3000 would be off by more than 1."""
    x = (draw(shape) + 3000).astype(np.float32)
    xhat, _, _, rstds = oracles.normalize(x, sets(x), EPSILON)
    y, _, rstd = forward(x, None, None)
    tolerance = 3000 * np.finfo(np.float32).eps  # the mean itself is rounded to float32
    assert_close(rstd.ravel(), rstds, tolerance)
    assert_close(y, xhat, 4 * tolerance)


def test_many_values_do_not_wear_the_sums_down(rng):
    x = (rng.random((40, 50, 50, 2)) + 1).astype(np.float32)
    _, mean, rstd = batch_norm_forward(x, None, None, 0.0)
    wide = x.reshape(-1, 2).astype(np.float64)
    assert_close(mean, wide.mean(axis=0), np.finfo(np.float32).eps)
    assert_close(rstd, 1 / wide.std(axis=0), np.finfo(np.float32).eps)
    gy = rng.random(x.shape).astype(np.float32)
    _, ggamma, gbeta = batch_norm_grad(gy, x, None, mean, rstd)
    assert_close(gbeta, gy.reshape(-1, 2).sum(axis=0, dtype=np.float64), np.finfo(np.float32).eps)
    xhat = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    terms = gy.reshape(-1, 2) * xhat
    assert np.abs(ggamma - terms.sum(axis=0)).max() <= KERNEL[x.dtype] * np.abs(terms).sum(axis=0).max()


def test_inference_oracle(dtype, draw, rng):
    x, gamma, beta, mean = draw((2, 3, 2, 4), dtype), *(draw((4,), dtype) for _ in range(3))
    var = rng.random(4).astype(dtype)
    expected = np.zeros(x.shape)
    for *place, c in np.ndindex(*x.shape):
        xhat = (float(x[(*place, c)]) - float(mean[c])) / (float(var[c]) + EPSILON) ** 0.5
        expected[(*place, c)] = float(gamma[c]) * xhat + float(beta[c])
    y = batch_norm_inference(x, gamma, beta, mean, var, EPSILON)
    assert_close(y, expected, KERNEL[dtype])
    assert batch_norm_inference(x, gamma, beta, mean, var, EPSILON, out=x) is x
    np.testing.assert_array_equal(x, y)


def test_inference_with_the_statistics_of_the_batch_is_the_forward(dtype, draw):
    x, gamma, beta = draw((5, 3), dtype), draw((3,), dtype), draw((3,), dtype)
    y, mean, _ = batch_norm_forward(x, gamma, beta, EPSILON)
    again = batch_norm_inference(x, gamma, beta, mean, x.var(axis=0), EPSILON)
    assert_close(again, y, 2 * KERNEL[dtype])


def test_inference_slopes_from_kernels_that_exist(draw, rng):
    """With fixed statistics every gradient is an inference or a bias_grad, as the folder's page says."""
    x, gamma, beta, mean, var = draw((2, 3, 2, 4)), draw((4,)), draw((4,)), draw((4,)), rng.random(4)

    def gradients(gy):
        xhat = batch_norm_inference(x, None, None, mean, var, EPSILON)
        gx = batch_norm_inference(gy, gamma, None, np.zeros(4), var, EPSILON)
        return gx, bias_grad(gy * xhat), bias_grad(gy)

    check_slopes(
        lambda x, gamma, beta: batch_norm_inference(x, gamma, beta, mean, var, EPSILON),
        (x, gamma, beta),
        gradients,
        rng,
    )


def test_nan_stays_in_its_set(dtype, draw):
    x = draw((2, 3, 4), dtype)
    x[0, 1, 2] = np.nan
    for y, sets in (
        (batch_norm_forward(x, None, None, EPSILON)[0], batch_sets(x)),
        (layer_norm_forward(x, None, None, (-1,), EPSILON)[0], layer_sets(x, 2)),
        (group_norm_forward(x, None, None, 2, EPSILON)[0], group_sets(x, 2)),
    ):
        np.testing.assert_array_equal(np.isnan(y), sets == sets[0, 1, 2])


def test_infinity_gives_nan_without_a_warning(dtype):
    x = np.array([[1, 2], [np.inf, 3]], dtype)
    y, mean, rstd = batch_norm_forward(x, None, None, EPSILON)
    assert np.isnan(y[:, 0]).all() and np.isfinite(y[:, 1]).all()
    gx, _, _ = batch_norm_grad(np.ones_like(x), x, None, mean, rstd)
    assert np.isnan(gx[:, 0]).all() and np.isfinite(gx[:, 1]).all()


def test_equal_values_need_no_epsilon(dtype):
    y, _, rstd = batch_norm_forward(np.full((3, 1), 5, dtype), None, None, 0.0)
    assert rstd[0] == np.inf and np.isnan(y).all()
    y, _, _ = batch_norm_forward(np.full((3, 1), 5, dtype), None, None, 1e-3)
    np.testing.assert_array_equal(y, np.zeros((3, 1)))


def test_an_empty_batch_of_samples():
    x = np.zeros((0, 2, 4))
    for forward, backward, shape in (
        (lambda: layer_norm_forward(x, None, None, (-1,), EPSILON), layer_norm_grad, (0, 2)),
        (lambda: group_norm_forward(x, None, None, 2, EPSILON), group_norm_grad, (0, 2)),
    ):
        y, mean, rstd = forward()
        assert y.shape == x.shape and mean.shape == rstd.shape == shape
        gx, ggamma, gbeta = backward(y, x, None, mean, rstd)
        assert gx.shape == x.shape
        np.testing.assert_array_equal([ggamma, gbeta], np.zeros((2, 4)))


X, ONE, C = np.zeros((2, 3, 4)), np.ones(3), np.ones(4)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: batch_norm_forward(X, ONE, None, 0.1),
            "batch_norm_forward: gamma has the wrong shape. Expected (4,), got (3,).",
        ),
        (
            lambda: batch_norm_forward(X[:0], None, None, 0.1),
            "batch_norm_forward: there is nothing to normalize over. "
            "Expected at least one value, got x (0, 3, 4).",
        ),
        (
            lambda: batch_norm_forward(C, None, None, 0.1),
            "batch_norm_forward: x has no axis to normalize over. Expected (…, c), got shape (4,).",
        ),
        (
            lambda: batch_norm_forward(X, None, None, -0.1),
            "batch_norm_forward: epsilon is out of range. Expected at least 0, got -0.1.",
        ),
        (
            lambda: batch_norm_inference(X, None, None, C, C.astype(np.float32), 0.1),
            "batch_norm_inference: var has another dtype than the rest. Expected float64, got float32. "
            "Cast the arrays to one dtype first.",
        ),
        (
            lambda: batch_norm_inference(X, None, None, C, C, float("nan")),
            "batch_norm_inference: epsilon is out of range. Expected at least 0, got nan.",
        ),
        (
            lambda: batch_norm_grad(X, X, None, ONE, C),
            "batch_norm_grad: mean has the wrong shape. Expected (4,), got (3,).",
        ),
        (
            lambda: layer_norm_forward(X, None, None, (0, 1), 0.1),
            "layer_norm_forward: the axes are not the last ones of x. Expected (1, 2), got (0, 1). "
            "Transpose x so that the axes to normalize come last.",
        ),
        (
            lambda: layer_norm_forward(X, None, None, (), 0.1),
            "layer_norm_forward: the axes are not the last ones of x. "
            "Expected at least one axis, got (). Transpose x so that the axes to normalize come last.",
        ),
        (
            lambda: layer_norm_grad(X, X, None, X, X),
            "layer_norm_grad: mean leaves no axis of x. Expected fewer than 3 axes, got shape (2, 3, 4).",
        ),
        (
            lambda: group_norm_forward(X, None, None, 3, 0.1),
            "group_norm_forward: the channels cannot be cut into groups. Expected a divisor of 4, got 3.",
        ),
        (
            lambda: group_norm_grad(X, X, None, C, C),
            "group_norm_grad: mean has the wrong number of axes. Expected 2, got shape (4,).",
        ),
        (
            lambda: group_norm_grad(X, X[:1], None, X[0], X[0]),
            "group_norm_grad: gy has the wrong shape. Expected (1, 3, 4), got (2, 3, 4).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("name", ["batch", "layer", "layer over the image", "group"])
def test_keras(name, affine, draw):
    keras = pytest.importorskip("keras")
    flags = {"epsilon": EPSILON, "center": affine, "scale": affine}
    x, gy = 2 * draw((3, 4, 5, 6), np.float32) + 1, draw((3, 4, 5, 6), np.float32)
    shape = x.shape[1:] if name == "layer over the image" else (6,)
    gamma, beta = (draw(shape, np.float32), draw(shape, np.float32)) if affine else (None, None)
    make, forward, backward, arguments = {
        "batch": (
            lambda: keras.layers.BatchNormalization(**flags),
            lambda: batch_norm_forward(x, gamma, beta, EPSILON),
            batch_norm_grad,
            {"training": True},
        ),
        "layer": (
            lambda: keras.layers.LayerNormalization(**flags),
            lambda: layer_norm_forward(x, gamma, beta, (-1,), EPSILON),
            layer_norm_grad,
            {},
        ),
        "layer over the image": (
            lambda: keras.layers.LayerNormalization(axis=(1, 2, 3), **flags),
            lambda: layer_norm_forward(x, gamma, beta, (1, 2, 3), EPSILON),
            layer_norm_grad,
            {},
        ),
        "group": (
            lambda: keras.layers.GroupNormalization(groups=3, **flags),
            lambda: group_norm_forward(x, gamma, beta, 3, EPSILON),
            group_norm_grad,
            {},
        ),
    }[name]
    weights = [gamma, beta] if affine else []
    expected_y, expected_gx, expected_gw = output_and_gradients(make(), x, weights, gy, **arguments)
    y, mean, rstd = forward()
    gx, *gw = backward(gy, x, gamma, mean, rstd)
    assert_close(y, expected_y, CROSSCHECK)
    assert_close(gx, expected_gx, CROSSCHECK)
    for own, expected in zip(gw, expected_gw, strict=affine):
        assert_close(own, expected, CROSSCHECK)


@pytest.mark.crosscheck
def test_keras_at_inference(draw, rng):
    keras = pytest.importorskip("keras")
    x = draw((3, 4, 5, 6), np.float32)
    weights = [draw((6,), np.float32) for _ in range(3)] + [rng.random(6).astype(np.float32)]
    made = keras.layers.BatchNormalization(epsilon=EPSILON)
    made.build(x.shape)
    made.set_weights(weights)
    expected = np.asarray(made(x, training=False))
    assert_close(batch_norm_inference(x, *weights, EPSILON), expected, CROSSCHECK)
