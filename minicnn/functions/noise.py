"""Gaussian noise, drawn from a counter: the same key and step give the same noise."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..checks import number


class GaussianNoiseFunction(Function):
    equation, backward_equation = "y = x + stddev·z, z standard normal", "gx = gy"

    def __init__(self, stddev: float, key: Any, step: int) -> None:
        self.stddev, self.key, self.step = stddev, key, step

    def forward(self, x: Any) -> Any:
        out = backend.empty(x.shape, x.dtype)
        return self.kernel("gaussian_noise_forward")(x, self.stddev, self.key, self.step, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return gy


def gaussian_noise(x: Any, stddev: float, key: Any, step: int = 0) -> Tensor:
    """Add normal numbers of mean 0: ``y = x + stddev·z``; backward ``gx = gy``.

    The noise is a function of (key, step, element) alone; `key` comes from ``minicnn.random.derive_key``.

    >>> from minicnn.random import derive_key
    >>> gaussian_noise(Tensor([1.0, 2.0]), 0.0, derive_key("demo", 0, seed=0)).numpy()
    array([1., 2.], dtype=float32)
    """
    return GaussianNoiseFunction(number(stddev, "stddev", "gaussian_noise", 0), key, step)(x)
