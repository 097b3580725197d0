"""Sums, means and maxima over axes.

The gradient of a sum is the upstream gradient repeated over the axes that were summed; a maximum
sends it to the elements that were largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import Function, Tensor
from ..checks import is_integer
from ..errors import ArgumentError, message
from .shape import resolve_axes

Axis = int | Sequence[int] | None


class _Reduction(Function):
    """One result for all elements along `axis` (None: along all axes)."""

    def __init__(self, axis: Any = None, keepdims: bool = False) -> None:
        self.axis = axis if axis is None else int(axis) if is_integer(axis) else tuple(map(int, axis))
        self.keepdims = keepdims

    def axes(self, ndim: int) -> tuple[int, ...]:
        """The axes as numbers from 0 to ndim − 1."""
        where = type(self).__name__.removesuffix("Function").lower()
        return resolve_axes(range(ndim) if self.axis is None else self.axis, ndim, where)

    def spread(self, array: Any) -> Any:
        """A result (or its gradient) with the reduced axes put back as size 1."""
        shape = self.edges[0].shape
        axes = self.axes(len(shape))
        return array.reshape([1 if axis in axes else size for axis, size in enumerate(shape)])


class SumFunction(_Reduction):
    equation, backward_equation = "y = Σ x", "gx = gy, repeated over the summed axes"
    integers = "keep"

    def forward(self, x: Any) -> Any:
        return self.xp.asarray(x.sum(axis=self.axes(x.ndim), keepdims=self.keepdims))

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.xp.broadcast_to(self.spread(gy), self.edges[0].shape)


class MeanFunction(_Reduction):
    equation, backward_equation = "y = Σ x / n", "gx = gy / n, repeated over the n averaged elements"

    def forward(self, x: Any) -> Any:
        return self.xp.asarray(x.mean(axis=self.axes(x.ndim), keepdims=self.keepdims, dtype=x.dtype))

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        shape = self.edges[0].shape
        n = 1
        for axis in self.axes(len(shape)):
            n *= shape[axis]
        return self.xp.broadcast_to(self.spread(gy) / gy.dtype.type(n), shape)


class MaxFunction(_Reduction):
    equation, backward_equation = "y = max x", "gx = gy at the largest elements, in equal parts; 0 elsewhere"
    integers = "keep"

    def forward(self, x: Any) -> Any:
        if 0 in (x.shape[axis] for axis in self.axes(x.ndim)):
            raise ArgumentError(message("max", "there is no element", got=f"shape {x.shape}"))
        y = self.xp.asarray(x.max(axis=self.axes(x.ndim), keepdims=self.keepdims))
        self.save(x=x, y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        x, y = self.saved.x, self.spread(self.saved.y)
        largest = (x == y) | (x != x)  # a NaN is its own maximum
        share = largest / largest.sum(axis=self.axes(x.ndim), keepdims=True)
        return share.astype(gy.dtype) * self.spread(gy)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over axes (None: over all).

    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0).numpy()
    array([4., 6.], dtype=float32)
    """
    return SumFunction(axis, keepdims)(x)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean over axes (None: over all).

    >>> mean(Tensor([1.0, 2.0])).item()
    1.5
    """
    return MeanFunction(axis, keepdims)(x)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element over axes (None: over all); ties share the gradient equally.

    >>> max(Tensor([1.0, 5.0, 2.0])).item()
    5.0
    """
    return MaxFunction(axis, keepdims)(x)
