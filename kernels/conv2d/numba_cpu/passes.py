"""The three passes of the convolution, compiled, each by the algorithm asked for, and their plan."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ...checks import error, result
from ...compiled.jit import COMPILED
from ...compiled.parallel import get_threads, guarded
from ...compiled.scratch import scratch, usable
from ...microkernels.build import host
from ...microkernels.pooling import pool_address
from ...microkernels.transform import transform_address
from ...windows import Geometry, Pair
from .. import reference
from ..tiling import WORKSPACE_LIMIT, Conv, Shape4
from . import direct, im2col, winograd, winograd_planes
from .gemm import long_rows
from .sizes import (
    by_planes,
    columns_job,
    forward_job,
    scatter_job,
    sliced,
    tile_job,
    tiles_across,
    weight_job,
)

__all__ = [
    "ALGORITHMS",
    "choose",
    "conv2d_forward",
    "conv2d_input_grad",
    "conv2d_plan",
    "conv2d_weight_grad",
    "correlate",
    "runs_here",
]

_NAMES = ("direct", "gemm", "winograd", "im2col", "naive")
_COMPILED_ONLY = _NAMES[:3]
ALGORITHMS = dict.fromkeys(("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad"), _NAMES)

# Pixels of tiles for each pixel of the result, at most: with more, too much of the last tiles is cut off. In
# an input gradient there may be more, since behind a pooling its last tiles are often not needed at all, and
# in rows so short that "direct" cannot fill the registers with them.
_WASTE, _WASTE_BACK, _WASTE_SHORT = 1.35, 1.55, 1.8

_NOTHING = {size: np.empty(0, f"f{size}") for size in (4, 8)}  # in place of a bias
_NO_ARGMAX = np.empty(0, np.uint8)


def conv2d_forward(
    x: np.ndarray,
    w: np.ndarray,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Slide the filters w over the images x; parameters as in the reference."""
    y_shape = (*x.shape[:1], *out_hw, *w.shape[-1:])
    conv = Conv.of("conv2d_forward", x.shape, w.shape, y_shape, g, groups, x=x, w=w)
    name = choose("forward", conv, algorithm)[0]
    if not runs_here("forward", name, conv):
        return reference.conv2d_forward(x, w, g, groups, out_hw, name, out)
    y = result("conv2d_forward", out, conv.y, x.dtype)
    if y.size:
        correlate(conv, name, x, w, y)
    return y


