"""Activations computed from the input: by hand, loops, slopes, extremes, NaN, erfc, errors; crosscheck."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn.kernels.activation.erfc import erfc
from minicnn.kernels.activation.from_input import ACTIVATIONS
from minicnn.kernels.activation.reference import activation_forward, activation_input_grad
from tests import oracles
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

ALPHAS = {"elu": 0.7, "leaky_relu": 0.2}
KINKS = np.array([-3.0, 0.0, 3.0, 6.0])
each = pytest.mark.parametrize("name, alpha", [(name, ALPHAS.get(name)) for name in ACTIVATIONS])


def spread(rng, size):
    """Numbers from -8 to 8 that keep clear of every kink."""
    x = rng.uniform(-8, 8, size)
    return x[np.abs(x[:, None] - KINKS).min(axis=1) > 1e-3]


def test_by_hand():
    x = np.array([-6.0, -1.5, 0.0, 1.5, 9.0])
    expected = {
        "relu6": [0, 0, 0, 1.5, 6],
        "hard_sigmoid": [0, 0.25, 0.5, 0.75, 1],
        "hard_silu": [0, -0.375, 0, 1.125, 9],
        "softsign": [-6 / 7, -0.6, 0, 0.6, 0.9],
        "leaky_relu": [-1.5, -0.375, 0, 1.5, 9],
    }
    for name, y in expected.items():
        alpha = 0.25 if name == "leaky_relu" else None
        assert_close(activation_forward(x, name, alpha), y, KERNEL[x.dtype])
    slopes = {
        "relu6": [0, 0, 0, 1, 0],
        "hard_sigmoid": [0, 1 / 6, 1 / 6, 1 / 6, 0],
        "hard_silu": [0, 0, 0.5, 1, 1],
        "softsign": [1 / 49, 0.16, 1, 0.16, 0.01],
        "leaky_relu": [0.25, 0.25, 0.25, 1, 1],
        "exponential": [math.exp(-6), math.exp(-1.5), 1, math.exp(1.5), math.exp(9)],
    }
    for name, slope in slopes.items():
        alpha = 0.25 if name == "leaky_relu" else None
        gx = activation_input_grad(np.full(5, 2.0), x, name, alpha)
        assert_close(gx, 2 * np.array(slope), KERNEL[x.dtype])
    for name, half in (("gelu", 0.5), ("silu", 0.5), ("softplus", 0.5)):  # Φ(0) and σ(0)
        assert activation_input_grad(np.ones(1), np.zeros(1), name)[0] == half
    assert_close(activation_forward(np.zeros(1), "softplus"), [math.log(2)], KERNEL[x.dtype])


@each
@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (2, 3, 2, 5), (0, 3)])
def test_forward_oracle(name, alpha, shape, dtype, draw):
    x = np.asarray(3 * draw(shape, np.float64)).astype(dtype)
    expected = [oracles.input_activation(v, name, alpha) for v in x.ravel()]
    assert_close(activation_forward(x, name, alpha), np.reshape(expected, shape), KERNEL[dtype])


@each
def test_gradient_is_the_slope_of_the_loop(name, alpha, rng):
    """(a(x + h) - a(x - h)) / 2h, at points away from the kinks."""
    x, h = spread(rng, 60), 1e-5
    gy = rng.normal(size=x.size)

    def loop(v):
        return oracles.input_activation(v, name, alpha)

    slope = [(loop(v + h) - loop(v - h)) / (2 * h) for v in x]
    # the error of the difference quotient is about h² + 1e-16 / h
    assert_close(activation_input_grad(gy, x, name, alpha), gy * slope, 1e-9)


@each
def test_slopes(name, alpha, rng):
    x = spread(rng, 60)
    check_slopes(
        lambda x: activation_forward(x, name, alpha),
        (x,),
        lambda gy: (activation_input_grad(gy, x, name, alpha),),
        rng,
    )


@each
def test_float32_follows_float64(name, alpha, rng):
    x, gy = spread(rng, 500).astype(np.float32), rng.normal(size=500).astype(np.float32)
    gy = gy[: x.size]
    wide = activation_input_grad(gy.astype(np.float64), x.astype(np.float64), name, alpha)
    assert_close(activation_input_grad(gy, x, name, alpha), wide, KERNEL[x.dtype])


@pytest.mark.parametrize(
    "name, slopes",
    [
        ("elu", {0: 0.7}),
        ("hard_sigmoid", {-3: 0, 3: 0}),
        ("hard_silu", {-3: 0, 3: 1}),
        ("leaky_relu", {0: 0.2}),
        ("relu6", {0: 0, 6: 0}),
        ("selu", {0: 1.7580993408473766}),
    ],
)
def test_slopes_at_the_kinks(name, slopes, dtype):
    x = np.array(list(slopes), dtype)
    gx = activation_input_grad(np.ones_like(x), x, name, ALPHAS.get(name))
    assert_close(gx, list(slopes.values()), KERNEL[dtype])


SELU_LIMIT, SELU_SLOPE = -1.7580993408473766, 1.0507009873554805
LIMITS = {
    "elu": (-0.7, 0, None, 1),
    "exponential": (0, 0, np.inf, np.inf),
    "hard_sigmoid": (0, 0, 1, 0),
    "leaky_relu": (None, 0.2, None, 1),
    "relu6": (0, 0, 6, 0),
    "selu": (SELU_LIMIT, 0, None, SELU_SLOPE),
    "softsign": (-1, 0, 1, 0),
}
"""name -> value and slope towards -∞, then towards ∞; None where the value is slope times x"""


@each
def test_extreme_values(name, alpha, dtype):
    """No overflow, no warning, and the limits are reached, at infinity too."""
    far = np.array([1e4, np.finfo(dtype).max / 4, np.inf], dtype)
    below, slope_below, above, slope_above = LIMITS.get(name, (0, 0, None, 1))
    for x, value, slope in ((-far, below, slope_below), (far, above, slope_above)):
        expected = x * dtype.type(slope) if value is None else np.full(3, value)
        np.testing.assert_allclose(activation_forward(x, name, alpha), expected, 2e-4)
        gx = activation_input_grad(np.ones_like(x), x, name, alpha)
        np.testing.assert_allclose(gx, np.full(3, slope), 1e-6, 2e-8)
        activation_input_grad(np.full_like(x, np.inf), x, name, alpha)  # 0 · ∞ is NaN, silently


@each
def test_nan_reaches_both(name, alpha, dtype):
    x = np.array([1, np.nan, -1], dtype)
    np.testing.assert_array_equal(np.isnan(activation_forward(x, name, alpha)), np.isnan(x))
    gx = activation_input_grad(np.ones(3, dtype), x, name, alpha)
    np.testing.assert_array_equal(np.isnan(gx), np.isnan(x))


@each
def test_in_place(name, alpha, dtype, draw):
    x, gy = draw((4, 3), dtype), draw((4, 3), dtype)
    y, gx = activation_forward(x, name, alpha), activation_input_grad(gy, x, name, alpha)
    assert activation_input_grad(gy, x, name, alpha, out=gy) is gy
    np.testing.assert_array_equal(gy, gx)
    assert activation_forward(x, name, alpha, out=x) is x
    np.testing.assert_array_equal(x, y)


def test_erfc_against_the_c_library():
    x = np.concatenate([np.linspace(-6.5, 26, 20_001), [0.46875, -0.46875, 4, -4], np.logspace(-300, 0, 99)])
    expected = np.array([math.erfc(v) for v in x])
    assert np.abs(erfc(x) / expected - 1).max() < 2e-15
    assert np.abs((1 - erfc(x)) - [math.erf(v) for v in x]).max() < 1e-15
    narrow = x[np.abs(x) < 9].astype(np.float32)
    assert np.abs(erfc(narrow) / [math.erfc(v) for v in narrow] - 1).max() < 1e-6
    np.testing.assert_array_equal(erfc(np.array([-np.inf, np.inf, np.nan])), [2, 0, np.nan])


def test_gelu_keeps_its_digits_far_below_zero():
    """x·(1 + erf(x/√2))/2 would be 0 from -8.3 on."""
    x = np.array([-12.0, -20.0])
    expected = [v * math.erfc(-v / math.sqrt(2)) / 2 for v in x]
    assert np.abs(activation_forward(x, "gelu") / expected - 1).max() < 1e-12


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: activation_forward(np.zeros(3), "swish"),
            "activation_forward: there is no such activation. Expected one of elu, exponential, gelu, "
            "hard_sigmoid, hard_silu, leaky_relu, relu6, selu, silu, softplus, softsign, got 'swish'.",
        ),
        (
            lambda: activation_forward(np.zeros(3), "elu"),
            "activation_forward: alpha does not go with elu. Expected a number, got None.",
        ),
        (
            lambda: activation_input_grad(np.zeros(3), np.zeros(3), "gelu", 0.1),
            "activation_input_grad: alpha does not go with gelu. Expected None, got 0.1.",
        ),
        (
            lambda: activation_input_grad(np.zeros(3), np.zeros(2), "gelu"),
            "activation_input_grad: x has the wrong shape. Expected (3,), got (2,).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@each
def test_keras(name, alpha, rng):
    keras = pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    arguments = {"leaky_relu": {"negative_slope": alpha}, "elu": {"alpha": alpha}}.get(name, {})
    x = spread(rng, 300).astype(np.float32)
    gy = rng.normal(size=x.size).astype(np.float32)
    y, pull = jax.vjp(lambda x: getattr(keras.activations, name)(x, **arguments), x)
    assert_close(activation_forward(x, name, alpha), np.asarray(y), CROSSCHECK)
    assert_close(activation_input_grad(gy, x, name, alpha), np.asarray(pull(gy)[0]), CROSSCHECK)
