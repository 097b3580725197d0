"""Conv2D: filters that slide over images."""

from __future__ import annotations

from typing import Any

from ..checks import whole
from ..errors import ArgumentError, ShapeError, message
from ..functions.conv import check_groups, conv2d
from ..geometry import conv_shape, pair, resolve_padding
from .base import Shape
from .kernel_bias import KernelAndBias


class Conv2D(KernelAndBias):
    """Slide learned filters over images: ``y = activation(x ⊛ kernel + bias)``.

    ``y[n, i, j, f] = Σ_uvc x[n, i·sh + u·dh − top, j·sw + v·dw − left, c]·kernel[u, v, c, f] + bias[f]``;
    backward: see `minicnn.functions.conv2d`.

    Parameters
    ----------
    filters : output channels f.
    kernel_size, strides, dilation_rate : int or (height, width).
    padding : ``"valid"``, ``"same"`` (as TensorFlow), an int, or ((top, bottom), (left, right)).
    data_format : None or ``"channels_last"``.
    groups : parts the channels are cut into.
    activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer :
        see `KernelAndBias`.
    algorithm : kernel to run, see ``minicnn.backend.algorithms("conv2d_forward")``.

    Weights: ``kernel`` (kh, kw, c / groups, f), ``bias`` (f,).
    Input (n, h, w, c), output (n, oh, ow, f) with ``oh = ⌊(h + top + bottom − dh·(kh − 1) − 1) / sh⌋ + 1``.

    Raises
    ------
    ArgumentError for what it does not accept, ShapeError where the input does not fit.

    >>> import numpy as np
    >>> Conv2D(32, 3, activation="relu")(np.zeros((1, 28, 28, 1))).shape
    (1, 26, 26, 32)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        algorithm: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, **kwargs)
        self.check_data_format(data_format)
        self.filters = whole(filters, "filters", self.where)
        self.kernel_size = pair(kernel_size, self.where, "kernel_size")
        self.strides = pair(strides, self.where, "strides")
        self.padding = resolve_padding(padding, self.where)
        self.dilation_rate = pair(dilation_rate, self.where, "dilation_rate")
        self.groups = whole(groups, "groups", self.where)
        if self.filters % self.groups:
            expected = f"a multiple of the {self.groups} groups"
            raise ArgumentError(
                message(self.where, "filters and groups", expected=expected, got=self.filters)
            )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            got = f"strides={self.strides}, dilation_rate={self.dilation_rate}"
            hint = "Keras knows no such layer; minicnn.functions.conv2d computes it."
            raise ArgumentError(
                message(self.where, "strides and dilation exclude each other", got=got, hint=hint)
            )
        self.algorithm = algorithm

    def build(self, input_shape: Shape) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.add_kernel_and_bias(shape, self.filters)

    def _channels(self, input_shape: Shape) -> int:
        if len(input_shape) != 4 or not input_shape[3]:
            hint = "Grey images need a channel axis: x[..., None]."
            expected = "(n, h, w, c) with a known c"
            problem = "the input is not a batch of images"
            raise ShapeError(
                message(self.where, problem, expected=expected, got=tuple(input_shape), hint=hint)
            )
        per_filter = self.kernel.shape[2] if self.built else input_shape[3] // self.groups
        check_groups(self.where, input_shape[3], per_filter, self.filters, self.groups)
        return int(input_shape[3])

    def call(self, x: Any) -> Any:
        window = (self.strides, self.padding, self.dilation_rate, self.groups)
        y = conv2d(x, self.kernel, self.bias, *window, algorithm=self.algorithm, where=self.where)
        return self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        self._channels(input_shape)
        window = (self.strides, self.padding, self.dilation_rate)
        return conv_shape(self.where, input_shape, self.kernel_size, self.filters, *window)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "algorithm": self.algorithm,
        }
