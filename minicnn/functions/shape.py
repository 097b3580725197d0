"""Functions that move elements without computing: reshape, transpose, concatenate, index, cast.

Their gradients move the elements of the upstream gradient back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd import Function, Tensor
from ..errors import ArgumentError, ShapeError, message


class ReshapeFunction(Function):
    equation, backward_equation = "y = x in another shape", "gx = gy in the shape of x"
    integers = "keep"

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Any) -> Any:
        try:
            return x.reshape(self.shape)
        except ValueError:
            got, hint = f"{x.size} in shape {x.shape}", "One size may be -1: it is computed."
            expected = f"{math.prod(self.shape)} elements" if -1 not in self.shape else None
            where = f"reshape to {self.shape}"
            text = message(where, "the number of elements differs", expected=expected, got=got, hint=hint)
            raise ShapeError(text) from None

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy.reshape(self.edges[0].shape)


class TransposeFunction(Function):
    equation, backward_equation = "y = x with its axes reordered", "gx = gy in the inverse order"
    integers = "keep"

    def __init__(self, axes: Sequence[int] | None) -> None:
        self.axes = None if axes is None else tuple(axes)

    def forward(self, x: Any) -> Any:
        axes = tuple(reversed(range(x.ndim))) if self.axes is None else self.axes
        if sorted(axis % x.ndim for axis in axes if -x.ndim <= axis < x.ndim) != list(range(x.ndim)):
            expected = f"each of 0 … {x.ndim - 1} once"
            raise ArgumentError(message("transpose", "wrong axes", expected=expected, got=axes))
        self.order = tuple(axis % x.ndim for axis in axes)
        return x.transpose(self.order)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy.transpose([self.order.index(axis) for axis in range(len(self.order))])


class ConcatenateFunction(Function):
    equation, backward_equation = "y = x₀, x₁, … one after another along an axis", "gxᵢ = its part of gy"
    integers = "promote"

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def forward(self, *arrays: Any) -> Any:
        try:
            return self.xp.concatenate(arrays, axis=self.axis)
        except ValueError:
            got = " and ".join(str(array.shape) for array in arrays)
            expected = f"shapes that are equal except along axis {self.axis}"
            raise ShapeError(message("concatenate", "wrong shapes", expected=expected, got=got)) from None

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        sizes = [edge.shape[self.axis] for edge in self.edges]
        ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
        return tuple(self.xp.split(gy, ends, axis=self.axis))


class GetItemFunction(Function):
    equation, backward_equation = "y = x[index]", "gx = 0, then gx[index] += gy"
    integers = "keep"

    def __init__(self, index: Any) -> None:
        self.index = index

    def forward(self, x: Any) -> Any:
        try:
            y = x[self.index]
        except IndexError as error:
            raise ArgumentError(message("indexing", str(error), got=f"shape {x.shape}")) from error
        return self.xp.asarray(y)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        gx = self.xp.zeros(self.edges[0].shape, gy.dtype)
        self.xp.add.at(gx, self.index, gy)  # unlike gx[index] += gy, it counts repeated indices
        return gx


class CastFunction(Function):
    equation, backward_equation = "y = x in another dtype", "gx = gy in the dtype of x"
    integers = "keep"

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype

    def forward(self, x: Any) -> Any:
        return x.astype(self.dtype)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy.astype(self.edges[0].dtype)


def reshape(x: Any, shape: int | Sequence[int]) -> Tensor:
    """The same elements in another shape; one size may be -1.

    >>> reshape(Tensor([[1.0, 2.0], [3.0, 4.0]]), (-1,)).shape
    (4,)
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if None in sizes:
        raise ArgumentError(message("reshape", "a size is not known", got=sizes, hint="Write -1 for it."))
    return ReshapeFunction(sizes)(x)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Reorder the axes; without `axes`, reverse them.

    >>> transpose(Tensor([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """
    return TransposeFunction(axes)(x)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """Join Tensors along an existing axis.

    >>> concatenate([Tensor([1.0]), Tensor([2.0])]).numpy()
    array([1., 2.], dtype=float32)
    """
    if not isinstance(tensors, list | tuple) or not tensors:
        expected = "a list of at least one Tensor"
        raise ArgumentError(message("concatenate", "nothing to join", expected=expected, got=repr(tensors)))
    return ConcatenateFunction(axis)(*tensors)


def getitem(x: Any, index: Any) -> Tensor:
    """Part of a Tensor by integers, slices, ``...``, None, index or boolean arrays: ``x[index]``.

    >>> getitem(Tensor([[1.0, 2.0], [3.0, 4.0]]), (slice(None), 0)).numpy()
    array([1., 3.], dtype=float32)
    """

    def plain(part: Any) -> Any:
        return part.data if isinstance(part, Tensor) else part

    return GetItemFunction(tuple(map(plain, index)) if isinstance(index, tuple) else plain(index))(x)


def astype(x: Any, dtype: Any) -> Tensor:
    """The same values in another dtype; the gradient comes back in the dtype of x.

    >>> astype(Tensor([1.5]), "float64").dtype
    dtype('float64')
    """
    return CastFunction(getattr(dtype, "__name__", str(dtype)))(x)
