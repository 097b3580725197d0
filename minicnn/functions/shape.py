"""Functions that move elements without computing: reshape, transpose, concatenate, index, cast.

Their gradients move the elements of the upstream gradient back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..checks import is_integer
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
    sizes = (int(shape),) if is_integer(shape) else tuple(shape)  # type: ignore[arg-type]
    if None in sizes:
        raise ArgumentError(message("reshape", "a size is not known", got=sizes, hint="Write -1 for it."))
    return ReshapeFunction(sizes)(x)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Reorder the axes; without `axes`, reverse them.

    >>> transpose(Tensor([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """
    return TransposeFunction(axes)(x)


def resolve_axes(axis: int | Sequence[int], ndim: int, where: str) -> tuple[int, ...]:
    """One or several axes as numbers from 0 to ndim − 1, in the order given; ArgumentError for others.

    >>> resolve_axes((-1, 0), 3, "sum")
    (2, 0)
    """
    given: tuple[Any, ...] = tuple(axis) if isinstance(axis, list | tuple | range) else (axis,)
    for number in given:
        if not is_integer(number) or not -ndim <= number < ndim:
            expected = f"an axis from {-ndim} to {ndim - 1}"
            raise ArgumentError(message(where, "there is no such axis", expected=expected, got=repr(number)))
    axes = tuple(int(number) % ndim for number in given)
    if len(set(axes)) < len(axes):
        raise ArgumentError(message(where, "an axis is named twice", got=axis))
    return axes


def on_last_axes(function: Callable[[Any], Any], x: Any, axes: Sequence[int]) -> Any:
    """Apply a function that works on the last axes, and keeps the shape, to other ones of x.

    >>> on_last_axes(lambda x: x * Tensor([1.0, 2.0]), Tensor([[1.0], [1.0]]), (0,)).numpy().ravel()
    array([1., 2.], dtype=float32)
    """
    ndim = len(x.shape)
    order = [*(axis for axis in range(ndim) if axis not in axes), *axes]
    if order == list(range(ndim)):
        return function(x)
    return transpose(function(transpose(x, order)), [order.index(axis) for axis in range(ndim)])


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
    try:
        name = np.dtype(dtype).name
    except TypeError:
        expected = "float32, float64 or another of NumPy's"
        raise ArgumentError(message("astype", "unknown dtype", expected=expected, got=repr(dtype))) from None
    return CastFunction(name)(x)
