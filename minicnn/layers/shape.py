"""Layers that move, reshape or rescale without weights: Reshape, Permute, Rescaling, Identity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from ..checks import is_integer
from ..errors import ArgumentError, ShapeError, message
from .activation import Elementwise
from .base import Layer, Shape

__all__ = ["Identity", "Permute", "Rescaling", "Reshape"]


class Reshape(Layer):
    """Every sample in another shape of equally many elements; one size may be -1. Backward puts them back.

    >>> import numpy as np
    >>> Reshape((2, -1))(np.zeros((5, 12))).shape
    (5, 2, 6)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = tuple(target_shape) if isinstance(target_shape, list | tuple) else (target_shape,)
        right = all(is_integer(size) and (size > 0 or size == -1) for size in sizes)
        if not right or sizes.count(-1) > 1:
            expected = "positive sizes without the batch axis, at most one of them -1"
            raise ArgumentError(
                message(self.where, "target_shape", expected=expected, got=repr(target_shape))
            )
        self.target_shape = tuple(map(int, sizes))

    def call(self, x: Any) -> Any:
        return F.reshape(x, self.compute_output_shape(tuple(x.shape)))  # (n, …) -> (n, *target_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(n, *target_shape), with -1 worked out where the sizes are known."""
        batch, *sizes = input_shape
        if None in sizes:
            return batch, *(None if size == -1 else size for size in self.target_shape)
        elements, known = math.prod(sizes), math.prod(size for size in self.target_shape if size != -1)
        if elements % known if -1 in self.target_shape else elements != known:
            got = f"{elements} elements in {tuple(sizes)}"
            expected = f"{'a multiple of ' if -1 in self.target_shape else ''}{known} elements"
            problem = f"a sample cannot become {self.target_shape}"
            raise ShapeError(message(self.where, problem, expected=expected, got=got))
        return batch, *(elements // known if size == -1 else size for size in self.target_shape)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"target_shape": self.target_shape}


class Permute(Layer):
    """The axes of a sample, counted from 1, in another order: ``dims=(2, 1)`` swaps two. Backward swaps back.

    >>> import numpy as np
    >>> Permute((3, 1, 2))(np.zeros((5, 28, 28, 3))).shape
    (5, 3, 28, 28)
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        order = tuple(dims) if isinstance(dims, list | tuple) else ()
        right = all(map(is_integer, order)) and sorted(order) == list(range(1, len(order) + 1))
        if not order or not right:
            expected = "each of 1 … the number of axes once; 0 is the batch"
            raise ArgumentError(message(self.where, "dims", expected=expected, got=repr(dims)))
        self.dims = tuple(map(int, order))

    def call(self, x: Any) -> Any:
        self.compute_output_shape(tuple(x.shape))
        return F.transpose(x, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape in the new order."""
        if len(input_shape) != len(self.dims) + 1:
            expected, got = f"{len(self.dims)} axes and the batch", tuple(input_shape)
            raise ShapeError(message(self.where, "wrong number of axes", expected=expected, got=got))
        return tuple(input_shape[axis] for axis in (0, *self.dims))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"dims": self.dims}


class Rescaling(Elementwise):
    """``y = x·scale + offset``; ``gx = gy·scale``. ``Rescaling(1 / 255)`` brings pixels to 0 … 1.

    `scale` and `offset` are numbers, or lists that broadcast from the last axis on, one for each channel.

    >>> import numpy as np
    >>> Rescaling(1 / 127.5, offset=-1)(np.array([[0, 255]])).numpy()
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = self._numbers(scale, "scale"), self._numbers(offset, "offset")

    def _numbers(self, value: Any, name: str) -> Any:
        """A number or nested lists of numbers as plain Python values."""
        try:
            return np.asarray(value, np.float64).tolist()
        except (TypeError, ValueError):
            expected = "a number or a list of numbers"
            raise ArgumentError(message(self.where, name, expected=expected, got=repr(value))) from None

    def call(self, x: Any) -> Any:
        return x * self.scale + self.offset

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


class Identity(Elementwise):
    """``y = x``, a placeholder; ``gx = gy``.

    >>> import numpy as np
    >>> Identity()(np.array([1.0])).numpy()
    array([1.], dtype=float32)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, x: Any) -> Any:
        return x
