"""Winograd's convolution F(4×4, 3×3), in all three passes: 36 multiplications where 144 are written.

.. code-block:: text

    forward      y tile = Aᵀ [ Σ_c (G w Gᵀ) ⊙ (Bᵀ d B) ] A         d: the 6×6 pixels a 4×4 tile of y sees
    input_grad   the same on gy, with flipped and transposed weights
    weight_grad  gw = Gᵀ [ Σ_tiles (Bᵀ d B) ⊙ (A g Aᵀ) ] G         the exact transpose of the forward

For each of the 36 places of a transformed tile, the sum over channels is a matrix product
(tiles × channels) · (channels × filters); the micro-kernel does it. Tiles are taken in blocks that stay in
a core's cache. A tile at the border is copied with zeros around it; the rest are read in place. Everything
counts in every call: the weights' transform, the borders, the cutting of the last tiles.

The price is accuracy: the transforms multiply by up to 8 and subtract what is nearly equal. In float32 the
error is about 1e-5 of the largest result, where the other algorithms have 1e-6.

Source: A. Lavin, S. Gray, Fast algorithms for convolutional neural networks, 2016.
"""

from __future__ import annotations

import numpy as np

from ...compiled.jit import jit
from ...compiled.parallel import launch, whole_images
from ...compiled.pointers import address_of, call_pool, call_transform
from ...microkernels.tiles import multiply

__all__ = ["LINE", "back_part", "forward", "tile_out", "tiles_in", "transform_weights", "weight_grad"]

LINE = 16
"""Elements between planes: without them all 36 would begin at the same place of the first-level cache."""

_CORNER = 16  # rows and columns of a square in which a matrix is turned, so that both sides stay in cache


