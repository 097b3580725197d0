"""PReLU: by hand, against loops, slopes, shared alphas, NaN, errors; crosscheck."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.activation.reference import prelu_forward, prelu_grad
from tests.kernels.keras_layers import output_and_gradients
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

SHAPES = [(3, 2, 4), (1, 1, 4), (4,), (3, 1, 1), (), (1, 1, 1, 1), (2, 3, 2, 4)]
each_alpha = pytest.mark.parametrize("shape", SHAPES)


def away_from_zero(draw, shape, dtype=np.float64):
    x = draw(shape, dtype)
    return x + np.copysign(dtype(0.01), x)


def test_by_hand():
    x = np.array([[-2.0, 3.0], [-1.0, -4.0]])
    alpha = np.array([0.5, 0.25])
    np.testing.assert_array_equal(prelu_forward(x, alpha), [[-1, 3], [-0.5, -1]])
    gx, galpha = prelu_grad(np.array([[1.0, 10.0], [100.0, 1000.0]]), x, alpha)
    np.testing.assert_array_equal(gx, [[0.5, 10], [50, 250]])
    np.testing.assert_array_equal(galpha, [-2 - 100, -4000])


@each_alpha
def test_oracle(shape, dtype, draw):
    x, gy, alpha = draw((2, 3, 2, 4), dtype), draw((2, 3, 2, 4), dtype), np.asarray(draw(shape), dtype)
    y, gx, galpha = np.zeros(x.shape), np.zeros(x.shape), np.zeros(shape)
    for place in np.ndindex(*x.shape):
        own = place[4 - len(shape) :]
        own = tuple(0 if size == 1 else i for i, size in zip(own, shape, strict=True))
        v, g, a = float(x[place]), float(gy[place]), float(alpha[own])
        y[place], gx[place] = (v, g) if v > 0 else (a * v, a * g)
        galpha[own] += g * min(v, 0.0)
    assert_close(prelu_forward(x, alpha), y, KERNEL[dtype])
    found = prelu_grad(gy, x, alpha)
    assert_close(found[0], gx, KERNEL[dtype])
    assert_close(found[1], galpha, KERNEL[dtype])
    assert found[0].dtype == found[1].dtype == dtype


@each_alpha
def test_slopes(shape, draw, rng):
    x, alpha = away_from_zero(draw, (2, 3, 2, 4)), np.asarray(draw(shape))
    check_slopes(prelu_forward, (x, alpha), lambda gy: prelu_grad(gy, x, alpha), rng)


def test_zero_has_the_slope_from_the_left(dtype):
    x, alpha = np.array([0.0, -0.0], dtype), np.array([0.25, 0.25], dtype)
    gx, galpha = prelu_grad(np.full(2, 4, dtype), x, alpha)
    np.testing.assert_array_equal(gx, [1, 1])
    np.testing.assert_array_equal(galpha, [0, 0])


def test_nan_and_infinity(dtype):
    x, alpha = np.array([[np.nan, 1, np.inf, -np.inf]], dtype), np.full(4, 0.5, dtype)
    np.testing.assert_array_equal(prelu_forward(x, alpha), [[np.nan, 1, np.inf, -np.inf]])
    gx, galpha = prelu_grad(np.ones_like(x), x, alpha)
    np.testing.assert_array_equal(gx, [[np.nan, 1, 1, 0.5]])
    np.testing.assert_array_equal(galpha, [np.nan, 0, 0, -np.inf])


def test_in_place(draw):
    x, alpha = draw((4, 3)), draw((3,))
    y = prelu_forward(x, alpha)
    assert prelu_forward(x, alpha, out=x) is x
    np.testing.assert_array_equal(x, y)


X = np.zeros((2, 3, 4))


@pytest.mark.parametrize("shape", [(3,), (2, 2, 3, 4), (3, 3)])
def test_errors(shape):
    for function, call in (
        ("prelu_forward", lambda: prelu_forward(X, np.zeros(shape))),
        ("prelu_grad", lambda: prelu_grad(X, X, np.zeros(shape))),
    ):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == (
            f"{function}: alpha does not broadcast against x. "
            f"Expected axes of size 1 or as in (2, 3, 4), got {shape}."
        )


@pytest.mark.crosscheck
@pytest.mark.parametrize("shared_axes, shape", [(None, (3, 2, 4)), ((1, 2), (1, 1, 4))])
def test_keras(shared_axes, shape, draw):
    keras = pytest.importorskip("keras")
    x = away_from_zero(draw, (2, 3, 2, 4), np.float32)
    gy, alpha = draw(x.shape, np.float32), draw(shape, np.float32)
    layer = keras.layers.PReLU(shared_axes=shared_axes)
    y, gx, (galpha,) = output_and_gradients(layer, x, [alpha], gy)
    assert_close(prelu_forward(x, alpha), y, CROSSCHECK)
    found = prelu_grad(gy, x, alpha)
    assert_close(found[0], gx, CROSSCHECK)
    assert_close(found[1], galpha, CROSSCHECK)
