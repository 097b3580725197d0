"""Arithmetic on Tensors with broadcasting, and elementary functions.

Broadcasting repeats an input along axes where it has size 1 (or none). The gradient of "repeat" is
"sum": `sum_to` adds the upstream gradient up along exactly those axes.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Function, Tensor
from ..errors import ArgumentError, message


def sum_to(gradient: Any, shape: tuple[int, ...]) -> Any:
    """Sum `gradient` down to `shape`, the shape of an input that was broadcast.

    >>> import numpy as np
    >>> sum_to(np.ones((4, 3)), (3,))
    array([4., 4., 4.])
    """
    if gradient.shape == shape:
        return gradient
    missing = gradient.ndim - len(shape)
    stretched = (axis + missing for axis, size in enumerate(shape) if size == 1)
    return gradient.sum(axis=(*range(missing), *stretched), keepdims=True).reshape(shape)


class BinaryFunction(Function):
    """Two inputs that broadcast against each other."""

    integers = "promote"

    def check(self, x: Any, y: Any) -> None:
        try:
            self.xp.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            hint = "Sizes must be equal or 1, counted from the last axis."
            got = f"{x.shape} and {y.shape}"
            where = type(self).__name__.removesuffix("Function").lower()
            raise ArgumentError(message(where, "the shapes do not broadcast", got=got, hint=hint)) from None


class AddFunction(BinaryFunction):
    equation, backward_equation = "z = x + y", "gx = gz, gy = gz, each summed over its broadcast axes"

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        return x + y

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        return tuple(sum_to(gz, edge.shape) for edge in self.edges)


class SubtractFunction(BinaryFunction):
    equation, backward_equation = "z = x − y", "gx = gz, gy = −gz, each summed over its broadcast axes"

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        return x - y

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        return sum_to(gz, self.edges[0].shape), sum_to(-gz, self.edges[1].shape) if needs[1] else None


class MultiplyFunction(BinaryFunction):
    equation, backward_equation = "z = x·y", "gx = gz·y, gy = gz·x, each summed over its broadcast axes"

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        self.save(x=x, y=y)
        return x * y

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        s = self.saved
        gx = sum_to(gz * s.y, s.x.shape) if needs[0] else None
        return gx, sum_to(gz * s.x, s.y.shape) if needs[1] else None


class DivideFunction(BinaryFunction):
    equation, backward_equation = "z = x / y", "gx = gz / y, gy = −gz·x / y²"

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        self.save(x=x, y=y)
        z = x / y
        return z if z.dtype.kind != "f" or x.dtype.kind == "f" else z.astype("float32")  # ints: float32

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        s = self.saved
        gx = sum_to(gz / s.y, s.x.shape) if needs[0] else None
        return gx, sum_to(-gz * s.x / (s.y * s.y), s.y.shape) if needs[1] else None


class PowerFunction(BinaryFunction):
    equation, backward_equation = "z = xᵖ", "gx = gz·p·xᵖ⁻¹, gp = gz·z·ln x (0 where x ≤ 0)"

    def forward(self, x: Any, p: Any) -> Any:
        self.check(x, p)
        z = x**p
        self.save(x=x, p=p, z=z)
        return z

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        s, xp = self.saved, self.xp
        gx = gp = None
        if needs[0]:
            # x⁰ is constant: its gradient is 0 also at x = 0, where 0·0⁻¹ would be NaN.
            inner = s.x ** xp.where(s.p == 0, 1, s.p - 1).astype(s.p.dtype)
            gx = sum_to(gz * s.p * inner, s.x.shape)
        if needs[1]:
            positive = s.x > 0
            gp = sum_to(gz * s.z * xp.log(xp.where(positive, s.x, 1)) * positive, s.p.shape)
        return gx, gp


class NegativeFunction(Function):
    equation, backward_equation = "y = −x", "gx = −gy"
    integers = "keep"

    def forward(self, x: Any) -> Any:
        return -x

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return -gy


class AbsoluteFunction(Function):
    equation, backward_equation = "y = |x|", "gx = gy·sign x (0 at 0)"

    def forward(self, x: Any) -> Any:
        self.save(x=x)
        return self.xp.abs(x)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy * self.xp.sign(self.saved.x)


class ExpFunction(Function):
    equation, backward_equation = "y = eˣ", "gx = gy·y"

    def forward(self, x: Any) -> Any:
        y = self.xp.exp(x)
        self.save(y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy * self.saved.y


class LogFunction(Function):
    equation, backward_equation = "y = ln x", "gx = gy / x"

    def forward(self, x: Any) -> Any:
        self.save(x=x)
        return self.xp.log(x)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy / self.saved.x


class SqrtFunction(Function):
    equation, backward_equation = "y = √x", "gx = gy / (2·y)"

    def forward(self, x: Any) -> Any:
        y = self.xp.sqrt(x)
        self.save(y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy / (2 * self.saved.y)


class ClipFunction(Function):
    equation, backward_equation = "y = min(max(x, low), high)", "gx = gy where low ≤ x ≤ high, else 0"

    def __init__(self, low: float | None, high: float | None) -> None:
        self.low, self.high = low, high

    def forward(self, x: Any) -> Any:
        self.save(x=x)
        return self.xp.clip(x, self.low, self.high)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        x = self.saved.x
        outside = self.xp.zeros(x.shape, bool)
        outside |= x < self.low if self.low is not None else False
        outside |= x > self.high if self.high is not None else False
        return self.xp.where(outside, 0, gy).astype(gy.dtype)


class WhereFunction(BinaryFunction):
    equation, backward_equation = "z = x where c, else y", "gx = gz where c, gy = gz where not c, else 0"

    def forward(self, c: Any, x: Any, y: Any) -> Any:
        self.check(x, y)
        self.check(c, x)
        c = c != 0
        self.save(c=c)
        return self.xp.where(c, x, y)

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        c, zero = self.saved.c, gz.dtype.type(0)
        gx = sum_to(self.xp.where(c, gz, zero), self.edges[1].shape) if needs[1] else None
        return None, gx, sum_to(self.xp.where(c, zero, gz), self.edges[2].shape) if needs[2] else None


class CompareFunction(BinaryFunction):
    equation, backward_equation = "z = x ∘ y, true or false", "none: the result is not differentiable"
    integers = "keep"
    names = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")

    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        return getattr(self.xp, self.name)(x, y)


def absolute(x: Any) -> Tensor:
    """Absolute value of each element, as ``abs(x)``; at 0 its gradient is 0.

    >>> absolute(Tensor([-2.0])).item()
    2.0
    """
    return AbsoluteFunction()(x)


def exp(x: Any) -> Tensor:
    """e to the power of each element.

    >>> exp(Tensor([0.0])).item()
    1.0
    """
    return ExpFunction()(x)


def log(x: Any) -> Tensor:
    """Natural logarithm of each element (−inf at 0, NaN below, as in NumPy).

    >>> log(Tensor([1.0])).item()
    0.0
    """
    return LogFunction()(x)


def sqrt(x: Any) -> Tensor:
    """Square root of each element; its gradient is infinite at 0.

    >>> sqrt(Tensor([9.0])).item()
    3.0
    """
    return SqrtFunction()(x)


def power(x: Any, p: Any) -> Tensor:
    """x to the power of p, element by element; the same as ``x ** p``.

    >>> power(Tensor([3.0]), 2).item()
    9.0
    """
    return PowerFunction()(x, p)


def clip(x: Any, low: float | None = None, high: float | None = None) -> Tensor:
    """Limit each element to [low, high]; outside, the gradient is 0.

    >>> clip(Tensor([-1.0, 0.5, 7.0]), 0, 1).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if low is not None and high is not None and low > high:
        raise ArgumentError(message("clip", "low is above high", got=f"low={low}, high={high}"))
    return ClipFunction(*(limit if limit is None else float(limit) for limit in (low, high)))(x)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    """x where the condition is true (not 0), else y; all three broadcast.

    >>> where(Tensor([True, False]), Tensor([1.0, 2.0]), 0.0).numpy()
    array([1., 0.], dtype=float32)
    """
    return WhereFunction()(condition, x, y)
