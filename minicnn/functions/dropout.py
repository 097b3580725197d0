"""Dropout: its mask is drawn again in the backward pass instead of being stored."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..errors import ArgumentError, message


class DropoutFunction(Function):
    equation = "y = x·m / (1 − rate), m = 1 with probability 1 − rate, else 0"
    backward_equation = "gx = gy·m / (1 − rate), with the same m"

    def __init__(self, rate: float, key: Any, step: int, noise_shape: Any = None) -> None:
        self.rate, self.key, self.step, self.noise_shape = rate, key, step, noise_shape

    def forward(self, x: Any) -> Any:
        out = backend.empty(x.shape, x.dtype)
        return self.kernel("dropout_forward")(x, self.rate, self.key, self.step, self.noise_shape, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        out = backend.empty(gy.shape, gy.dtype)
        return self.kernel("dropout_grad")(gy, self.rate, self.key, self.step, self.noise_shape, out=out)


def dropout(x: Any, rate: float, key: Any, step: int = 0, noise_shape: Any = None) -> Tensor:
    """Set elements to 0 with probability `rate` and scale the others by 1 / (1 − rate).

    Backward: the same mask and scale on gy. The mask is a function of (key, step, element) alone; `key`
    comes from ``minicnn.random.derive_key``. `noise_shape`, each size 1 or that of x, draws a smaller mask
    that is repeated. Source: Srivastava et al. 2014, in its "inverted" form.

    >>> from minicnn.random import derive_key
    >>> dropout(Tensor([1.0, 1.0]), 0.0, derive_key("demo", 0, seed=0)).numpy()
    array([1., 1.], dtype=float32)
    """
    if not 0 <= rate < 1:
        raise ArgumentError(message("dropout", "impossible rate", expected="0 ≤ rate < 1", got=rate))
    return DropoutFunction(float(rate), key, step, noise_shape)(x)
