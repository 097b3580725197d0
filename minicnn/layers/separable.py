"""DepthwiseConv2D and SeparableConv2D: convolutions that keep the channels apart."""

from __future__ import annotations

from typing import Any

from .. import initializers, regularizers
from ..autograd import Parameter
from ..checks import whole
from ..functions.conv import check_filters
from ..functions.depthwise import depthwise_conv2d, separable_conv2d
from ..geometry import conv_shape
from .base import Shape
from .kernel_bias import BiasAndActivation
from .windowed import Windowed


class _Depthwise(Windowed, BiasAndActivation):
    """What both share: filters for each channel, and what they start from."""

    def __init__(
        self,
        depth_multiplier: int,
        window: tuple[Any, ...],
        activation: Any,
        use_bias: bool,
        depthwise_initializer: Any,
        depthwise_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, **kwargs)
        self.set_window(*window)
        self.depth_multiplier = whole(depth_multiplier, "depth_multiplier", self.where)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)

    def add_depthwise(self, channels: int, name: str) -> Parameter:
        """Make the filters (kh, kw, c, m)."""
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        initializer, regularizer = self.depthwise_initializer, self.depthwise_regularizer
        return self.add_weight(shape, initializer, name=name, regularizer=regularizer)

    def channels(self, input_shape: Shape) -> int:
        """The channels of the input, which the filters must fit once they are there."""
        channels = super().channels(input_shape)
        if self.built:
            check_filters(self.where, self.weights[0].shape, "(kh, kw, c, m)", 2, channels)
        return channels

    def outputs(self, channels: int) -> int:
        """Output channels for this many input channels."""
        return channels * self.depth_multiplier

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        outputs = self.outputs(self.channels(input_shape))
        window = (self.strides, self.padding, self.dilation_rate)
        return conv_shape(self.where, input_shape, self.kernel_size, outputs, *window)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "depth_multiplier": self.depth_multiplier,
            "depthwise_initializer": initializers.serialize(self.depthwise_initializer),
            "depthwise_regularizer": regularizers.serialize(self.depthwise_regularizer, self.where),
        }


class DepthwiseConv2D(_Depthwise):
    """Slide learned filters over each channel by itself: ``y = activation(x ⊛ kernel + bias)``.

    ``y[n, i, j, c·m + k] = Σ_uv x[n, i·sh + u·dh − top, j·sw + v·dw − left, c]·kernel[u, v, c, k]``, then
    ``activation(y + bias)``; backward: see `minicnn.functions.depthwise_conv2d`.

    Parameters
    ----------
    kernel_size, strides, padding, dilation_rate, data_format : as in Conv2D.
    depth_multiplier : filters m of each channel.
    activation, use_bias, bias_initializer, bias_regularizer : see `BiasAndActivation`.
    depthwise_initializer, depthwise_regularizer : of the kernel, names or objects.

    Weights: ``kernel`` (kh, kw, c, m), ``bias`` (c·m,). Input (n, h, w, c), output (n, oh, ow, c·m).

    Raises
    ------
    ArgumentError for what it does not accept, ShapeError where the input does not fit.

    >>> import numpy as np
    >>> DepthwiseConv2D(3, depth_multiplier=2)(np.zeros((1, 28, 28, 3))).shape
    (1, 26, 26, 6)
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        *,
        depthwise_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        window = (kernel_size, strides, padding, data_format, dilation_rate)
        depthwise = (depthwise_initializer, depthwise_regularizer)
        super().__init__(depth_multiplier, window, activation, use_bias, *depthwise, **kwargs)

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        self.kernel = self.add_depthwise(channels, "kernel")
        self.add_bias(self.outputs(channels))

    def call(self, x: Any) -> Any:
        window = (self.strides, self.padding, self.dilation_rate)
        return self.activation(depthwise_conv2d(x, self.kernel, self.bias, *window, where=self.where))


class SeparableConv2D(_Depthwise):
    """A DepthwiseConv2D without bias, then a 1 × 1 Conv2D that mixes the channels.

    ``y = activation((x ⊛ depthwise_kernel) ⊛ pointwise_kernel + bias)``; backward: see
    `minicnn.functions.separable_conv2d`.

    Parameters
    ----------
    filters : output channels f.
    kernel_size, strides, padding, dilation_rate, data_format : as in Conv2D.
    depth_multiplier : depthwise filters m of each channel.
    activation, use_bias, bias_initializer, bias_regularizer : see `BiasAndActivation`.
    depthwise_initializer, pointwise_initializer, depthwise_regularizer, pointwise_regularizer :
        of the two kernels, names or objects.

    Weights: ``depthwise_kernel`` (kh, kw, c, m), ``pointwise_kernel`` (1, 1, c·m, f), ``bias`` (f,).
    Input (n, h, w, c), output (n, oh, ow, f).

    Raises
    ------
    ArgumentError for what it does not accept, ShapeError where the input does not fit.

    >>> import numpy as np
    >>> SeparableConv2D(8, 3)(np.zeros((1, 28, 28, 3))).shape
    (1, 26, 26, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        *,
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        window = (kernel_size, strides, padding, data_format, dilation_rate)
        depthwise = (depthwise_initializer, depthwise_regularizer)
        super().__init__(depth_multiplier, window, activation, use_bias, *depthwise, **kwargs)
        self.filters = whole(filters, "filters", self.where)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        self.depthwise_kernel = self.add_depthwise(channels, "depthwise_kernel")
        shape = (1, 1, channels * self.depth_multiplier, self.filters)
        initializer, regularizer = self.pointwise_initializer, self.pointwise_regularizer
        name = "pointwise_kernel"
        self.pointwise_kernel = self.add_weight(shape, initializer, name=name, regularizer=regularizer)
        self.add_bias(self.filters)

    def outputs(self, channels: int) -> int:
        """The filters, whatever the input channels."""
        return self.filters

    def call(self, x: Any) -> Any:
        weights = (self.depthwise_kernel, self.pointwise_kernel, self.bias)
        window = (self.strides, self.padding, self.dilation_rate)
        return self.activation(separable_conv2d(x, *weights, *window, where=self.where))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer, self.where),
        }


SeparableConvolution2D = SeparableConv2D
