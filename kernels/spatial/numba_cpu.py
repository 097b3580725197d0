"""Padding, cropping and upsampling compiled: row by row of the result, each on one thread."""

from __future__ import annotations

import numpy as np

from ..checks import result
from ..compiled.elementary import real
from ..compiled.jit import inlined, jit
from ..compiled.parallel import driver, guarded, threads_for
from ..compiled.scratch import usable
from ..windows import Pair
from .padding import check_crops, check_pads
from .upsampling import check_blocks, check_upsampling

__all__ = ["crop2d", "pad2d", "upsample2d_forward", "upsample2d_input_grad"]


@jit
def _place_part(part, parts, x, y, h, oh, top, left, value):
    """Lay x into y, `top` rows down and `left` numbers to the right; both may be negative."""
    first, skipped = max(left, 0), max(-left, 0)
    for row in range(part * y.shape[0] // parts, (part + 1) * y.shape[0] // parts):
        to, r = y[row], row % oh - top
        if r < 0 or r >= h:
            to[:] = value
            continue
        own = x[row // oh * h + r, skipped : skipped + to.size - first]
        to[:first] = value
        to[first + own.size :] = value
        to = to[first:]
        for i in range(own.size):
            to[i] = own[i]


@inlined
def _between(i, factor, size, smooth):
    """Output i lies between two inputs: their numbers, and how much the second one counts."""
    source, phase = i // factor, i % factor
    d = (phase + 0.5) / factor - 0.5 if smooth else 0.0
    other = source - 1 if d < 0 else source + 1
    return source, min(max(other, 0), size - 1), abs(d)


@inlined
def _weight(i, pixel, factor, size, smooth):
    """How much an input counts in output i."""
    source, other, share = _between(i, factor, size, smooth)
    return (1 - share if source == pixel else 0.0) + (share if other == pixel else 0.0)


@inlined
def _mix(a, b, share, to):
    """to ← (1 - share)·a + share·b; b does not count at all where its share is 0."""
    if share == 0:
        for i in range(to.size):
            to[i] = a[i]
    else:
        kept, added = real(1 - share, a[0]), real(share, a[0])
        for i in range(to.size):
            to[i] = kept * a[i] + added * b[i]


@jit
def _forward_part(part, parts, x, y, h, w, c, fh, fw, smooth):
    line = np.empty_like(x[0])
    for row in range(part * y.shape[0] // parts, (part + 1) * y.shape[0] // parts):
        image, p = row // (h * fh), row % (h * fh)
        r, other, share = _between(p, fh, h, smooth)
        _mix(x[image * h + r], x[image * h + other], share, line)
        for q in range(w * fw):
            s, other, share = _between(q, fw, w, smooth)
            pixel, beside = line[s * c : s * c + c], line[other * c : other * c + c]
            _mix(pixel, beside, share, y[row, q * c : q * c + c])


@jit
def _input_grad_part(part, parts, gy, gx, h, w, c, fh, fw, smooth):
    line, reach = np.empty_like(gy[0]), 1 if smooth else 0
    for row in range(part * gx.shape[0] // parts, (part + 1) * gx.shape[0] // parts):
        image, r = row // h, row % h
        line[:] = 0
        for p in range(max(r - reach, 0) * fh, min(r + 1 + reach, h) * fh):
            weight, own = real(_weight(p, r, fh, h, smooth), line[0]), gy[image * h * fh + p]
            if weight != 0:
                for i in range(line.size):
                    line[i] += weight * own[i]
        gx[row] = 0
        for s in range(w):
            to = gx[row, s * c : s * c + c]
            for q in range(max(s - reach, 0) * fw, min(s + 1 + reach, w) * fw):
                weight, own = real(_weight(q, s, fw, w, smooth), line[0]), line[q * c : q * c + c]
                if weight != 0:
                    for i in range(to.size):
                        to[i] += weight * own[i]


_place, _forward, _input_grad = driver(_place_part), driver(_forward_part), driver(_input_grad_part)


def _lines(x: np.ndarray) -> np.ndarray:
    """Every row of every image as one row: (n·h, w·c)."""
    n, h, w, c = x.shape
    return usable(x).reshape(n * h, w * c)


def pad2d(
    x: np.ndarray, pads: tuple[Pair, Pair], value: float = 0.0, out: np.ndarray | None = None
) -> np.ndarray:
    """Lay rows and columns that hold one value around every image; parameters as in the reference."""
    dtype = check_pads("pad2d", x, pads)
    (top, bottom), (left, right) = pads
    n, h, w, c = x.shape
    y = result("pad2d", out, (n, h + top + bottom, w + left + right, c), dtype)
    with guarded:
        places = h, y.shape[1], top, left * c
        _place(threads_for(y.size), _lines(x), _lines(y), *places, dtype.type(value))
    return y


def crop2d(x: np.ndarray, crops: tuple[Pair, Pair], out: np.ndarray | None = None) -> np.ndarray:
    """Cut rows and columns off the edges of every image; parameters as in the reference."""
    dtype = check_crops("crop2d", x, crops)
    (top, bottom), (left, right) = crops
    n, h, w, c = x.shape
    y = result("crop2d", out, (n, h - top - bottom, w - left - right, c), dtype)
    with guarded:
        places = h, y.shape[1], -top, -left * c
        _place(threads_for(y.size), _lines(x), _lines(y), *places, dtype.type(0))
    return y


def upsample2d_forward(
    x: np.ndarray, size: Pair, interpolation: str = "nearest", out: np.ndarray | None = None
) -> np.ndarray:
    """Enlarge every image by whole factors; parameters as in the reference."""
    where = "upsample2d_forward"
    dtype = check_upsampling(where, "x", x, size, interpolation)
    n, h, w, c = x.shape
    y = result(where, out, (n, h * size[0], w * size[1], c), dtype)
    if y.size:
        with guarded:
            _forward(threads_for(y.size), _lines(x), _lines(y), h, w, c, *size, interpolation == "bilinear")
    return y


def upsample2d_input_grad(
    gy: np.ndarray, size: Pair, interpolation: str = "nearest", out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the enlargement; parameters as in the reference."""
    where = "upsample2d_input_grad"
    dtype = check_upsampling(where, "gy", gy, size, interpolation)
    h, w = check_blocks(where, gy, size)
    n, _, _, c = gy.shape
    gx = result(where, out, (n, h, w, c), dtype)
    if gx.size:
        with guarded:
            smooth = interpolation == "bilinear"
            _input_grad(threads_for(gy.size), _lines(gy), _lines(gx), h, w, c, *size, smooth)
    return gx
