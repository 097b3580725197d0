"""Optimizers: by hand, against loops over single numbers, blocks, errors; crosscheck with Keras."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn.kernels.optimizer import reference
from minicnn.kernels.optimizer.reference import (
    adagrad_update_,
    adam_update_,
    rmsprop_update_,
    sgd_update_,
    weight_decay_,
)
from tests.tolerances import KERNEL, assert_close

STEPS = 4
SGD = [(0.0, False), (0.9, False), (0.9, True)]
RMSPROP = [(0.0, False), (0.0, True), (0.9, False), (0.9, True)]


def zeros_if(wanted, w):
    return np.zeros_like(w) if wanted else None


def run_sgd(w, grads, momentum, nesterov):
    v = zeros_if(momentum, w)
    for g in grads:
        sgd_update_(w, g, v, 0.1, momentum, nesterov)


def run_rmsprop(w, grads, momentum, centered):
    s, a, v = np.zeros_like(w), zeros_if(centered, w), zeros_if(momentum, w)
    for g in grads:
        rmsprop_update_(w, g, s, a, v, 0.01, 0.8, momentum, 1e-7, centered)


def run_adam(w, grads, amsgrad):
    m, v, vhat = np.zeros_like(w), np.zeros_like(w), zeros_if(amsgrad, w)
    for t, g in enumerate(grads, 1):
        adam_update_(w, g, m, v, vhat, 0.01, 0.8, 0.95, 1e-7, t, amsgrad)


def run_adagrad(w, grads):
    s = np.full_like(w, 0.1)
    for g in grads:
        adagrad_update_(w, g, s, 0.1, 1e-7)


def run_adamw(w, grads):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(grads, 1):
        weight_decay_(w, 0.01, 2.0)
        adam_update_(w, g, m, v, None, 0.01, 0.8, 0.95, 1e-7, t, False)


def loop_sgd(w, grads, momentum, nesterov):
    v = 0.0
    for g in grads:
        v = momentum * v - 0.1 * g
        w += momentum * v - 0.1 * g if nesterov else v
    return w


def loop_rmsprop(w, grads, momentum, centered):
    s = a = v = 0.0
    for g in grads:
        s = 0.8 * s + 0.2 * g**2
        a = 0.8 * a + 0.2 * g
        v = momentum * v + 0.01 * g / math.sqrt((s - a**2 if centered else s) + 1e-7)
        w -= v
    return w


def loop_adam(w, grads, amsgrad):
    m = v = largest = 0.0
    for t, g in enumerate(grads, 1):
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        largest = max(largest, v)
        alpha = 0.01 * math.sqrt(1 - 0.95**t) / (1 - 0.8**t)
        w -= alpha * m / (math.sqrt(largest if amsgrad else v) + 1e-7)
    return w


def loop_adagrad(w, grads):
    s = 0.1
    for g in grads:
        s += g**2
        w -= 0.1 * g / math.sqrt(s + 1e-7)
    return w


def loop_adamw(w, grads):
    m = v = 0.0
    for t, g in enumerate(grads, 1):
        w -= 0.01 * 2.0 * w
        m = 0.8 * m + 0.2 * g
        v = 0.95 * v + 0.05 * g**2
        w -= 0.01 * (m / (1 - 0.8**t)) / (math.sqrt(v / (1 - 0.95**t)) + 1e-7 / math.sqrt(1 - 0.95**t))
    return w


EACH = [
    *((run_sgd, loop_sgd, settings) for settings in SGD),
    *((run_rmsprop, loop_rmsprop, settings) for settings in RMSPROP),
    *((run_adam, loop_adam, (amsgrad,)) for amsgrad in (False, True)),
    (run_adagrad, loop_adagrad, ()),
    (run_adamw, loop_adamw, ()),
]


def test_by_hand():
    w, v = np.array([1.0]), np.array([4.0])
    sgd_update_(w, np.array([2.0]), v, 0.5, 0.25, True)  # v = 1 - 1 = 0, w = 1 + 0 - 1
    assert (w[0], v[0]) == (0, 0)
    w, s, a = np.array([1.0]), np.array([4.0]), np.array([2.0])
    rmsprop_update_(w, np.array([6.0]), s, a, None, 0.5, 0.75, 0.0, 0.0, True)
    assert (s[0], a[0]) == (12, 3)  # 3 + 9 and 1.5 + 1.5
    assert_close(w, [1 - 3 / math.sqrt(3)], KERNEL[w.dtype])
    w, m, v = np.array([1.0]), np.array([0.0]), np.array([0.0])
    adam_update_(w, np.array([2.0]), m, v, None, 0.5, 0.5, 0.75, 0.0, 1, False)
    assert (m[0], v[0]) == (1, 1)  # alpha = 0.5·0.5 / 0.5
    assert_close(w, [0.5], KERNEL[w.dtype])
    w, s = np.array([1.0]), np.array([7.0])
    adagrad_update_(w, np.array([3.0]), s, 4.0, 9.0)  # s = 16, 4·3 / √25
    assert (w[0], s[0]) == (1 - 12 / 5, 16)
    weight_decay_(w := np.array([8.0]), 0.5, 0.25)
    assert w[0] == 7


@pytest.mark.parametrize("run, loop, settings", EACH)
def test_oracle(run, loop, settings, dtype, draw):
    w, grads = draw((3, 4), dtype), draw((STEPS, 3, 4), dtype)
    expected = [loop(float(w[i]), [float(g[i]) for g in grads], *settings) for i in np.ndindex(w.shape)]
    run(w, grads, *settings)
    assert_close(w, np.reshape(expected, w.shape), 4 * KERNEL[dtype])


@pytest.mark.parametrize("run, loop, settings", EACH)
def test_blocks_and_strides_change_nothing(run, loop, settings, draw, monkeypatch):
    w, grads = draw((5, 6)), draw((STEPS, 5, 6))
    whole = w.copy()
    run(whole, grads, *settings)
    monkeypatch.setattr(reference, "BLOCK", 7)
    blocks, strided = w.copy(), np.repeat(w, 2, axis=1)
    run(blocks, grads, *settings)
    run(strided[:, ::2], grads, *settings)
    np.testing.assert_array_equal(blocks, whole)
    assert_close(strided[:, ::2], whole, KERNEL[w.dtype])  # compiled kernels leave these to the reference
    np.testing.assert_array_equal(strided[:, 1::2], w)  # what lies between is not touched


def test_a_single_number(dtype):
    w = np.array(1.0, dtype)
    sgd_update_(w, np.array(2.0, dtype), None, 0.25, 0.0, False)
    assert w == 0.5


def test_numpy_scalars_do_not_widen():
    w, g, s = np.ones(3, np.float32), np.ones(3, np.float32), np.zeros(3, np.float32)
    narrow, wide = w.copy(), w.copy()
    rmsprop_update_(narrow, g, s.copy(), None, None, 0.1, 0.9, 0.0, 1e-7, False)
    number = np.float64
    rmsprop_update_(wide, g, s, None, None, number(0.1), number(0.9), 0.0, number(1e-7), False)
    np.testing.assert_array_equal(narrow, wide)


def test_a_small_weight_decay_is_not_rounded_away():
    """0.001 · 0.0005 = 5e-7, eight steps of float32 below 1: w·(1 - 5e-7) would be off by 5 %."""
    w = np.full(1000, 3.0, np.float32) * np.linspace(1, 2, 1000, dtype=np.float32)
    before = w.astype(np.float64)
    for _ in range(100):
        weight_decay_(w, 0.001, 0.0005)
    assert_close((before - w).mean(), before.mean() * 100 * 5e-7, 0.01)


def test_centered_variance_is_never_negative():
    """With a constant gradient s - a² is 0 up to rounding, which must not give NaN."""
    w, g = np.zeros(1000, np.float32), np.linspace(50, 5000, 1000, dtype=np.float32)
    s, a = np.zeros_like(w), np.zeros_like(w)
    for _ in range(200):
        rmsprop_update_(w, g, s, a, None, 1e-3, 0.9, 0.0, 1e-7, True)
    assert np.isfinite(w).all()


ONE = np.ones(2)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: sgd_update_(ONE, ONE, None, 0.1, 0.9, False),
            "sgd_update_: velocity does not go with the other arguments. Expected an array, got None.",
        ),
        (
            lambda: rmsprop_update_(ONE, ONE, ONE, ONE, None, 0.1, 0.9, 0.0, 1e-7, False),
            "rmsprop_update_: mean_grad does not go with the other arguments. Expected None, got an array.",
        ),
        (
            lambda: adam_update_(ONE, ONE, ONE, ONE, None, 0.1, 0.9, 0.99, 1e-7, 0, False),
            "adam_update_: the step is not counted from 1. Expected at least 1, got 0.",
        ),
        (
            lambda: adagrad_update_(ONE, ONE, np.ones(3), 0.1, 1e-7),
            "adagrad_update_: accumulator has the wrong shape. Expected (2,), got (3,).",
        ),
        (
            lambda: weight_decay_(np.ones(2, int), 0.1, 0.1),
            "weight_decay_: w has an unsupported dtype. Expected float32 or float64, got int64.",
        ),
        (
            lambda: sgd_update_(ONE, np.ones(3), None, 0.1, 0.0, False),
            "sgd_update_: gw has the wrong shape. Expected (2,), got (3,).",
        ),
        (
            lambda: sgd_update_(ONE, ONE.astype(np.float32), None, 0.1, 0.0, False),
            "sgd_update_: gw has another dtype than the rest. Expected float64, got float32. "
            "Cast the arrays to one dtype first.",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@pytest.mark.parametrize("run, loop, settings", EACH)
def test_keras(run, loop, settings, draw):
    keras = pytest.importorskip("keras")
    w, grads = draw((3, 4), np.float32), draw((STEPS, 3, 4), np.float32)
    make = {
        run_sgd: lambda momentum, nesterov: keras.optimizers.SGD(0.1, momentum, nesterov),
        run_rmsprop: lambda momentum, centered: keras.optimizers.RMSprop(
            0.01, rho=0.8, momentum=momentum, epsilon=1e-7, centered=centered
        ),
        run_adam: lambda amsgrad: keras.optimizers.Adam(
            0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-7, amsgrad=amsgrad
        ),
        run_adagrad: lambda: keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.1, epsilon=1e-7),
        run_adamw: lambda: keras.optimizers.AdamW(
            0.01, weight_decay=2.0, beta_1=0.8, beta_2=0.95, epsilon=1e-7
        ),
    }
    optimizer, variable = make[run](*settings), keras.Variable(w)
    for g in grads:
        optimizer.apply([g], [variable])
    run(w, grads, *settings)
    assert_close(w, np.asarray(variable.value), 4 * KERNEL[w.dtype])