@jit
def _turn_part(part, parts, w, turned, offset, c, f):
    """Weights (3, 3, c, f) -> (3, 3, f, c) with the window turned by half a circle, for an input gradient."""
    rows = (c + _CORNER - 1) // _CORNER
    for item in range(part * 9 * rows // parts, (part + 1) * 9 * rows // parts):
        tap, first = item // rows, item % rows * _CORNER
        source, to = tap * c * f, offset + (8 - tap) * c * f
        for column in range(0, f, _CORNER):
            for j in range(column, min(f, column + _CORNER)):
                for i in range(first, min(c, first + _CORNER)):
                    turned[to + j * c + i] = w[source + i * f + j]


@jit
def _weights_part(part, parts, kernel, w, offset, scale, u, c, f, width, lanes, plane):
    """U = G w Gᵀ as 36 planes (panels, channels, width)."""
    panels, item = f // width, w.itemsize
    for row in range(part * c * panels // parts, (part + 1) * c * panels // parts):
        channel, panel = row % c, row // c
        source = address_of(w) + (offset + channel * f + panel * width) * item
        to = address_of(u) + (panel * c + channel) * width * item
        times = address_of(scale) + panel * width * item if scale.size else 0
        call_transform(
            kernel, source, 3 * c * f, c * f, to, 6 * plane, plane, width // lanes, times, 0.0, 0.0
        )


@jit
def _gather(x, image, first, left, size, h, w, c, memory, offset):
    """Copy a square of pixels that may lie partly outside the image, with zeros there."""
    for r in range(size):
        row = first + r
        for s in range(size):
            col, to = left + s, offset + (r * size + s) * c
            if row < 0 or row >= h or col < 0 or col >= w:
                for i in range(c):
                    memory[to + i] = 0
            else:
                start = ((image * h + row) * w + col) * c
                for i in range(c):
                    memory[to + i] = x[start + i]


@jit
def tiles_in(
    kernel, x, h, w, c, size, top, left, begin, end, down, across, lanes, memory, patch, target, pitch
):
    """Transform tiles begin … end - 1 of x, each `size` pixels wide, four apart."""
    item = x.itemsize
    for tile in range(begin, end):
        image, row, col = tile // (down * across), tile // across % down * 4 - top, tile % across * 4 - left
        to = address_of(memory) + (target + (tile - begin) * c) * item
        if row >= 0 and col >= 0 and row + size <= h and col + size <= w:
            source = address_of(x) + ((image * h + row) * w + col) * c * item
            call_transform(kernel, source, w * c, c, to, 6 * pitch, pitch, c // lanes, 0, 0.0, 0.0)
        else:
            _gather(x, image, row, col, size, h, w, c, memory, patch)
            source = address_of(memory) + patch * item
            call_transform(kernel, source, size * c, c, to, 6 * pitch, pitch, c // lanes, 0, 0.0, 0.0)


@jit
def tile_out(
    kernel,
    memory,
    source,
    pitch,
    f,
    lanes,
    y,
    argmax,
    pool,
    image,
    row,
    col,
    oh,
    ow,
    patch,
    plus,
    lower,
    upper,
):
    """Transform the products of one tile to 4×4 pixels of y; what lies beyond the image is cut off.

    With `pool`, the address of a kernel, only the largest of every 2×2 pixels is kept.
    """
    item = y.itemsize
    x = address_of(memory) + source * item
    if pool:
        to = address_of(memory) + patch * item
        call_transform(kernel, x, 6 * pitch, pitch, to, 4 * f, f, f // lanes, plus, lower, upper)
        for r in range(min(4, oh - row) // 2):
            above, windows = patch + 8 * r * f, min(4, ow - col) // 2
            start = ((image * (oh // 2) + row // 2 + r) * (ow // 2) + col // 2) * f
            call_pool(
                pool, address_of(memory) + above * item, address_of(memory) + (above + 4 * f) * item,
                address_of(y) + start * item, address_of(argmax) + start, windows, f,
            )  # fmt: skip
        return
    if row + 4 <= oh and col + 4 <= ow:
        to = address_of(y) + ((image * oh + row) * ow + col) * f * item
        call_transform(kernel, x, 6 * pitch, pitch, to, ow * f, f, f // lanes, plus, lower, upper)
        return
    to = address_of(memory) + patch * item
    call_transform(kernel, x, 6 * pitch, pitch, to, 4 * f, f, f // lanes, plus, lower, upper)
    for r in range(min(4, oh - row)):
        start = ((image * oh + row + r) * ow + col) * f
        for i in range(min(4, ow - col) * f):
            y[start + i] = memory[patch + r * 4 * f + i]


@jit
def _forward_part(
    part, parts, x, bias, y, argmax, pool, memory, sizes, blocks, kernel_in, kernel_out, lower, upper
):
    n, h, w, c, f, oh, ow, top, left, down, across, block, lanes, own, number, width, plane, start = sizes
    item, total = x.itemsize, n * down * across
    pitch_v, pitch_m = block * c + LINE, block * f + LINE
    tiles = start + part * own  # behind the transformed weights
    products = tiles + 36 * pitch_v
    patch = products + 36 * pitch_m
    count = (total + block - 1) // block
    for begin in range(part * count // parts * block, (part + 1) * count // parts * block, block):
        end = min(total, begin + block)
        tiles_in(
            kernel_in, x, h, w, c, 6, top, left, begin, end, down, across, lanes,
            memory, patch, tiles, pitch_v,
        )  # fmt: skip
        for e in range(36):
            a = address_of(memory) + (tiles + e * pitch_v) * item
            for panel in range(number):
                b = address_of(memory) + (e * plane + panel * c * width) * item
                to = address_of(memory) + (products + e * pitch_m + panel * width) * item
                multiply(
                    blocks, block, 0, 0, item, a, b, to, 1, c, 0, 1, 0, width, c, f, 0, 0, -np.inf, np.inf
                )  # fmt: skip
        for tile in range(begin, end):
            image, row, col = tile // (down * across), tile // across % down * 4, tile % across * 4
            source, plus = products + (tile - begin) * f, address_of(bias) if bias.size else 0
            tile_out(
                kernel_out, memory, source, pitch_m, f, lanes, y, argmax, pool, image, row, col, oh, ow,
                patch, plus, lower, upper,
            )  # fmt: skip


@jit
def transform_weights(threads, w, scale, u, sizes, kernel, swapped):
    """U from the weights; `swapped`, they are those of a forward whose input gradient is computed."""
    c, f, lanes, width, plane, tiles = sizes[3], sizes[4], sizes[12], sizes[15], sizes[16], sizes[17]
    if swapped:
        turned = tiles - 9 * c * f  # behind the planes
        launch(_turn_part, threads, (w, u, turned, f, c))
        launch(_weights_part, threads, (kernel, u, turned, scale, u, c, f, width, lanes, plane))
    else:
        launch(_weights_part, threads, (kernel, w, 0, scale, u, c, f, width, lanes, plane))


@jit
def forward(
    threads, x, w, scale, bias, y, argmax, pool, memory, sizes, blocks, kernels, swapped, lower, upper
):
    """Transform the weights, then the blocks of tiles; with `pool`, the address of a kernel, y is pooled."""
    transform_weights(threads, w, scale, memory, sizes, kernels[0], swapped)
    rest = (sizes, blocks, kernels[1], kernels[2], lower, upper)
    launch(_forward_part, threads, (x, bias, y, argmax, pool, memory, *rest))


@jit
def _sums_part(part, parts, x, gy, memory, sizes, blocks, kernel_in, kernel_gradient):
    n, h, w, c, f, oh, ow, top, left, down, across, block, lanes, own, number, width, plane, _ = sizes
    item = x.itemsize
    pitch_v, pitch_m = block * c + LINE, block * f + LINE
    sums = part * own  # this part's 36 planes of (channels, filters)
    tiles = sums + 36 * plane
    gradients = tiles + 36 * pitch_v
    patch = gradients + 36 * pitch_m
    for i in range(36 * plane):
        memory[sums + i] = 0
    own_begin, own_end = whole_images(part, parts, n, down * across)
    for begin in range(own_begin, own_end, block):
        end = min(own_end, begin + block)
        tiles_in(
            kernel_in, x, h, w, c, 6, top, left, begin, end, down, across, lanes,
            memory, patch, tiles, pitch_v,
        )  # fmt: skip
        tiles_in(
            kernel_gradient, gy, oh, ow, f, 4, 0, 0, begin, end, down, across, lanes,
            memory, patch, gradients, pitch_m,
        )  # fmt: skip
        for e in range(36):
            a = address_of(memory) + (tiles + e * pitch_v) * item
            for panel in range(number):
                b = address_of(memory) + (gradients + e * pitch_m + panel * width) * item
                to = address_of(memory) + (sums + e * plane + panel * width) * item
                multiply(
                    blocks, c, 0, 0, item, a, b, to, 1, end - begin, 0, c, 0, f, 1, f, 1, 0, -np.inf, np.inf
                )  # fmt: skip


@jit
def back_part(part, parts, kernel, memory, gw, c, f, own, lanes, plane, terms):
    """gw = Gᵀ · Σ parts · G, a row of filters at a time."""
    item = gw.itemsize
    for channel in range(part * c // parts, (part + 1) * c // parts):
        start = channel * f
        for term in range(1, terms):
            for e in range(36):
                for k in range(e * plane + start, e * plane + start + f):
                    memory[k] += memory[term * own + k]
        source, to = address_of(memory) + start * item, address_of(gw) + start * item
        call_transform(kernel, source, 6 * plane, plane, to, 3 * c * f, c * f, f // lanes, 0, 0.0, 0.0)


@jit
def weight_grad(threads, x, gy, gw, memory, sizes, blocks, kernels):
    """A sum of every part in the transformed domain, then their sum and the way back."""
    launch(_sums_part, threads, (x, gy, memory, sizes, blocks, kernels[0], kernels[1]))
    c, f, lanes, own, plane = sizes[3], sizes[4], sizes[12], sizes[13], sizes[16]
    launch(back_part, threads, (kernels[2], memory, gw, c, f, own, lanes, plane, threads))
