"""What `explain` says about a convolution: algorithm, work, workspace, and why."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import backend
from minicnn.errors import ArgumentError
from minicnn.geometry import resolve_window
from minicnn.kernels.im2col.reference import im2col

X, W = (64, 28, 28, 1), (3, 3, 1, 32)
G, OUT_HW = resolve_window("here", X[1:3], W[:2])
PASSES = ("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad")
DENSE = ("dense_forward", "dense_input_grad", "dense_weight_grad")


@pytest.mark.parametrize("op", PASSES)
def test_by_hand(op):
    found = backend.explain(op, X, W, G, OUT_HW, backend="numpy")
    assert found.macs == 64 * 26 * 26 * 3 * 3 * 32  # every output pixel, every tap, every filter
    assert (found.op, found.backend, found.algorithm) == (op, "numpy", "im2col")
    assert found.workspace > 0 and found.why.endswith(".")
    text = f"{op} on 'numpy' runs 'im2col': 12,460,032 multiply-accumulates, {found.workspace:,} bytes of"
    assert str(found).startswith(text)


@pytest.mark.parametrize("op", PASSES)
def test_a_forced_algorithm(op):
    for name in backend.available_backends():
        found = backend.explain(op, X, W, G, OUT_HW, algorithm="naive", backend=name)
        assert (found.algorithm, found.workspace) == ("naive", 0)
        with pytest.raises(ArgumentError, match="there is no such algorithm"):
            backend.explain(op, X, W, G, OUT_HW, algorithm="fft", backend=name)
    with pytest.raises(ArgumentError, match="'winograd' cannot do this. Expected a 3×3 window of stride 1"):
        backend.explain(op, X, W, G, OUT_HW, algorithm="winograd", backend="numba")


def test_overrides_are_seen():
    with backend.override(im2col=im2col):
        assert backend.explain("conv2d_forward", X, W, G, OUT_HW, algorithm="naive").algorithm == "im2col"
    with backend.override(conv2d_forward=print):
        assert backend.explain("conv2d_forward", X, W, G, OUT_HW).algorithm == "override"
        assert backend.explain("conv2d_input_grad", X, W, G, OUT_HW).algorithm in ("im2col", "direct")
        assert backend.explain("dense_forward", (2, 3), (3, 4)).algorithm != "override"
    with backend.override(dense_forward=print):
        assert backend.explain("dense_forward", (2, 3), (3, 4)).algorithm == "override"


def test_a_registered_algorithm():
    backend.register("conv2d_forward", "numpy", "mine", print)
    try:
        found = backend.explain("conv2d_forward", X, W, G, OUT_HW, algorithm="mine", backend="numpy")
    finally:
        backend.unregister("conv2d_forward", "numpy", "mine")
    assert (found.algorithm, found.why) == ("mine", "It was registered and asked for by name.")


@pytest.mark.parametrize("op", PASSES)
def test_the_compiled_backend(op):
    found = backend.explain(op, X, W, G, OUT_HW, backend="numba")
    assert (found.backend, found.algorithm, found.macs) == ("numba", "direct", 64 * 26 * 26 * 3 * 3 * 32)
    assert found.workspace > 0 and "in place" in found.why
    wide = backend.explain(op, (8, 28, 28, 64), (3, 3, 64, 64), G, OUT_HW, backend="numba")
    assert wide.algorithm == "winograd" and "36 multiplications instead of 144" in wide.why


@pytest.mark.parametrize("op", DENSE)
def test_dense(op):
    found = backend.explain(op, (64, 5, 100), (100, 10), backend="numpy")
    assert (found.algorithm, found.macs, found.workspace) == ("BLAS", 64 * 5 * 100 * 10, 0)
    found = backend.explain(op, (64, 5, 100), (100, 10), backend="numba")
    assert (found.algorithm, found.macs) == ("micro-kernels", 64 * 5 * 100 * 10)
    assert found.workspace > 0 and "1×1 convolution" in found.why
    large = backend.explain(op, (64, 4096), (4096, 4096), backend="numba")
    assert (large.algorithm, large.workspace) == ("BLAS", 0)
    assert large.why.startswith("16,777,216 weights are more than 1,048,576: ")
    nothing = backend.explain(op, (0, 100), (100, 10), backend="numba")
    assert (nothing.algorithm, nothing.why) == ("BLAS", "There is nothing to compute.")


@pytest.mark.parametrize("op", DENSE)
def test_the_plan_of_a_dense_product_is_followed(op, monkeypatch):
    """BLAS is reached through the reference, which here is gone."""
    from minicnn.kernels.dense import numba_cpu

    monkeypatch.setattr(numba_cpu.reference, op, None)
    monkeypatch.setattr(numba_cpu, "LARGEST", 100)
    for shape in ((10, 10), (10, 11)):
        arrays = {"x": np.ones((3, shape[0])), "w": np.ones(shape), "gy": np.ones((3, shape[1]))}
        names = {"forward": "xw", "input_grad": ("gy", "w"), "weight_grad": ("x", "gy")}
        operands = [arrays[name] for name in names[op.removeprefix("dense_")]]
        if backend.explain(op, (3, shape[0]), shape, dtype="float64", backend="numba").algorithm == "BLAS":
            assert shape == (10, 11)
            with pytest.raises(TypeError):
                getattr(numba_cpu, op)(*operands)
        else:
            assert shape == (10, 10)
            getattr(numba_cpu, op)(*operands)


def test_what_cannot_be_explained():
    with pytest.raises(ArgumentError) as error:
        backend.explain("max_pool2d_forward", X, W, G, OUT_HW)
    assert str(error.value) == (
        "explain: max_pool2d_forward is computed in one way, with nothing to choose. "
        f"Expected one of {', '.join((*PASSES, *DENSE))}."
    )
    with pytest.raises(ArgumentError, match="there is no operation 'conv3d'"):
        backend.explain("conv3d", X, W, G, OUT_HW)
    with pytest.raises(ArgumentError, match="^explain: conv2d_forward needs a window: g and out_hw"):
        backend.explain("conv2d_forward", X, W)


@pytest.mark.parametrize("name", backend.available_backends())
def test_shapes_that_do_not_fit(name):
    with pytest.raises(ArgumentError, match="dense_plan: x and w do not fit. Expected x .…, 4., got .2, 3."):
        backend.explain("dense_forward", (2, 3), (4, 5), backend=name)
    with pytest.raises(ArgumentError, match="channels of x and w do not fit"):
        backend.explain("conv2d_forward", X, (3, 3, 2, 32), G, OUT_HW, backend=name)
