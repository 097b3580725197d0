"""InputLayer, Dense and Flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import initializers
from ..checks import is_integer, whole
from ..errors import ArgumentError, ShapeError, message
from ..functions.linear import check_inputs, dense
from ..functions.shape import reshape
from . import activation as activations
from .base import Layer, Shape


class InputLayer(Layer):
    """The start of a graph: it only states the shape of one sample. Usually made by `Input`."""

    def __init__(self, shape: Sequence[int | None], batch_size: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = list(shape) if isinstance(shape, list | tuple) else [0]
        if not all(size is None or (is_integer(size) and size > 0) for size in sizes):
            expected = "a tuple of positive integers (or None), without the batch axis"
            raise ArgumentError(message(self.where, "wrong shape", expected=expected, got=repr(shape)))
        if batch_size is not None and (not is_integer(batch_size) or batch_size < 1):
            expected = "a positive integer or None"
            raise ArgumentError(message(self.where, "batch_size", expected=expected, got=repr(batch_size)))
        self.shape, self.batch_size = tuple(sizes), batch_size
        self.built = True

    def call(self, x: Any) -> Any:
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"shape": self.shape, "batch_size": self.batch_size}


def Input(
    shape: Sequence[int | None],
    batch_size: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
) -> Any:
    """A symbol to start a model from: ``x = Input((28, 28, 1))``.

    `shape` is that of one sample; None where a size may vary.

    >>> Input((28, 28, 1)).shape
    (None, 28, 28, 1)
    """
    from ..models.graph import input_symbol  # upward on purpose: symbols belong to graphs

    return input_symbol(InputLayer(shape, batch_size, dtype=dtype, name=name))


class Dense(Layer):
    """Fully connected: ``y = activation(x @ kernel + bias)``.

    Backward: ``gx = gy @ kernelᵀ``, ``gkernel = xᵀ @ gy``, ``gbias = Σ gy``.

    Parameters: `units` outputs, `activation` name, function or None, `use_bias`, initializers.
    Weights: ``kernel`` (in, units), ``bias`` (units,). Input (…, in), output (…, units).

    >>> import numpy as np
    >>> Dense(10)(np.zeros((2, 64))).shape
    (2, 10)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = whole(units, "units", self.where)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        shape = (self._inputs(input_shape), self.units)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = (
            self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None
        )

    def _inputs(self, input_shape: Shape) -> int:
        if len(input_shape) < 2 or input_shape[-1] is None:
            expected, got = "(…, in) with a batch axis and a known last size", tuple(input_shape)
            hint = "Put a Flatten in front, or give the model a fixed image size."
            raise ShapeError(message(self.where, "unusable input", expected=expected, got=got, hint=hint))
        return int(input_shape[-1])

    def call(self, x: Any) -> Any:
        return self.activation(dense(x, self.kernel, self.bias, where=self.where))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape."""
        self._inputs(input_shape)
        if self.built:
            check_inputs(self.where, input_shape, self.kernel.shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation, self.where),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }


class Flatten(Layer):
    """All axes but the batch become one: (n, h, w, c) -> (n, h·w·c). Backward puts them back.

    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 3, 3, 64))).shape
    (2, 576)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_data_format(data_format)

    def call(self, x: Any) -> Any:
        return reshape(x, self.compute_output_shape(x.shape))  # (n, h, w, c) -> (n, h·w·c)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape; None where a size is unknown."""
        if not input_shape:
            raise ShapeError(message(self.where, "the input has no batch axis", got=input_shape))
        sizes = input_shape[1:]
        return input_shape[0], None if None in sizes else math.prod(sizes)
