"""Convolution: by hand, both algorithms against loops, adjoints, tiles, workspace, errors."""

from __future__ import annotations

import tracemalloc

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
from tests.kernels.geometries import CASES, Case, each_case
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


def test_an_empty_batch():
    x, w = np.zeros((0, 5, 5, 2)), np.ones((3, 3, 2, 4))
    y = conv2d_forward(x, w, PLAIN, 1, (3, 3))
    assert y.shape == (0, 3, 3, 4)
    assert conv2d_input_grad(y, w, x.shape, PLAIN, 1).shape == x.shape
    np.testing.assert_array_equal(conv2d_weight_grad(x, y, w.shape, PLAIN, 1), np.zeros(w.shape))


# Tiles


@pytest.mark.parametrize("limit", [1, 300, 2_000, 20_000])
@each_case
def test_tiles_cut_anywhere_give_the_same_result(case, limit, draw, monkeypatch):
    monkeypatch.setattr(tiling, "WORKSPACE_LIMIT", limit)
    monkeypatch.setattr(tiling, "PART_BYTES", limit)
    x, w, gy = operands(draw, case, 4, 6, 2, images=5)
    check_all_passes(x, w, gy, case, 2)


def test_a_tile_is_some_images_or_some_rows():
    g = CASES["padded"].g
    many = tiling.Conv((64, 28, 28, 32), (3, 3, 32, 8), (64, 28, 28, 8), g, 1, 4)
    assert many.tile_size() == (3, 28)  # 1.02 MB an image, its padded copy included
    large = tiling.Conv((2, 400, 300, 16), (3, 3, 16, 8), (2, 400, 300, 8), g, 1, 4)
    images, rows = large.tile_size()
    assert images == 1 and 1 < rows < 400
    for conv in (many, large):
        covered = np.zeros(conv.y[:2], int)
        for tile in conv.tiles(conv.tile_size()):
            covered[tile.images, tile.rows] += 1
        assert np.all(covered == 1)


def shapes_of(x, w, out_hw, g, groups):
    return {"x": x, "w": w, "y": (x[0], *out_hw, w[3]), "g": g, "groups": groups}


MEASURED = {
    "images, no padding": ((20, 40, 40, 8), (3, 3, 8, 4), Case((40, 40), (3, 3)), 1),
    "images, padded": ((9, 40, 40, 16), (3, 3, 16, 4), Case((40, 40), (3, 3), pad=((1, 1),) * 2), 1),
    "one tile": ((2, 40, 40, 8), (3, 3, 8, 16), Case((40, 40), (3, 3), pad=((1, 1),) * 2), 1),
    "rows": ((2, 300, 200, 8), (3, 3, 8, 4), Case((300, 200), (3, 3), (1, 1), ((1, 1), (0, 0))), 1),
    "rows, all padded": (
        (1, 400, 301, 6),
        (5, 3, 6, 4),
        Case((400, 301), (5, 3), (2, 1), ((1, 4), (2, 0)), (2, 2)),
        1,
    ),
    "groups": ((3, 150, 150, 32), (3, 3, 8, 8), Case((150, 150), (3, 3), pad=((1, 1),) * 2), 4),
    "unused padding": ((8, 81, 81, 16), (3, 3, 16, 4), Case((81, 81), (3, 3), (2, 2), ((0, 1),) * 2), 1),
    "large weights": ((8, 30, 30, 64), (3, 3, 64, 512), Case((30, 30), (3, 3), (3, 3)), 1),
    "pointwise": ((4, 50, 50, 64), (1, 1, 32, 32), Case((50, 50), (1, 1)), 2),
    "strided 1×1": ((64, 99, 99, 8), (1, 1, 8, 8), Case((99, 99), (1, 1), (2, 2)), 1),
}


LOOP_BUFFERS = 3 * np.getbufsize() * 4  # what NumPy's iterator takes for `x += y` on slices


