"""Convolution, and the im2col / col2im pair it can be built from.

im2col copies the pixels under every position of the window into a row of a matrix; a convolution is
then one matrix product (Chellapilla, Puri & Simard 2006). col2im, its adjoint, adds every row back to
where its pixels came from.
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..checks import whole
from ..errors import ShapeError, message
from ..geometry import Window, pair, resolve_window


class Im2ColFunction(Function):
    equation = "cols[n, i, j, u, v, c] = x[n, i·sh + u·dh − top, j·sw + v·dw − left, c]"
    backward_equation = "gx = col2im(gcols)"

    def __init__(self, kernel_hw: tuple[int, int], g: Window, out_hw: tuple[int, int]) -> None:
        self.kernel_hw, self.g, self.out_hw = kernel_hw, g, out_hw

    def forward(self, x: Any) -> Any:
        return self.kernel("im2col")(x, self.kernel_hw, self.g, self.out_hw)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("col2im")(gy, self.edges[0].shape, self.g)


class Col2ImFunction(Function):
    equation = "x = for every pixel, the sum of all entries of cols that im2col copies from it"
    backward_equation = "gcols = im2col(gx)"

    def __init__(self, x_shape: tuple[int, int, int, int], g: Window) -> None:
        self.x_shape, self.g = x_shape, g

    def forward(self, cols: Any) -> Any:
        return self.kernel("col2im")(cols, self.x_shape, self.g)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        _, oh, ow, kh, kw, _ = self.edges[0].shape
        return self.kernel("im2col")(gy, (kh, kw), self.g, (oh, ow))


class Conv2DFunction(Function):
    equation = "y[n, i, j, f] = Σ x[n, i·sh + u·dh − top, j·sw + v·dw − left, c] · w[u, v, c, f] + b[f]"
    backward_equation = "gx = gy spread back through w, gw = Σ over positions of x·gy, gb = Σ gy"

    def __init__(self, g: Window, groups: int, out_hw: tuple[int, int], algorithm: str) -> None:
        self.g, self.groups, self.out_hw, self.algorithm = g, groups, out_hw, algorithm

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.save(x=x, w=w)
        y = backend.empty((x.shape[0], *self.out_hw, w.shape[3]), x.dtype)
        run = None if b is None else backend.fused("conv2d_bias_activation_forward", self.backend)
        if run is not None:
            return run(x, w, b, self.g, self.groups, self.out_hw, "linear", self.algorithm, out=y)
        y = self.kernel("conv2d_forward", self.algorithm)(x, w, self.g, self.groups, self.out_hw, out=y)
        return y if b is None else self.kernel("bias_activation_forward")(y, b, "linear", out=y)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        gx, gw = self.input_grads(gy, needs)
        if len(needs) == 2:
            return gx, gw
        return gx, gw, self.kernel("bias_grad")(gy) if needs[2] else None

    def input_grads(self, gy: Any, needs: tuple[bool, ...]) -> tuple[Any, Any]:
        """The gradients of images and filters."""
        x, w = self.saved.x, self.saved.w
        gx = gw = None
        if needs[0]:
            gx = backend.empty(x.shape, x.dtype)
            run = self.kernel("conv2d_input_grad", self.algorithm)
            gx = run(gy, w, x.shape, self.g, self.groups, out=gx)
        if needs[1]:
            run = self.kernel("conv2d_weight_grad", self.algorithm)
            gw = run(x, gy, w.shape, self.g, self.groups)
        return gx, gw


def check_images(shape: Any, where: str) -> None:
    """ShapeError unless this is the shape of a batch of images (n, h, w, c)."""
    if len(shape) != 4:
        hint = "Add the missing axis, for example x[..., None] for grey images or x[None] for one image."
        expected, got = "(n, h, w, c)", f"shape {tuple(shape)}"
        raise ShapeError(
            message(where, "the input is not a batch of images", expected=expected, got=got, hint=hint)
        )


def conv2d(
    x: Any,
    w: Any,
    b: Any = None,
    strides: Any = 1,
    padding: Any = "valid",
    dilation_rate: Any = 1,
    groups: int = 1,
    algorithm: str = "auto",
    where: str = "conv2d",
) -> Tensor:
    """Slide filters over images and take the weighted sum at each position (cross-correlation).

    ``y[n, i, j, f] = Σ_uvc x[n, i·sh + u·dh − top, j·sw + v·dw − left, c]·w[u, v, c, f] + b[f]``;
    backward: gx sends gy back through the same taps, gw sums x·gy over all positions, gb sums gy.

    Parameters
    ----------
    x : images (n, h, w, c).
    w : filters (kh, kw, c / groups, f); b : bias (f,) or None.
    strides, dilation_rate : int or pair. padding : ``"valid"``, ``"same"`` (TensorFlow's rule), an int,
        or ((top, bottom), (left, right)).
    groups : the channels are cut into this many parts, each seen by f / groups filters.
    algorithm : one of ``minicnn.backend.algorithms("conv2d_forward")`` or ``"auto"``.

    Returns
    -------
    (n, oh, ow, f) with ``oh = ⌊(h + top + bottom − dh·(kh − 1) − 1) / sh⌋ + 1``, ow likewise.

    Raises
    ------
    ShapeError where channels, groups or sizes do not fit; ArgumentError for anything not understood.

    Source: Dumoulin & Visin 2016, sections 2 and 4.

    >>> import numpy as np
    >>> conv2d(np.ones((1, 4, 4, 1), "f4"), np.ones((3, 3, 1, 2), "f4")).numpy()[0, :, :, 0]
    array([[9., 9.],
           [9., 9.]], dtype=float32)
    """
    function = Conv2DFunction(*window_of(x, w, (strides, padding, dilation_rate, groups), where), algorithm)
    return function(x, w) if b is None else function(x, w, b)


def window_of(x: Any, w: Any, window: tuple[Any, ...], where: str) -> tuple[Window, int, tuple[int, int]]:
    """(g, groups, out_hw) of a convolution whose window is (strides, padding, dilation_rate, groups)."""
    check_images(x.shape, where)
    if len(w.shape) != 4:
        expected = "(kh, kw, c / groups, f)"
        raise ShapeError(message(where, "the filters are not 4-dimensional", expected=expected, got=w.shape))
    strides, padding, dilation_rate, groups = window
    kh, kw, c, f = w.shape
    check_groups(where, x.shape[3], c, f, groups)
    g, out_hw = resolve_window(where, x.shape[1:3], (kh, kw), strides, padding, dilation_rate)
    return g, groups, out_hw


def check_groups(where: str, x_channels: int, w_channels: int, filters: int, groups: int) -> None:
    """ShapeError unless the channels, filters and groups of a convolution fit together."""
    groups = whole(groups, "groups", where)
    if x_channels % groups or filters % groups:
        expected = f"a divisor of the {x_channels} channels and the {filters} filters"
        raise ShapeError(message(where, "the groups do not divide evenly", expected=expected, got=groups))
    if x_channels != w_channels * groups:
        expected = f"{w_channels * groups} channels ({w_channels} per filter · {groups} groups)"
        hint = "Images are channels-last here: (n, h, w, c)."
        raise ShapeError(
            message(where, "wrong number of channels", expected=expected, got=x_channels, hint=hint)
        )


def check_filters(where: str, w_shape: Any, expected: str, axis: int, channels: int) -> None:
    """ShapeError unless filters of this shape have 4 axes and, on this one, the images' channels."""
    if len(w_shape) != 4:
        raise ShapeError(message(where, "the filters are not 4-dimensional", expected=expected, got=w_shape))
    if w_shape[axis] != channels:
        hint = "Images are channels-last here: (n, h, w, c)."
        raise ShapeError(
            message(where, "wrong number of channels", expected=w_shape[axis], got=channels, hint=hint)
        )


def im2col(
    x: Any, kernel_size: Any, strides: Any = 1, padding: Any = "valid", dilation_rate: Any = 1
) -> Tensor:
    """Copy the pixels under each window position into a row: (n, oh, ow, kh, kw, c).

    Backward is `col2im`.

    >>> import numpy as np
    >>> im2col(np.zeros((1, 5, 5, 2), "f4"), 3).shape
    (1, 3, 3, 3, 3, 2)
    """
    check_images(x.shape, "im2col")
    kernel_hw = pair(kernel_size, "im2col", "kernel_size")
    g, out_hw = resolve_window("im2col", x.shape[1:3], kernel_hw, strides, padding, dilation_rate)
    return Im2ColFunction(kernel_hw, g, out_hw)(x)


def col2im(
    cols: Any, x_shape: Any, strides: Any = 1, padding: Any = "valid", dilation_rate: Any = 1
) -> Tensor:
    """Add every entry of `cols` to the pixel that `im2col` copied it from; the adjoint of im2col.

    Backward is `im2col`.

    >>> import numpy as np
    >>> col2im(np.ones((1, 2, 2, 2, 2, 1), "f4"), (1, 3, 3, 1)).numpy()[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]], dtype=float32)
    """
    if len(cols.shape) != 6:
        expected = "(n, oh, ow, kh, kw, c)"
        raise ShapeError(message("col2im", "wrong shape of cols", expected=expected, got=tuple(cols.shape)))
    if len(x_shape) != 4:
        raise ShapeError(message("col2im", "x_shape", expected="(n, h, w, c)", got=tuple(x_shape)))
    kernel_hw = tuple(cols.shape[3:5])
    g, out_hw = resolve_window("col2im", tuple(x_shape[1:3]), kernel_hw, strides, padding, dilation_rate)
    expected_shape = (x_shape[0], *out_hw, *kernel_hw, x_shape[3])
    if tuple(cols.shape) != expected_shape:
        got = tuple(cols.shape)
        raise ShapeError(message("col2im", "cols does not fit x_shape", expected=expected_shape, got=got))
    return Col2ImFunction(tuple(x_shape), g)(cols)
