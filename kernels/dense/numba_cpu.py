"""The dense product as a 1×1 convolution whose pixels are the rows of x.

Large weights are left to BLAS: packing them for a few rows would cost more than the product.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..checks import check_floats, error, result
from ..compiled.jit import COMPILED
from ..conv2d.numba_cpu.passes import conv2d_forward, conv2d_input_grad, conv2d_plan, conv2d_weight_grad
from . import reference
from .reference import check_product, rows_of

__all__ = [
    "by_micro_kernels",
    "dense_forward",
    "dense_input_grad",
    "dense_plan",
    "dense_weight_grad",
    "pixels",
]

LARGEST = 1 << 20
"""Weights (elements) up to which the micro-kernels are used."""

_G = (1, 1), ((0, 0), (0, 0)), (1, 1)


def by_micro_kernels(rows: int, c: int, f: int) -> bool:
    """Whether the micro-kernels do this product."""
    return COMPILED and rows > 0 and 0 < c * f <= LARGEST


def pixels(a: np.ndarray) -> np.ndarray:
    """The rows of a as images one pixel high, one row a pixel."""
    rows = rows_of(a)
    return rows.reshape(len(rows), 1, 1, a.shape[-1])


def dense_forward(x: np.ndarray, w: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Multiply every row of x by the weights; parameters as in the reference."""
    dtype = check_product("dense_forward", "x", x, w, axis=0)
    y = result("dense_forward", out, (*x.shape[:-1], w.shape[1]), dtype)
    if not by_micro_kernels(y.size, *w.shape):
        return reference.dense_forward(x, w, y)
    conv2d_forward(pixels(x), w[None, None], _G, 1, (1, 1), "gemm", pixels(y))
    return y


def dense_input_grad(gy: np.ndarray, w: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient of the dense product with respect to x; parameters as in the reference."""
    dtype = check_product("dense_input_grad", "gy", gy, w, axis=1)
    gx = result("dense_input_grad", out, (*gy.shape[:-1], w.shape[0]), dtype)
    if not by_micro_kernels(gx.size, *w.shape):
        return reference.dense_input_grad(gy, w, gx)
    images = pixels(gx)
    conv2d_input_grad(pixels(gy), w[None, None], images.shape, _G, 1, "gemm", images)
    return gx


def dense_weight_grad(x: np.ndarray, gy: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient of the dense product with respect to w; parameters as in the reference."""
    where = "dense_weight_grad"
    dtype = check_floats(where, x=x, gy=gy)
    if min(x.ndim, gy.ndim) < 1 or x.shape[:-1] != gy.shape[:-1]:
        raise error(where, "x and gy have different rows", f"gy ({x.shape[:-1]}, f)", gy.shape)
    gw = result(where, out, (x.shape[-1], gy.shape[-1]), dtype)
    if not by_micro_kernels(x.size, *gw.shape):
        return reference.dense_weight_grad(x, gy, gw)
    four = gw[None, None]
    conv2d_weight_grad(pixels(x), pixels(gy), four.shape, _G, 1, "gemm", four)
    return gw


def dense_plan(
    which: str,
    shapes: dict[str, Any],
    dtype: np.dtype | type | str,
    threads: int,
    algorithm: str = "auto",
) -> tuple[str, int, str]:
    """Say how one pass of a dense product will be computed; parameters as in the reference."""
    blas = reference.dense_plan(which, shapes, dtype, threads, algorithm)
    x, (c, f) = shapes["x"], shapes["w"]
    rows = prod(x[:-1])
    if not COMPILED:
        return *blas[:2], "NUMBA_DISABLE_JIT=1: there are no micro-kernels without the compiler."
    if not by_micro_kernels(rows, c, f):
        large = f"{c * f:,} weights are more than {LARGEST:,}: to pack them costs more than a few rows gain."
        return *blas[:2], large if c * f > LARGEST else "There is nothing to compute."
    four = {"x": (rows, 1, 1, c), "w": (1, 1, c, f), "y": (rows, 1, 1, f), "g": _G, "groups": 1}
    workspace = conv2d_plan(which, four, dtype, threads, "gemm")[1]
    return "micro-kernels", workspace, "A dense layer is a 1×1 convolution whose pixels are the rows of x."
