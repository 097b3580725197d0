"""Initial weights against the real Keras: not the numbers, their distribution."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import initializers, layers
from tests.crosscheck.reference import MARKS
from tests.tolerances import CROSSCHECK, MOMENTS, assert_close

pytestmark = MARKS

OURS = {cls.__name__: cls for cls in initializers.INITIALIZERS.values()}
SHAPES = [(300, 500), (3, 3, 64, 256), (150000,)]
MATRICES = ("identity", "orthogonal")  # compared by themselves
CASES = [(name, {}) for name in initializers.INITIALIZERS if name not in MATRICES] + [
    ("constant", {"value": 0.3}),
    ("random_uniform", {"minval": -0.2, "maxval": 0.7}),
    ("random_normal", {"mean": 1.0, "stddev": 0.2}),
    ("truncated_normal", {"mean": -0.5, "stddev": 2.0}),
    ("variance_scaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
    ("variance_scaling", {"mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("variance_scaling", {"mode": "fan_in", "distribution": "truncated_normal"}),
]


@pytest.fixture(autouse=True)
def seeds(keras):
    """So that a rare draw cannot fail a test now and then."""
    minicnn.utils.set_random_seed(1)
    keras.utils.set_random_seed(1)


def moments(values):
    """Mean, deviation and the standardised 4th moment: 1.8 uniform, 3 normal, 2.4 cut at 2 deviations."""
    values = np.asarray(values, np.float64)
    centred = values - values.mean()
    deviation = centred.std()
    shape = (centred**4).mean() / deviation**4 if deviation else 0.0
    return values.mean(), deviation, shape


def test_by_hand(keras):
    """Glorot on (300, 500): uniform up to √(6 / 800), so the deviation is that / √3."""
    limit = np.sqrt(6 / 800)
    for package in (initializers, keras.initializers):
        mean, deviation, shape = moments(package.get("glorot_uniform")((300, 500)))
        assert abs(mean) < MOMENTS * limit
        assert_close(deviation, limit / np.sqrt(3), MOMENTS)
        assert_close(shape, 1.8, MOMENTS)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name, kwargs", CASES, ids=str)
def test_distribution(keras, name, kwargs, shape):
    class_name = initializers.INITIALIZERS[name].__name__
    ours = OURS[class_name](**kwargs)(shape)
    theirs = np.asarray(getattr(keras.initializers, class_name)(**kwargs)(shape))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    (mean, deviation, fourth), (mean2, deviation2, fourth2) = moments(ours), moments(theirs)
    if deviation2 == 0:
        np.testing.assert_array_equal(ours, theirs)
        return
    assert abs(mean - mean2) < MOMENTS * deviation2
    assert_close(deviation, deviation2, MOMENTS)
    assert_close(fourth, fourth2, MOMENTS)
    if fourth2 < 2.7:  # cut or uniform: both ends are where Keras has them
        spread = np.ptp(theirs)
        assert abs(ours.min() - theirs.min()) < MOMENTS * spread
        assert abs(ours.max() - theirs.max()) < MOMENTS * spread


@pytest.mark.parametrize("shape", [(300, 500), (500, 300), (3, 3, 32, 256)], ids=str)
def test_orthogonal(keras, shape):
    for gain in (1.0, 0.5):
        ours, theirs = (np.asarray(p.Orthogonal(gain)(shape)) for p in (initializers, keras.initializers))
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert_close(moments(ours)[1:], moments(theirs)[1:], MOMENTS)
        rows, columns = (w.reshape(-1, shape[-1]) for w in (ours, theirs))
        by = (lambda w: w @ w.T) if len(rows) < shape[-1] else (lambda w: w.T @ w)
        assert_close(by(rows), by(columns), CROSSCHECK)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)], ids=str)
def test_identity(keras, shape):
    ours, theirs = (p.Identity(gain=0.5)(shape) for p in (initializers, keras.initializers))
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


# Keras cannot make "constant" from its name, and its Identity forgets its gain.
@pytest.mark.parametrize("name", sorted(initializers.INITIALIZERS.keys() - {"constant", "identity"}))
def test_names_and_config(keras, name):
    ours, theirs = initializers.get(name), keras.initializers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.get_config().items() <= theirs.get_config().items()


def test_the_default_of_layers(keras):
    for name, kwargs, shape in (
        ("Conv2D", {"filters": 128, "kernel_size": 3}, (1, 8, 8, 96)),
        ("Dense", {"units": 400}, (1, 300)),
    ):
        ours, theirs = getattr(layers, name)(**kwargs), getattr(keras.layers, name)(**kwargs)
        ours.build_for(shape)
        theirs.build(shape)
        (kernel, bias), (expected, expected_bias) = ours.get_weights(), theirs.get_weights()
        assert_close(moments(kernel)[1:], moments(expected)[1:], MOMENTS)
        assert_close(np.abs(kernel).max(), np.abs(expected).max(), MOMENTS)
        np.testing.assert_array_equal(bias, expected_bias)
