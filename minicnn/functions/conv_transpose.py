"""Transposed convolution: the adjoint of convolution, so that its kernels are those of Conv2D's gradients.

A convolution gathers the pixels of each window into one number; this writes one number into all pixels
of its window and adds up where windows overlap. With stride 2 it doubles the size of an image.

Source: Dumoulin & Visin 2016, section 4; Zeiler et al., Deconvolutional Networks (2010).
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..errors import ShapeError, message
from ..geometry import Window, resolve_transposed_window
from .conv import check_filters, check_images


class Conv2DTransposeFunction(Function):
    equation = "y[n, i·sh + u·dh − top, j·sw + v·dw − left, f] += Σ_c x[n, i, j, c] · w[u, v, f, c]; + b[f]"
    backward_equation = "gx = conv2d(gy, w), gw = Σ over positions of gy·x, gb = Σ gy"

    def __init__(self, g: Window, out_hw: tuple[int, int], algorithm: str) -> None:
        self.g, self.out_hw, self.algorithm = g, out_hw, algorithm

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.save(x=x, w=w)
        shape = (x.shape[0], *self.out_hw, w.shape[2])
        run, y = self.kernel("conv2d_input_grad", self.algorithm), backend.empty(shape, x.dtype)
        y = run(x, w, shape, self.g, 1, out=y)
        return y if b is None else self.kernel("bias_activation_forward")(y, b, "linear", out=y)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        x, w = self.saved.x, self.saved.w
        gx = gw = None
        if needs[0]:
            gx = backend.empty(x.shape, x.dtype)
            gx = self.kernel("conv2d_forward", self.algorithm)(gy, w, self.g, 1, x.shape[1:3], out=gx)
        if needs[1]:
            gw = self.kernel("conv2d_weight_grad", self.algorithm)(gy, x, w.shape, self.g, 1)
        if len(needs) == 2:
            return gx, gw
        return gx, gw, self.kernel("bias_grad")(gy) if needs[2] else None


def conv2d_transpose(
    x: Any,
    w: Any,
    b: Any = None,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    dilation_rate: Any = 1,
    algorithm: str = "auto",
    where: str = "conv2d_transpose",
) -> Tensor:
    """Write filters into an image, weighted by the input's pixels: the adjoint of `conv2d`.

    ``y[n, i·sh + u·dh − top, j·sw + v·dw − left, f] += Σ_c x[n, i, j, c]·w[u, v, f, c]``, then ``+ b[f]``;
    backward: ``gx = conv2d(gy, w)``, gw sums gy·x over all positions, gb sums gy.

    Parameters
    ----------
    x : images (n, h, w, c).
    w : filters (kh, kw, f, c); b : bias (f,) or None.
    strides, dilation_rate : int or pair. padding : ``"valid"`` or ``"same"``.
    output_padding : None, or an int or pair below the strides that selects among the output sizes which the
        convolution would have brought to the input's size.
    algorithm : one of ``minicnn.backend.algorithms("conv2d_input_grad")`` or ``"auto"``.

    Returns
    -------
    (n, oh, ow, f); with K = dh·(kh − 1) + 1, oh is ``(h − 1)·sh + max(K, sh)`` for "valid" and ``h·sh`` for
    "same", or with an output_padding p ``(h − 1)·sh + K + p`` and ``(h − 1)·sh + K mod 2 + p``.

    Raises
    ------
    ShapeError where channels or sizes do not fit; ArgumentError for anything not understood.

    >>> import numpy as np
    >>> conv2d_transpose(np.ones((1, 1, 2, 1), "f4"), np.ones((1, 2, 1, 1), "f4")).numpy().ravel()
    array([1., 2., 1.], dtype=float32)
    """
    check_images(x.shape, where)
    check_filters(where, w.shape, "(kh, kw, f, c)", 3, x.shape[3])
    args = (strides, padding, output_padding, dilation_rate)
    g, out_hw = resolve_transposed_window(where, x.shape[1:3], w.shape[:2], *args)
    if None in out_hw:
        hint = "Give the Input a fixed size, or use the layer: it may leave sizes open."
        raise ShapeError(message(where, "the size of the images is not known yet", got=x.shape, hint=hint))
    function = Conv2DTransposeFunction(g, out_hw, algorithm)
    return function(x, w) if b is None else function(x, w, b)
