"""The compiled convolution: against loops, guard words, threads, plans, processors and broken caches."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn.kernels.compiled import parallel
from minicnn.kernels.conv2d.numba_cpu import (
    ALGORITHMS,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_plan,
    conv2d_weight_grad,
)
from minicnn.kernels.conv2d.numba_cpu.sizes import by_planes
from minicnn.kernels.conv2d.tiling import Conv
from minicnn.kernels.microkernels.build import host
from tests import oracles
from tests.kernels.geometries import CASES, Case, each_case
from tests.kernels.test_conv2d import operands
from tests.kernels.test_im2col import any_case
from tests.tolerances import KERNEL, WINOGRAD, assert_close

GUARD = 64  # elements on each side of a guarded result
POINTWISE = CASES["one by one"]


def guarded_empty(shape, dtype):
    """Return an array to write in, and a function that checks the memory around it."""
    size = int(np.prod(shape))
    memory = np.full(size + 2 * GUARD, 7.0, dtype)
    array = memory[GUARD : GUARD + size].reshape(shape)

    def untouched():
        assert np.all(memory[:GUARD] == 7) and np.all(memory[GUARD + size :] == 7)

    return array, untouched


def check_all_passes(x, w, gy, case, groups, algorithm="auto"):
    """The three passes against the loops, written between guard words."""
    g, tolerance = case.g, (WINOGRAD if algorithm == "winograd" else KERNEL)[x.dtype]
    passes = [
        (conv2d_forward, (x, w, g, groups, case.out_hw), oracles.conv2d_forward, gy.shape),
        (conv2d_input_grad, (gy, w, x.shape, g, groups), oracles.conv2d_input_grad, x.shape),
        (conv2d_weight_grad, (x, gy, w.shape, g, groups), oracles.conv2d_weight_grad, w.shape),
    ]
    for compiled, arguments, oracle, shape in passes:
        out, untouched = guarded_empty(shape, x.dtype)
        expected = oracle(*arguments)
        assert_close(compiled(*arguments, algorithm, out), expected, tolerance)
        untouched()


@each_case
@pytest.mark.parametrize("grouping", [(3, 2, 1), (1, 17, 1), (4, 6, 2), (36, 40, 2), (20, 70, 1)])
def test_every_geometry(case, grouping, dtype, draw):
    if case is not CASES["all at once"] and case is not CASES["padded"] and dtype == np.float64:
        grouping = grouping[0], min(grouping[1], 6), grouping[2]
    x, w, gy = operands(draw, case, *grouping, dtype)
    check_all_passes(x, w, gy, case, grouping[2], "direct")


@each_case
@pytest.mark.parametrize("grouping", [(3, 2, 1), (4, 6, 2), (20, 70, 1)])
def test_every_geometry_by_im2col(case, grouping, dtype, draw):
    x, w, gy = operands(draw, case, *grouping, dtype)
    check_all_passes(x, w, gy, case, grouping[2], "im2col")


def test_winograd_by_planes_and_by_blocks(draw):
    """Few tiles with many channels are shared out by planes: both give what the loops give."""
    case = Case((6, 7), (3, 3), pad=((1, 1), (1, 1)))
    for images, channels, filters in ((1, 64, 64), (12, 16, 16)):
        conv = Conv(
            (images, 6, 7, channels), (3, 3, channels, filters), (images, 6, 7, filters), case.g, 1, 4
        )
        assert by_planes(conv, False) == by_planes(conv, True) == (images == 1)
        x, w, gy = operands(draw, case, channels, filters, 1, np.float32, images=images)
        check_all_passes(x, w, gy, case, 1, "winograd")


@pytest.mark.parametrize("images", [1, 2, 7])
@pytest.mark.parametrize("grouping", [(3, 5, 1), (33, 16, 1), (8, 12, 4)])
def test_windows_of_one_pixel(images, grouping, dtype, draw):
    x, w, gy = operands(draw, POINTWISE, *grouping, dtype, images=images)
    check_all_passes(x, w, gy, POINTWISE, grouping[2], "gemm")


TILES = {
    "whole tiles": Case((8, 8), (3, 3), pad=((1, 1), (1, 1))),
    "cut tiles": Case((9, 7), (3, 3), pad=((1, 1), (1, 1))),
    "less than a tile": Case((3, 2), (3, 3), pad=((1, 1), (1, 1))),
    "no padding": Case((14, 17), (3, 3)),
    "uneven padding": Case((7, 9), (3, 3), pad=((0, 2), (2, 1))),
}


@pytest.mark.parametrize("case", TILES.values(), ids=TILES.keys())
@pytest.mark.parametrize("images, channels, filters", [(1, 16, 16), (3, 16, 48), (5, 64, 32)])
def test_winograd(case, images, channels, filters, dtype, draw):
    x, w, gy = operands(draw, case, channels, filters, 1, dtype, images=images)
    check_all_passes(x, w, gy, case, 1, "winograd")


def test_winograd_on_many_blocks_of_tiles(draw):
    case = Case((30, 29), (3, 3), pad=((1, 1), (1, 1)))  # 8·8 tiles an image
    x, w, gy = operands(draw, case, 32, 32, 1, np.float32, images=5)
    g = case.g
    for auto, plain in (
        (conv2d_forward(x, w, g, 1, case.out_hw), conv2d_forward(x, w, g, 1, case.out_hw, "im2col")),
        (conv2d_input_grad(gy, w, x.shape, g, 1), conv2d_input_grad(gy, w, x.shape, g, 1, "im2col")),
        (conv2d_weight_grad(x, gy, w.shape, g, 1), conv2d_weight_grad(x, gy, w.shape, g, 1, "im2col")),
    ):
        assert_close(auto, plain, WINOGRAD[x.dtype])
        assert not np.array_equal(auto, plain)  # another algorithm did it


def test_winograd_stays_below_the_stated_error_with_many_channels(draw):
    case = Case((8, 8), (3, 3), pad=((1, 1), (1, 1)))
    x, w, _ = operands(draw, case, 512, 64, 1, np.float32, images=1)
    y = conv2d_forward(x, w, case.g, 1, case.out_hw, "winograd")
    expected = conv2d_forward(x.astype(float), w.astype(float), case.g, 1, case.out_hw, "im2col")
    assert_close(y, expected, 1e-4)


@settings(max_examples=60, deadline=None)
@given(case=any_case(), images=st.integers(1, 3), channels=st.integers(1, 20), filters=st.integers(1, 35))
def test_any_geometry(case, images, channels, filters):
    rng = np.random.default_rng(images + 10 * channels + 1000 * filters)
    x, w, gy = operands(
        lambda shape, dtype: rng.normal(size=shape).astype(dtype), case, channels, filters, 1, images=images
    )
    check_all_passes(x, w, gy, case, 1)


def test_the_same_bits_again_and_with_any_number_of_threads(draw, threads_restored):
    case = CASES["padded"]
    x, w, gy = operands(draw, case, 5, 20, 1, np.float32, images=5)
    found = []
    before = parallel.get_threads()
    try:
        for number in (1, before, before):
            parallel.set_threads(number)
            found.append(
                [
                    conv2d_forward(x, w, case.g, 1, case.out_hw),
                    conv2d_input_grad(gy, w, x.shape, case.g, 1),
                    conv2d_weight_grad(x, gy, w.shape, case.g, 1),
                ]
            )
    finally:
        parallel.set_threads(before)
    alone, together, again = found
    for a, b in zip(together, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(alone[:2], together[:2], strict=True):
        np.testing.assert_array_equal(a, b)
    assert_close(alone[2], together[2], KERNEL[np.dtype(np.float32)])


def test_threads_are_between_one_and_the_number_of_cores():
    for number in (0, 10_000):
        with pytest.raises(ValueError, match="set_threads: that many threads cannot be had. Expected 1 to"):
            parallel.set_threads(number)


def plan(which, case, channels, filters, algorithm="auto"):
    x, w, y = (4, *case.x_hw, channels), (*case.kernel_hw, channels, filters), (4, *case.out_hw, filters)
    shapes = {"x": x, "w": w, "y": y, "g": case.g, "groups": 1}
    return conv2d_plan(which, shapes, np.float32, 2, algorithm)


def test_the_plan():
    for which in ("forward", "input_grad", "weight_grad"):
        assert plan(which, CASES["padded"], 8, 32)[0] == "direct"
        assert plan(which, POINTWISE, 8, 32)[0] == "gemm"
        for algorithm in ALGORITHMS["conv2d_forward"]:
            case = CASES["padded"] if algorithm == "winograd" else POINTWISE
            name, workspace, why = plan(which, case, 16, 32, algorithm)
            assert name == algorithm and workspace >= 0 and why.endswith(".")
        assert plan(which, TILES["whole tiles"], 32, 64)[0] == "winograd"
        cut = 32 + host().vector_bytes // 8  # filters that fill half of the last vector
        assert plan(which, TILES["whole tiles"], 32, cut)[0] == "direct"
        assert plan(which, TILES["less than a tile"], 32, 64)[0] == "direct"
    # 3×3 windows, 8 channels, 32 filters: 9·8·32 packed weights, and a padded band for each thread
    assert plan("forward", CASES["padded"], 8, 32)[1] >= 4 * 9 * 8 * 32


def test_an_algorithm_that_cannot_run_is_refused(draw):
    case = CASES["padded"]
    x, w, _ = operands(draw, case, 3, 2, 1)
    with pytest.raises(ValueError, match="'gemm' is for 1×1 windows"):
        conv2d_forward(x, w, case.g, 1, case.out_hw, "gemm")
    with pytest.raises(ValueError, match="'winograd' cannot do this. Expected a 3×3 window of stride 1"):
        conv2d_forward(x, w, case.g, 1, case.out_hw, "winograd")
    with pytest.raises(ValueError, match="one of auto, direct, gemm, winograd, im2col, naive, got 'fft'"):
        conv2d_forward(x, w, case.g, 1, case.out_hw, "fft")


def test_an_empty_batch():
    x, w, g = np.zeros((0, 5, 5, 2)), np.ones((3, 3, 2, 4)), CASES["plain"].g
    y = conv2d_forward(x, w, g, 1, (3, 3))
    assert y.shape == (0, 3, 3, 4)
    assert conv2d_input_grad(y, w, x.shape, g, 1).shape == x.shape
    np.testing.assert_array_equal(conv2d_weight_grad(x, y, w.shape, g, 1), np.zeros(w.shape))


SCRIPT = """
import threading
import numpy as np
import minicnn
from minicnn.kernels.conv2d import numba_cpu, reference
rng = np.random.default_rng(0)
g = ((1, 1), ((1, 1), (1, 1)), (1, 1))
x, w = rng.normal(size=(2, 5, 6, 3)), rng.normal(size=(3, 3, 3, 5))
def check():
    for dtype in ("float32", "float64"):
        a, b = x.astype(dtype), w.astype(dtype)
        y = numba_cpu.conv2d_forward(a, b, g, 1, (5, 6))
        expected = reference.conv2d_forward(x, w, g, 1, (5, 6))
        error = abs(y - expected).max() / abs(expected).max()
        assert error < {"float32": 5e-6, "float64": 1e-13}[dtype], error
        gw = numba_cpu.conv2d_weight_grad(a, y, w.shape, g, 1)
        assert np.isfinite(gw).all()
