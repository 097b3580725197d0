"""Winograd's convolution for many channels and few tiles: threads share the 36 planes instead of the tiles.

With 512 channels and filters the transformed weights take 38 MB. If every thread multiplied its own tiles,
each would read all of that, and in the weight gradient keep a copy of its own. So here all tiles are
transformed first, then every thread does all tiles of some planes, then the results are transformed back;
what is read once more for it, the transformed tiles, is less than the weights by the rule in sizes.py.
"""

from __future__ import annotations

import numpy as np

from ...compiled.jit import jit
from ...compiled.parallel import launch
from ...compiled.pointers import address_of
from ...microkernels.tiles import multiply
from .winograd import LINE, back_part, tile_out, tiles_in, transform_weights

__all__ = ["forward", "weight_grad"]


@jit
def _in_part(part, parts, kernel, x, h, w, c, size, top, left, sizes, memory, target, patches):
    """Transform a share of all tiles of x."""
    n, down, across, lanes, own = sizes[0], sizes[9], sizes[10], sizes[12], sizes[13]
    total = n * down * across
    begin, end = part * total // parts, (part + 1) * total // parts
    tiles_in(
        kernel, x, h, w, c, size, top, left, begin, end, down, across, lanes,
        memory, patches + part * own, target + begin * c, total * c + LINE,
    )  # fmt: skip


@jit
def _products_part(part, parts, memory, products, sizes, blocks):
    """M = V · U for a share of the planes and panels."""
    n, c, f, down, across = sizes[0], sizes[3], sizes[4], sizes[9], sizes[10]
    number, width, plane, tiles = sizes[14], sizes[15], sizes[16], sizes[17]
    item, total = memory.itemsize, n * down * across
    for share in range(part * 36 * number // parts, (part + 1) * 36 * number // parts):
        e, panel = share // number, share % number
        a = address_of(memory) + (tiles + e * (total * c + LINE)) * item
        b = address_of(memory) + (e * plane + panel * c * width) * item
        to = address_of(memory) + (products + e * (total * f + LINE) + panel * width) * item
        multiply(
            blocks, total, 0, 0, item, a, b, to, 1, c, 0, 1, 0, width, c, f, 0, 0, -np.inf, np.inf
        )  # fmt: skip


@jit
def _out_part(part, parts, kernel, memory, products, sizes, bias, y, argmax, pool, patches, lower, upper):
    n, f, oh, ow, down, across = sizes[0], sizes[4], sizes[5], sizes[6], sizes[9], sizes[10]
    total, lanes, patch = n * down * across, sizes[12], patches + part * sizes[13]
    plus = address_of(bias) if bias.size else 0
    for tile in range(part * total // parts, (part + 1) * total // parts):
        image, row, col = tile // (down * across), tile // across % down * 4, tile % across * 4
        tile_out(
            kernel, memory, products + tile * f, total * f + LINE, f, lanes, y, argmax, pool, image, row, col,
            oh, ow, patch, plus, lower, upper,
        )  # fmt: skip


@jit
def forward(
    threads, x, w, scale, bias, y, argmax, pool, memory, sizes, blocks, kernels, swapped, lower, upper
):
    """As `winograd.forward`; memory holds U, turned weights, V, M and a patch for every part."""
    n, h, w_, c, f, _, _, top, left, down, across = sizes[:11]
    total = n * down * across
    products = sizes[17] + 36 * (total * c + LINE)
    patches = products + 36 * (total * f + LINE)
    transform_weights(threads, w, scale, memory, sizes, kernels[0], swapped)
    launch(_in_part, threads, (kernels[1], x, h, w_, c, 6, top, left, sizes, memory, sizes[17], patches))
    launch(_products_part, threads, (memory, products, sizes, blocks))
    launch(
        _out_part,
        threads,
        (kernels[2], memory, products, sizes, bias, y, argmax, pool, patches, lower, upper),
    )


@jit
def _sums_part(part, parts, memory, gradients, sizes, blocks):
    """dU = Vᵀ · G for a share of the planes and panels."""
    n, c, f, down, across = sizes[0], sizes[3], sizes[4], sizes[9], sizes[10]
    number, width, plane, tiles = sizes[14], sizes[15], sizes[16], sizes[17]
    item, total = memory.itemsize, n * down * across
    for share in range(part * 36 * number // parts, (part + 1) * 36 * number // parts):
        e, panel = share // number, share % number
        a = address_of(memory) + (tiles + e * (total * c + LINE)) * item
        b = address_of(memory) + (gradients + e * (total * f + LINE) + panel * width) * item
        to = address_of(memory) + (e * plane + panel * width) * item
        multiply(
            blocks, c, 0, 0, item, a, b, to, 1, total, 0, c, 0, f, 1, f, 0, 0, -np.inf, np.inf
        )  # fmt: skip


@jit
def weight_grad(threads, x, gy, gw, memory, sizes, blocks, kernels):
    """As `winograd.weight_grad`; memory holds dU, V, G and a patch for every part."""
    n, h, w, c, f, oh, ow, top, left, down, across, _, lanes, own, _, _, plane, tiles = sizes
    total = n * down * across
    gradients = tiles + 36 * (total * c + LINE)
    patches = gradients + 36 * (total * f + LINE)
    launch(_in_part, threads, (kernels[0], x, h, w, c, 6, top, left, sizes, memory, tiles, patches))
    launch(_in_part, threads, (kernels[1], gy, oh, ow, f, 4, 0, 0, sizes, memory, gradients, patches))
    launch(_sums_part, threads, (memory, gradients, sizes, blocks))
    launch(back_part, threads, (kernels[2], memory, gw, c, f, own, lanes, plane, 1))
