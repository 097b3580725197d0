"""InputLayer, Dense and Flatten."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..checks import is_integer, whole
from ..errors import ArgumentError, ShapeError, message
from ..functions.fused import dense_activation
from ..functions.linear import check_inputs, dense
from ..functions.shape import reshape
from .base import Layer, Shape
from .kernel_bias import KernelAndBias


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

    def _first_node(self) -> Any:
        if not self._nodes:
            from ..models.graph import input_symbol  # upward on purpose: symbols belong to graphs

            input_symbol(self)
        return super()._first_node()


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
    return InputLayer(shape, batch_size, dtype=dtype, name=name).output


def Lambda(*arguments: Any, **keywords: Any) -> Any:
    """Refused with the reason: the code of a function cannot be kept in a file that is safe to load."""
    hint = "Derive a class from layers.Layer and write `call`; it needs nothing else."
    raise ArgumentError(
        message("Lambda", "a model's file holds no code, so there is no such layer", hint=hint)
    )


class Dense(KernelAndBias):
    """Fully connected: ``y = activation(x @ kernel + bias)``.

    Backward: ``gx = gy @ kernelᵀ``, ``gkernel = xᵀ @ gy``, ``gbias = Σ gy``.

    Parameters: `units` outputs; `activation`, `use_bias`, initializers and regularizers: see
    `KernelAndBias`.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, **kwargs)
        self.units = whole(units, "units", self.where)

    def build(self, input_shape: Shape) -> None:
        shape = (self._inputs(input_shape), self.units)
        self.add_kernel_and_bias(shape, self.units)

    def _inputs(self, input_shape: Shape) -> int:
        if len(input_shape) < 2 or input_shape[-1] is None:
            expected, got = "(…, in) with a batch axis and a known last size", tuple(input_shape)
            hint = "Put a Flatten in front, or give the model a fixed image size."
            raise ShapeError(message(self.where, "unusable input", expected=expected, got=got, hint=hint))
        return int(input_shape[-1])

    def call(self, x: Any) -> Any:
        y = None
        if self.limit == "relu":
            y = dense_activation(x, self.kernel, self.bias, "relu", self.where)
        return self.activation(dense(x, self.kernel, self.bias, where=self.where)) if y is None else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape."""
        self._inputs(input_shape)
        if self.built:
            check_inputs(self.where, input_shape, self.kernel.shape)
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
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
