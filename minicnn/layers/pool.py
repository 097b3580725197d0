"""Max and average pooling layers: over moving windows, over whole images, to a given size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functions as F
from ..functions.conv import check_images
from ..geometry import conv_shape, pair, resolve_padding
from .base import Layer, Shape


class _Pooling2D(Layer):
    """What both poolings share: a window and how it moves."""

    function: Callable[..., Any]

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        *,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.pool_size = pair(pool_size, self.where, "pool_size")
        self.strides = self.pool_size if strides is None else pair(strides, self.where, "strides")
        self.padding = resolve_padding(padding, self.where)
        self.ceil_mode = bool(ceil_mode)

    def call(self, x: Any) -> Any:
        window = (self.pool_size, self.strides, self.padding, self.ceil_mode)
        return type(self).function(x, *window, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        check_images(input_shape, self.where)
        window = (self.strides, self.padding, 1, self.ceil_mode)
        return conv_shape(self.where, input_shape, self.pool_size, input_shape[3], *window)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "ceil_mode": self.ceil_mode,
        }


class MaxPooling2D(_Pooling2D):
    """The largest value of each window and channel.

    Backward: the gradient goes to the pixel that was largest. Parameters: `pool_size` and `strides` (int
    or pair; strides default to the pool size), `padding` as in Conv2D; `ceil_mode` rounds the output size up,
    as PyTorch does: a last window that starts inside the image may reach over its end.
    Input (n, h, w, c), output (n, oh, ow, c) with ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``.

    >>> import numpy as np
    >>> MaxPooling2D()(np.zeros((1, 26, 26, 32))).shape
    (1, 13, 13, 32)
    """

    function = staticmethod(F.max_pool2d)


class AveragePooling2D(_Pooling2D):
    """The mean of each window and channel; padding is not counted.

    Backward: every real pixel of a window gets an equal part. Parameters: `pool_size` and `strides` (int
    or pair; strides default to the pool size), `padding` as in Conv2D; `ceil_mode` rounds the output size up,
    as PyTorch does: a last window that starts inside the image may reach over its end.
    Input (n, h, w, c), output (n, oh, ow, c) with ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``.

    >>> import numpy as np
    >>> AveragePooling2D(3, strides=2, padding="same")(np.zeros((1, 28, 28, 8))).shape
    (1, 14, 14, 8)
    """

    function = staticmethod(F.avg_pool2d)


class _GlobalPooling2D(Layer):
    """What both share: one number for each image and channel."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.keepdims = bool(keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, c), or (n, 1, 1, c) with keepdims."""
        check_images(input_shape, self.where)
        n, _, _, c = input_shape
        return (n, 1, 1, c) if self.keepdims else (n, c)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"keepdims": self.keepdims}


class GlobalMaxPooling2D(_GlobalPooling2D):
    """The largest value of each channel, ``y[n, c] = max x[n, :, :, c]``.

    Backward: the gradient goes to the largest pixels, in equal parts where several are equal. Parameters:
    `keepdims` keeps height and width as 1. Input (n, h, w, c), output (n, c) or (n, 1, 1, c).

    >>> import numpy as np
    >>> GlobalMaxPooling2D()(np.zeros((1, 7, 7, 32))).shape
    (1, 32)
    """

    def call(self, x: Any) -> Any:
        check_images(x.shape, self.where)
        return F.max(x, axis=(1, 2), keepdims=self.keepdims)


class GlobalAveragePooling2D(_GlobalPooling2D):
    """The mean of each channel, ``y[n, c] = Σ x[n, :, :, c] / (h·w)``.

    Backward: every pixel gets an equal part. Parameters: `keepdims` keeps height and width as 1.
    Input (n, h, w, c), output (n, c) or (n, 1, 1, c). Source: Lin et al., Network In Network (2013).

    >>> import numpy as np
    >>> GlobalAveragePooling2D(keepdims=True)(np.zeros((1, 7, 7, 32))).shape
    (1, 1, 1, 32)
    """

    def call(self, x: Any) -> Any:
        check_images(x.shape, self.where)
        return F.mean(x, axis=(1, 2), keepdims=self.keepdims)


class AdaptiveAveragePooling2D(Layer):
    """The means of oh × ow windows that cover the image, whatever its size.

    Window (i, j) holds the rows ⌊i·h/oh⌋ … ⌈(i + 1)·h/oh⌉ − 1, and columns likewise. Backward: every pixel of
    a window gets an equal part. Parameters: `output_size`, int or (oh, ow).
    Input (n, h, w, c), output (n, oh, ow, c). Source: He et al., Spatial Pyramid Pooling (2014).

    >>> import numpy as np
    >>> AdaptiveAveragePooling2D(7)(np.zeros((1, 12, 9, 32))).shape
    (1, 7, 7, 32)
    """

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.output_size = pair(output_size, self.where, "output_size")

    def call(self, x: Any) -> Any:
        return F.adaptive_avg_pool2d(x, self.output_size, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, oh, ow, c)."""
        check_images(input_shape, self.where)
        return input_shape[0], *self.output_size, input_shape[3]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"output_size": self.output_size}


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool2D = GlobalAveragePooling2D
