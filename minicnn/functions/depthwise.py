"""Depthwise convolution, where channels do not mix, and separable convolution, which mixes them after.

Source: L. Sifre, Rigid-Motion Scattering for Image Classification (2014), section 6.2; F. Chollet, Xception:
Deep Learning with Depthwise Separable Convolutions (2017).
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..geometry import Window, resolve_window
from .conv import check_filters, check_images, conv2d


class DepthwiseConv2DFunction(Function):
    equation = "y[n, i, j, c·m + k] = Σ_uv x[n, i·sh + u·dh − top, j·sw + v·dw − left, c] · w[u, v, c, k] + b"
    backward_equation = "gx = gy spread back through w, gw = Σ over positions of x·gy, gb = Σ gy"

    def __init__(self, g: Window, out_hw: tuple[int, int]) -> None:
        self.g, self.out_hw = g, out_hw

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.save(x=x, w=w)
        y = backend.empty((x.shape[0], *self.out_hw, w.shape[2] * w.shape[3]), x.dtype)
        y = self.kernel("depthwise_conv2d_forward")(x, w, self.g, self.out_hw, out=y)
        return y if b is None else self.kernel("bias_activation_forward")(y, b, "linear", out=y)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        x, w = self.saved.x, self.saved.w
        gx = gw = None
        if needs[0]:
            gx = backend.empty(x.shape, x.dtype)
            gx = self.kernel("depthwise_conv2d_input_grad")(gy, w, x.shape, self.g, out=gx)
        if needs[1]:
            gw = self.kernel("depthwise_conv2d_weight_grad")(x, gy, w.shape, self.g)
        if len(needs) == 2:
            return gx, gw
        return gx, gw, self.kernel("bias_grad")(gy) if needs[2] else None


def depthwise_conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    strides: Any = 1,
    padding: Any = "valid",
    dilation_rate: Any = 1,
    where: str = "depthwise_conv2d",
) -> Tensor:
    """Slide m filters of its own over each channel: `conv2d` with as many groups as channels.

    ``y[n, i, j, c·m + k] = Σ_uv x[n, i·sh + u·dh − top, j·sw + v·dw − left, c]·w[u, v, c, k] + b[c·m + k]``;
    backward: gx sends gy back through the same taps, gw sums x·gy over all positions, gb sums gy.

    `x` is (n, h, w, c), `w` (kh, kw, c, m), `b` (c·m,) or None; `strides`, `padding`, `dilation_rate` as in
    `conv2d`; returns (n, oh, ow, c·m). ShapeError where channels or sizes do not fit.

    >>> import numpy as np
    >>> depthwise_conv2d(np.ones((1, 3, 3, 2), "f4"), np.ones((2, 2, 2, 3), "f4")).shape
    (1, 2, 2, 6)
    """
    check_images(x.shape, where)
    check_filters(where, w.shape, "(kh, kw, c, m)", 2, x.shape[3])
    g, out_hw = resolve_window(where, x.shape[1:3], w.shape[:2], strides, padding, dilation_rate)
    function = DepthwiseConv2DFunction(g, out_hw)
    return function(x, w) if b is None else function(x, w, b)


def separable_conv2d(
    x: Any,
    depthwise: Any,
    pointwise: Any,
    b: Any = None,
    strides: Any = 1,
    padding: Any = "valid",
    dilation_rate: Any = 1,
    where: str = "separable_conv2d",
) -> Tensor:
    """`depthwise_conv2d`, then a 1 × 1 `conv2d` that mixes the channels; backward: theirs in turn.

    `x` is (n, h, w, c), `depthwise` (kh, kw, c, m), `pointwise` (1, 1, c·m, f), `b` (f,) or None; `strides`,
    `padding`, `dilation_rate` as in `conv2d`, for the depthwise part; returns (n, oh, ow, f). ShapeError
    where channels or sizes do not fit.

    >>> import numpy as np
    >>> x, depthwise, pointwise = np.ones((1, 3, 3, 2)), np.ones((2, 2, 2, 3)), np.ones((1, 1, 6, 4))
    >>> separable_conv2d(x, depthwise, pointwise).shape
    (1, 2, 2, 4)
    """
    h = depthwise_conv2d(x, depthwise, None, strides, padding, dilation_rate, where)
    return conv2d(h, pointwise, b, where=where)
