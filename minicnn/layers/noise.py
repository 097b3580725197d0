"""GaussianNoise and GaussianDropout: while training, normal numbers are added or multiplied."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..checks import number
from ..errors import ArgumentError, message
from ..functions.noise import gaussian_noise
from .dropout import RandomWhileTraining


class GaussianNoise(RandomWhileTraining):
    """Add normal numbers of mean 0 while training: ``y = x + stddev·z``; backward ``gx = gy``.

    Outside of training it does nothing. `stddev` is from 0 to 1; for `seed` see `Dropout`.

    >>> import numpy as np
    >>> GaussianNoise(0.1)(np.ones((2, 3))).numpy().sum()  # not training
    np.float32(6.0)
    """

    purpose = "gaussian_noise"

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = number(stddev, "stddev", self.where, 0, 1)

    def call(self, x: Any, training: bool = False) -> Any:
        return gaussian_noise(x, self.stddev, *self.draw()) if training and self.stddev else x

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stddev": self.stddev}


class GaussianDropout(RandomWhileTraining):
    """Multiply by normal numbers of mean 1 while training: ``y = x·(1 + √(rate / (1 − rate))·z)``.

    Backward: ``gx = gy·(1 + √(rate / (1 − rate))·z)``. Outside of training it does nothing. Mean and
    variance are those of `Dropout` with this rate, which is from 0 to below 1; for `seed` see there.
    Source: Srivastava et al. 2014, section 10.

    >>> import numpy as np
    >>> GaussianDropout(0.5)(np.ones((2, 3))).numpy().sum()  # not training
    np.float32(6.0)
    """

    purpose = "gaussian_dropout"

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = number(rate, "rate", self.where, 0, 1)
        if self.rate == 1:
            problem = "the noise would be infinite"
            raise ArgumentError(message(self.where, problem, expected="a rate below 1", got=rate))

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        return x * gaussian_noise(Tensor(np.ones(x.shape, x.dtype)), stddev, *self.draw())

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate}
