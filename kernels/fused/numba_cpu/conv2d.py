"""Convolution with what follows it, while its results are in registers or cache.

.. code-block:: text

    conv2d_bias_activation_forward             conv2d_forward, bias_activation_forward
    conv2d_bias_activation_max_pool2d_forward  …, then max_pool2d_forward by 2×2 windows, two apart
    dense_bias_activation_forward              dense_forward, bias_activation_forward

Each gives bit for bit what the plain kernels named beside it give one after the other.
"""

from __future__ import annotations

import numpy as np

from ...activation.numba_cpu import bias_activation_forward
from ...checks import check_same_shape, error, result
from ...conv2d.numba_cpu.passes import choose, conv2d_forward, correlate, runs_here
from ...conv2d.tiling import Conv
from ...dense.numba_cpu import by_micro_kernels, dense_forward, pixels
from ...dense.reference import check_product
from ...pool2d.numba_cpu import max_pool2d_forward
from ...windows import Geometry, Pair

__all__ = [
    "conv2d_bias_activation_forward",
    "conv2d_bias_activation_max_pool2d_forward",
    "dense_bias_activation_forward",
]

_LOWEST = {"linear": -np.inf, "relu": 0.0}  # activations that are a limit
_POOL = (2, 2), ((2, 2), ((0, 0), (0, 0)), (1, 1))


def conv2d_bias_activation_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    activation: str,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
    scale: np.ndarray | None = None,
) -> np.ndarray:
    """``y = activation(x ⊛ (w·scale) + b)``, (n, oh, ow, f); b and scale are (f,) or None."""
    where = "conv2d_bias_activation_forward"
    conv, name = _checked(where, x, w, b, g, groups, out_hw, algorithm)
    if not runs_here("forward", name, conv) or activation not in _LOWEST:
        y = conv2d_forward(x, w if scale is None else w * scale, g, groups, out_hw, name, out)
        return bias_activation_forward(y, b, activation, out=y)
    y = result(where, out, conv.y, x.dtype)
    if y.size:
        correlate(conv, name, x, w, y, bias=b, scale=scale, lower=_LOWEST[activation])
    return y


def conv2d_bias_activation_max_pool2d_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    activation: str,
    algorithm: str = "auto",
    scale: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The largest of every 2×2 pixels of ``activation(x ⊛ (w·scale) + b)``, and which it was: 0 … 3.

    `out_hw` is the size of the convolution's output; a last odd row or column of it is not even computed.
    Returns y and argmax, both (n, ⌊oh / 2⌋, ⌊ow / 2⌋, f).
    """
    where = "conv2d_bias_activation_max_pool2d_forward"
    half = out_hw[0] // 2, out_hw[1] // 2
    if min(half) < 1:
        raise error(where, "there is no window of 2×2", "at least 2 rows and columns", out_hw)
    seen = 2 * half[0], 2 * half[1]
    conv, name = _checked(where, x, w, b, g, groups, seen, algorithm)
    if name == "im2col" or not runs_here("forward", name, conv) or activation not in _LOWEST:
        y = conv2d_forward(x, w if scale is None else w * scale, g, groups, seen, name)
        return max_pool2d_forward(bias_activation_forward(y, b, activation, out=y), *_POOL, half)
    y = np.empty((x.shape[0], *half, w.shape[3]), x.dtype)
    argmax = np.empty(y.shape, np.uint8)
    if y.size:
        correlate(conv, name, x, w, y, bias=b, scale=scale, lower=_LOWEST[activation], argmax=argmax)
    return y, argmax


def dense_bias_activation_forward(
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    activation: str,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``y = activation(x @ w + b)``, (…, f), for x (…, c), w (c, f) and b (f,) or None."""
    where = "dense_bias_activation_forward"
    dtype = check_product(where, "x", x, w, axis=0)
    y = result(where, out, (*x.shape[:-1], w.shape[1]), dtype)
    if not by_micro_kernels(y.size, *w.shape):
        return bias_activation_forward(dense_forward(x, w, y), b, activation, out=y)
    g = (1, 1), ((0, 0), (0, 0)), (1, 1)
    conv2d_bias_activation_forward(pixels(x), w[None, None], b, g, 1, (1, 1), activation, "gemm", pixels(y))
    return y


def _checked(
    where: str,
    x: np.ndarray,
    w: np.ndarray,
    b: np.ndarray | None,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    algorithm: str,
) -> tuple[Conv, str]:
    """The convolution, and the algorithm that runs."""
    arrays = {"x": x, "w": w} if b is None else {"x": x, "w": w, "b": b.reshape(1, 1, 1, -1)}
    conv = Conv.of(where, x.shape, w.shape, (*x.shape[:1], *out_hw, *w.shape[-1:]), g, groups, **arrays)
    if b is not None:
        check_same_shape("bias_activation_forward", w.shape[-1:], b=b)
    return conv, choose("forward", conv, algorithm)[0]
