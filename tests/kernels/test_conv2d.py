"""Convolution: by hand, both algorithms against loops, adjoints, replaced parts, errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.kernels.conv2d import reference, tiling
from minicnn.kernels.conv2d.reference import (
    ALGORITHMS,
    WORKSPACE_LIMIT,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_plan,
    conv2d_weight_grad,
)
from tests import oracles
from tests.kernels.geometries import CASES, each_case
from tests.kernels.test_im2col import any_case
from tests.tolerances import KERNEL, assert_close

each_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS["conv2d_forward"])
each_grouping = pytest.mark.parametrize(
    "channels, filters, groups", [(3, 2, 1), (1, 2, 1), (4, 6, 2), (3, 3, 3)]
)
PLAIN = CASES["plain"].g


def check_all_passes(x, w, gy, case, groups, algorithm="auto"):
    """Compare the three passes with the loops."""
    g, tolerance = case.g, KERNEL[x.dtype]
    y = conv2d_forward(x, w, g, groups, case.out_hw, algorithm)
    assert_close(y, oracles.conv2d_forward(x, w, g, groups, case.out_hw), tolerance)
    gx = conv2d_input_grad(gy, w, x.shape, g, groups, algorithm)
    assert_close(gx, oracles.conv2d_input_grad(gy, w, x.shape, g, groups), tolerance)
    gw = conv2d_weight_grad(x, gy, w.shape, g, groups, algorithm)
    assert_close(gw, oracles.conv2d_weight_grad(x, gy, w.shape, g, groups), tolerance)
    return y, gx, gw


def operands(draw, case, channels, filters, groups, dtype=np.float64, images=2):
    x = draw((images, *case.x_hw, channels), dtype)
    w = draw((*case.kernel_hw, channels // groups, filters), dtype)
    return x, w, draw((images, *case.out_hw, filters), dtype)


@each_algorithm
def test_by_hand(algorithm):
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 2, 3, 1)
    w = np.array([[1.0, 10.0]]).reshape(1, 2, 1, 1)
    y = conv2d_forward(x, w, PLAIN, 1, (2, 2), algorithm)
    np.testing.assert_array_equal(y.reshape(2, 2), [[21, 32], [54, 65]])
    gy = np.array([[1.0, 2.0], [0.0, 3.0]]).reshape(1, 2, 2, 1)
    gx = conv2d_input_grad(gy, w, x.shape, PLAIN, 1, algorithm)
    np.testing.assert_array_equal(gx.reshape(2, 3), [[1, 12, 20], [0, 3, 30]])
    gw = conv2d_weight_grad(x, gy, w.shape, PLAIN, 1, algorithm)
    np.testing.assert_array_equal(gw.ravel(), [1 + 4 + 15, 2 + 6 + 18])


@each_case
@each_grouping
@each_algorithm
def test_oracle(case, channels, filters, groups, algorithm, dtype, draw):
    x, w, gy = operands(draw, case, channels, filters, groups, dtype)
    check_all_passes(x, w, gy, case, groups, algorithm)


@each_case
def test_adjoint(case, draw):
    """⟨conv(x, w), gy⟩ = ⟨x, input_grad(gy, w)⟩ = ⟨w, weight_grad(x, gy)⟩."""
    x, w, gy = operands(draw, case, 4, 6, 2)
    y, gx, gw = check_all_passes(x, w, gy, case, 2)
    tolerance = 1e3 * KERNEL[x.dtype]  # the sums cancel
    assert_close((x * gx).sum(), (y * gy).sum(), tolerance)
    assert_close((w * gw).sum(), (y * gy).sum(), tolerance)


@settings(max_examples=60, deadline=None)
@given(
    any_case(),
    st.integers(1, 3),
    st.sampled_from([(1, 1, 1), (2, 3, 1), (2, 4, 2), (3, 3, 3)]),
    st.sampled_from([64, 500, 1_000_000]),
    st.integers(0, 2**32 - 1),
)
def test_any_geometry(case, images, grouping, limit, seed):
    rng = np.random.default_rng(seed)
    x, w, gy = operands(lambda shape, _: rng.normal(size=shape), case, *grouping, images=images)
    with pytest.MonkeyPatch.context() as patch:  # a small limit cuts even these into tiles
        patch.setattr(tiling, "WORKSPACE_LIMIT", limit)
        check_all_passes(x, w, gy, case, grouping[2])


@pytest.mark.parametrize("size", [3, 1])
def test_an_empty_batch(size):
    x, w = np.zeros((0, 5, 5, 2)), np.ones((size, size, 2, 4))
    y = conv2d_forward(x, w, PLAIN, 1, (6 - size, 6 - size))
    assert y.shape == (0, 6 - size, 6 - size, 4)
    assert conv2d_input_grad(y, w, x.shape, PLAIN, 1).shape == x.shape
    np.testing.assert_array_equal(conv2d_weight_grad(x, y, w.shape, PLAIN, 1), np.zeros(w.shape))


# A function of one's own in place of im2col and col2im


@pytest.mark.parametrize("limit", [300, WORKSPACE_LIMIT])
@each_case
@pytest.mark.parametrize("groups", [1, 2])
def test_own_im2col_and_col2im(case, groups, limit, draw, monkeypatch):
    monkeypatch.setattr(tiling, "WORKSPACE_LIMIT", limit)
    x, w, gy = operands(draw, case, 4, 6, groups)
    calls = []

    def im2col(x, kernel_hw, g, out_hw):
        calls.append("im2col")
        return oracles.im2col(x, kernel_hw, g, out_hw)

    def col2im(cols, x_shape, g):
        calls.append("col2im")
        return oracles.col2im(cols, x_shape, g)

    own = {"im2col": im2col, "col2im": col2im}
    tolerance = KERNEL[x.dtype]
    y = reference.conv2d_forward_im2col(x, w, case.g, groups, case.out_hw, **own)
    assert_close(y, oracles.conv2d_forward(x, w, case.g, groups, case.out_hw), tolerance)
    gw = reference.conv2d_weight_grad_im2col(x, gy, w.shape, case.g, groups, **own)
    assert_close(gw, oracles.conv2d_weight_grad(x, gy, w.shape, case.g, groups), tolerance)
    assert calls and set(calls) == {"im2col"}
    calls.clear()
    gx = reference.conv2d_input_grad_im2col(gy, w, x.shape, case.g, groups, **own)
    assert_close(gx, oracles.conv2d_input_grad(gy, w, x.shape, case.g, groups), tolerance)
    assert calls and set(calls) == {"col2im"}


# Errors

X, W, GY = np.zeros((2, 5, 6, 4)), np.zeros((3, 3, 4, 2)), np.zeros((2, 3, 4, 2))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: conv2d_forward(X, W[:, :, :3], PLAIN, 1, (3, 4)),
            "conv2d_forward: the channels of x and w do not fit. "
            "Expected 3 · 1 groups = 3 channels in x, got x (2, 5, 6, 4).",
        ),
        (
            lambda: conv2d_forward(X, np.zeros((3, 3, 2, 3)), PLAIN, 2, (3, 4), "naive"),
            "conv2d_forward: the filters cannot be cut into groups. Expected a multiple of 2 filters, got 3.",
        ),
        (
            lambda: conv2d_forward(X, W.astype(np.float32), PLAIN, 1, (3, 4)),
            "conv2d_forward: w has another dtype than the rest. Expected float64, got float32. "
            "Cast the arrays to one dtype first.",
        ),
        (
            lambda: conv2d_forward(X.astype(int), W, PLAIN, 1, (3, 4)),
            "conv2d_forward: x has an unsupported dtype. Expected float32 or float64, got int64.",
        ),
        (
            lambda: conv2d_forward(X, W, PLAIN, 1, (4, 4)),
            "conv2d_forward: the windows do not fit in the padded input along its rows. Expected "
            "at least one window and a span of at most 5 rows, got 4 windows spanning 6. "
            "Check kernel size, stride, padding and dilation.",
        ),
        (
            lambda: conv2d_input_grad(GY, W, (3, 5, 6, 4), PLAIN, 1),
            "conv2d_input_grad: gy does not fit x and w. Expected gy (3, oh, ow, 2), got (2, 3, 4, 2).",
        ),
        (
            lambda: conv2d_input_grad(GY, W, (5, 6, 4), PLAIN, 1),
            "conv2d_input_grad: the shape of x has the wrong length. Expected 4, got (5, 6, 4).",
        ),
        (
            lambda: conv2d_weight_grad(X, GY, (3, 3, 4, 5), PLAIN, 1),
            "conv2d_weight_grad: gy does not fit x and w. Expected gy (2, oh, ow, 5), got (2, 3, 4, 2).",
        ),
        (
            lambda: conv2d_plan("backward", {}, np.float32, 1),
            "conv2d_plan: there is no such pass. "
            "Expected one of forward, input_grad, weight_grad, got backward.",
        ),
        (
            lambda: reference.conv2d_forward_im2col(X, W, PLAIN, 1, (3, 4), lambda *_: None),
            "conv2d with its own im2col: im2col returned no array. "
            "Expected an array of shape (2, 3, 4, 3, 3, 4), got NoneType.",
        ),
        (
            lambda: reference.conv2d_forward_im2col(X, W, PLAIN, 1, (3, 4), lambda *_: X),
            "conv2d with its own im2col: the result of im2col has the wrong shape. "
            "Expected (2, 3, 4, 3, 3, 4), got (2, 5, 6, 4).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


def test_an_unknown_algorithm_is_named():
    known = "Expected one of auto, (direct, gemm, winograd, )?im2col, naive, got 'fft'."
    with pytest.raises(ValueError, match=f"^conv2d_forward: there is no such algorithm. {known}$"):
        conv2d_forward(X, W, PLAIN, 1, (3, 4), "fft")
