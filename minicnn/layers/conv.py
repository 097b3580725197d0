"""Conv2D: filters that slide over images."""

from __future__ import annotations

from typing import Any

from ..checks import whole
from ..errors import ArgumentError, message
from ..functions.conv import check_groups, conv2d
from ..functions.fused import Folded, conv2d_activation
from ..geometry import conv_shape
from .base import Shape
from .kernel_bias import KernelAndBias
from .windowed import Windowed


class Conv2D(Windowed, KernelAndBias):
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
        *,
        algorithm: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, **kwargs)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.filters = whole(filters, "filters", self.where)
        self.groups = whole(groups, "groups", self.where)
        if self.filters % self.groups:
            expected = f"a multiple of the {self.groups} groups"
            raise ArgumentError(
                message(self.where, "filters and groups", expected=expected, got=self.filters)
            )
        self.refuse_strides_with_dilation("conv2d")
        self.algorithm = algorithm

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.add_kernel_and_bias(shape, self.filters)

    def channels(self, input_shape: Shape) -> int:
        """The channels of the input, which groups and filters must fit."""
        channels = super().channels(input_shape)
        per_filter = self.kernel.shape[2] if self.built else channels // self.groups
        check_groups(self.where, channels, per_filter, self.filters, self.groups)
        return channels

    def call(self, x: Any) -> Any:
        y = self.call_fused(x, "relu") if self.limit == "relu" else None
        if y is not None:
            return y
        window = (self.strides, self.padding, self.dilation_rate, self.groups)
        y = conv2d(x, self.kernel, self.bias, *window, algorithm=self.algorithm, where=self.where)
        return self.activation(y)

    def call_fused(self, x: Any, activation: str, pooled: bool = False, folded: Folded | None = None) -> Any:
        """The convolution with what follows it, at once; None where that cannot be."""
        window = (self.strides, self.padding, self.dilation_rate, self.groups)
        settings = (window, activation, self.algorithm, self.where, pooled, folded)
        return conv2d_activation(x, self.kernel, self.bias, *settings)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        self.channels(input_shape)
        window = (self.strides, self.padding, self.dilation_rate)
        return conv_shape(self.where, input_shape, self.kernel_size, self.filters, *window)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "groups": self.groups,
            "algorithm": self.algorithm,
        }


Convolution2D = Conv2D