check()
tiny = np.float32(1e-38)
assert tiny * np.float32(0.5) != 0, "the caller's floating-point mode was changed"
for thread in [threading.Thread(target=lambda: [check() for _ in range(50)]) for _ in range(2)]:
    thread.start()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "variables",
    [
        {"NUMBA_CPU_NAME": "generic"},
        {"NUMBA_DISABLE_JIT": "1"},
        {"NUMBA_THREADING_LAYER": "workqueue"},
        {"MINICNN_KERNEL_CACHE": "/dev/null/nowhere"},
    ],
    ids=lambda variables: "=".join(*variables.items()),
)
def test_other_processors_layers_and_caches(variables):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")


FULL_DISK = """
import builtins, errno, io, os
real, tries = io.open, []
class Full:  # a name can still be made, what is written does not fit
    def __init__(self, file): self.file, self.close = file, file.close
    def __enter__(self): return self
    def __exit__(self, *_): self.file.close()
    def write(self, data):
        tries.append(len(data))
        if len(data): raise OSError(errno.ENOSPC, "No space left on device")
def full(file, mode="r", *args, **options):
    opened = real(file, mode, *args, **options)
    inside = str(file).startswith(os.environ["MINICNN_KERNEL_CACHE"])
    return Full(opened) if inside and "w" in mode else opened
io.open = builtins.open = full
"""


@pytest.mark.slow
def test_a_full_disk(tmp_path):
    """Nothing can be kept, and nothing is left behind: every process compiles for itself."""
    code = FULL_DISK + SCRIPT + "assert len(tries) > 5 and max(tries) > 1000, tries\n"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"MINICNN_KERNEL_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = tmp_path.iterdir()
    assert [file for file in folder.rglob("*") if file.is_file()] == []
