"""Max pooling compiled: every window is read once, all channels of a pixel at a time.

Average and adaptive pooling are the reference's own.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_rank, check_same_shape, error, result
from ..compiled.jit import jit
from ..compiled.parallel import guarded, launch, threads_for
from ..compiled.scratch import usable
from ..windows import Geometry, Pair, check_windows
from .reference import (
    adaptive_avg_pool2d_forward,
    adaptive_avg_pool2d_input_grad,
    avg_pool2d_forward,
    avg_pool2d_input_grad,
)

__all__ = [
    "adaptive_avg_pool2d_forward",
    "adaptive_avg_pool2d_input_grad",
    "avg_pool2d_forward",
    "avg_pool2d_input_grad",
    "max_pool2d_forward",
    "max_pool2d_input_grad",
]

Shape4 = tuple[int, int, int, int]


def _sizes(x_shape: Shape4, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> np.ndarray:
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    return np.array((*x_shape, *kernel_hw, *out_hw, sh, sw, top, left, dh, dw), np.int64)


@jit
def _forward_part(part, parts, x, y, argmax, sizes):
    n, h, w, c, kh, kw, oh, ow, sh, sw, top, left, dh, dw = sizes
    for row in range(part * n * oh // parts, (part + 1) * n * oh // parts):
        image, p = row // oh, row % oh
        for q in range(ow):
            to, seen = (row * ow + q) * c, False
            for tap in range(kh * kw):
                r, s = p * sh - top + tap // kw * dh, q * sw - left + tap % kw * dw
                if r < 0 or r >= h or s < 0 or s >= w:
                    continue
                source = ((image * h + r) * w + s) * c
                if not seen:
                    seen = True
                    for i in range(c):
                        y[to + i] = x[source + i]
                        argmax[to + i] = tap
                    continue
                for i in range(c):
                    best, value = y[to + i], x[source + i]
                    # The first NaN wins for good: no comparison with it is true, and it is kept.
                    wins = (value > best) | ((value != value) & (best == best))
                    y[to + i] = value if wins else best
                    argmax[to + i] = tap if wins else argmax[to + i]
            if not seen:  # a window of nothing but padding
                for i in range(c):
                    y[to + i] = -np.inf
                    argmax[to + i] = 0


@jit
def _input_grad_part(part, parts, gy, argmax, gx, sizes):
    n, h, w, c, kh, kw, oh, ow, sh, sw, top, left, dh, dw = sizes
    for image in range(part * n // parts, (part + 1) * n // parts):
        for i in range(image * h * w * c, (image + 1) * h * w * c):
            gx[i] = 0
        for p in range(oh):
            for q in range(ow):
                source = ((image * oh + p) * ow + q) * c
                for tap in range(kh * kw):
                    r, s = p * sh - top + tap // kw * dh, q * sw - left + tap % kw * dw
                    if r < 0 or r >= h or s < 0 or s >= w:
                        continue
                    to = ((image * h + r) * w + s) * c
                    for i in range(c):
                        gx[to + i] += gy[source + i] if argmax[source + i] == tap else 0


@jit
def _pick(value, tap, best, winner):
    """The larger of two and its tap; the first of equals, and of NaNs: no comparison with one is true."""
    wins = (value > best) | ((value != value) & (best == best))
    return (value, tap) if wins else (best, winner)


@jit
def _forward_2x2_part(part, parts, x, y, argmax, sizes):
    """Windows of 2×2 inside the image: all four pixels in one loop over the channels."""
    _, h, w, c, _, _, oh, ow, sh, sw = sizes[:10]
    n = sizes[0]
    for row in range(part * n * oh // parts, (part + 1) * n * oh // parts):
        image, p = row // oh, row % oh
        for q in range(ow):
            to, above = (row * ow + q) * c, ((image * h + p * sh) * w + q * sw) * c
            below = above + w * c
            for i in range(c):
                best, winner = _pick(x[above + c + i], 1, x[above + i], 0)
                lower, low_winner = _pick(x[below + c + i], 3, x[below + i], 2)
                best, winner = _pick(lower, low_winner, best, winner)
                y[to + i] = best
                argmax[to + i] = winner


@jit
def _input_grad_2x2_part(part, parts, gy, argmax, gx, sizes):
    """Windows of 2×2 that do not overlap: every pixel of a window is written once."""
    n, h, w, c, _, _, oh, ow = sizes[:8]
    if h != 2 * oh or w != 2 * ow:  # a row or column is left over
        for i in range(part * n // parts * h * w * c, (part + 1) * n // parts * h * w * c):
            gx[i] = 0
    for image in range(part * n // parts, (part + 1) * n // parts):
        for p in range(oh):
            for q in range(ow):
                source, above = ((image * oh + p) * ow + q) * c, ((image * h + 2 * p) * w + 2 * q) * c
                below = above + w * c
                for i in range(c):
                    gradient, winner = gy[source + i], argmax[source + i]
                    gx[above + i] = gradient if winner == 0 else 0
                    gx[above + c + i] = gradient if winner == 1 else 0
                    gx[below + i] = gradient if winner == 2 else 0
                    gx[below + c + i] = gradient if winner == 3 else 0


@jit
def _forward_2x2(threads, x, y, argmax, sizes):
    launch(_forward_2x2_part, threads, (x, y, argmax, sizes))


@jit
def _input_grad_2x2(threads, gy, argmax, gx, sizes):
    launch(_input_grad_2x2_part, threads, (gy, argmax, gx, sizes))


def _is_2x2(kernel_hw: Pair, g: Geometry) -> bool:
    """2×2 windows without padding or gaps, as nearly every network has them."""
    return kernel_hw == (2, 2) and g[2] == (1, 1) and not any(map(any, g[1]))


@jit
def _forward(threads, x, y, argmax, sizes):
    launch(_forward_part, threads, (x, y, argmax, sizes))


@jit
def _input_grad(threads, gy, argmax, gx, sizes):
    launch(_input_grad_part, threads, (gy, argmax, gx, sizes))


def max_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Take the largest value of each window, and remember where it was; as in the reference."""
    where = "max_pool2d_forward"
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    check_windows(where, x.shape[1:3], kernel_hw, g, out_hw)
    y = np.empty((x.shape[0], *out_hw, x.shape[3]), dtype)
    argmax = np.empty(y.shape, np.uint8 if kernel_hw[0] * kernel_hw[1] <= 256 else np.int32)
    with guarded:
        arrays = usable(x).reshape(-1), y.reshape(-1), argmax.reshape(-1)
        run = _forward_2x2 if _is_2x2(kernel_hw, g) else _forward
        run(threads_for(x.size), *arrays, _sizes(x.shape, kernel_hw, g, out_hw))
    return y, argmax


def max_pool2d_input_grad(
    gy: np.ndarray,
    argmax: np.ndarray,
    x_shape: Shape4,
    kernel_hw: Pair,
    g: Geometry,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Send the gradient of each window to its maximum; as in the reference."""
    where = "max_pool2d_input_grad"
    check_rank(where, 4, gy=gy)
    dtype = check_floats(where, gy=gy)
    if (gy.shape[0], gy.shape[3]) != (x_shape[0], x_shape[3]):
        raise error(where, "gy does not belong to x", f"(n, c) of x {x_shape}", gy.shape)
    check_windows(where, x_shape[1:3], kernel_hw, g, gy.shape[1:3])
    check_same_shape(where, gy.shape, argmax=argmax)
    gx = result(where, out, x_shape, dtype)
    with guarded:
        arrays = usable(gy).reshape(-1), usable(argmax).reshape(-1), gx.reshape(-1)
        apart = _is_2x2(kernel_hw, g) and g[0] == (2, 2)
        run = _input_grad_2x2 if apart else _input_grad
        run(threads_for(gx.size), *arrays, _sizes(x_shape, kernel_hw, g, gy.shape[1:3]))
    return gx