def conv2d_input_grad(
    gy: np.ndarray,
    w: np.ndarray,
    x_shape: Shape4,
    g: Geometry,
    groups: int,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of the convolution with respect to its input; parameters as in the reference."""
    conv = Conv.of("conv2d_input_grad", x_shape, w.shape, gy.shape, g, groups, gy=gy, w=w)
    name = choose("input_grad", conv, algorithm)[0]
    if not runs_here("input_grad", name, conv):
        return reference.conv2d_input_grad(gy, w, x_shape, g, groups, name, out)
    gx = result("conv2d_input_grad", out, conv.x, gy.dtype)
    if not gx.size:
        return gx
    turned = None if name == "im2col" else _turned(conv, name)
    if turned is not None:
        if name == "winograd":  # what no window reached is not computed
            down, across = tiles_across(turned, True)
            gx[:, 4 * down :] = gx[:, :, 4 * across :] = 0
        correlate(turned, name, gy, w, gx, transposed=True)
        return gx
    with guarded:
        threads = get_threads()
        columns = name == "im2col"
        job = columns_job(conv, threads, "input_grad") if columns else scatter_job(conv, threads)
        with sliced(job, threads, gy.dtype) as (packed, memory):
            arrays = usable(gy).reshape(-1), usable(w).reshape(-1), gx.reshape(-1)
            run = im2col.input_grad if columns else direct.scatter
            run(threads, *arrays, packed, memory, job.sizes, job.tiles)
    return gx


def conv2d_weight_grad(
    x: np.ndarray,
    gy: np.ndarray,
    w_shape: Shape4,
    g: Geometry,
    groups: int,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of the convolution with respect to its weights; parameters as in the reference."""
    conv = Conv.of("conv2d_weight_grad", x.shape, w_shape, gy.shape, g, groups, x=x, gy=gy)
    name = choose("weight_grad", conv, algorithm)[0]
    if not runs_here("weight_grad", name, conv):
        return reference.conv2d_weight_grad(x, gy, w_shape, g, groups, name, out)
    gw = result("conv2d_weight_grad", out, conv.w, x.dtype)
    with guarded:
        threads = get_threads()
        if name == "winograd":
            job = tile_job(conv, threads, "weight_grad")
            kernels = np.array([transform_address(kind, x.dtype) for kind in ("input", "gradient", "back")])
            run = winograd_planes.weight_grad if by_planes(conv, False) else winograd.weight_grad
            arrays = usable(x).reshape(-1), usable(gy).reshape(-1), gw.reshape(-1)
            memory = scratch(job.elements(threads), x.dtype)
            run(threads, *arrays, memory, job.sizes, job.tiles, kernels)
            return gw
        if name == "im2col":
            job = columns_job(conv, threads, "weight_grad")
            with sliced(job, threads, x.dtype) as (_, memory):
                arrays = usable(x).reshape(-1), usable(gy).reshape(-1), gw.reshape(-1)
                im2col.weight_grad(threads, *arrays, memory, job.sizes, job.tiles)
            return gw
        job = weight_job(long_rows(conv, threads) if name == "gemm" else conv, threads)
        with sliced(job, threads, x.dtype) as (_, memory):
            arrays = usable(x).reshape(-1), usable(gy).reshape(-1), gw.reshape(-1)
            elements = job.own - int(job.sizes[20])
            direct.weight_grad(threads, *arrays, memory, job.sizes, job.tiles, elements)
    return gw


def correlate(
    conv: Conv,
    name: str,
    x: np.ndarray,
    w: np.ndarray,
    y: np.ndarray,
    transposed: bool = False,
    bias: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    lower: float = -np.inf,
    argmax: np.ndarray | None = None,
) -> None:
    """Run the forward, or an input gradient that was turned into one.

    Filters are multiplied by their scale and the bias is added, where there are any; nothing stays below
    `lower`; with an argmax, y is pooled.
    """
    pooled = argmax is not None
    plus, times = (_NOTHING[x.itemsize] if a is None else usable(a) for a in (bias, scale))
    winners = _NO_ARGMAX if argmax is None else argmax.reshape(-1)
    pool = pool_address(x.dtype) if pooled else 0
    arrays = usable(x).reshape(-1), usable(w).reshape(-1), times, plus, y.reshape(-1), winners, pool
    with guarded:
        threads = get_threads()
        if name == "winograd":
            job = tile_job(conv, threads, "input_grad" if transposed else "forward")
            kernels = np.array([transform_address(kind, x.dtype) for kind in ("weights", "input", "output")])
            run = winograd_planes.forward if by_planes(conv, transposed) else winograd.forward
            rest = job.sizes, job.tiles, kernels, int(transposed), lower, np.inf
            run(threads, *arrays, scratch(job.elements(threads), x.dtype), *rest)
            return
        if name == "im2col":
            job = columns_job(conv, threads, "forward")
            with sliced(job, threads, x.dtype) as (packed, memory):
                sizes = packed, memory, job.sizes, job.tiles
                im2col.forward(threads, *arrays[:5], *sizes, lower, np.inf)
            return
        long = name == "gemm" and not pooled
        job = forward_job(long_rows(conv, threads) if long else conv, threads, pooled)
        with sliced(job, threads, x.dtype) as (packed, band):
            turn = int(transposed)
            direct.forward(threads, *arrays, packed, band, job.sizes, job.tiles, turn, turn, lower, np.inf)


@cache
def _turned(conv: Conv, name: str) -> Conv | None:
    """The input gradient as a forward over gy; None where that cannot be, or scattering is less work."""
    stride, ((top, _), (left, _)), (dh, dw) = conv.g
    (_, h, w_, c), (kh, kw, _, f), (_, oh, ow, _) = conv.x, conv.w, conv.y
    up, aside = dh * (kh - 1) - top, dw * (kw - 1) - left
    if stride != (1, 1) or min(up, aside) < 0 or (name != "winograd" and w_ > 1.3 * conv.full_hw[1]):
        return None
    pad = (up, max(0, h - oh)), (aside, max(0, w_ - ow))  # only the first of each is looked at
    shape = (kh, kw, f // conv.groups, c)
    return replace(conv, x=conv.y, w=shape, y=conv.x, g=(stride, pad, (dh, dw)))


def conv2d_plan(
    which: str,
    shapes: dict[str, Any],
    dtype: np.dtype | type | str,
    threads: int,
    algorithm: str = "auto",
) -> tuple[str, int, str]:
    """Say how one pass of a convolution will be computed; parameters as in the reference."""
    if which not in ("forward", "input_grad", "weight_grad") or algorithm == "naive":
        return reference.conv2d_plan(which, shapes, dtype, threads, algorithm)
    x, w, y, g, groups = (shapes[name] for name in ("x", "w", "y", "g", "groups"))
    conv = Conv(x, w, y, g, groups, np.dtype(dtype).itemsize)
    conv.check("conv2d_plan")
    name, why = choose(which, conv, algorithm)
    if not runs_here(which, name, conv):
        workspace = reference.conv2d_plan(which, shapes, dtype, threads, name)[1]
        return name, workspace, why
    return name, _workspace(which, name, conv, threads), why


def _workspace(which: str, name: str, conv: Conv, threads: int) -> int:
    """Bytes of scratch; 0 for an empty batch."""
    if 0 in conv.y:
        return 0
    if name == "winograd":
        turned = _turned(conv, name) if which == "input_grad" else conv
        return 0 if turned is None else tile_job(turned, threads, which).elements(threads) * conv.itemsize
    if name == "im2col":
        return columns_job(conv, threads, which).elements(threads) * conv.itemsize
    cut = long_rows(conv, threads) if name == "gemm" else conv
    if which == "weight_grad":
        job = weight_job(cut, threads)
    elif which == "forward":
        job = forward_job(cut, threads)
    else:
        turned = _turned(conv, name)
        if turned is not None:
            turned = long_rows(turned, threads) if name == "gemm" else turned
        job = scatter_job(conv, threads) if turned is None else forward_job(turned, threads)
    return job.elements(threads) * conv.itemsize


@cache
def choose(which: str, conv: Conv, algorithm: str) -> tuple[str, str]:
    """The algorithm that runs, and why; ValueError for one that cannot."""
    op = f"conv2d_{which}"
    if algorithm not in ("auto", *_NAMES):
        raise error(op, "there is no such algorithm", f"one of auto, {', '.join(_NAMES)}", repr(algorithm))
    if algorithm in _COMPILED_ONLY and not COMPILED:
        raise error(op, f"{algorithm!r} needs the compiler", "im2col or naive", "NUMBA_DISABLE_JIT=1")
    if algorithm == "gemm" and not conv.pointwise:
        raise error(op, "'gemm' is for 1×1 windows", "stride 1 and no padding", f"{conv.w[:2]}, g = {conv.g}")
    if algorithm == "winograd" and not _fits_winograd(which, conv):
        expected = "a 3×3 window of stride 1, and channels and filters that fill whole vectors"
        raise error(op, "'winograd' cannot do this", expected, f"x {conv.x}, w {conv.w}, g = {conv.g}")
    if algorithm != "auto":
        return algorithm, "It was asked for by name."
    if not COMPILED:
        return "im2col", "NUMBA_DISABLE_JIT=1: there are no micro-kernels without the compiler."
    if 0 in conv.y:
        return "im2col", "There is nothing to compute."
    if conv.pointwise:
        return "gemm", "The window is one pixel: rows of pixels are joined, and the image is the matrix."
    if _winograd_pays(which, conv):
        return "winograd", "3×3 windows: a tile of 4×4 pixels takes 36 multiplications instead of 144."
    own = _copied(which, conv)
    if own > WORKSPACE_LIMIT:
        return "im2col", f"Weights of {own:,} bytes would be copied for every thread."
    return "direct", "Micro-kernels read the image in place, so the windows are never copied."


def _copied(which: str, conv: Conv) -> int:
    """Bytes of the weights that are copied, for the weight gradient by every thread."""
    return conv.itemsize * prod(conv.w) * (1 + (which == "weight_grad"))


def runs_here(which: str, name: str, conv: Conv) -> bool:
    """Whether an algorithm is compiled: im2col with very large weights or no pixel is not."""
    if name == "im2col":
        return COMPILED and 0 not in conv.y and _copied(which, conv) <= WORKSPACE_LIMIT
    return name in _COMPILED_ONLY


def _fits_winograd(which: str, conv: Conv) -> bool:
    """Whether the tiles can do this pass at all."""
    lanes = host().vector_bytes // conv.itemsize
    c, f = conv.x[3], conv.w[3]
    plain = conv.w[:2] == (3, 3) and conv.g[0] == conv.g[2] == (1, 1) and conv.groups == 1 and 0 not in conv.y
    return (
        plain
        and c % lanes == f % lanes == 0
        and (which != "input_grad" or _turned(conv, "winograd") is not None)
    )


def _winograd_pays(which: str, conv: Conv) -> bool:
    """The rule of "auto": float32, enough channels, little of the last tiles cut off, enough tiles.

    The weights' transform is paid once for all tiles: with many channels and few tiles it is too dear.
    """
    if conv.itemsize != 4 or not _fits_winograd(which, conv):
        return False
    turned = _turned(conv, "winograd") if which == "input_grad" else None
    conv, (oh, ow) = (conv, conv.full_hw) if turned is None else (turned, turned.y[1:3])
    most = _WASTE_BACK if turned is not None else _WASTE_SHORT if ow <= 4 else _WASTE
    n, f = conv.y[0], conv.y[3]
    c, tiles_ = conv.x[3], n * -(-oh // 4) * -(-ow // 4)
    sums = 36 * c * f * conv.itemsize * (2 if which == "weight_grad" else 1)
    waste = 16 * tiles_ / (n * oh * ow)
    return min(c, f) >= 32 and waste <= most and tiles_ * 4 >= max(c, f) and sums <= WORKSPACE_LIMIT // 2
