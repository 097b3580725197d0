"""Dropout: the mask word by word, scale, the same mask twice, rates 0 and 1, errors."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.dropout.reference import dropout_forward, dropout_grad
from tests import oracles
from tests.tolerances import KERNEL, assert_close

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
