"""Windows that slide over an image: how many positions they have, and with which padding.

Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning" (2016), and, for
``padding="same"``, TensorFlow's asymmetric rule (one pixel more at the bottom and on the right).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..checks import is_integer
from ..errors import ArgumentError, ShapeError, message

Pads = tuple[tuple[int, int], tuple[int, int]]


class Window(NamedTuple):
    """How a window moves over an image: stride (sh, sw), pad ((t, b), (l, r)), dilation (dh, dw)."""

    stride: tuple[int, int]
    pad: Pads
    dilation: tuple[int, int] = (1, 1)


def pair(value: Any, where: str, name: str, minimum: int = 1) -> tuple[int, int]:
    """Turn ``3`` or ``(3, 5)`` into a (height, width) pair of integers.

    Raises ArgumentError when it is anything else or below `minimum`.

    >>> pair(3, "Conv2D", "kernel_size")
    (3, 3)
    """
    values = (value, value) if is_integer(value) else value
    right = isinstance(values, Sequence) and not isinstance(values, str) and len(values) == 2
    if not right or not all(is_integer(v) and v >= minimum for v in values):
        raise ArgumentError(
            message(
                where,
                f"{name} is not an integer or a pair of integers",
                expected=f"integers of at least {minimum}",
                got=repr(value),
            )
        )
    return int(values[0]), int(values[1])


def extent(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last tap of a dilated kernel: ``dilation·(kernel − 1) + 1``."""
    return dilation * (kernel - 1) + 1


def output_size(size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int = 1) -> int:
    """Number of window positions: ``⌊(size + before + after − dilation·(kernel−1) − 1) / stride⌋ + 1``.

    Zero or less means that the window does not fit.

    >>> output_size(28, kernel=3, stride=1, pad=(0, 0))
    26
    """
    return (size + sum(pad) - extent(kernel, dilation)) // stride + 1


