"""What the operations must give, as plain loops in float64: what somebody's own kernel is compared with.

Every function takes the arguments of the kernel of its name (see `minicnn.kernels`). The convolutions are
the seven loops of the reference itself; the others loop over windows and taps here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...backend.registry import builtin
from ...geometry import Window
from ..truth import REFERENCE

__all__ = ["LOOPS"]

Pair = tuple[int, int]
Shape4 = tuple[int, int, int, int]


def _taps(x_hw: Pair, kernel_hw: Pair, g: Window, out_hw: Pair) -> Iterator[tuple[int, int, int, int, Any]]:
    """Yield (p, q, i, j, pixel) for every window, and every tap of it that lies inside the image.

    `pixel` are the indices of row ``p·sh − top + i·dh`` and column ``q·sw − left + j·dw`` in all images.
    """
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    for p in range(out_hw[0]):
        for q in range(out_hw[1]):
            for i in range(kernel_hw[0]):
                for j in range(kernel_hw[1]):
                    r, s = p * sh - top + i * dh, q * sw - left + j * dw
                    if 0 <= r < x_hw[0] and 0 <= s < x_hw[1]:
                        yield p, q, i, j, (slice(None), r, s)


def im2col(x: np.ndarray, kernel_hw: Pair, g: Window, out_hw: Pair) -> np.ndarray:
    """``cols[n, p, q, i, j, c] = x[n, r, s, c]``."""
    n, h, w, c = x.shape
    cols = np.zeros((n, *out_hw, *kernel_hw, c))
    for p, q, i, j, pixel in _taps((h, w), kernel_hw, g, out_hw):
        cols[:, p, q, i, j] = x[pixel]
    return cols


def col2im(cols: np.ndarray, x_shape: Shape4, g: Window) -> np.ndarray:
    """``x[n, r, s, c] += cols[n, p, q, i, j, c]``."""
    _, oh, ow, kh, kw, _ = cols.shape
    x = np.zeros(x_shape)
    for p, q, i, j, pixel in _taps(x_shape[1:3], (kh, kw), g, (oh, ow)):
        x[pixel] += cols[:, p, q, i, j]
    return x


def max_pool2d_forward(
    x: np.ndarray, kernel_hw: Pair, g: Window, out_hw: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """The largest pixel of each window, or its first NaN, and ``i·kw + j`` of the first that is it."""
    n, h, w, c = x.shape
    y, argmax = np.full((n, *out_hw, c), -np.inf), np.zeros((n, *out_hw, c), np.int64)
    seen = np.zeros(out_hw, bool)
    for p, q, i, j, pixel in _taps((h, w), kernel_hw, g, out_hw):
        value, best = x[pixel], y[:, p, q]
        wins = (value > best) | (np.isnan(value) & ~np.isnan(best)) | ~seen[p, q]
        y[:, p, q] = np.where(wins, value, best)
        argmax[:, p, q] = np.where(wins, i * kernel_hw[1] + j, argmax[:, p, q])
        seen[p, q] = True
    return y, argmax


def max_pool2d_input_grad(
    gy: np.ndarray, argmax: np.ndarray, x_shape: Shape4, kernel_hw: Pair, g: Window
) -> np.ndarray:
    """``gx[n, r, s, c] += gy[n, p, q, c]`` where tap (i, j) is the maximum."""
    gx = np.zeros(x_shape)
    for p, q, i, j, pixel in _taps(x_shape[1:3], kernel_hw, g, gy.shape[1:3]):
        gx[pixel] += np.where(argmax[:, p, q] == i * kernel_hw[1] + j, gy[:, p, q], 0)
    return gx


def _counts(x_hw: Pair, kernel_hw: Pair, g: Window, out_hw: Pair) -> np.ndarray:
    """Pixels of each window that lie inside the image."""
    counts = np.zeros(out_hw)
    for p, q, *_ in _taps(x_hw, kernel_hw, g, out_hw):
        counts[p, q] += 1
    return counts


def avg_pool2d_forward(x: np.ndarray, kernel_hw: Pair, g: Window, out_hw: Pair) -> np.ndarray:
    """``y[n, p, q, c] = Σ_ij x[n, r, s, c] / count[p, q]``."""
    n, h, w, c = x.shape
    y, counts = np.zeros((n, *out_hw, c)), _counts((h, w), kernel_hw, g, out_hw)
    for p, q, _, _, pixel in _taps((h, w), kernel_hw, g, out_hw):
        y[:, p, q] += x[pixel] / counts[p, q]
    return y


def avg_pool2d_input_grad(gy: np.ndarray, x_shape: Shape4, kernel_hw: Pair, g: Window) -> np.ndarray:
    """``gx[n, r, s, c] += gy[n, p, q, c] / count[p, q]``."""
    gx, counts = np.zeros(x_shape), _counts(x_shape[1:3], kernel_hw, g, gy.shape[1:3])
    for p, q, _, _, pixel in _taps(x_shape[1:3], kernel_hw, g, gy.shape[1:3]):
        gx[pixel] += gy[:, p, q] / counts[p, q]
    return gx


def depthwise_conv2d_forward(x: np.ndarray, w: np.ndarray, g: Window, out_hw: Pair) -> np.ndarray:
    """``y[n, p, q, c·m + k] += x[n, r, s, c] · w[i, j, c, k]``."""
    c, m = w.shape[2:]
    y = np.zeros((len(x), *out_hw, c, m))
    for p, q, i, j, pixel in _taps(x.shape[1:3], w.shape[:2], g, out_hw):
        y[:, p, q] += x[pixel][:, :, None] * w[i, j]  # (n, c, 1) * (c, m)
    return y.reshape(len(x), *out_hw, c * m)


def depthwise_conv2d_input_grad(gy: np.ndarray, w: np.ndarray, x_shape: Shape4, g: Window) -> np.ndarray:
    """``gx[n, r, s, c] += gy[n, p, q, c·m + k] · w[i, j, c, k]``."""
    gx, apart = np.zeros(x_shape), gy.reshape(*gy.shape[:3], *w.shape[2:])
    for p, q, i, j, pixel in _taps(x_shape[1:3], w.shape[:2], g, gy.shape[1:3]):
        gx[pixel] += (apart[:, p, q] * w[i, j]).sum(axis=2)  # (n, c, m) -> (n, c)
    return gx


def depthwise_conv2d_weight_grad(x: np.ndarray, gy: np.ndarray, w_shape: Shape4, g: Window) -> np.ndarray:
    """``gw[i, j, c, k] += gy[n, p, q, c·m + k] · x[n, r, s, c]``."""
    gw, apart = np.zeros(w_shape), gy.reshape(*gy.shape[:3], *w_shape[2:])
    for p, q, i, j, pixel in _taps(x.shape[1:3], w_shape[:2], g, gy.shape[1:3]):
        gw[i, j] += (apart[:, p, q] * x[pixel][:, :, None]).sum(axis=0)  # (n, c, m) -> (c, m)
    return gw


def _rows(a: np.ndarray) -> np.ndarray:
    return a.reshape(-1, a.shape[-1])


def dense_forward(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """``y[…, k] = Σ_c x[…, c] · w[c, k]``."""
    y = np.zeros((*x.shape[:-1], w.shape[1]))
    for index in np.ndindex(*y.shape):
        y[index] = sum(x[(*index[:-1], c)] * w[c, index[-1]] for c in range(len(w)))
    return y


def dense_input_grad(gy: np.ndarray, w: np.ndarray) -> np.ndarray:
    """``gx[…, c] = Σ_k gy[…, k] · w[c, k]``."""
    return dense_forward(gy, w.T)


def dense_weight_grad(x: np.ndarray, gy: np.ndarray) -> np.ndarray:
    """``gw[c, k] = Σ x[…, c] · gy[…, k]`` over all rows."""
    gw = np.zeros((x.shape[-1], gy.shape[-1]))
    for row, upstream in zip(_rows(x), _rows(gy), strict=True):
        for c, value in enumerate(row):
            gw[c] += value * upstream
    return gw


def bias_grad(gy: np.ndarray) -> np.ndarray:
    """``gb[c] = Σ gy[…, c]``."""
    gb = np.zeros(gy.shape[-1])
    for row in _rows(gy):
        gb += row
    return gb


def _seven_loops(op: str) -> Any:
    """The naive convolution of the reference."""
    return lambda *args: builtin(op, REFERENCE)(*args, algorithm="naive")


_OWN: tuple[Any, ...] = (
    im2col,
    col2im,
    max_pool2d_forward,
    max_pool2d_input_grad,
    avg_pool2d_forward,
    avg_pool2d_input_grad,
)
_OWN += (depthwise_conv2d_forward, depthwise_conv2d_input_grad, depthwise_conv2d_weight_grad)
_OWN += (dense_forward, dense_input_grad, dense_weight_grad, bias_grad)

LOOPS = {op: _seven_loops(op) for op in ("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad")}
LOOPS |= {loop.__name__: loop for loop in _OWN}
"""By operation; these are the operations that can be checked."""
