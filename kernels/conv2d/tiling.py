"""How a convolution is cut into tiles, and so how much workspace it takes: one source for both.

The matrix of all windows is kh·kw times larger than the image; for a batch it does not fit in
the cache, nor, for large images, in memory. So it is made and used up piece by piece. A tile is
several whole images, or, where the windows of one image are already too many, some output rows of
one image; those need only some rows of x, and a padding of their own.

The kernels of tiled_im2col.py walk through ``Conv.tiles()`` and ``conv2d_plan`` reports
``Conv.workspace()``, which adds up the arrays those kernels allocate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, prod
from typing import NamedTuple

import numpy as np

from ..checks import check_floats, check_rank, error
from ..im2col.reference import padded_shape
from ..windows import Geometry, Pair, check_windows, window_span

__all__ = ["PART_BYTES", "TILE_BYTES", "WORKSPACE_LIMIT", "Conv", "Tile"]

WORKSPACE_LIMIT = 64_000_000
"""No convolution takes more workspace (bytes), unless a single output row already does."""

TILE_BYTES = 4_000_000
"""Aim for windows of this size: smaller tiles give the product's threads too little to share
(0.5 MB: 1.3 times slower), larger ones gain nothing more and fall out of smaller caches."""

PART_BYTES = 4_000_000
"""The weight gradient of a further tile is added in parts of this size."""

Shape4 = tuple[int, int, int, int]


class Tile(NamedTuple):
    """Some output rows of some images, the rows of x they read, and the padding left there."""

    images: slice
    rows: slice
    x_rows: slice
    g: Geometry


@dataclass(frozen=True)
class Conv:
    """The shapes of one convolution: x (n, h, w, c), w (kh, kw, cg, f), y (n, oh, ow, f)."""

    x: Shape4
    w: Shape4
    y: Shape4
    g: Geometry
    groups: int
    itemsize: int

    @classmethod
    def of(
        cls,
        where: str,
        x: tuple[int, ...],
        w: tuple[int, ...],
        y: tuple[int, ...],
        g: Geometry,
        groups: int,
        /,
        **arrays: np.ndarray,
    ) -> Conv:
        """Check the arrays a kernel was given, and how the three shapes fit together."""
        check_rank(where, 4, **arrays)
        dtype = check_floats(where, **arrays)
        x, w, y = _shape4(where, "x", x), _shape4(where, "w", w), _shape4(where, "gy", y)
        return _checked(where, x, w, y, g, groups, dtype.itemsize)

    def check(self, where: str) -> None:
        """Images, channels, filters and windows must fit together."""
        (n, h, w_, c), (kh, kw, cg, f) = self.x, self.w
        if self.groups < 1 or c != cg * self.groups:
            expected = f"{cg} · {self.groups} groups = {cg * self.groups} channels in x"
            raise error(where, "the channels of x and w do not fit", expected, f"x {self.x}")
        if f % self.groups:
            expected = f"a multiple of {self.groups} filters"
            raise error(where, "the filters cannot be cut into groups", expected, f)
        if (self.y[0], self.y[3]) != (n, f):
            raise error(where, "gy does not fit x and w", f"gy ({n}, oh, ow, {f})", self.y)
        check_windows(where, (h, w_), (kh, kw), self.g, self.y[1:3])

    @property
    def pointwise(self) -> bool:
        """Whether x is its own window matrix: 1×1 kernel, stride 1, no padding."""
        same_size = self.x[1:3] == self.y[1:3]
        return self.w[:2] == (1, 1) and self.g[0] == (1, 1) and same_size and not np.any(self.g[1])

    @property
    def full_hw(self) -> Pair:
        """The output size if every window that fits is looked at; y may be smaller."""
        reach = window_span(self.w[:2], self.g, (1, 1))
        (sh, sw), pad, _ = self.g
        return (self.x[1] + sum(pad[0]) - reach[0]) // sh + 1, (self.x[2] + sum(pad[1]) - reach[1]) // sw + 1

    @property
    def one_tile(self) -> bool:
        """Whether the whole output is a single tile."""
        return self.tile_size() == self.y[:2]

    def cols_shape(self, images: int, rows: int) -> tuple[int, ...]:
        """The shape of the windows of one tile and one group: (n, oh, ow, kh, kw, cg)."""
        return (images, rows, self.y[2], *self.w[:3])

    def tile_size(self) -> Pair:
        """Return (images, rows) of the largest tile; rows is oh unless images is 1."""
        n, oh = self.y[:2]
        if self.pointwise:
            return max(n, 1), oh  # a step of 0 images would never end
        # Each tile reads all the weights, so large weights ask for larger tiles.
        goal = max(TILE_BYTES, 4 * prod(self.w) * self.itemsize // self.groups)
        goal = min(goal, WORKSPACE_LIMIT // 2)
        one_row, two_rows = self._image_bytes(1), self._image_bytes(2)
        if self._image_bytes(oh) <= goal:
            return _even(n, goal // self._image_bytes(oh)), oh
        return 1, _even(oh, 1 + (goal - one_row) // (two_rows - one_row))

    def _image_bytes(self, rows: int) -> int:
        """Bytes of the windows of some rows of one image, and of their padded copy if any."""
        shape = (1, *self.x[1:3], self.w[2])
        padded = padded_shape(shape, self.w[:2], self.g, (rows, self.y[2]))
        elements = prod(self.cols_shape(1, rows)) + (prod(padded) if padded else 0)
        return elements * self.itemsize

    def tiles(self, size: Pair) -> Iterator[Tile]:
        """Cut the output into tiles of at most this many images and rows."""
        n, oh = self.y[:2]
        images, rows = size
        for first in range(0, n, images):
            for row in range(0, oh, rows):
                x_rows, g = self._input_rows(row, min(row + rows, oh))
                some = slice(first, min(first + images, n))
                yield Tile(some, slice(row, min(row + rows, oh)), x_rows, g)

    def _input_rows(self, first: int, last: int) -> tuple[slice, Geometry]:
        """Return the rows of x that output rows first … last - 1 read, and g for those rows."""
        (sh, sw), ((top, _), pad_w), (dh, dw) = self.g
        h = self.x[1]
        span = (last - first - 1) * sh + (self.w[0] - 1) * dh + 1
        start = first * sh - top  # in rows of x; negative where the tile begins in the padding
        low = min(max(start, 0), h)
        high = max(low, min(start + span, h))
        above = min(max(-start, 0), span)
        pad_h = (above, span - above - (high - low))
        return slice(low, high), ((sh, sw), (pad_h, pad_w), (dh, dw))

    def part_rows(self) -> int:
        """How many rows of the weight matrix (kh·kw·cg, f/groups) are added at a time."""
        row_bytes = self.w[3] // self.groups * self.itemsize
        return max(1, min(prod(self.w[:3]), PART_BYTES // max(1, row_bytes)))

    def workspace(self, which: str) -> int:
        """Return the bytes the im2col kernels allocate at most at one time, result not counted."""
        if self.pointwise or 0 in self.y:
            return 0
        images, rows = size = self.tile_size()
        total = prod(self.cols_shape(images, rows))
        if which == "input_grad":
            return total * self.itemsize
        first_tiles = replace(self, x=(images, *self.x[1:]), y=(images, *self.y[1:])).tiles(size)
        total += max(self._padded_size(tile) for tile in first_tiles)
        if which == "weight_grad" and not self.one_tile:
            total += self.part_rows() * (self.w[3] // self.groups)
        return total * self.itemsize

    def _padded_size(self, tile: Tile) -> int:
        """Return the number of elements of the padded copy im2col makes of one tile."""
        shape = (tile.images.stop - tile.images.start, *self.x[1:3], self.w[2])
        out_hw = (tile.rows.stop - tile.rows.start, self.y[2])
        padded = padded_shape(shape, self.w[:2], tile.g, out_hw)
        return prod(padded) if padded else 0


@cache
def _checked(where: str, x: Shape4, w: Shape4, y: Shape4, g: Geometry, groups: int, itemsize: int) -> Conv:
    """The convolution of these shapes, checked; a training asks for the same few again and again."""
    conv = Conv(x, w, y, g, groups, itemsize)
    conv.check(where)
    return conv


def _even(total: int, size: int) -> int:
    """Shrink a tile size so that all tiles are about equally large."""
    return ceil(total / ceil(total / max(1, min(size, total)))) if total else 1


def _shape4(where: str, name: str, shape: tuple[int, ...]) -> Shape4:
    """Return the shape as four plain integers."""
    if len(shape) != 4:
        raise error(where, f"the shape of {name} has the wrong length", 4, tuple(shape))
    a, b, c, d = map(int, shape)
    return a, b, c, d
