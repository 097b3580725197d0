"""The dense product: by hand, against loops, leading axes, errors."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.dense.reference import dense_forward, dense_input_grad, dense_weight_grad
from tests import oracles
from tests.tolerances import KERNEL, assert_close


def test_by_hand():
    x, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0, 7.0], [8.0, 9.0, 10.0]])
    np.testing.assert_array_equal(dense_forward(x, w), [[21, 24, 27], [47, 54, 61]])
    gy = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(dense_input_grad(gy, w), [[19, 28], [6, 9]])
    np.testing.assert_array_equal(dense_weight_grad(x, gy), [[1, 3, 2], [2, 4, 4]])


@pytest.mark.parametrize("leading", [(), (1,), (7,), (2, 3), (2, 1, 4), (0,)])
def test_oracle(leading, dtype, draw):
    x, w, gy = draw((*leading, 5), dtype), draw((5, 3), dtype), draw((*leading, 3), dtype)
    rows = int(np.prod(leading))
    x2, gy2, tolerance = x.reshape(rows, 5), gy.reshape(rows, 3), KERNEL[dtype]
    assert_close(dense_forward(x, w), oracles.matmul(x2, w).reshape(*leading, 3), tolerance)
    assert_close(dense_input_grad(gy, w), oracles.matmul(gy2, w.T).reshape(*leading, 5), tolerance)
    assert_close(dense_weight_grad(x, gy), oracles.matmul(x2.T, gy2), tolerance)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: dense_forward(np.zeros((2, 3)), np.zeros((4, 5))),
            "dense_forward: the last axis of x does not fit w (4, 5). Expected x (…, 4), got (2, 3).",
        ),
        (
            lambda: dense_input_grad(np.zeros((2, 4)), np.zeros((4, 5))),
            "dense_input_grad: the last axis of gy does not fit w (4, 5). Expected gy (…, 5), got (2, 4).",
        ),
        (
            lambda: dense_weight_grad(np.zeros((2, 4)), np.zeros((3, 5))),
            "dense_weight_grad: x and gy have different rows. Expected gy ((2,), f), got (3, 5).",
        ),
        (
            lambda: dense_forward(np.zeros((2, 3)), np.zeros(3)),
            "dense_forward: w has the wrong number of axes. Expected 2, got shape (3,).",
        ),
        (
            lambda: dense_forward(np.zeros(()), np.zeros((1, 1))),
            "dense_forward: the last axis of x does not fit w (1, 1). Expected x (…, 1), got ().",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
