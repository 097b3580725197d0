"""Layers that join several inputs: element by element, side by side, or by products.

Each has a lower-case form that makes the layer and calls it: ``add([a, b])``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from .. import functions as F
from ..checks import is_integer
from ..errors import ArgumentError, ShapeError, message
from ..functions.shape import resolve_axes
from .base import Layer, Shape, shape_of

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(Layer):
    """Base of layers on a list of inputs that broadcast against each other, batch sizes apart.

    Inputs of fewer axes get axes of size 1 behind the batch axis.
    """

    count: int | None = None  # how many inputs it takes, if not any number

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        ndim = len(self.compute_output_shape(shape_of(inputs)))
        return self.merge(
            [
                x if len(x.shape) == ndim else F.reshape(x, _raised(tuple(x.shape), ndim))
                for x in inputs  # (n, …) -> (n, 1, …)
            ]
        )

    def merge(self, inputs: Sequence[Any]) -> Any:
        """The result for inputs with equally many axes."""
        raise NotImplementedError(f"{type(self).__name__} has no merge")

    def _shapes(self, input_shape: Any) -> list[tuple[int | None, ...]]:
        """The shapes of the inputs, checked to be a list of the right length with one batch size."""
        if not isinstance(input_shape, list) or not input_shape:
            hint = f"Call it as layer([a, b]) or {type(self).__name__.lower()}([a, b])."
            expected = "a list of inputs"
            raise ArgumentError(message(self.where, "a single input", expected=expected, hint=hint))
        if self.count is not None and len(input_shape) != self.count:
            got, expected = len(input_shape), f"{self.count} inputs"
            raise ArgumentError(message(self.where, "wrong number of inputs", expected=expected, got=got))
        batches = {shape[0] for shape in input_shape if shape} - {None}
        if len(batches) > 1:
            self._refuse("the batch sizes differ", input_shape)
        return [tuple(shape) for shape in input_shape]

    def _refuse(self, problem: str, shapes: Any, hint: str | None = None) -> None:
        got = " and ".join(str(tuple(shape)) for shape in shapes)
        raise ShapeError(message(self.where, problem, got=got, hint=hint))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape that the inputs broadcast to; None where a size is unknown."""
        shapes = self._shapes(input_shape)
        ndim = max(map(len, shapes))
        sizes: list[int | None] = []
        for axis, column in enumerate(zip(*(_raised(shape, ndim) for shape in shapes), strict=True)):
            known = {size for size in column if size is not None and (size != 1 or axis == 0)}
            if len(known) > 1:
                hint = "Sizes must be equal or 1; a 1×1 convolution or a pooling makes them fit."
                self._refuse("the shapes of the inputs do not fit together", shapes, hint)
            unknown = None in column and (axis == 0 or not known)
            sizes.append(None if unknown else known.pop() if known else 1)
        return tuple(sizes)


def _raised(shape: tuple[int | None, ...], ndim: int) -> tuple[Any, ...]:
    return (*shape[:1], *(1,) * (ndim - len(shape)), *shape[1:])