def size_formula(size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int = 1) -> str:
    """The formula of `output_size` with its numbers filled in, for error messages and lessons.

    >>> size_formula(28, 3, 1, (0, 0))
    '⌊(28 + 0 + 0 − 3) / 1⌋ + 1 = 26'
    """
    result = output_size(size, kernel, stride, pad, dilation)
    reach = extent(kernel, dilation)
    return f"⌊({size} + {pad[0]} + {pad[1]} − {reach}) / {stride}⌋ + 1 = {result}"


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding (before, after) with which the output has ``⌈size / stride⌉`` positions.

    An odd total puts the extra pixel after, as TensorFlow does.

    >>> same_padding(28, kernel=2, stride=1)
    (0, 1)
    """
    total = max((math.ceil(size / stride) - 1) * stride + extent(kernel, dilation) - size, 0)
    return total // 2, total - total // 2


def sides(value: Any, where: str, name: str) -> Pads:
    """Turn an integer, (rows, columns) or ((top, bottom), (left, right)) into the last of these.

    >>> sides((1, (2, 0)), "Cropping2D", "cropping")
    ((1, 1), (2, 0))
    """
    values = (value, value) if is_integer(value) else value
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != 2:
        expected = "an integer, (rows, columns) or ((top, bottom), (left, right))"
        raise ArgumentError(message(where, f"{name} is not understood", expected=expected, got=repr(value)))
    top_bottom = pair(values[0], where, f"{name} (top, bottom)", minimum=0)
    return top_bottom, pair(values[1], where, f"{name} (left, right)", minimum=0)


def resolve_padding(padding: Any, where: str) -> str | Pads:
    """Check a ``padding`` argument; words stay words, numbers become ((top, bottom), (left, right)).

    >>> resolve_padding(1, "Conv2D")
    ((1, 1), (1, 1))
    """
    if isinstance(padding, str):
        if padding.lower() in ("valid", "same"):
            return padding.lower()
    elif (is_integer(padding) and padding >= 0) or (isinstance(padding, Sequence) and len(padding) == 2):
        return sides(padding, where, "padding")
    raise ArgumentError(
        message(
            where,
            "the padding is not understood",
            expected='"valid", "same", an integer, (rows, columns) or ((top, bottom), (left, right))',
            got=repr(padding),
        )
    )


def resolve_window(
    where: str,
    in_hw: tuple[int, int],
    kernel_hw: tuple[int, int],
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[Window, tuple[int, int]]:
    """Resolve everything about a sliding window over an image of `in_hw` pixels.

    With `ceil_mode` a last window that starts inside the image or the padding before it may reach over
    the end, as in PyTorch: the padding after grows by what it needs.

    Returns the `Window` with integers only, and the output size (oh, ow).
    Raises ShapeError when the window does not fit into the padded image.

    >>> resolve_window("Conv2D", (28, 28), (3, 3), strides=2, padding="same")
    (Window(stride=(2, 2), pad=((0, 1), (0, 1)), dilation=(1, 1)), (14, 14))
    """
    if None in in_hw:
        hint = "Give the Input a fixed size, or use the layer: it may leave sizes open."
        raise ShapeError(message(where, "the size of the images is not known yet", got=in_hw, hint=hint))
    stride = pair(strides, where, "strides")
    dil = pair(dilation, where, "dilation_rate")
    pads = resolve_padding(padding, where)
    rows, oh = _resolve_axis(where, 0, in_hw[0], kernel_hw[0], stride[0], pads, dil[0], ceil_mode)
    columns, ow = _resolve_axis(where, 1, in_hw[1], kernel_hw[1], stride[1], pads, dil[1], ceil_mode)
    return Window(stride, (rows, columns), dil), (oh, ow)


def _resolve_axis(
    where: str,
    axis: int,
    size: int,
    kernel: int,
    stride: int,
    pads: str | Pads,
    dilation: int,
    ceil_mode: bool,
) -> tuple[tuple[int, int], int]:
    """Padding (before, after) and output size along one axis (0: height, 1: width)."""
    if pads == "valid":
        pad = (0, 0)
    elif pads == "same":
        pad = same_padding(size, kernel, stride, dilation)
    else:
        pad = pads[axis]  # type: ignore[assignment]
    if ceil_mode:
        reach = extent(kernel, dilation)
        positions = -((reach - size - sum(pad)) // stride) + 1  # −⌊−a⌋ is ⌈a⌉
        if (positions - 1) * stride >= size + pad[0]:
            positions -= 1  # the last window would start behind the image
        if positions > 0:
            pad = pad[0], max(pad[1], (positions - 1) * stride + reach - size - pad[0])
    out = output_size(size, kernel, stride, pad, dilation)
    if out < 1:
        name = ("height", "width")[axis]
        raise ShapeError(_does_not_fit(where, name, size, kernel, stride, pad, dilation))
    return pad, out


def _does_not_fit(
    where: str, axis: str, size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int
) -> str:
    room = size + sum(pad)
    dilated = f" (dilated by {dilation}: {extent(kernel, dilation)})" if dilation > 1 else ""
    return message(
        where,
        "the kernel is larger than the padded input",
        expected=f"kernel {axis} at most {room} (input {size} + padding {pad[0]} + {pad[1]})",
        got=f"{kernel}{dilated}: {size_formula(size, kernel, stride, pad, dilation)}",
        hint='Use a smaller kernel, a larger input or padding="same".',
    )


def conv_shape(
    where: str,
    x_shape: Sequence[int | None],
    kernel_hw: tuple[int, int],
    filters: int,
    strides: Any = 1,
    padding: Any = "valid",
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[int | None, int | None, int | None, int]:
    """Output shape (n, oh, ow, filters) of a window over NHWC images; unknown sizes stay None."""
    stride, dil = pair(strides, where, "strides"), pair(dilation, where, "dilation_rate")
    pads = resolve_padding(padding, where)
    sizes: list[int | None] = []
    for axis in (0, 1):
        size = x_shape[axis + 1]
        if size is None:
            sizes.append(None)
        else:
            args = (size, kernel_hw[axis], stride[axis], pads, dil[axis], ceil_mode)
            sizes.append(_resolve_axis(where, axis, *args)[1])
    return x_shape[0], sizes[0], sizes[1], filters


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Inputs and outputs of one unit, (fan_in, fan_out), for a weight of this shape.

    For a convolution kernel (kh, kw, in, out) the receptive field kh·kw multiplies both
    (Glorot & Bengio 2010, as Keras counts it).

    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    if len(shape) < 2:
        only = int(shape[0]) if shape else 1
        return only, only
    field = math.prod(shape[:-2])
    return int(shape[-2] * field), int(shape[-1] * field)


def conv_macs(out_hw: tuple[int, int], w_shape: Sequence[int]) -> int:
    """Multiply-accumulates of one image through a convolution: ``oh·ow·kh·kw·(c/groups)·f``.

    >>> conv_macs((26, 26), (3, 3, 1, 32))
    194688
    """
    return math.prod(out_hw) * math.prod(w_shape)
