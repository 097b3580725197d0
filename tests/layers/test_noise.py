"""SpatialDropout2D, GaussianNoise and GaussianDropout: what they do while training, and when they repeat."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Sequential, Tensor, grad, layers, utils
from minicnn.errors import ArgumentError, ShapeError
from tests.tolerances import MOMENTS

X = np.full((20, 30, 30, 8), 3.0, np.float32)
EACH = [layers.SpatialDropout2D, layers.GaussianNoise, layers.GaussianDropout]
each = pytest.mark.parametrize("kind", EACH, ids=lambda kind: kind.__name__)


def trained(layer, x=X):
    return layer(x, training=True).numpy().copy()


def test_spatial_dropout_drops_whole_channels():
    source = Tensor(X, requires_grad=True)
    y = layers.SpatialDropout2D(0.5, seed=0)(source, training=True)
    first = y.numpy()[:, 0, 0]
    np.testing.assert_array_equal(y.numpy(), np.broadcast_to(first[:, None, None], X.shape))
    assert set(np.unique(first)) == {0, 6}
    assert 40 < (first == 0).sum() < 120  # of 160
    gx = grad(y, source, Tensor(X))
    np.testing.assert_array_equal(gx.numpy(), y.numpy())


def test_gaussian_noise_is_added():
    source = Tensor(X, requires_grad=True)
    y = layers.GaussianNoise(0.5, seed=0)(source, training=True)
    noise = y.numpy().astype(float) - 3
    assert abs(noise.mean()) < MOMENTS and abs(noise.std() - 0.5) < MOMENTS
    assert abs((noise**4).mean() / noise.var() ** 2 - 3) < 3 * MOMENTS
    np.testing.assert_array_equal(grad(y, source, Tensor(X)).numpy(), X)


def test_gaussian_dropout_multiplies():
    """By numbers of mean 1 and variance rate / (1 − rate), backward too."""
    source = Tensor(X, requires_grad=True)
    y = layers.GaussianDropout(0.2, seed=0)(source, training=True)
    factor = y.numpy().astype(float) / 3
    assert abs(factor.mean() - 1) < MOMENTS and abs(factor.std() - 0.5) < MOMENTS
    gx = grad(y, source, Tensor(X))
    np.testing.assert_array_equal(gx.numpy(), y.numpy())


@each
def test_draws_differ_and_repeat(kind):
    utils.set_random_seed(1)
    first, second = kind(0.4), kind(0.4)
    a, again, b = trained(first), trained(first), trained(second)
    assert not np.array_equal(a, again) and not np.array_equal(a, b)
    utils.set_random_seed(1)
    np.testing.assert_array_equal(trained(kind(0.4)), a)
    seeded = trained(kind(0.4, seed=7))
    utils.set_random_seed(2)
    np.testing.assert_array_equal(trained(kind(0.4, seed=7)), seeded)


@each
def test_nothing_happens_outside_of_training_or_at_0(kind):
    x = Tensor(X)
    assert kind(0.4)(x) is x
    assert kind(0.0)(x, training=True) is x
    model = Sequential([layers.Input(X.shape[1:]), kind(0.4)])
    np.testing.assert_array_equal(model.predict(X), X)
    assert not np.array_equal(model(X, training=True).numpy(), X)


@each
@pytest.mark.parametrize("value", [-0.1, 1.5, None, float("nan")])
def test_values_out_of_range_are_refused(kind, value):
    name = "stddev" if kind is layers.GaussianNoise else "rate"
    with pytest.raises(ArgumentError) as caught:
        kind(value, name="n")
    expected = f"{kind.__name__} 'n': {name}. Expected a number from 0 to 1, got {value!r}."
    assert str(caught.value) == expected


def test_further_refusals():
    with pytest.raises(
        ArgumentError, match=r"the noise would be infinite\. Expected a rate below 1, got 1\."
    ):
        layers.GaussianDropout(1)
    with pytest.raises(
        ArgumentError, match=r"data_format\. Expected 'channels_last', got 'channels_first'\."
    ):
        layers.SpatialDropout2D(0.5, "channels_first")
    with pytest.raises(ShapeError, match=r"not a batch of images\. Expected \(n, h, w, c\), got \(2, 3\)\."):
        layers.SpatialDropout2D(0.5)(np.zeros((2, 3)))
