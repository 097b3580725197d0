"""Max and average pooling layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ShapeError, message
from ..functions.pool import avg_pool2d, max_pool2d
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)
        self.pool_size = pair(pool_size, self.where, "pool_size")
        self.strides = self.pool_size if strides is None else pair(strides, self.where, "strides")
        self.padding = resolve_padding(padding, self.where)

    def call(self, x: Any) -> Any:
        return type(self).function(x, self.pool_size, self.strides, self.padding, where=self.where)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; unknown sizes are None."""
        if len(input_shape) != 4:
            problem, got = "the input is not a batch of images", tuple(input_shape)
            raise ShapeError(message(self.where, problem, expected="(n, h, w, c)", got=got))
        window = (self.strides, self.padding)
        return conv_shape(self.where, input_shape, self.pool_size, input_shape[3], *window)

    def get_config(self) -> dict[str, Any]:
        own = {"pool_size": self.pool_size, "strides": self.strides, "padding": self.padding}
        return super().get_config() | own


class MaxPooling2D(_Pooling2D):
    """The largest value of each window and channel.

    Backward: the gradient goes to the pixel that was largest. Parameters: `pool_size` and `strides` (int
    or pair; strides default to the pool size), `padding` as in Conv2D.
    Input (n, h, w, c), output (n, oh, ow, c) with ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``.

    >>> import numpy as np
    >>> MaxPooling2D()(np.zeros((1, 26, 26, 32))).shape
    (1, 13, 13, 32)
    """

    function = staticmethod(max_pool2d)


class AveragePooling2D(_Pooling2D):
    """The mean of each window and channel; padding is not counted.

    Backward: every real pixel of a window gets an equal part. Parameters: `pool_size` and `strides` (int
    or pair; strides default to the pool size), `padding` as in Conv2D.
    Input (n, h, w, c), output (n, oh, ow, c) with ``oh = ⌊(h + top + bottom − kh) / sh⌋ + 1``.

    >>> import numpy as np
    >>> AveragePooling2D(3, strides=2, padding="same")(np.zeros((1, 28, 28, 8))).shape
    (1, 14, 14, 8)
    """

    function = staticmethod(avg_pool2d)
