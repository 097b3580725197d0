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

__all__ = ["LINE", "forward", "weight_grad"]

LINE = 16
"""Elements between planes: without them all 36 would begin at the same place of the first-level cache."""

# G of F(4×4, 3×3): the weights' transform.
_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)


@jit
def _weights_part(part, parts, w, scale, u, c, f, swapped, width, plane):
    """U = G w Gᵀ as 36 planes (panels, channels, width); `swapped` flips w and exchanges its channels.

    c and f are the product's own: channels summed over, and columns.
    """
    half = np.empty((6, 3, width), u.dtype)
    zero = u.dtype.type(0)
    panels = (f + width - 1) // width
    for item in range(part * c * panels // parts, (part + 1) * c * panels // parts):
        channel, panel = item % c, item // c
        valid = min(width, f - panel * width)
        for i in range(6):
            for j in range(3):
                for k in range(width):
                    half[i, j, k] = zero
                for a in range(3):
                    factor = u.dtype.type(_G[i, a])
                    if factor == zero:
                        continue
                    tap = 3 * a + j
                    if swapped:  # w is (3, 3, f, c) here
                        start = (8 - tap) * f * c + channel
                        for k in range(valid):
                            half[i, j, k] += factor * w[start + (panel * width + k) * c]
                    else:
                        start = (tap * c + channel) * f + panel * width
                        for k in range(valid):
                            half[i, j, k] += factor * w[start + k]
        if scale.size:  # one number a filter; never together with `swapped`
            for k in range(valid):
                for i in range(6):
                    for j in range(3):
                        half[i, j, k] *= scale[panel * width + k]
        for i in range(6):
            for j in range(6):
                a, b, d = u.dtype.type(_G[j, 0]), u.dtype.type(_G[j, 1]), u.dtype.type(_G[j, 2])
                to = (6 * i + j) * plane + (panel * c + channel) * width
                for k in range(width):
                    u[to + k] = a * half[i, 0, k] + b * half[i, 1, k] + d * half[i, 2, k]


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
def _tiles_in(
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
def _tile_out(
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
    part, parts, x, u, bias, y, argmax, pool, memory, sizes, blocks, kernel_in, kernel_out, lower, upper
):
    n, h, w, c, f, oh, ow, top, left, down, across, block, lanes, own, number, width, plane = sizes
    item, total = x.itemsize, n * down * across
    pitch_v, pitch_m = block * c + LINE, block * f + LINE
    products = part * own + 36 * pitch_v
    patch = products + 36 * pitch_m
    count = (total + block - 1) // block
    for begin in range(part * count // parts * block, (part + 1) * count // parts * block, block):
        end = min(total, begin + block)
        _tiles_in(
            kernel_in, x, h, w, c, 6, top, left, begin, end, down, across, lanes,
            memory, patch, part * own, pitch_v,
        )  # fmt: skip
        for e in range(36):
            a = address_of(memory) + (part * own + e * pitch_v) * item
            for panel in range(number):
                b = address_of(u) + (e * plane + panel * c * width) * item
                to = address_of(memory) + (products + e * pitch_m + panel * width) * item
                multiply(
                    blocks, block, 0, 0, item, a, b, to, 1, c, 0, 1, 0, width, c, f, 0, 0, -np.inf, np.inf
                )  # fmt: skip
        for tile in range(begin, end):
            image, row, col = tile // (down * across), tile // across % down * 4, tile % across * 4
            source, plus = products + (tile - begin) * f, address_of(bias) if bias.size else 0
            _tile_out(
                kernel_out, memory, source, pitch_m, f, lanes, y, argmax, pool, image, row, col, oh, ow,
                patch, plus, lower, upper,
            )  # fmt: skip


@jit
def forward(
    threads,
    x,
    w,
    scale,
    bias,
    y,
    argmax,
    pool,
    u,
    memory,
    sizes,
    blocks,
    kernel_in,
    kernel_out,
    swapped,
    lower,
    upper,
):
    """Transform the weights, then the blocks of tiles; with `pool`, the address of a kernel, y is pooled."""
    c, f, width, plane = sizes[3], sizes[4], sizes[15], sizes[16]
    launch(_weights_part, threads, (w, scale, u, c, f, swapped, width, plane))
    launch(
        _forward_part,
        threads,
        (x, u, bias, y, argmax, pool, memory, sizes, blocks, kernel_in, kernel_out, lower, upper),
    )


@jit
def _sums_part(part, parts, x, gy, memory, sizes, blocks, kernel_in, kernel_gradient):
    n, h, w, c, f, oh, ow, top, left, down, across, block, lanes, own, number, width, plane = sizes
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
        _tiles_in(
            kernel_in, x, h, w, c, 6, top, left, begin, end, down, across, lanes,
            memory, patch, tiles, pitch_v,
        )  # fmt: skip
        _tiles_in(
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
def _back_part(part, parts, memory, gw, c, f, own, plane, terms):
    """gw = Gᵀ · Σ parts · G, a row of filters at a time."""
    rows = np.empty((3, 6, f), gw.dtype)
    for channel in range(part * c // parts, (part + 1) * c // parts):
        for e in range(36):
            i, j, start = e // 6, e % 6, e * plane + channel * f
            for term in range(1, terms):
                for k in range(f):
                    memory[start + k] += memory[term * own + start + k]
            for a in range(3):
                factor = gw.dtype.type(_G[i, a])
                if i == 0:
                    for k in range(f):
                        rows[a, j, k] = factor * memory[start + k]
                else:
                    for k in range(f):
                        rows[a, j, k] += factor * memory[start + k]
        for a in range(3):
            for b in range(3):
                to = ((3 * a + b) * c + channel) * f
                for k in range(f):
                    gw[to + k] = 0
                for j in range(6):
                    factor = gw.dtype.type(_G[j, b])
                    for k in range(f):
                        gw[to + k] += factor * rows[a, j, k]


@jit
def weight_grad(threads, x, gy, gw, memory, sizes, blocks, kernel_in, kernel_gradient):
    """A sum of every part in the transformed domain, then their sum and the way back."""
    launch(_sums_part, threads, (x, gy, memory, sizes, blocks, kernel_in, kernel_gradient))
    launch(_back_part, threads, (memory, gw, sizes[3], sizes[4], sizes[13], sizes[16], threads))
