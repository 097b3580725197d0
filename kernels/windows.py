"""Sliding windows: which elements of an image one tap (i, j) of a kernel touches.

Output pixel (p, q) looks through tap (i, j) at input row ``p·sh - top + i·dh`` and column
``q·sw - left + j·dw``. For one fixed tap these rows and columns form a strided slice, so a
loop over the few taps, each on whole slices, does the work of a loop over all pixels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .checks import error

__all__ = ["Geometry", "adaptive_window", "check_windows", "taps", "window_span", "window_view"]

Pair = tuple[int, int]
Geometry = tuple[Pair, tuple[Pair, Pair], Pair]
"""(stride, pad, dilation) = ((sh, sw), ((top, bottom), (left, right)), (dh, dw))"""


def window_span(kernel_hw: Pair, g: Geometry, out_hw: Pair) -> Pair:
    """Return how many rows and columns of the padded image all the windows together cover."""
    stride, _, dilation = g
    rows, cols = (
        (out - 1) * s + (k - 1) * d + 1
        for out, s, k, d in zip(out_hw, stride, kernel_hw, dilation, strict=True)
    )
    return rows, cols


def check_windows(where: str, x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> None:
    """The output must not be empty and the last window must end inside the padded image."""
    stride, (pad_h, pad_w), dilation = g
    if min(*stride, *dilation, *kernel_hw) < 1 or min(*pad_h, *pad_w) < 0:
        expected = "stride, dilation and kernel size at least 1 and padding at least 0"
        raise error(where, "the geometry is impossible", expected, f"{kernel_hw} and g = {g}")
    span = window_span(kernel_hw, g, out_hw)
    for axis, name in enumerate(("rows", "columns")):
        padded = x_hw[axis] + sum(g[1][axis])
        if out_hw[axis] < 1 or span[axis] > padded:
            raise error(
                where,
                f"the windows do not fit in the padded input along its {name}",
                f"at least one window and a span of at most {padded} {name}",
                f"{out_hw[axis]} windows spanning {span[axis]}",
                "Check kernel size, stride, padding and dilation.",
            )


def taps(
    x_hw: Pair, kernel_hw: Pair, g: Geometry, out_hw: Pair
) -> Iterator[tuple[int, int, tuple[slice, ...], tuple[slice, ...]]]:
    """Yield (i, j, outs, ins) for every tap: ``y[outs]`` sees ``x[ins]`` through tap (i, j).

    Output pixels that see padding through this tap are left out of `outs`, so nothing ever
    reads or writes outside the image and no padded copy is needed.
    """
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    for i in range(kernel_hw[0]):
        out_rows, in_rows = _tap_slices(x_hw[0], i * dh - top, sh, out_hw[0])
        for j in range(kernel_hw[1]):
            out_cols, in_cols = _tap_slices(x_hw[1], j * dw - left, sw, out_hw[1])
            yield i, j, (slice(None), out_rows, out_cols), (slice(None), in_rows, in_cols)


def _tap_slices(size: int, offset: int, stride: int, out: int) -> tuple[slice, slice]:
    """Solve 0 <= p·stride + offset < size for the outputs p; return (outputs, inputs)."""
    first = max(0, -(offset // stride))  # -(a // s) is the smallest p with p·s + a >= 0
    last = min(out - 1, (size - 1 - offset) // stride)
    if last < first:
        return slice(0, 0), slice(0, 0)
    start = first * stride + offset
    return slice(first, last + 1), slice(start, last * stride + offset + 1, stride)


def window_view(x: np.ndarray, kernel_hw: Pair, g: Geometry, out_hw: Pair) -> np.ndarray:
    """Return all windows of an already padded x as a read-only view (n, oh, ow, kh, kw, c).

    No element is copied: moving one output row down means `sh` rows of x, moving one tap down
    means `dh` rows, so both axes are the row axis of x with different strides.
    """
    (sh, sw), _, (dh, dw) = g
    n, row, col, c = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        shape=(x.shape[0], *out_hw, *kernel_hw, x.shape[3]),
        strides=(n, row * sh, col * sw, row * dh, col * dw, c),
        writeable=False,
    )


def adaptive_window(size: int, out: int, place: int) -> Pair:
    """Return the pixels from … to that output `place` of `out` averages; -(-a // b) is a / b rounded up."""
    return place * size // out, -(-(place + 1) * size // out)
