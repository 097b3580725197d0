"""Dropout: while training, some inputs are set to 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import random
from ..checks import is_number
from ..context import current_scope
from ..errors import ArgumentError, ShapeError, message
from ..functions.dropout import dropout
from .activation import _Elementwise
from .base import Shape

# Calls of one layer within one training step get masks of their own: step·CALLS + call.
_CALLS = 1 << 16


class Dropout(_Elementwise):
    """Set inputs to 0 with probability `rate` while training and scale the rest by 1 / (1 − rate).

    Backward: the same mask and scale. Outside of training it does nothing. The mask depends on the seed,
    the layer, the training step and the call, nothing else; with `seed`, on that seed alone.
    `noise_shape` draws a smaller mask that is repeated: (None, 1, 1, None) drops whole channels; None
    stands for the input's size. Source: Srivastava et al. 2014.

    >>> import numpy as np
    >>> Dropout(0.5)(np.ones((2, 3))).numpy().sum()  # not training
    np.float32(6.0)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not is_number(rate) or not 0 <= rate <= 1:
            raise ArgumentError(message(self.where, "rate", expected="a number from 0 to 1", got=repr(rate)))
        if noise_shape is not None and not isinstance(noise_shape, list | tuple):
            expected = "None or a tuple of sizes"
            raise ArgumentError(message(self.where, "noise_shape", expected=expected, got=repr(noise_shape)))
        self.rate, self.noise_shape = float(rate), None if noise_shape is None else tuple(noise_shape)
        self.seed = None if seed is None else random.check_seed(seed, self.where)
        self._calls = 0  # outside of fit there is no training step: every call counts as one

    def build(self, input_shape: Shape) -> None:
        self._stream = random.next_stream("dropout") if self.seed is None else 0

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        key = random.derive_key("dropout", self._stream, self.seed)
        mask_shape = None if self.noise_shape is None else self._mask_shape(x.shape)
        return dropout(x, self.rate, key, self._draw_number(), mask_shape)

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        given = list(self.noise_shape or ())
        if len(given) != len(shape) or any(
            g not in (None, 1, size) for g, size in zip(given, shape, strict=True)
        ):
            expected = f"1, None or the input's size for each axis of {shape}"
            raise ShapeError(
                message(self.where, "noise_shape does not fit", expected=expected, got=tuple(given))
            )
        return tuple(size if wanted is None else wanted for wanted, size in zip(given, shape, strict=True))

    def _draw_number(self) -> int:
        step, here = random.current_step(), current_scope.get()
        if step is None:
            self._calls += 1
            return (self._calls - 1) * _CALLS
        counts = here.counts if here else {}
        call = counts.get(id(self), 0)  # of this layer in this step, whatever models it is called through
        counts[id(self)] = call + 1
        return step * _CALLS + call

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
