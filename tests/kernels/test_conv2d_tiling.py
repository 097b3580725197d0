"""How a convolution is cut into tiles: any cut gives the same result, and the plan is what happens."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from minicnn.kernels.conv2d import tiling
from minicnn.kernels.conv2d.reference import (
    WORKSPACE_LIMIT,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_plan,
    conv2d_weight_grad,
)
from tests.kernels.geometries import CASES, Case, each_case
from tests.kernels.test_conv2d import PLAIN, check_all_passes, operands


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


@pytest.mark.parametrize(
    "x, w, out_hw, pad",
    [
        ((10_000, 32, 32, 64), (3, 3, 64, 64), (32, 32), 1),
        ((1, 20_000, 20_000, 3), (3, 3, 3, 8), (20_000, 20_000), 1),
        ((16, 14, 14, 1024), (3, 3, 1024, 1024), (14, 14), 1),
        ((4, 16, 16, 512), (7, 7, 512, 4096), (16, 16), 3),
        ((512, 100, 100, 64), (1, 1, 64, 64), (26, 26), 2),
    ],
)
def test_no_plan_exceeds_the_limit(x, w, out_hw, pad):
    """Plans only: large batches, images and weights, and strides that skip most of the padded x."""
    stride = (x[1] + 2 * pad - w[0]) // (out_hw[0] - 1)
    shapes = shapes_of(x, w, out_hw, ((stride,) * 2, ((pad,) * 2,) * 2, (1, 1)), 1)
    for which in ("forward", "input_grad", "weight_grad"):
        assert 0 < conv2d_plan(which, shapes, np.float64, 2)[1] <= WORKSPACE_LIMIT


def test_workspace_on_a_large_image():
    """All windows of this image together would be 282 MB."""
    g = (2, 2), ((3, 3), (3, 3)), (1, 1)
    x = np.zeros((1, 1200, 1600, 3), np.float32)
    w = np.zeros((7, 7, 3, 16), np.float32)
    y = np.zeros((1, 600, 800, 16), np.float32)
    calls = [
        lambda: conv2d_forward(x, w, g, 1, (600, 800), out=y),
        lambda: conv2d_input_grad(y, w, x.shape, g, 1, out=x),
        lambda: conv2d_weight_grad(x, y, w.shape, g, 1, out=w),
    ]
    for call in calls:
        assert peak_bytes(call) < WORKSPACE_LIMIT


def test_one_row_larger_than_the_limit_still_runs(monkeypatch, draw):
    monkeypatch.setattr(tiling, "WORKSPACE_LIMIT", 1000)
    case = Case((4, 5), (2, 2))
    x, w, gy = operands(draw, case, 300, 2, 1)
    assert conv2d_plan("forward", shapes_of(x.shape, w.shape, (3, 4), case.g, 1), "f8", 1)[1] > 1000
    check_all_passes(x, w, gy, case, 1)


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
