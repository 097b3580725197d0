"""Padding, cropping and upsampling compiled: row by row of the result, each on one thread."""

from __future__ import annotations

import numpy as np

from ..checks import result
from ..compiled.elementary import real
from ..compiled.elementwise import copy, fill
from ..compiled.jit import in_order, inlined
from ..compiled.parallel import driver, guarded, threads_for
from ..compiled.scratch import usable
from ..windows import Pair
from .padding import check_crops, check_pads
from .upsampling import check_blocks, check_upsampling

__all__ = ["crop2d", "pad2d", "upsample2d_forward", "upsample2d_input_grad"]


@in_order
def _place_part(part, parts, x, y, h, oh, top, left, value):
    """Lay x into y, `top` rows down and `left` numbers to the right; both may be negative."""
    first, skipped = max(left, 0), max(-left, 0)
    for row in range(part * y.shape[0] // parts, (part + 1) * y.shape[0] // parts):
        to, r = y[row], row % oh - top
        if r < 0 or r >= h:
            fill(to, value)
            continue
        own = x[row // oh * h + r, skipped : skipped + to.size - first]
        fill(to[:first], value)
        copy(to[first:], own)
        fill(to[first + own.size :], value)


@in_order
def _nearest_part(part, parts, x, y, w, c, fh, fw):
    """Widen each row of x once, then repeat it."""
    for row in range(part * x.shape[0] // parts, (part + 1) * x.shape[0] // parts):
        own, to = x[row], y[row * fh]
        for s in range(w):
            for q in range(s * fw, s * fw + fw):
                copy(to[q * c : q * c + c], own[s * c : s * c + c])
        for p in range(1, fh):
            copy(y[row * fh + p], to)


@inlined
def _offset(phase, factor, smooth):
    """How far from the centre of its input, in inputs, an output lies: between -1/2 and 1/2."""
    return (phase + 0.5) / factor - 0.5 if smooth else 0.0


@inlined
def _between(i, factor, size, smooth):
    """Output i lies between two inputs: their numbers, and how much the second one counts."""
    source, d = i // factor, _offset(i % factor, factor, smooth)
    other = source - 1 if d < 0 else source + 1
    return source, min(max(other, 0), size - 1), abs(d)


@inlined
def _mix(to, a, b, share):
    """to ← (1 - share)·a + share·b; where its share is 0, b does not count even if it is infinite."""
    kept, added = real(1 - share, a[0]), real(share, a[0])
    if share == 0:
        copy(to, a)
    else:
        for i in range(to.size):
            to[i] = kept * a[i] + added * b[i]


@inlined
def _add(to, weight, x):
    for i in range(to.size):
        to[i] += weight * x[i]


@in_order
def _bilinear_part(part, parts, x, y, h, w, c, fh, fw):
    line = np.empty((w + 2) * c, x.dtype)  # a row between two of x, with its first and last pixel twice
    inner, end = line[c : c + w * c], c + w * c
    for row in range(part * y.shape[0] // parts, (part + 1) * y.shape[0] // parts):
        image, p, to = row // (h * fh), row % (h * fh), y[row]
        r, other, share = _between(p, fh, h, True)
        _mix(inner, x[image * h + r], x[image * h + other], share)
        copy(line[:c], inner[:c])
        copy(line[end:], line[end - c : end])
        for phase in range(fw):
            d = _offset(phase, fw, True)
            beside = 0 if d < 0 else 2 * c
            for s in range(w):
                at, a, b = (s * fw + phase) * c, (s + 1) * c, s * c + beside
                _mix(to[at : at + c], line[a : a + c], line[b : b + c], abs(d))


@in_order
def _input_grad_part(part, parts, gy, gx, h, w, c, fh, fw, smooth):
    total, line = np.empty(w * fw * c, gy.dtype), np.empty((w + 2) * c, gy.dtype)
    inner, end, zero = line[c : c + w * c], c + w * c, real(0, gy[0, 0])
    reach = fh if smooth else 0
    for row in range(part * gx.shape[0] // parts, (part + 1) * gx.shape[0] // parts):
        image, r = row // h, row % h
        fill(total, zero)
        for p in range(max(r * fh - reach, 0), min(r * fh + fh + reach, h * fh)):
            source, other, share = _between(p, fh, h, smooth)
            weight = (1 - share if source == r else 0.0) + (share if other == r else 0.0)
            if weight != 0:
                _add(total, real(weight, zero), gy[image * h * fh + p])
        fill(line, zero)
        for phase in range(fw):
            d = _offset(phase, fw, smooth)
            beside, kept, added = 0 if d < 0 else 2 * c, real(1 - abs(d), zero), real(abs(d), zero)
            for s in range(w):
                own, at = total[(s * fw + phase) * c : (s * fw + phase) * c + c], s * c + beside
                _add(inner[s * c : s * c + c], kept, own)
                if d != 0:
                    _add(line[at : at + c], added, own)
        _add(inner[:c], real(1, zero), line[:c])  # beyond the edges is the edge
        _add(line[end - c : end], real(1, zero), line[end:])
        copy(gx[row], inner)


_place, _input_grad = driver(_place_part), driver(_input_grad_part)
_nearest, _bilinear = driver(_nearest_part), driver(_bilinear_part)


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
            if interpolation == "nearest":
                _nearest(threads_for(y.size), _lines(x), _lines(y), w, c, *size)
            else:
                _bilinear(threads_for(y.size), _lines(x), _lines(y), h, w, c, *size)
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
