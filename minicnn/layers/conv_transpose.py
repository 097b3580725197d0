"""Conv2DTranspose: a convolution run backwards, for making images larger."""

from __future__ import annotations

from typing import Any

from ..checks import whole
from ..functions.conv import check_filters
from ..functions.conv_transpose import conv2d_transpose
from ..geometry import pair, resolve_transposed_window
from .base import Shape
from .kernel_bias import KernelAndBias
from .windowed import Windowed


class Conv2DTranspose(Windowed, KernelAndBias):
    """Write learned filters into an image, weighted by the input's pixels; the adjoint of Conv2D.

    ``y[n, i·sh + u·dh − top, j·sw + v·dw − left, f] += Σ_c x[n, i, j, c]·kernel[u, v, f, c]``, then
    ``activation(y + bias)``; backward: see `minicnn.functions.conv2d_transpose`.

    Parameters
    ----------
    filters : output channels f.
    kernel_size, strides, dilation_rate : int or (height, width).
    padding : ``"valid"`` or ``"same"``, which multiplies the size by the strides.
    output_padding : None, or an int or pair below the strides that sets the output size.
    data_format : None or ``"channels_last"``.
    activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer :
        see `KernelAndBias`.
    algorithm : kernel to run, see ``minicnn.backend.algorithms("conv2d_input_grad")``.

    Weights: ``kernel`` (kh, kw, f, c), ``bias`` (f,).
    Input (n, h, w, c), output (n, oh, ow, f) with ``oh = (h − 1)·sh + max(dh·(kh − 1) + 1, sh)`` or, for
    "same", ``h·sh``; with an output_padding as in `minicnn.functions.conv2d_transpose`.

    Raises
    ------
    ArgumentError for what it does not accept, ShapeError where the input does not fit.

    >>> import numpy as np
    >>> Conv2DTranspose(8, 3, strides=2, padding="same")(np.zeros((1, 14, 14, 16))).shape
    (1, 28, 28, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        *,
        algorithm: str = "auto",
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, **kwargs)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.filters = whole(filters, "filters", self.where)
        self.refuse_strides_with_dilation("conv2d_transpose")
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = pair(output_padding, self.where, "output_padding", minimum=0)
        self._out_hw((None, None))
        self.algorithm = algorithm

    def build(self, input_shape: Shape) -> None:
        self.add_kernel_and_bias((*self.kernel_size, self.filters, self.channels(input_shape)), self.filters)

    def channels(self, input_shape: Shape) -> int:
        """The channels of the input, which the kernel must fit once it is there."""
        channels = super().channels(input_shape)
        if self.built:
            check_filters(self.where, self.kernel.shape, "(kh, kw, f, c)", 3, channels)
        return channels

    def call(self, x: Any) -> Any:
        window = (self.strides, self.padding, self.output_padding, self.dilation_rate)
        y = conv2d_transpose(x, self.kernel, self.bias, *window, algorithm=self.algorithm, where=self.where)
        return self.activation(y)

    def _out_hw(self, in_hw: Shape) -> tuple[Any, Any]:
        window = (self.kernel_size, self.strides, self.padding, self.output_padding, self.dilation_rate)
        return resolve_transposed_window(self.where, in_hw, *window)[1]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        self.channels(input_shape)
        return input_shape[0], *self._out_hw(input_shape[1:3]), self.filters

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "output_padding": self.output_padding,
            "algorithm": self.algorithm,
        }


Convolution2DTranspose = Conv2DTranspose
