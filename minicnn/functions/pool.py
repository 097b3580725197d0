"""Max and average pooling: one number for each window and channel.

Source: for `ceil_mode`, PyTorch's definition; for adaptive windows, He et al., Spatial Pyramid Pooling
(2014), appendix A.
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..geometry import Window, pair, resolve_window
from .conv import check_images


class MaxPool2DFunction(Function):
    equation = "y[n, i, j, c] = the largest x under the window at (i, j)"
    backward_equation = "gx = gy at the pixel that was largest (the first of equals), added up; 0 elsewhere"

    def __init__(self, kernel_hw: tuple[int, int], g: Window, out_hw: tuple[int, int]) -> None:
        self.kernel_hw, self.g, self.out_hw = kernel_hw, g, out_hw

    def forward(self, x: Any) -> Any:
        y, argmax = self.kernel("max_pool2d_forward")(x, self.kernel_hw, self.g, self.out_hw)
        self.save(argmax=argmax)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        shape = self.edges[0].shape
        run, out = self.kernel("max_pool2d_input_grad"), backend.empty(shape, gy.dtype)
        return run(gy, self.saved.argmax, shape, self.kernel_hw, self.g, out=out)


class AvgPool2DFunction(Function):
    equation = "y[n, i, j, c] = Σ x under the window at (i, j) / number of real pixels under it"
    backward_equation = "gx = gy / number, for every real pixel of the window, added up"

    def __init__(self, kernel_hw: tuple[int, int], g: Window, out_hw: tuple[int, int]) -> None:
        self.kernel_hw, self.g, self.out_hw = kernel_hw, g, out_hw

    def forward(self, x: Any) -> Any:
        out = backend.empty((x.shape[0], *self.out_hw, x.shape[3]), x.dtype)
        return self.kernel("avg_pool2d_forward")(x, self.kernel_hw, self.g, self.out_hw, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        shape = self.edges[0].shape
        out = backend.empty(shape, gy.dtype)
        return self.kernel("avg_pool2d_input_grad")(gy, shape, self.kernel_hw, self.g, out=out)


class AdaptiveAvgPool2DFunction(Function):
    equation = "y[n, i, j, c] = mean of x[n, ⌊i·h/oh⌋ … ⌈(i + 1)·h/oh⌉ − 1, ⌊j·w/ow⌋ … ⌈(j + 1)·w/ow⌉ − 1, c]"
    backward_equation = "gx = gy / number, for every pixel of the window, added up"

    def __init__(self, out_hw: tuple[int, int]) -> None:
        self.out_hw = out_hw

    def forward(self, x: Any) -> Any:
        out = backend.empty((x.shape[0], *self.out_hw, x.shape[3]), x.dtype)
        return self.kernel("adaptive_avg_pool2d_forward")(x, self.out_hw, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        shape = self.edges[0].shape
        return self.kernel("adaptive_avg_pool2d_input_grad")(gy, shape, out=backend.empty(shape, gy.dtype))


def _pool(
    function: Any, x: Any, pool_size: Any, strides: Any, padding: Any, ceil_mode: bool, where: str
) -> Tensor:
    check_images(x.shape, where)
    kernel_hw = pair(pool_size, where, "pool_size")
    strides = kernel_hw if strides is None else strides
    g, out_hw = resolve_window(where, x.shape[1:3], kernel_hw, strides, padding, ceil_mode=ceil_mode)
    return function(kernel_hw, g, out_hw)(x)


def max_pool2d(
    x: Any,
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    ceil_mode: bool = False,
    where: str = "max_pool2d",
) -> Tensor:
    """Largest value of each window and channel; padding never wins.

    Backward: gy goes to the pixel that was largest, the first one where several are equal.

    `x` is (n, h, w, c); `strides` defaults to the pool size; returns (n, oh, ow, c) with
    ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``, with `ceil_mode` ⌈…⌉ unless the last window would start
    behind the image. ShapeError where the window does not fit.

    >>> import numpy as np
    >>> max_pool2d(np.arange(16, dtype="f4").reshape(1, 4, 4, 1)).numpy()[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    return _pool(MaxPool2DFunction, x, pool_size, strides, padding, ceil_mode, where)


def avg_pool2d(
    x: Any,
    pool_size: Any = 2,
    strides: Any = None,
    padding: Any = "valid",
    ceil_mode: bool = False,
    where: str = "avg_pool2d",
) -> Tensor:
    """Mean of each window and channel, over the real pixels only (padding is not counted, as in Keras).

    Backward: every real pixel of a window gets gy divided by their number.

    `x` is (n, h, w, c); `strides` defaults to the pool size; returns (n, oh, ow, c) with
    ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``, with `ceil_mode` ⌈…⌉ unless the last window would start
    behind the image. ShapeError where the window does not fit.

    >>> import numpy as np
    >>> avg_pool2d(np.arange(16, dtype="f4").reshape(1, 4, 4, 1)).numpy()[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    return _pool(AvgPool2DFunction, x, pool_size, strides, padding, ceil_mode, where)


def adaptive_avg_pool2d(x: Any, output_size: Any, where: str = "adaptive_avg_pool2d") -> Tensor:
    """Mean of each of oh × ow windows that cover the image; neighbours may share a row or column.

    Window (i, j) holds the rows ⌊i·h/oh⌋ … ⌈(i + 1)·h/oh⌉ − 1, and columns likewise. Backward: every pixel
    of a window gets gy divided by their number.

    `x` is (n, h, w, c); `output_size` an int or (oh, ow); returns (n, oh, ow, c). ArgumentError for other
    sizes.

    >>> import numpy as np
    >>> adaptive_avg_pool2d(np.array([1, 3, 8], "f4").reshape(1, 1, 3, 1), (1, 2)).numpy().ravel()
    array([2. , 5.5], dtype=float32)
    """
    check_images(x.shape, where)
    return AdaptiveAvgPool2DFunction(pair(output_size, where, "output_size"))(x)
