"""Dropout: the mask word by word, scale, broadcast masks, rates 0 and 1, errors; Gaussian noise."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.dropout.reference import dropout_forward, dropout_grad, gaussian_noise_forward
from tests import oracles
from tests.tolerances import KERNEL, MOMENTS, assert_close

KEY = np.array([11, 22], np.uint32)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("step", [0, 7, 2**33])
def test_oracle(rate, step, dtype, draw):
    x = draw((3, 2, 5), dtype)
    kept = [oracles.random_word(KEY, step, i) >= round(rate * 2**32) for i in range(x.size)]
    expected = np.where(np.reshape(kept, x.shape), x.astype(np.float64) / (1 - rate), 0)
    assert_close(dropout_forward(x, rate, KEY, step), expected, KERNEL[dtype])
    assert_close(dropout_grad(x, rate, KEY, step), expected, KERNEL[dtype])


def test_the_share_dropped_is_the_rate():
    y = dropout_forward(np.ones(40_000), 0.3, KEY, 0)
    # the standard deviation of the share is √(0.3·0.7 / 40000) = 0.0023
    assert abs(np.mean(y == 0) - 0.3) < 0.01
    assert_close(y[y != 0], np.full((y != 0).sum(), 1 / 0.7), KERNEL[y.dtype])


def test_the_mask_follows_from_key_and_step_only():
    x = np.ones(256)
    first = dropout_forward(x, 0.5, KEY, 3)
    np.testing.assert_array_equal(dropout_forward(x, 0.5, KEY, 3), first)
    np.testing.assert_array_equal(dropout_forward(x.reshape(4, 64), 0.5, KEY, 3).ravel(), first)
    for other in (dropout_forward(x, 0.5, KEY, 4), dropout_forward(x, 0.5, KEY + 1, 3)):
        assert 64 < np.sum(other != first) < 192


def test_a_transposed_input_gets_the_mask_of_its_shape():
    x = np.arange(1.0, 13.0).reshape(3, 4)
    copy = np.ascontiguousarray(x.T)
    np.testing.assert_array_equal(dropout_forward(x.T, 0.5, KEY, 0), dropout_forward(copy, 0.5, KEY, 0))


@pytest.mark.parametrize("noise_shape", [(2, 1, 1, 4), (1, 3, 5, 1), (1, 1, 1, 1), (2, 3, 5, 4)])
def test_a_broadcast_mask_is_the_mask_of_its_own_shape(noise_shape, dtype, draw):
    x = draw((2, 3, 5, 4), dtype)
    mask = dropout_forward(np.ones(noise_shape, dtype), 0.5, KEY, 3)
    for function in (dropout_forward, dropout_grad):
        y = function(x, 0.5, KEY, 3, noise_shape)
        assert_close(y, x.astype(np.float64) * mask, KERNEL[dtype])
        assert y.dtype == dtype
    again = x.copy()
    assert dropout_forward(again, 0.5, KEY, 3, noise_shape, out=again) is again
    np.testing.assert_array_equal(again, y)


def test_spatial_dropout_drops_whole_channels():
    y = dropout_forward(np.ones((8, 3, 5, 16)), 0.5, KEY, 0, (8, 1, 1, 16))
    flat = y.reshape(8, 15, 16)
    assert np.all(flat == flat[:, :1])
    assert 32 < np.sum(flat[:, 0] == 0) < 96  # of 128


def test_a_word_equal_to_the_threshold_is_kept():
    word = oracles.random_word(KEY, 0, 0)
    assert dropout_forward(np.ones(1), word / 2**32, KEY, 0) > 0
    assert dropout_forward(np.ones(1), (word + 1) / 2**32, KEY, 0) == 0


def test_rate_zero_and_one(dtype, draw):
    x = draw((4, 5), dtype)
    np.testing.assert_array_equal(dropout_forward(x, 0, KEY, 0), x)
    np.testing.assert_array_equal(dropout_forward(x, 1, KEY, 0), np.zeros_like(x))


def test_nan_is_not_dropped(dtype):
    x = np.full(64, np.nan, dtype)
    assert np.isnan(dropout_forward(x, 0.5, KEY, 0)).all()
    y = dropout_forward(np.full(64, np.inf, dtype), 0.5, KEY, 0)
    assert np.all(np.isnan(y) | np.isinf(y))


def test_in_place(draw):
    x = draw((4, 5))
    expected = dropout_forward(x, 0.5, KEY, 0)
    assert dropout_forward(x, 0.5, KEY, 0, out=x) is x
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_errors(rate):
    for function in (dropout_forward, dropout_grad):
        with pytest.raises(ValueError) as caught:
            function(np.ones(3), rate, KEY, 0)
        text = f"{function.__name__}: the rate is not a share. Expected a number from 0 to 1, got {rate}."
        assert str(caught.value) == text


@pytest.mark.parametrize("noise_shape", [(3,), (2, 2), (1, 1, 3), (2, 0)])
def test_noise_shape_errors(noise_shape):
    for function in (dropout_forward, dropout_grad):
        with pytest.raises(ValueError) as caught:
            function(np.ones((2, 3)), 0.5, KEY, 0, noise_shape)
        assert str(caught.value) == (
            f"{function.__name__}: noise_shape does not broadcast to the shape of the input. "
            f"Expected 2 axes of size 1 or as in (2, 3), got {noise_shape}."
        )


# Gaussian noise


@pytest.mark.parametrize("step", [0, 2**33])
@pytest.mark.parametrize("size", [1, 2, 7, 0])
def test_noise_oracle(step, size, dtype, draw):
    x = draw((size,), dtype)
    z = np.array([oracles.random_normal(KEY, step, i, dtype) for i in range(size)])
    assert_close(gaussian_noise_forward(x, 0.5, KEY, step), x + 0.5 * z, KERNEL[dtype])


def test_noise_has_the_moments_of_a_normal_distribution(dtype):
    z = gaussian_noise_forward(np.zeros((100_000, 1), dtype), 1.0, KEY, 0).astype(np.float64)[:, 0]
    assert abs(z.mean()) < MOMENTS and abs(z.std() - 1) < MOMENTS
    assert abs((z**4).mean() / 3 - 1) < 2 * MOMENTS
    assert abs(np.mean(z[::2] * z[1::2])) < MOMENTS  # the two of a pair do not depend on each other


def test_noise_follows_from_key_step_and_place_only(draw):
    x = draw((6, 5))
    noise = gaussian_noise_forward(x, 1.0, KEY, 4) - x
    flat = gaussian_noise_forward(np.zeros(30), 1.0, KEY, 4)
    assert_close(noise.ravel(), flat, 10 * KERNEL[x.dtype])
    np.testing.assert_array_equal(gaussian_noise_forward(np.zeros(7), 1.0, KEY, 4), flat[:7])
    for other in (gaussian_noise_forward(x, 1.0, KEY, 5), gaussian_noise_forward(x, 1.0, KEY + 1, 4)):
        assert np.all(other != x + noise)


def test_no_noise_and_in_place(dtype, draw):
    x = draw((4, 5), dtype)
    np.testing.assert_array_equal(gaussian_noise_forward(x, 0, KEY, 0), x)
    y = gaussian_noise_forward(x, 0.5, KEY, 0)
    assert gaussian_noise_forward(x, 0.5, KEY, 0, out=x) is x
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("stddev", [-0.1, float("nan")])
def test_noise_errors(stddev):
    with pytest.raises(ValueError) as caught:
        gaussian_noise_forward(np.ones(3), stddev, KEY, 0)
    text = f"the standard deviation is out of range. Expected at least 0, got {stddev}."
    assert str(caught.value) == f"gaussian_noise_forward: {text}"
