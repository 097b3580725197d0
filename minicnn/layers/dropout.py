"""Dropout: while training, some inputs are set to 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import random
from ..checks import number
from ..context import current_scope
from ..errors import ArgumentError, ShapeError, message
from ..functions.dropout import dropout
from .activation import Elementwise
from .base import Shape

# Calls of one layer within one training step get draws of their own: step·CALLS + call.
_CALLS = 1 << 16


class RandomWhileTraining(Elementwise):
    """Base of layers that draw random numbers while training and do nothing otherwise.

    The draw depends on the seed, the layer, the training step and the call, nothing else; with `seed`, on
    that seed alone.
    """

    purpose = ""

    def __init__(self, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = None if seed is None else random.check_seed(seed, self.where)
        self._calls = 0  # outside of fit there is no training step: every call counts as one

    def build(self, input_shape: Shape) -> None:
        self._stream = random.next_stream(self.purpose) if self.seed is None else 0

    def draw(self) -> tuple[Any, int]:
        """Key and number of the next draw."""
        key = random.derive_key(self.purpose, self._stream, self.seed)
        step, here = random.current_step(), current_scope.get()
        if step is None:
            self._calls += 1
            return key, (self._calls - 1) * _CALLS
        counts = here.counts if here else {}
        call = counts.get(id(self), 0)  # of this layer in this step, whatever models it is called through
        counts[id(self)] = call + 1
        return key, step * _CALLS + call

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"seed": self.seed}


class _Dropout(RandomWhileTraining):
    """What both dropouts share: they differ in the elements that fall together."""

    purpose = "dropout"

    def __init__(self, rate: float, seed: int | None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = number(rate, "rate", self.where, 0, 1)

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Shape of the mask for an input, None for the same."""
        raise NotImplementedError

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return x * 0.0
        key, step = self.draw()
        return dropout(x, self.rate, key, step, self.mask_shape(x.shape))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate}


class Dropout(_Dropout):
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
        super().__init__(rate, seed, **kwargs)
        if noise_shape is not None and not isinstance(noise_shape, list | tuple):
            expected = "None or a tuple of sizes"
            raise ArgumentError(message(self.where, "noise_shape", expected=expected, got=repr(noise_shape)))
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The noise_shape, completed."""
        given = self.noise_shape
        if given is None:
            return None
        if len(given) != len(shape) or any(
            g not in (None, 1, size) for g, size in zip(given, shape, strict=True)
        ):
            expected = f"1, None or the input's size for each axis of {shape}"
            raise ShapeError(message(self.where, "noise_shape does not fit", expected=expected, got=given))
        return tuple(size if wanted is None else wanted for wanted, size in zip(given, shape, strict=True))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"noise_shape": self.noise_shape}


class SpatialDropout2D(_Dropout):
    """Dropout of whole channels of whole images: all pixels of a channel fall together.

    Neighbouring pixels tell almost the same, so that dropping single ones hides little. For the rest see
    `Dropout`. Input and output (n, h, w, c). Source: Tompson et al. 2015.

    >>> import numpy as np
    >>> y = SpatialDropout2D(0.5, seed=1)(np.ones((1, 2, 2, 3)), training=True).numpy()
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.check_data_format(data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        if len(input_shape) != 4:
            problem, got = "the input is not a batch of images", tuple(input_shape)
            raise ShapeError(message(self.where, problem, expected="(n, h, w, c)", got=got))
        return input_shape

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """One number a channel and image."""
        return (shape[0], 1, 1, shape[3])

    def call(self, x: Any, training: bool = False) -> Any:
        self.compute_output_shape(x.shape)
        return super().call(x, training)
