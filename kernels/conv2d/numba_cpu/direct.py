"""Direct convolution: a micro-kernel reads the image in place, im2col never exists.

.. code-block:: text

    forward       C = a row of output pixels, A = the windows above it as they lie in the image,
                  B = the weights, packed so that a panel of filters is read straight through
    input_grad    stride 1: the forward of gy, padded, with flipped and transposed weights ("correlate");
                  else, or where that would mostly multiply padding, every row of gy is multiplied with
                  one tap's weights and added where that tap looked ("scatter"): an implicit col2im
    weight_grad   C = the weights of one row of the window, A = the image with rows and columns exchanged
                  by strides alone, B = gy as it lies; summed over pixels, one sum for each part

A max pooling of 2×2 behind the convolution can be done on its rows while they are in cache.

Work is shared out in bands of output rows. Where there is padding, the input rows of a band are copied
into scratch with zeros around them; without, they are read where they are.
"""

from __future__ import annotations

import numpy as np

from ...compiled.jit import jit
from ...compiled.parallel import launch, whole_images
from ...compiled.pointers import address_of, call_pool
from ...microkernels.tiles import multiply

__all__ = ["forward", "pack_part", "scatter", "sum_part", "weight_grad"]


@jit
def _copy_band(x, image, first, rows, sizes, band, offset):
    """Copy rows first … of an image, which may lie outside it, into scratch with zeros around."""
    h, w, c, left, width = sizes[1], sizes[2], sizes[3], sizes[13], sizes[19]
    inside = min(w, width - left) * c
    for r in range(rows):
        to = offset + r * width * c
        row = first + r
        if row < 0 or row >= h:
            for i in range(width * c):
                band[to + i] = 0
            continue
        start = (image * h + row) * w * c
        for i in range(left * c):
            band[to + i] = 0
        for i in range(inside):
            band[to + left * c + i] = x[start + i]
        for i in range(left * c + inside, width * c):
            band[to + i] = 0