def peak_bytes(function, *args, **kwargs):
    """Return how many bytes were allocated at most during a call."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function(*args, **kwargs)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("x, w, case, groups", MEASURED.values(), ids=MEASURED.keys())
def test_the_plan_says_what_is_allocated(x, w, case, groups):
    shapes = shapes_of(x, w, case.out_hw, case.g, groups)
    arrays = {name: np.zeros(shapes[name], np.float32) for name in "xwy"}
    x_, w_, y_ = arrays.values()
    calls = {
        "forward": lambda: conv2d_forward(x_, w_, case.g, groups, case.out_hw, out=y_),
        "input_grad": lambda: conv2d_input_grad(y_, w_, x, case.g, groups, out=x_),
        "weight_grad": lambda: conv2d_weight_grad(x_, y_, w, case.g, groups, out=w_),
    }
    for which, call in calls.items():
        planned = conv2d_plan(which, shapes, np.float32, 2)[1]
        assert planned <= WORKSPACE_LIMIT
        surplus = peak_bytes(call) - planned
        assert 0 <= surplus < LOOP_BUFFERS + 16_384, f"{which}: {surplus} bytes more than planned"


def test_workspace_on_a_large_image():
    """All windows of this image would be 1.1 GB."""
    x = np.zeros((1, 1200, 1600, 3), np.float32)
    w = np.zeros((7, 7, 3, 16), np.float32)
    g = (1, 1), ((3, 3), (3, 3)), (1, 1)
    y = np.zeros((1, 1200, 1600, 16), np.float32)
    calls = [
        lambda: conv2d_forward(x, w, g, 1, (1200, 1600), out=y),
        lambda: conv2d_weight_grad(x, y, w.shape, g, 1, out=w),
        lambda: conv2d_input_grad(y[:, :200], w, (1, 200, 1600, 3), g, 1),
    ]
    for call in calls:
        assert peak_bytes(call) < WORKSPACE_LIMIT


def test_one_row_larger_than_the_limit_still_runs(monkeypatch, draw):
    monkeypatch.setattr(tiling, "WORKSPACE_LIMIT", 1000)
    case = Case((4, 5), (2, 2))
    x, w, gy = operands(draw, case, 300, 2, 1)
    assert conv2d_plan("forward", shapes_of(x.shape, w.shape, (3, 4), case.g, 1), "f8", 1)[1] > 1000
    check_all_passes(x, w, gy, case, 1)


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


# The plan


def test_plan():
    shapes = shapes_of((2, 6, 6, 3), (3, 3, 3, 4), (4, 4), PLAIN, 1)
    for which in ("forward", "input_grad", "weight_grad"):
        algorithm, workspace, why = conv2d_plan(which, shapes, np.float64, 2)
        assert (algorithm, workspace) == ("im2col", 2 * 4 * 4 * 27 * 8)
        assert why == "im2col is the fast algorithm of NumPy; a tile is 2 images."
        assert conv2d_plan(which, shapes, np.float64, 2, "naive")[:2] == ("naive", 0)
    assert conv2d_plan("forward", shapes, np.float32, 2)[1] == 2 * 4 * 4 * 27 * 4
    pointwise = shapes_of((2, 6, 6, 3), (1, 1, 3, 4), (6, 6), PLAIN, 1)
    assert conv2d_plan("forward", pointwise, np.float32, 2, "im2col") == (
        "im2col",
        0,
        "im2col is asked for; 1×1 windows are the pixels themselves, no copy.",
    )


def test_auto_is_the_planned_algorithm(draw):
    x, w, _ = operands(draw, CASES["padded"], 3, 2, 1, np.float32)
    shapes = shapes_of(x.shape, w.shape, (4, 5), CASES["padded"].g, 1)
    planned = conv2d_plan("forward", shapes, x.dtype, 1)[0]
    y = [conv2d_forward(x, w, CASES["padded"].g, 1, (4, 5), name) for name in ("auto", planned)]
    np.testing.assert_array_equal(*y)


# Errors

X, W, GY = np.zeros((2, 5, 6, 4)), np.zeros((3, 3, 4, 2)), np.zeros((2, 3, 4, 2))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: conv2d_forward(X, W, PLAIN, 1, (3, 4), "fft"),
            "conv2d_forward: there is no such algorithm. Expected one of auto, im2col, naive, "
            "got 'fft'.",
        ),
        (
            lambda: conv2d_forward(X, W[:, :, :3], PLAIN, 1, (3, 4)),
            "conv2d_forward: the channels of x and w do not fit. "
            "Expected 3 · 1 groups = 3 channels in x, got x (2, 5, 6, 4).",
        ),
        (
            lambda: conv2d_forward(X, np.zeros((3, 3, 2, 3)), PLAIN, 2, (3, 4), "naive"),
            "conv2d_forward: the filters cannot be cut into groups. "
            "Expected a multiple of 2 filters, got 3.",
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
            "conv2d_input_grad: gy does not fit x and w. "
            "Expected gy (3, oh, ow, 2), got (2, 3, 4, 2).",
        ),
        (
            lambda: conv2d_input_grad(GY, W, (5, 6, 4), PLAIN, 1),
            "conv2d_input_grad: the shape of x has the wrong length. Expected 4, got (5, 6, 4).",
        ),
        (
            lambda: conv2d_weight_grad(X, GY, (3, 3, 4, 5), PLAIN, 1),
            "conv2d_weight_grad: gy does not fit x and w. "
            "Expected gy (2, oh, ow, 5), got (2, 3, 4, 2).",
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
