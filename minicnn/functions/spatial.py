"""Changing the height and width of images: padding, cropping, upsampling."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..checks import is_number
from ..errors import ArgumentError, message
from ..geometry import Pads, cropped_shape, padded_shape, pair, sides, upsampled_shape
from .conv import check_images

INTERPOLATIONS = ("nearest", "bilinear")


class Pad2DFunction(Function):
    equation = "y[n, i, j, c] = x[n, i − top, j − left, c], and value outside x"
    backward_equation = "gx = gy without the frame"

    def __init__(self, pads: Pads, value: float) -> None:
        self.pads, self.value = pads, value

    def forward(self, x: Any) -> Any:
        out = backend.empty(padded_shape(x.shape, self.pads), x.dtype)
        return self.kernel("pad2d")(x, self.pads, self.value, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("crop2d")(gy, self.pads, out=backend.empty(self.edges[0].shape, gy.dtype))


class Crop2DFunction(Function):
    equation = "y[n, i, j, c] = x[n, i + top, j + left, c]"
    backward_equation = "gx = gy in a frame of zeros"

    def __init__(self, crops: Pads) -> None:
        self.crops = crops

    def forward(self, x: Any) -> Any:
        out = backend.empty(cropped_shape("crop2d", x.shape, self.crops), x.dtype)
        return self.kernel("crop2d")(x, self.crops, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("pad2d")(gy, self.crops, out=backend.empty(self.edges[0].shape, gy.dtype))


class Upsample2DFunction(Function):
    equation = "y[n, i, j, c] = x[n, ⌊i / fh⌋, ⌊j / fw⌋, c], or x between the nearest pixel centres"
    backward_equation = "gx = Σ gy over the pixels of y that show x, times its weight there"

    def __init__(self, size: tuple[int, int], interpolation: str) -> None:
        self.size, self.interpolation = size, interpolation

    def forward(self, x: Any) -> Any:
        out = backend.empty(upsampled_shape(x.shape, self.size), x.dtype)
        return self.kernel("upsample2d_forward")(x, self.size, self.interpolation, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        out = backend.empty(self.edges[0].shape, gy.dtype)
        return self.kernel("upsample2d_input_grad")(gy, self.size, self.interpolation, out=out)


def pad2d(x: Any, padding: Any = 1, value: float = 0.0, where: str = "pad2d") -> Tensor:
    """Lay rows and columns that hold one value around every image; backward cuts them off.

    `x` is (n, h, w, c); `padding` an int, (rows, columns) or ((top, bottom), (left, right)); returns
    (n, h + top + bottom, w + left + right, c). ArgumentError for other paddings.

    >>> import numpy as np
    >>> pad2d(np.ones((1, 1, 2, 1), "f4"), ((0, 0), (1, 0))).numpy().ravel()
    array([0., 1., 1.], dtype=float32)
    """
    check_images(x.shape, where)
    if not is_number(value):
        raise ArgumentError(message(where, "value", expected="a number", got=repr(value)))
    return Pad2DFunction(sides(padding, where, "padding"), float(value))(x)


def crop2d(x: Any, cropping: Any = 1, where: str = "crop2d") -> Tensor:
    """Cut rows and columns off the edges of every image; backward lays zeros in their place.

    `x` is (n, h, w, c); `cropping` an int, (rows, columns) or ((top, bottom), (left, right)); returns
    (n, h − top − bottom, w − left − right, c). ShapeError where nothing is left.

    >>> import numpy as np
    >>> crop2d(np.arange(4, dtype="f4").reshape(1, 1, 4, 1), ((0, 0), (1, 2))).numpy().ravel()
    array([1.], dtype=float32)
    """
    check_images(x.shape, where)
    crops = sides(cropping, where, "cropping")
    cropped_shape(where, x.shape, crops)
    return Crop2DFunction(crops)(x)


def upsample2d(x: Any, size: Any = 2, interpolation: str = "nearest", where: str = "upsample2d") -> Tensor:
    """Enlarge every image by whole factors; backward collects at each pixel what shows it.

    ``"nearest"`` repeats pixels, ``"bilinear"`` weights the nearest pixel centres.
    `x` is (n, h, w, c); `size` an int or (fh, fw); returns (n, h·fh, w·fw, c). ArgumentError for other
    factors or interpolations.

    >>> import numpy as np
    >>> upsample2d(np.array([0, 4], "f4").reshape(1, 1, 2, 1), (1, 2), "bilinear").numpy().ravel()
    array([0., 1., 3., 4.], dtype=float32)
    """
    check_images(x.shape, where)
    return Upsample2DFunction(pair(size, where, "size"), check_interpolation(interpolation, where))(x)


def check_interpolation(interpolation: Any, where: str) -> str:
    """The interpolation in lower case; ArgumentError for one that is not known."""
    word = str(interpolation).lower()
    if word not in INTERPOLATIONS:
        expected = " or ".join(map(repr, INTERPOLATIONS))
        raise ArgumentError(message(where, "interpolation", expected=expected, got=repr(interpolation)))
    return word
