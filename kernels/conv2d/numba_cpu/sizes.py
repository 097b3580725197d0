"""The integers a driver needs, in one array, and how the output is cut into bands of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import ceil
from typing import NamedTuple

import numpy as np

from ...compiled.scratch import per_part, scratch
from ...microkernels.build import host
from ...microkernels.tiles import Panels, panels, tiles
from ...windows import window_span
from ..tiling import Conv
from .winograd import LINE

__all__ = [
    "BAND_BYTES",
    "Job",
    "by_planes",
    "columns_job",
    "forward_job",
    "scatter_job",
    "sliced",
    "tile_job",
    "tiles_across",
    "weight_job",
]

BAND_BYTES = 256 * 1024
"""Input rows of one band, so that they stay in a core's cache while all filters pass over them."""


_TILES = 64  # of 4×4 pixels in a block, so that its 36 planes stay in a core's cache


class Job(NamedTuple):
    """One pass of one convolution, laid out: sizes for the driver, blocks, and elements of scratch."""

    sizes: np.ndarray
    tiles: np.ndarray
    panels: Panels
    packed: int  # elements of the packed weights
    own: int  # elements of scratch of every part

    def elements(self, threads: int) -> int:
        """All the scratch of a call."""
        return self.packed + threads * self.own


@contextmanager
def sliced(job: Job, threads: int, dtype: np.dtype) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Scratch of a job in two pieces: packed weights, and what the parts share out among themselves."""
    memory = scratch(job.elements(threads), dtype)
    yield memory[: job.packed], memory[job.packed :]


def _sizes(
    conv: Conv,
    rows: int,
    padded: bool,
    width: int,
    own: int,
    cut: Panels,
    made: int = 0,
) -> np.ndarray:
    """The array that `direct.py` unpacks, in its order."""
    (n, h, w_, c), (kh, kw, cg, f), (_, oh, ow, _) = conv.x, conv.w, conv.y
    (sh, sw), ((top, _), (left, _)), (dh, dw) = conv.g
    image = (n, h, w_, c, kh, kw, cg, f, oh, ow, sh, sw, top, left, dh, dw, conv.groups)
    return np.array((*image, rows, padded, width, own, *cut, cut.ragged, made), np.int64)


@cache
def forward_job(conv: Conv, threads: int, pooled: bool = False) -> Job:
    """Forward: bands of output rows; padding is laid round a copy of their input rows.

    If `pooled`, 2×2 windows of the output are pooled: bands have pairs of rows, made in scratch behind it.
    """
    kh, kw, cg, f = conv.w
    rows, padded, width, made = _bands(conv, threads, 2 * conv.y[2] * f * conv.itemsize if pooled else 0)
    own = made + per_part(rows * conv.y[2] * f if pooled else 0, conv.itemsize)
    cut = panels(f // conv.groups, conv.itemsize)
    blocks = tiles(conv.y[2], cut.vectors, cut.ragged, conv.itemsize, packed=True)
    packed = per_part(conv.groups * cut.number * kh * kw * cg * cut.width, conv.itemsize)
    return Job(_sizes(conv, rows, padded, width, own, cut, made), blocks, cut, packed, own)


@cache
def weight_job(conv: Conv, threads: int) -> Job:
    """Weight gradient: bands as in the forward, and a weight array of its own for every part."""
    rows, padded, width, band = _bands(conv, threads)
    kh, kw, cg, f = conv.w
    cut = panels(f // conv.groups, conv.itemsize)
    merged = conv.groups == 1 and conv.g[2][1] == 1
    blocks = tiles(kw * cg if merged else cg, cut.vectors, cut.ragged, conv.itemsize)
    own = band + per_part(kh * kw * cg * f, conv.itemsize)
    return Job(_sizes(conv, rows, padded, width, band, cut), blocks, cut, 0, own)


@cache
def scatter_job(conv: Conv, threads: int) -> Job:
    """Input gradient by scattering: an image with its padding, one panel of channels deep, for every part."""
    kh, kw, cg, f = conv.w
    span = window_span((kh, kw), conv.g, conv.y[1:3])
    height, width = (max(span[i], conv.g[1][i][0] + conv.x[1 + i]) for i in (0, 1))
    cut = panels(cg, conv.itemsize)
    own = per_part(height * width * cut.width, conv.itemsize)
    blocks = tiles(conv.y[2], cut.vectors, False, conv.itemsize, packed=True)
    packed = per_part(conv.groups * cut.number * kh * kw * (f // conv.groups) * cut.width, conv.itemsize)
    return Job(_sizes(conv, height, True, width, own, cut), blocks, cut, packed, own)


_COLS_BYTES = 256 * 1024  # of the windows of a tile, so that they stay in a core's cache
_PIXELS = 128  # of a tile at most


@cache
def columns_job(conv: Conv, threads: int, which: str) -> Job:
    """im2col: tiles of equally many output rows, and a matrix of their windows for every part."""
    (n, h, w_, c), (kh, kw, cg, f), (_, oh, ow, _) = conv.x, conv.w, conv.y
    (sh, sw), ((top, _), (left, _)), (dh, dw) = conv.g
    depth = kh * kw * cg
    most = max(1, min(_PIXELS, _COLS_BYTES // (depth * conv.itemsize)) // ow)
    whole = oh if which == "input_grad" else n * oh  # tiles that end with an image, or anywhere
    rows = max(k for k in range(1, min(most, whole) + 1) if whole % k == 0)
    cut = panels(depth if which == "input_grad" else f // conv.groups, conv.itemsize)
    sums = which == "weight_grad"
    lines = depth if sums else rows * ow
    blocks = tiles(lines, cut.vectors, cut.ragged, conv.itemsize, packed=not sums)
    cols = per_part(rows * ow * depth, conv.itemsize)
    matrix = f // conv.groups if which == "input_grad" else depth
    packed = 0 if sums else per_part(conv.groups * cut.number * matrix * cut.width, conv.itemsize)
    image = (n, h, w_, c, kh, kw, cg, f, oh, ow, sh, sw, top, left, dh, dw, conv.groups)
    places = (*image, rows, depth, cols, cut.number, cut.width, cut.last, cut.ragged)
    own = cols + (depth * f if sums else 0)
    return Job(np.array(places, np.int64), blocks, cut, packed, own)


@cache
def tile_job(conv: Conv, threads: int, which: str) -> Job:
    """Winograd: blocks of tiles; for the weight gradient with a transformed weight array for every part."""
    (n, h, w_, c), (_, oh, ow, f) = conv.x, conv.y
    ((top, _), (left, _)) = conv.g[1]
    sums, turned = which == "weight_grad", which == "input_grad"
    down, across = tiles_across(conv, turned)
    total, most = n * down * across, _TILES if c * f <= 128 * 128 else 2 * _TILES
    shared = by_planes(conv, turned)
    block = total if shared else ceil(total / (threads * ceil(total / (threads * most))))
    cut, plane, patch = panels(f, conv.itemsize), c * f + LINE, 36 * max(c, f)
    transformed = 36 * (block * (c + f) + 2 * LINE)  # tiles before and behind the product
    weights = 36 * plane + (9 * c * f if turned else 0)
    if shared:
        own, start, packed = patch, weights, weights + transformed
    else:
        own = per_part(transformed + patch + (36 * plane if sums else 0), conv.itemsize)
        packed = start = 0 if sums else per_part(weights, conv.itemsize)
    lanes = host().vector_bytes // conv.itemsize
    image = (n, h, w_, c, f, oh, ow, top, left, down, across)
    places = (*image, block, lanes, own, cut.number, cut.width, plane, start)
    blocks = tiles(c if sums else block, cut.vectors, False, conv.itemsize, packed=not sums)
    return Job(np.array(places, np.int64), blocks, cut, packed, own)


def tiles_across(conv: Conv, turned: bool) -> tuple[int, int]:
    """Tiles of 4×4 pixels down and across; those of an input gradient that no window reached are left out."""
    (_, h, w_, _), (_, oh, ow, _), ((top, _), (left, _)) = conv.x, conv.y, conv.g[1]
    if turned:
        oh, ow = min(oh, h + top), min(ow, w_ + left)
    return ceil(oh / 4), ceil(ow / 4)


@cache
def by_planes(conv: Conv, turned: bool) -> bool:
    """Whether the transformed weights are larger than the tiles before and behind the product."""
    c, f, (oh, ow) = conv.x[3], conv.y[3], conv.y[1:3] if turned else conv.full_hw
    return 2 * c * f > conv.x[0] * ceil(oh / 4) * ceil(ow / 4) * (c + f)


def _bands(conv: Conv, threads: int, pair: int = 0) -> tuple[int, bool, int, int]:
    """Return (output rows of a band, whether its input must be copied, its width, its elements).

    `pair`: the bytes of two output rows where these are pooled.
    """
    n, h, w_, c = conv.x
    oh, ow = conv.y[1:3]
    (sh, _), (pad_h, pad_w), (dh, _) = conv.g
    span = window_span(conv.w[:2], conv.g, (oh, ow))
    top, left = pad_h[0], pad_w[0]
    padded = top > 0 or left > 0 or span[0] > h or span[1] > w_
    width = span[1] if padded else w_
    reach = (conv.w[0] - 1) * dh + 1
    rows = max(1, (BAND_BYTES // max(1, width * c * conv.itemsize) - reach) // sh + 1)
    rows = min(rows, oh, max(1, ceil(n * oh / threads)))
    rows = ceil(oh / ceil(oh / rows))
    if pair:
        rows = min(2 * ceil(rows / 2), 2 * max(1, BAND_BYTES // 2 // pair))
    own = per_part(((rows - 1) * sh + reach) * width * c, conv.itemsize) if padded else 0
    return rows, padded, width, own
