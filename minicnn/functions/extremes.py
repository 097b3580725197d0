"""The larger and the smaller of two Tensors, element by element."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from .arithmetic import BinaryFunction, sum_to

__all__ = ["maximum", "minimum"]


class MaximumFunction(BinaryFunction):
    equation = "z = max(x, y)"
    backward_equation = "gx = gz where x > y, gz / 2 where x = y, else 0; gy = gz − gx"
    first = "greater"

    def forward(self, x: Any, y: Any) -> Any:
        self.check(x, y)
        self.save(x=x, y=y)
        return (self.xp.maximum if self.first == "greater" else self.xp.minimum)(x, y)

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        x, y = self.saved.x, self.saved.y
        share = getattr(self.xp, self.first)(x, y) + (x == y) * gz.dtype.type(0.5)
        share = self.xp.where((x != x) & (y == y), 1, share).astype(gz.dtype)  # the gradient follows a NaN
        gx = gz * share
        return sum_to(gx, x.shape), sum_to(gz - gx, y.shape) if needs[1] else None


class MinimumFunction(MaximumFunction):
    equation = "z = min(x, y)"
    backward_equation = "gx = gz where x < y, gz / 2 where x = y, else 0; gy = gz − gx"
    first = "less"


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of two elements; where they are equal, the gradient goes to both in halves.

    >>> maximum(Tensor([1.0, 5.0]), 3.0).numpy()
    array([3., 5.], dtype=float32)
    """
    return MaximumFunction()(x, y)


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of two elements; where they are equal, the gradient goes to both in halves.

    >>> minimum(Tensor([1.0, 5.0]), 3.0).numpy()
    array([1., 3.], dtype=float32)
    """
    return MinimumFunction()(x, y)
