"""im2col and col2im: by hand, against loops, as adjoints of each other, and their errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.kernels.im2col.reference import col2im, im2col
from tests import oracles
from tests.kernels.geometries import CASES, Case, each_case
from tests.tolerances import KERNEL, assert_close


def test_by_hand():
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape(1, 2, 3, 1)
    g = (1, 2), ((1, 0), (0, 1)), (1, 1)
    cols = im2col(x, (2, 2), g, (2, 2))
    expected = [[[0, 0, 1, 2], [0, 0, 3, 0]], [[1, 2, 4, 5], [3, 0, 6, 0]]]
    np.testing.assert_array_equal(cols.reshape(2, 2, 4), expected)
    # every element of x is added back once for each window that saw it: row 0 twice, row 1 once
    expected = [[2, 4, 6], [4, 5, 6]]
    np.testing.assert_array_equal(col2im(cols, x.shape, g).reshape(2, 3), expected)


@each_case
@pytest.mark.parametrize("channels", [1, 3])
def test_oracle(case, channels, dtype, draw):
    x = draw((2, *case.x_hw, channels), dtype)
    cols = im2col(x, case.kernel_hw, case.g, case.out_hw)
    np.testing.assert_array_equal(cols, oracles.im2col(x, case.kernel_hw, case.g, case.out_hw))
    values = draw(cols.shape, dtype)
    expected = oracles.col2im(values, x.shape, case.g)
    assert_close(col2im(values, x.shape, case.g), expected, KERNEL[dtype])


@each_case
def test_adjoint(case, draw):
    """⟨im2col(x), c⟩ = ⟨x, col2im(c)⟩."""
    x = draw((2, *case.x_hw, 3))
    cols = im2col(x, case.kernel_hw, case.g, case.out_hw)
    c = draw(cols.shape)
    assert_close((cols * c).sum(), (x * col2im(c, x.shape, case.g)).sum(), 1e3 * KERNEL[x.dtype])


@st.composite
def any_case(draw):
    def pair(low, high):
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    case = Case(pair(1, 6), pair(1, 3), pair(1, 3), (pair(0, 2), pair(0, 2)), pair(1, 2))
    while min(case.out_hw) < 1:  # grow the image until a window fits
        case = Case(tuple(size + 2 for size in case.x_hw), *case_rest(case))
    return case


def case_rest(case):
    return case.kernel_hw, case.stride, case.pad, case.dilation


@settings(max_examples=60, deadline=None)
@given(any_case(), st.integers(1, 2), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_any_geometry(case, images, channels, seed):
    x = np.random.default_rng(seed).normal(size=(images, *case.x_hw, channels))
    cols = im2col(x, case.kernel_hw, case.g, case.out_hw)
    np.testing.assert_array_equal(cols, oracles.im2col(x, case.kernel_hw, case.g, case.out_hw))
    expected = oracles.col2im(cols, x.shape, case.g)
    assert_close(col2im(cols, x.shape, case.g), expected, KERNEL[x.dtype])


def test_any_dtype_is_copied():
    x = np.arange(9).reshape(1, 3, 3, 1)
    assert im2col(x, (2, 2), CASES["plain"].g, (2, 2)).dtype == x.dtype


def test_windows_that_end_before_the_image_begins():
    g = (1, 1), ((3, 0), (3, 0)), (1, 1)
    np.testing.assert_array_equal(im2col(np.ones((1, 3, 3, 2)), (2, 2), g, (1, 1)), 0)
    np.testing.assert_array_equal(col2im(np.ones((1, 1, 1, 2, 2, 2)), (1, 3, 3, 2), g), 0)


def test_an_empty_batch():
    g = CASES["padded"].g
    cols = im2col(np.zeros((0, 4, 5, 2)), (3, 3), g, (4, 5))
    assert cols.shape == (0, 4, 5, 3, 3, 2)
    assert col2im(cols, (0, 4, 5, 2), g).shape == (0, 4, 5, 2)


def test_pixels_no_window_reads_get_zero():
    case = CASES["stride beyond kernel"]
    out = np.full((1, *case.x_hw, 1), 7.0)
    col2im(np.ones((1, *case.out_hw, *case.kernel_hw, 1)), out.shape, case.g, out=out)
    rows, cols = np.nonzero(out[0, :, :, 0])
    assert set(rows) == {0, 1, 4, 5} and set(cols) == {0, 3, 6}


X = np.zeros((1, 4, 4, 1))
PLAIN = CASES["plain"].g


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: im2col(X, (3, 3), PLAIN, (3, 2)),
            "im2col: the windows do not fit in the padded input along its rows. Expected at least "
            "one window and a span of at most 4 rows, got 3 windows spanning 5. "
            "Check kernel size, stride, padding and dilation.",
        ),
        (
            lambda: im2col(X, (3, 3), ((1, 0), *PLAIN[1:]), (2, 2)),
            "im2col: the geometry is impossible. Expected stride, dilation and kernel size at "
            "least 1 and padding at least 0, got (3, 3) and "
            "g = ((1, 0), ((0, 0), (0, 0)), (1, 1)).",
        ),
        (
            lambda: im2col(X[0], (3, 3), PLAIN, (2, 2)),
            "im2col: x has the wrong number of axes. Expected 4, got shape (4, 4, 1).",
        ),
        (
            lambda: col2im(np.zeros((2, 2, 2, 3, 3, 1)), X.shape, PLAIN),
            "col2im: cols does not belong to x. Expected (n, c) of x (1, 4, 4, 1), got (2, 2, 2, 3, 3, 1).",
        ),
        (
            lambda: im2col(X, (3, 3), PLAIN, (2, 2), out=np.zeros((1, 2, 2, 9, 1))),
            "im2col: out has the wrong shape. Expected (1, 2, 2, 3, 3, 1), got (1, 2, 2, 9, 1).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text
