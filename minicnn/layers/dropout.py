"""Dropout: while training, some inputs are set to 0."""

from __future__ import annotations

from typing import Any

from .. import random
from ..context import current_scope
from ..errors import ArgumentError, message
from ..functions.dropout import dropout
from .activation import _Elementwise
from .base import Shape

# Calls of one layer within one training step get masks of their own: step·CALLS + call.
_CALLS = 1 << 16


class Dropout(_Elementwise):
    """Set inputs to 0 with probability `rate` while training and scale the rest by 1 / (1 − rate).

    Backward: the same mask and scale. Outside of training it does nothing. The mask depends on the seed,
    the layer, the training step and the call, nothing else; with `seed`, on that seed alone.
    Source: Srivastava et al. 2014.

    >>> import numpy as np
    >>> Dropout(0.5)(np.ones((2, 3))).numpy().sum()  # not training
    np.float32(6.0)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise ArgumentError(message(self.where, "rate", expected="a number from 0 to 1", got=repr(rate)))
        self.rate, self.seed = float(rate), seed
        self._calls = 0  # outside of fit there is no training step: every call counts as one

    def build(self, input_shape: Shape) -> None:
        self._stream = random.next_stream("dropout") if self.seed is None else 0

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        key = random.derive_key("dropout", self._stream, self.seed)
        return dropout(x, self.rate, key, self._draw_number())

    def _draw_number(self) -> int:
        step, here = random.current_step(), current_scope.get()
        if step is None:
            self._calls += 1
            return (self._calls - 1) * _CALLS
        return step * _CALLS + (here.call if here else 0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
