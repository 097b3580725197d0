"""Numbers of weights, with and without sharing, and what a stack of small kernels saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import whole
from ..errors import ArgumentError, message
from ..geometry import Field, conv_shape, field_through, pair

__all__ = ["Count", "Stack", "conv_parameters", "dense_parameters", "stack"]


@dataclass(frozen=True)
class Count:
    """A number and the product it comes from; printing it shows both."""

    total: int
    formula: str

    def __int__(self) -> int:
        return self.total

    __index__ = __int__

    def __str__(self) -> str:
        return f"{self.formula} = {self.total:,}"


def conv_parameters(
    input_shape: Sequence[int],
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: Any = "valid",
    groups: int = 1,
    use_bias: bool = True,
    shared: bool = True,
) -> Count:
    """Parameters of a convolution of images (h, w, c): ``(kh·kw·c/groups + 1)·f``.

    With ``shared=False`` every position of the output has weights of its own: ``oh·ow`` times as many.
    Source of the example: Krizhevsky et al. (2012), first layer, counted in Stanford's CS231n.

    >>> print(conv_parameters((227, 227, 3), filters=96, kernel_size=11, strides=4))
    (11·11·3 + 1)·96 = 34,944
    >>> print(conv_parameters((227, 227, 3), filters=96, kernel_size=11, strides=4, shared=False))
    55·55·(11·11·3 + 1)·96 = 105,705,600
    """
    where = "conv_parameters"
    shape = _image_shape(input_shape, where)
    filters, groups = whole(filters, "filters", where), whole(groups, "groups", where)
    kh, kw = pair(kernel_size, where, "kernel_size")
    if shape[2] % groups or filters % groups:
        expected, got = f"multiples of the {groups} groups", f"{shape[2]} and {filters}"
        raise ArgumentError(message(where, "channels and filters", expected=expected, got=got))
    _, oh, ow, _ = conv_shape(where, (1, *shape), (kh, kw), filters, strides, padding)
    per_filter = kh * kw * shape[2] // groups + bool(use_bias)
    inside = f"{kh}·{kw}·{shape[2] // groups}"
    formula = f"({inside} + 1)·{filters}" if use_bias else f"{inside}·{filters}"
    if shared:
        return Count(per_filter * filters, formula)
    return Count(math.prod((oh or 1, ow or 1, per_filter, filters)), f"{oh}·{ow}·{formula}")


def dense_parameters(inputs: int, units: int, use_bias: bool = True) -> Count:
    """Parameters of a fully connected layer: ``(inputs + 1)·units``.

    >>> print(dense_parameters(7 * 7 * 512, 4096, use_bias=False))
    25,088·4,096 = 102,760,448
    """
    where = "dense_parameters"
    inputs, units = whole(inputs, "inputs", where), whole(units, "units", where)
    formula = f"({inputs:,} + 1)·{units:,}" if use_bias else f"{inputs:,}·{units:,}"
    return Count((inputs + bool(use_bias)) * units, formula)


@dataclass(frozen=True)
class Stack:
    """Convolutions on top of each other, each from `channels` to as many; see `stack`."""

    kernels: tuple[int, ...]
    channels: int
    receptive_field: int
    weights: int

    def __str__(self) -> str:
        names = " + ".join(f"{k}×{k}" for k in self.kernels)
        factor = sum(k * k for k in self.kernels)
        return (
            f"{names}: sees {self.receptive_field}×{self.receptive_field} pixels with "
            f"{factor}·C² = {self.weights:,} weights (C = {self.channels})"
        )


def stack(kernels: Sequence[int], channels: int) -> Stack:
    """Receptive field and weights (without biases) of square convolutions of stride 1 in a row.

    >>> print(stack([3, 3, 3], channels=64))
    3×3 + 3×3 + 3×3: sees 7×7 pixels with 27·C² = 110,592 weights (C = 64)
    >>> print(stack([7], channels=64))
    7×7: sees 7×7 pixels with 49·C² = 200,704 weights (C = 64)
    """
    if not isinstance(kernels, list | tuple) or not kernels:
        expected = "a list of kernel sizes"
        raise ArgumentError(message("stack", "kernels", expected=expected, got=repr(kernels)))
    sizes = tuple(whole(kernel, "kernel", "stack") for kernel in kernels)
    channels = whole(channels, "channels", "stack")
    field = Field()
    for kernel in sizes:
        field = field_through(field, kernel, 1)
    return Stack(sizes, channels, field.pixels, sum(k * k for k in sizes) * channels**2)


def _image_shape(shape: Any, where: str) -> tuple[int, int, int]:
    values = tuple(shape) if isinstance(shape, list | tuple) else (shape,)
    if len(values) != 3:
        expected = "(height, width, channels)"
        raise ArgumentError(message(where, "the shape of an image", expected=expected, got=repr(shape)))
    h, w, c = (whole(value, "size", where) for value in values)
    return h, w, c
