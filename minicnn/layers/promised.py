"""Building layers for a file's weights: placeholders that take no memory, and no more than promised."""

from __future__ import annotations

import math
import sys
from contextvars import ContextVar

import numpy as np

from ..context import Switch
from ..errors import FileFormatError, message

# What building a model from a file may cost: calls of layers and functions (a few nested models, each
# called twice by the next, make billions), and elements that shapes are tried out with. Seconds, both.
CALLS, TRIED = 30_000, 1 << 33


class Promised:
    """How many numbers of a file are not used yet, and what else may be spent on building its model."""

    def __init__(self, elements: int, where: str) -> None:
        self.left, self.elements, self.where = elements, elements, where
        self.calls, self.tried = CALLS, TRIED

    @property
    def by_a_file(self) -> bool:
        """Whether a file's description is built, which may be hostile."""
        return self.elements < sys.maxsize

    def placeholder(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        self.left -= math.prod(shape)
        if self.left < 0:
            problem = "its architecture asks for more weights than the file holds"
            raise FileFormatError(message(self.where, problem, expected=f"at most {self.elements:,} numbers"))
        return np.zeros(shape, dtype)  # memory that nobody has written to yet takes none


def spend(calls: int = 0, tried: int = 0) -> None:
    """Count what building costs; FileFormatError where a file asks for too much. Free without a file."""
    promised = promised_now.get()
    if promised is not None:
        promised.calls, promised.tried = promised.calls - calls, promised.tried - tried
        if promised.calls < 0 or promised.tried < 0:
            raise FileFormatError(message(promised.where, "its architecture would take too long to build"))


promised_now: ContextVar[Promised | None] = ContextVar("minicnn_promised", default=None)


def promised_weights(elements: int, where: str) -> Switch:
    """Inside this block, layers make placeholders for at most this many weights instead of weights."""
    return Switch(promised_now, Promised(elements, where))


def without_memory() -> Switch:
    """Inside this block layers get weights of zeros that take no memory: models to be counted, not run.

    >>> from minicnn import layers
    >>> with without_memory():
    ...     layers.Dense(4096)(layers.Input((25088,))).shape
    (None, 4096)
    """
    return promised_weights(sys.maxsize, "without_memory")
