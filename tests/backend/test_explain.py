"""What `explain` says about a convolution: algorithm, work, workspace, and why."""

from __future__ import annotations

import pytest

from minicnn import backend
from minicnn.errors import ArgumentError
from minicnn.geometry import resolve_window
from minicnn.kernels.im2col.reference import im2col

X, W = (64, 28, 28, 1), (3, 3, 1, 32)
G, OUT_HW = resolve_window("here", X[1:3], W[:2])
PASSES = ("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad")


@pytest.mark.parametrize("op", PASSES)
def test_by_hand(op):
    found = backend.explain(op, X, W, G, OUT_HW)
    assert found.macs == 64 * 26 * 26 * 3 * 3 * 32  # every output pixel, every tap, every filter
    assert (found.op, found.backend, found.algorithm) == (op, "numpy", "im2col")
    assert found.workspace > 0 and found.why.endswith(".")
    text = f"{op} on 'numpy' runs 'im2col': 12,460,032 multiply-accumulates, {found.workspace:,} bytes of"
    assert str(found).startswith(text)


@pytest.mark.parametrize("op", PASSES)
def test_a_forced_algorithm(op):
    found = backend.explain(op, X, W, G, OUT_HW, algorithm="naive")
    assert (found.algorithm, found.workspace) == ("naive", 0)
    with pytest.raises(ArgumentError, match="there is no such algorithm"):
        backend.explain(op, X, W, G, OUT_HW, algorithm="winograd")


def test_overrides_are_seen():
    with backend.override(im2col=im2col):
        assert backend.explain("conv2d_forward", X, W, G, OUT_HW, algorithm="naive").algorithm == "im2col"
    with backend.override(conv2d_forward=print):
        assert backend.explain("conv2d_forward", X, W, G, OUT_HW).algorithm == "override"
        assert backend.explain("conv2d_input_grad", X, W, G, OUT_HW).algorithm == "im2col"


def test_a_registered_algorithm():
    backend.register("conv2d_forward", "numpy", "mine", print)
    try:
        found = backend.explain("conv2d_forward", X, W, G, OUT_HW, algorithm="mine")
    finally:
        backend.unregister("conv2d_forward", "numpy", "mine")
    assert (found.algorithm, found.why) == ("mine", "It was registered and asked for by name.")


def test_the_compiled_backend():
    found = backend.explain("conv2d_forward", X, W, G, OUT_HW, backend="numba")
    assert (found.backend, found.algorithm) == ("numba", "direct")
    assert found.workspace > 0 and "in place" in found.why


def test_other_operations_are_refused():
    with pytest.raises(ArgumentError) as error:
        backend.explain("dense_forward", X, W, G, OUT_HW)
    assert str(error.value) == (
        f"explain: nothing to explain. Expected one of {', '.join(PASSES)}, got dense_forward."
    )
