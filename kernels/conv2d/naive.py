"""Convolution as its definition: seven loops, one for each index, and one line of arithmetic.

Read this first. It does about two million multiplications a second, thousands of times fewer
than tiled_im2col.py; the results are the same up to rounding.
"""

from __future__ import annotations

import numpy as np

from ..checks import result
from ..windows import Geometry, Pair
from .tiling import Conv

__all__ = ["conv2d_forward_naive", "conv2d_input_grad_naive", "conv2d_weight_grad_naive"]


def conv2d_forward_naive(
    x: np.ndarray,
    w: np.ndarray,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``y[n, p, q, k] = Σ_ijc x[n, r, s, c] · w[i, j, c, k]``; see the folder's page."""
    y_shape = (*x.shape[:1], *out_hw, *w.shape[-1:])
    conv = Conv.of("conv2d_forward", x.shape, w.shape, y_shape, g, groups, x=x, w=w)
    y = result("conv2d_forward", out, conv.y, x.dtype)
    y.fill(0)
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    n_, h, w_, _ = conv.x
    kh, kw, cg, f = conv.w
    for n in range(n_):
        for p in range(out_hw[0]):
            for q in range(out_hw[1]):
                for k in range(f):
                    group = k // (f // groups)  # filter k sees channels group·cg … + cg - 1
                    for i in range(kh):
                        r = p * sh - top + i * dh  # row of x under tap i
                        for j in range(kw):
                            s = q * sw - left + j * dw  # column of x under tap j
                            if 0 <= r < h and 0 <= s < w_:
                                for c in range(cg):
                                    y[n, p, q, k] += x[n, r, s, group * cg + c] * w[i, j, c, k]
    return y


def conv2d_input_grad_naive(
    gy: np.ndarray,
    w: np.ndarray,
    x_shape: tuple[int, int, int, int],
    g: Geometry,
    groups: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``gx[n, r, s, c] += gy[n, p, q, k] · w[i, j, c, k]`` for every product of the forward."""
    conv = Conv.of("conv2d_input_grad", x_shape, w.shape, gy.shape, g, groups, gy=gy, w=w)
    gx = result("conv2d_input_grad", out, conv.x, gy.dtype)
    gx.fill(0)
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    n_, h, w_, _ = conv.x
    kh, kw, cg, f = conv.w
    for n in range(n_):
        for p in range(gy.shape[1]):
            for q in range(gy.shape[2]):
                for k in range(f):
                    group = k // (f // groups)
                    for i in range(kh):
                        r = p * sh - top + i * dh
                        for j in range(kw):
                            s = q * sw - left + j * dw
                            if 0 <= r < h and 0 <= s < w_:
                                for c in range(cg):
                                    gx[n, r, s, group * cg + c] += gy[n, p, q, k] * w[i, j, c, k]
    return gx


def conv2d_weight_grad_naive(
    x: np.ndarray,
    gy: np.ndarray,
    w_shape: tuple[int, int, int, int],
    g: Geometry,
    groups: int,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``gw[i, j, c, k] += gy[n, p, q, k] · x[n, r, s, c]`` for every product of the forward."""
    conv = Conv.of("conv2d_weight_grad", x.shape, w_shape, gy.shape, g, groups, x=x, gy=gy)
    gw = result("conv2d_weight_grad", out, conv.w, x.dtype)
    gw.fill(0)
    (sh, sw), ((top, _), (left, _)), (dh, dw) = g
    n_, h, w_, _ = conv.x
    kh, kw, cg, f = conv.w
    for n in range(n_):
        for p in range(gy.shape[1]):
            for q in range(gy.shape[2]):
                for k in range(f):
                    group = k // (f // groups)
                    for i in range(kh):
                        r = p * sh - top + i * dh
                        for j in range(kw):
                            s = q * sw - left + j * dw
                            if 0 <= r < h and 0 <= s < w_:
                                for c in range(cg):
                                    gw[i, j, c, k] += gy[n, p, q, k] * x[n, r, s, group * cg + c]
    return gw