class Add(Merge):
    """``y = a + b + …``; every input gets the whole upstream gradient (summed where it was repeated).

    >>> import numpy as np
    >>> Add()([np.array([[1.0, 2.0]]), np.array([[10.0, 20.0]])]).numpy()
    array([[11., 22.]], dtype=float32)
    """

    def merge(self, inputs: Sequence[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs)


class Subtract(Merge):
    """``y = a − b``; ``ga = gy``, ``gb = −gy``.

    >>> import numpy as np
    >>> Subtract()([np.array([[5.0]]), np.array([[2.0]])]).numpy()
    array([[3.]], dtype=float32)
    """

    count = 2

    def merge(self, inputs: Sequence[Any]) -> Any:
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """``y = a·b·…``, element by element; each input gets gy times the product of the others.

    >>> import numpy as np
    >>> Multiply()([np.array([[5.0]]), np.array([[2.0]])]).numpy()
    array([[10.]], dtype=float32)
    """

    def merge(self, inputs: Sequence[Any]) -> Any:
        return reduce(lambda a, b: a * b, inputs)


class Average(Merge):
    """``y = (a + b + …) / k`` of k inputs, each of which gets ``gy / k``.

    >>> import numpy as np
    >>> Average()([np.array([[5.0]]), np.array([[2.0]])]).numpy()
    array([[3.5]], dtype=float32)
    """

    def merge(self, inputs: Sequence[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs) / len(inputs)


class Maximum(Merge):
    """The largest element of the inputs; it gets gy, two that are equal get half of it each.

    >>> import numpy as np
    >>> Maximum()([np.array([[5.0, 1.0]]), np.array([[2.0, 3.0]])]).numpy()
    array([[5., 3.]], dtype=float32)
    """

    def merge(self, inputs: Sequence[Any]) -> Any:
        return reduce(F.maximum, inputs)


class Minimum(Merge):
    """The smallest element of the inputs; it gets gy, two that are equal get half of it each.

    >>> import numpy as np
    >>> Minimum()([np.array([[5.0, 1.0]]), np.array([[2.0, 3.0]])]).numpy()
    array([[2., 1.]], dtype=float32)
    """

    def merge(self, inputs: Sequence[Any]) -> Any:
        return reduce(F.minimum, inputs)


class Concatenate(Merge):
    """The inputs one after another along `axis`, by default that of the channels; backward cuts gy up.

    Sizes must agree along all other axes.

    >>> import numpy as np
    >>> Concatenate()([np.zeros((1, 4, 4, 2)), np.zeros((1, 4, 4, 3))]).shape
    (1, 4, 4, 5)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(axis):
            raise ArgumentError(message(self.where, "axis", expected="an integer", got=repr(axis)))
        self.axis = int(axis)

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(shape_of(inputs))
        return F.concatenate(list(inputs), self.axis)

    def _shapes(self, input_shape: Any) -> list[tuple[int | None, ...]]:
        along_batch = isinstance(input_shape, list) and input_shape and self.axis in (0, -len(input_shape[0]))
        if along_batch:
            return [tuple(shape) for shape in input_shape]
        return super()._shapes(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the inputs, with the sum of their sizes along `axis`."""
        shapes = self._shapes(input_shape)
        ndim = len(shapes[0])
        if any(len(shape) != ndim for shape in shapes):
            self._refuse("the inputs differ in their number of axes", shapes)
        (along,) = resolve_axes(self.axis, ndim, self.where)
        sizes: list[int | None] = []
        for axis, column in enumerate(zip(*shapes, strict=True)):
            known = {size for size in column if size is not None}
            if axis == along:
                sizes.append(None if None in column else sum(column))
            elif len(known) > 1:
                self._refuse(f"the inputs differ along axis {axis}, not only along axis {along}", shapes)
            else:
                sizes.append(known.pop() if known else None)
        return tuple(sizes)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}


class Dot(Merge):
    """Products of two inputs, summed along an axis of each, sample by sample.

    ``y[n, i…, j…] = Σ_k a[n, i…, k]·b[n, k, j…]``, where k is axis `axes` of both, or axes[0] of a and
    axes[1] of b; ``ga = gy·b`` and ``gb = gy·a``, summed over the axes they do not share. With
    `normalize`, both are first scaled to length 1 along that axis: cosines.

    >>> import numpy as np
    >>> Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy()
    array([[11.]], dtype=float32)
    """

    count = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair = [axes] * 2 if is_integer(axes) else list(axes) if isinstance(axes, list | tuple) else []
        if len(pair) != 2 or not all(is_integer(axis) and axis != 0 for axis in pair):
            expected = "an axis other than 0, or one for each input"
            raise ArgumentError(message(self.where, "axes", expected=expected, got=repr(axes)))
        self.axes: Any = int(axes) if is_integer(axes) else tuple(map(int, pair))
        self.normalize = bool(normalize)

    def _axes(self, shapes: Sequence[Any]) -> tuple[int, int]:
        """The summed axis of either input, counted from 0."""
        pair = [self.axes] * 2 if is_integer(self.axes) else self.axes
        first, second = (
            resolve_axes(axis, len(shape), self.where)[0] for axis, shape in zip(pair, shapes, strict=True)
        )
        if 0 in (first, second):
            raise ArgumentError(message(self.where, "axis 0 is that of the samples", got=self.axes))
        return first, second

    def call(self, inputs: Any) -> Any:
        shape = self.compute_output_shape(shape_of(inputs))
        i, j = self._axes(shape_of(inputs))
        a, b = inputs
        if self.normalize:
            a, b = (
                x / F.sqrt(F.clip((x * x).sum(axis=axis, keepdims=True), 1e-12))
                for x, axis in ((a, i), (b, j))
            )
        n, k = a.shape[0], a.shape[i]
        a = F.transpose(a, [axis for axis in range(a.ndim) if axis != i] + [i])  # (n, i…, k)
        b = F.transpose(b, [0, j, *(axis for axis in range(1, b.ndim) if axis != j)])  # (n, k, j…)
        rows, columns = max(a.size // max(n * k, 1), 1), max(b.size // max(n * k, 1), 1)
        y = F.reshape(a, (n, rows, k)) @ F.reshape(b, (n, k, columns))
        return F.reshape(y, shape)  # (n, i·…, j·…) -> (n, i…, j…)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The axes of both that are not summed; (n, 1) where none is left."""
        first, second = shapes = self._shapes(input_shape)
        i, j = self._axes(shapes)
        if None not in (first[i], second[j]) and first[i] != second[j]:
            self._refuse(f"axis {i} of the first and axis {j} of the second input differ in size", shapes)
        rest = (*first[:i], *first[i + 1 :], *second[1:j], *second[j + 1 :])
        return rest if len(rest) > 1 else (*rest, 1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axes": self.axes, "normalize": self.normalize}


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: Any, normalize: bool = False, **kwargs: Any) -> Any:
    """``Dot(axes, normalize, **kwargs)(inputs)``."""
    return Dot(axes=axes, normalize=normalize, **kwargs)(inputs)
