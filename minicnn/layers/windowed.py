"""What all convolutions share: a kernel that moves over images in steps."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError, ShapeError, message
from ..geometry import pair, resolve_padding
from .base import Layer, Shape


class Windowed(Layer):
    """Mixin of layers with kernel_size, strides, padding and dilation_rate."""

    def set_window(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        """Check and keep these arguments; called by `__init__`."""
        self.check_data_format(data_format)
        self.kernel_size = pair(kernel_size, self.where, "kernel_size")
        self.strides = pair(strides, self.where, "strides")
        self.padding = resolve_padding(padding, self.where)
        self.dilation_rate = pair(dilation_rate, self.where, "dilation_rate")

    def refuse_strides_with_dilation(self, function: str) -> None:
        """ArgumentError for strides and dilation at once, where Keras has none of these layers."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            got = f"strides={self.strides}, dilation_rate={self.dilation_rate}"
            hint = f"Keras knows no such layer; minicnn.functions.{function} computes it."
            raise ArgumentError(
                message(self.where, "strides and dilation exclude each other", got=got, hint=hint)
            )

    def channels(self, input_shape: Shape) -> int:
        """Channels of a batch of images; ShapeError where that is no such shape or they are not known."""
        if len(input_shape) != 4 or not input_shape[3]:
            hint = "Grey images need a channel axis: x[..., None]."
            expected = "(n, h, w, c) with a known c"
            problem = "the input is not a batch of images"
            raise ShapeError(
                message(self.where, problem, expected=expected, got=tuple(input_shape), hint=hint)
            )
        return int(input_shape[3])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
        }
