"""Transposed windows, padding, cropping and upsampling: sizes that grow, or shrink by a given amount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, ShapeError, message
from .windows import Pads, Window, extent, pair, resolve_padding

Sizes = Sequence[int | None]


def resolve_transposed_window(
    where: str,
    in_hw: Sizes,
    kernel_hw: tuple[int, int],
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    dilation: Any = 1,
) -> tuple[Window, tuple[Any, Any]]:
    """Resolve a transposed convolution of an image of `in_hw` pixels.

    Returns the `Window` of the convolution that it is the adjoint of, and its own output size (oh, ow),
    None where the input's size is. The rules are Keras'.

    >>> resolve_transposed_window("Conv2DTranspose", (14, 14), (3, 3), strides=2, padding="same")
    (Window(stride=(2, 2), pad=((0, 1), (0, 1)), dilation=(1, 1)), (28, 28))
    """
    stride, dil = pair(strides, where, "strides"), pair(dilation, where, "dilation_rate")
    word = resolve_padding(padding, where)
    if not isinstance(word, str):
        expected = '"valid" or "same"'
        raise ArgumentError(message(where, "the padding is not a word", expected=expected, got=repr(padding)))
    more: Any = (None, None)
    if output_padding is not None:
        more = pair(output_padding, where, "output_padding", minimum=0)
        if more[0] >= stride[0] or more[1] >= stride[1]:
            problem, expected = "output_padding is too large", f"less than the strides {stride}"
            raise ArgumentError(message(where, problem, expected=expected, got=more))
    pads, out = [], []
    for axis in (0, 1):
        args = (kernel_hw[axis], stride[axis], word == "same", more[axis], dil[axis])
        size = in_hw[axis]
        pad, oh = _transposed_axis(1 if size is None else size, *args)
        if size is not None and oh < 1:
            got = f"{('height', 'width')[axis]} {oh}"
            hint = "Use a larger output_padding, or None."
            raise ShapeError(message(where, "the output is empty", expected="at least 1", got=got, hint=hint))
        pads.append(pad)
        out.append(None if size is None else oh)
    return Window(stride, (pads[0], pads[1]), dil), (out[0], out[1])


def _transposed_axis(
    size: int, kernel: int, stride: int, same: bool, output_padding: int | None, dilation: int
) -> tuple[tuple[int, int], int]:
    """Padding (before, after) of the convolution to transpose, and output size, along one axis.

    The windows together write `written` pixels; padding is what is cut off them. Where the output is
    larger, no window reaches its last pixels.
    """
    reach = extent(kernel, dilation)
    written = (size - 1) * stride + reach
    if not same:
        return (0, 0), written + (max(stride - reach, 0) if output_padding is None else output_padding)
    out = size * stride if output_padding is None else written - reach + reach % 2 + output_padding
    before = max((written - out) // 2, 0)
    return (before, max(written - out - before, 0)), out


def padded_shape(x_shape: Sizes, pads: Pads) -> tuple[Any, ...]:
    """Shape of NHWC images with a frame around them; unknown sizes stay None.

    >>> padded_shape((None, 4, 5, 3), ((1, 1), (0, 2)))
    (None, 6, 7, 3)
    """
    n, h, w, c = x_shape
    return n, *(None if s is None else s + sum(p) for s, p in zip((h, w), pads, strict=True)), c


def cropped_shape(where: str, x_shape: Sizes, crops: Pads) -> tuple[Any, ...]:
    """Shape of NHWC images without their edges; unknown sizes stay None.

    Raises ShapeError where nothing is left.

    >>> cropped_shape("Cropping2D", (None, 4, 5, 3), ((1, 1), (0, 2)))
    (None, 2, 3, 3)
    """
    n, h, w, c = x_shape
    for name, size, crop in (("height", h, crops[0]), ("width", w, crops[1])):
        if size is not None and sum(crop) >= size:
            expected = f"less than the {name} {size}"
            got = f"{crop[0]} + {crop[1]}"
            raise ShapeError(message(where, "nothing is left of the images", expected=expected, got=got))
    return n, *(None if s is None else s - sum(p) for s, p in zip((h, w), crops, strict=True)), c


def upsampled_shape(x_shape: Sizes, size: tuple[int, int]) -> tuple[Any, ...]:
    """Shape of NHWC images enlarged by whole factors (fh, fw); unknown sizes stay None.

    >>> upsampled_shape((None, 4, None, 3), (2, 3))
    (None, 8, None, 3)
    """
    n, h, w, c = x_shape
    return n, *(None if s is None else s * f for s, f in zip((h, w), size, strict=True)), c
