"""Convolution by im2col, tiled: windows of some output rows copied to a matrix, multiplied while in cache.

.. code-block:: text

    forward      y = cols · w                   cols (pixels of a tile, kh·kw·c), w (kh·kw·c, filters)
    input_grad   cols = gy · wᵀ, col2im adds every window back to where it came from
    weight_grad  gw = Σ_tiles colsᵀ · gy        one sum for each part

The copy costs a pass over kh·kw times the image that "direct" does without. It pays where rows of the output
are so short that a block of registers would not be filled by one of them: here all pixels of a tile are rows
of one matrix.
"""

from __future__ import annotations

import numpy as np

from ...compiled.jit import jit
from ...compiled.parallel import launch, whole_images
from ...compiled.pointers import address_of
from ...microkernels.tiles import multiply
from .direct import pack_part, sum_part

__all__ = ["forward", "input_grad", "weight_grad"]


@jit
def _visit(x, memory, offset, first, rows, group, sizes, back):
    """Copy the windows of some output rows of all images to cols or, `back`, add them to x from there."""
    _, h, w, c, kh, kw, cg, _, oh, ow, sh, sw, top, left, dh, dw, _ = sizes[:17]
    to = offset
    for row in range(first, first + rows):
        image, p = row // oh, row % oh
        for q in range(ow):
            for i in range(kh):
                r = p * sh - top + i * dh
                for j in range(kw):
                    s = q * sw - left + j * dw
                    inside = r >= 0 and r < h and s >= 0 and s < w
                    source = ((image * h + r) * w + s) * c + group * cg if inside else 0
                    if back and inside:
                        for k in range(cg):
                            x[source + k] += memory[to + k]
                    elif inside:
                        for k in range(cg):
                            memory[to + k] = x[source + k]
                    elif not back:
                        for k in range(cg):
                            memory[to + k] = 0
                    to += cg


@jit
def _forward_part(part, parts, x, packed, bias, y, memory, sizes, blocks, lower, upper):
    n, f, oh, ow, groups = sizes[0], sizes[7], sizes[8], sizes[9], sizes[16]
    rows, depth, own, count, panel_width, last, ragged = sizes[17:24]
    offset, size, pixels, tiles = part * own, x.itemsize, rows * ow, n * oh // rows
    for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
        for group in range(groups):
            _visit(x, memory, offset, tile * rows, rows, group, sizes, False)
            for panel in range(count):
                cut = ragged if panel == count - 1 else 0
                column = group * (f // groups) + panel * panel_width
                b = (group * count + panel) * depth * panel_width
                plus = address_of(bias) + column * size if bias.size else 0
                multiply(
                    blocks, pixels, cut, last, size, address_of(memory) + offset * size,
                    address_of(packed) + b * size, address_of(y) + (tile * pixels * f + column) * size,
                    1, depth, 0, 1, 0, panel_width, depth, f, 0, plus, lower, upper,
                )  # fmt: skip


@jit
def forward(threads, x, w, scale, bias, y, packed, memory, sizes, blocks, lower, upper):
    """Pack the weights as a matrix, then tile by tile."""
    f, groups, depth, count, panel_width = sizes[7], sizes[16], sizes[18], sizes[20], sizes[21]
    launch(pack_part, threads, (w, scale, packed, 1, depth, f, groups, 0, 0, count, panel_width))
    launch(_forward_part, threads, (x, packed, bias, y, memory, sizes, blocks, lower, upper))


@jit
def _input_part(part, parts, gy, packed, gx, memory, sizes, blocks):
    n, h, w, c, _, _, _, f, oh, ow = sizes[:10]
    groups = sizes[16]
    rows, depth, own, count, panel_width, last, ragged = sizes[17:24]
    offset, size, pixels = part * own, gy.itemsize, rows * ow
    begin, end = part * n // parts, (part + 1) * n // parts
    for i in range(begin * h * w * c, end * h * w * c):
        gx[i] = 0
    for tile in range(begin * oh // rows, end * oh // rows):
        for group in range(groups):
            a = address_of(gy) + (tile * pixels * f + group * (f // groups)) * size
            for panel in range(count):
                cut = ragged if panel == count - 1 else 0
                b = (group * count + panel) * (f // groups) * panel_width
                multiply(
                    blocks, pixels, cut, last, size, a, address_of(packed) + b * size,
                    address_of(memory) + (offset + panel * panel_width) * size, 1, f // groups, 0, 1,
                    0, panel_width, f, depth, 0, 0, -np.inf, np.inf,
                )  # fmt: skip
            _visit(gx, memory, offset, tile * rows, rows, group, sizes, True)


@jit
def input_grad(threads, gy, w, gx, packed, memory, sizes, blocks):
    """Pack the turned weights, then image by image, since windows of one overlap."""
    f, groups, depth, count, panel_width = sizes[7], sizes[16], sizes[18], sizes[20], sizes[21]
    launch(pack_part, threads, (w, w[:0], packed, 1, depth, f, groups, 1, 0, count, panel_width))
    launch(_input_part, threads, (gy, packed, gx, memory, sizes, blocks))


@jit
def _weight_part(part, parts, x, gy, memory, sizes, blocks, elements):
    n, f, oh, ow, groups = sizes[0], sizes[7], sizes[8], sizes[9], sizes[16]
    rows, depth, own, count, panel_width, last, ragged = sizes[17:24]
    size, offset = x.itemsize, part * (own + elements)
    total = offset + own  # of this part's sum, behind its cols
    for i in range(elements):
        memory[total + i] = 0
    begin, end = whole_images(part, parts, n, oh)
    for first in range(begin, end, rows):
        some = min(rows, end - first)
        for group in range(groups):
            _visit(x, memory, offset, first, some, group, sizes, False)
            for panel in range(count):
                cut = ragged if panel == count - 1 else 0
                column = group * (f // groups) + panel * panel_width
                b = address_of(gy) + (first * ow * f + column) * size
                multiply(
                    blocks, depth, cut, last, size, address_of(memory) + offset * size, b,
                    address_of(memory) + (total + column) * size, 1, some * ow, 0, depth, 0, f, 1, f, 1, 0,
                    -np.inf, np.inf,
                )  # fmt: skip


@jit
def weight_grad(threads, x, gy, gw, memory, sizes, blocks):
    """A sum of every part, then the sum of those."""
    elements = gw.size
    launch(_weight_part, threads, (x, gy, memory, sizes, blocks, elements))
    launch(sum_part, threads, (memory, gw, sizes[19], elements, threads))