@jit
def pack_part(part, parts, w, scale, packed, taps, cg, f, groups, transposed, flip, count, width):
    """Pack weights (taps, cg, f) as (groups, panels, taps, depth, width), 0 beyond the last column.

    Columns are the filters of a group and the depth its channels; `transposed` the other way round.
    """
    fg = f // groups
    columns = cg if transposed else fg
    depth = fg if transposed else cg
    items = groups * count * taps
    for item in range(part * items // parts, (part + 1) * items // parts):
        tap = item % taps
        panel = item // taps % count
        group = item // taps // count
        source = (taps - 1 - tap if flip else tap) * cg * f + group * fg
        valid = min(width, columns - panel * width)
        for k in range(depth):
            to = (item * depth + k) * width
            for i in range(valid):
                column = panel * width + i
                if transposed:
                    packed[to + i] = w[source + column * f + k]
                else:
                    packed[to + i] = w[source + k * f + column]
            if scale.size:  # one number a filter; never together with `transposed`
                for i in range(valid):
                    packed[to + i] *= scale[group * fg + panel * width + i]
            for i in range(valid, width):
                packed[to + i] = 0


@jit
def _rows(image, first, some, x, packed, bias, target, band, offset, sizes, blocks, lower, upper):
    """Output rows first … first + some - 1 of an image, one after the other from the address `target` on.

    Rows of the window that lie in the padding above or below the image are left out.
    """
    _, h, w, c, kh, kw, cg, f, _, ow, sh, sw, top, _, dh, dw, groups = sizes[:17]
    _, padded, width, _, count, _, panel_width, last, ragged = sizes[17:26]
    size, pitch = x.itemsize, width * c
    base = address_of(x) + (image * h + first * sh) * w * c * size
    if padded:
        _copy_band(x, image, first * sh - top, (some - 1) * sh + (kh - 1) * dh + 1, sizes, band, offset)
        base = address_of(band) + offset * size
    k = kh * kw * cg
    for panel in range(groups * count):
        group, column = panel // count, panel // count * (f // groups) + panel % count * panel_width
        cut = ragged if panel % count == count - 1 else 0
        plus = address_of(bias) + column * size if bias.size else 0
        for r in range(some):
            above = top - (first + r) * sh  # rows of the window's reach that lie above the image
            begin = (above + dh - 1) // dh if above > 0 else 0
            end = min(kh, (h + above + dh - 1) // dh)
            a = base + (r * sh * pitch + group * cg) * size
            b = address_of(packed) + panel * k * panel_width * size
            to = target + (r * ow * f + column) * size
            if groups == 1 and dw == 1:  # the pixels under a row of the window lie side by side
                multiply(
                    blocks, ow, cut, last, size, a + begin * dh * pitch * size,
                    b + begin * kw * c * panel_width * size, to, max(end - begin, 0), kw * c, dh * pitch, 1,
                    kw * c * panel_width, panel_width, sw * c, f, 0, plus, lower, upper,
                )  # fmt: skip
                continue
            for i in range(kh):
                final = i == kh - 1
                multiply(
                    blocks, ow, cut, last, size, a + i * dh * pitch * size,
                    b + i * kw * cg * panel_width * size, to, kw, cg, dw * c, 1,
                    cg * panel_width, panel_width, sw * c, f, i,
                    plus if final else 0, lower if final else -np.inf, upper if final else np.inf,
                )  # fmt: skip


@jit
def _forward_part(part, parts, x, packed, bias, y, argmax, pool, band, sizes, blocks, lower, upper):
    n, f, oh, ow = sizes[0], sizes[7], sizes[8], sizes[9]
    rows, own, made, item_size = sizes[17], sizes[20], sizes[26], x.itemsize
    bands, offset = (oh + rows - 1) // rows, part * own
    for item in range(part * n * bands // parts, (part + 1) * n * bands // parts):
        image, first = item // bands, item % bands * rows
        some = min(rows, oh - first)
        if pool:  # the rows are made in scratch, behind those that are read
            target = address_of(band) + (offset + made) * item_size
        else:
            target = address_of(y) + (image * oh + first) * ow * f * item_size
        _rows(image, first, some, x, packed, bias, target, band, offset, sizes, blocks, lower, upper)
        for r in range(0, some - 1 if pool else 0, 2):
            above = target + r * ow * f * item_size
            to = (image * (oh // 2) + (first + r) // 2) * (ow // 2) * f
            call_pool(
                pool, above, above + ow * f * item_size, address_of(y) + to * item_size,
                address_of(argmax) + to, ow // 2, f,
            )  # fmt: skip


@jit
def forward(
    threads, x, w, scale, bias, y, argmax, pool, packed, band, sizes, blocks, transposed, flip, lower, upper
):
    """Pack the weights and run the bands; `transposed` and `flip` say what the weights are to x.

    With `pool`, the address of a kernel, y is the largest of every 2×2 pixels of the convolution, which is
    never stored.
    """
    taps, groups, count, panel_width = sizes[4] * sizes[5], sizes[16], sizes[21], sizes[23]
    cg, f = sizes[6], sizes[7]
    if transposed:  # sizes speak of the turned problem: its channels are the weights' filters
        cg, f = sizes[7] // groups, sizes[6] * groups
    launch(pack_part, threads, (w, scale, packed, taps, cg, f, groups, transposed, flip, count, panel_width))
    launch(_forward_part, threads, (x, packed, bias, y, argmax, pool, band, sizes, blocks, lower, upper))


@jit
def _scatter_part(part, parts, gy, packed, gx, images, sizes, blocks):
    n, h, w, c, kh, kw, cg, f, oh, ow, sh, sw, top, left, dh, dw, groups = sizes[:17]
    height, _, width, own, count, _, panel_width = sizes[17:24]
    size, offset, fg = gy.itemsize, part * own, f // groups
    target = address_of(images) + offset * size
    items = n * groups * count
    for item in range(part * items // parts, (part + 1) * items // parts):
        image, group, panel = item // count // groups, item // count % groups, item % count
        for i in range(height * width * panel_width):
            images[offset + i] = 0
        for tap in range(kh * kw):
            down, right = tap // kw * dh, tap % kw * dw
            b = ((group * count + panel) * kh * kw + tap) * fg * panel_width
            for p in range(oh):
                a = ((image * oh + p) * ow) * f + group * fg
                to = ((p * sh + down) * width + right) * panel_width
                multiply(
                    blocks, ow, 0, 0, size, address_of(gy) + a * size, address_of(packed) + b * size,
                    target + to * size, 1, fg, 0, 1, 0, panel_width, f, sw * panel_width,
                    1, 0, -np.inf, np.inf,
                )  # fmt: skip
        valid = min(panel_width, cg - panel * panel_width)
        for r in range(h):
            for s in range(w):
                start = offset + ((r + top) * width + s + left) * panel_width
                to = ((image * h + r) * w + s) * c + group * cg + panel * panel_width
                for i in range(valid):
                    gx[to + i] = images[start + i]


@jit
def scatter(threads, gy, w, gx, packed, images, sizes, blocks):
    """The input gradient, tap by tap."""
    taps, cg, f, groups, count, panel_width = (
        sizes[4] * sizes[5],
        sizes[6],
        sizes[7],
        sizes[16],
        sizes[21],
        sizes[23],
    )
    launch(pack_part, threads, (w, w[:0], packed, taps, cg, f, groups, 1, 0, count, panel_width))
    launch(_scatter_part, threads, (gy, packed, gx, images, sizes, blocks))


@jit
def _weight_part(part, parts, x, gy, memory, sizes, blocks, elements):
    n, h, w, c, kh, kw, cg, f, oh, ow, sh, sw, top, _, dh, dw, groups = sizes[:17]
    rows, padded, width, own, count, _, panel_width, last, ragged = sizes[17:26]
    size, pitch = x.itemsize, width * c
    bands, fg = (oh + rows - 1) // rows, f // groups
    offset = part * (own + elements)  # first the band, then this part's sum
    total = address_of(memory) + (offset + own) * size
    merged = groups == 1 and dw == 1
    for i in range(kh * kw * cg * f):
        memory[offset + own + i] = 0
    begin, finish = whole_images(part, parts, n, bands)
    for item in range(begin, finish):
        image, first = item // bands, item % bands * rows
        some = min(rows, oh - first)
        if padded:
            _copy_band(x, image, first * sh - top, (some - 1) * sh + (kh - 1) * dh + 1, sizes, memory, offset)
            base = address_of(memory) + offset * size
        else:
            base = address_of(x) + (image * h + first * sh) * w * c * size
        gradient = address_of(gy) + ((image * oh + first) * ow) * f * size
        taps = kh if merged else kh * kw
        for tap in range(taps):
            i, j, m = (tap, 0, kw * c) if merged else (tap // kw, tap % kw, cg)
            for panel in range(groups * count):
                group, column = panel // count, panel // count * fg + panel % count * panel_width
                cut = ragged if panel % count == count - 1 else 0
                a = base + (i * dh * pitch + j * dw * c + group * cg) * size
                to = total + (tap * m * f + column) * size
                multiply(
                    blocks, m, cut, last, size, a, gradient + column * size, to, some, ow, sh * pitch, sw * c,
                    ow * f, f, 1, f, 1, 0, -np.inf, np.inf,
                )  # fmt: skip


@jit
def sum_part(part, parts, memory, gw, own, elements, terms):
    """gw = the sum of what every part has added up."""
    for i in range(part * gw.size // parts, (part + 1) * gw.size // parts):
        total = memory[own + i]
        for term in range(1, terms):
            total += memory[term * (own + elements) + own + i]
        gw[i] = total


@jit
def weight_grad(threads, x, gy, gw, memory, sizes, blocks, elements):
    """The weight gradient: a sum of every part, then the sum of those."""
    launch(_weight_part, threads, (x, gy, memory, sizes, blocks, elements))
    launch(sum_part, threads, (memory, gw, sizes[20], elements, threads))
