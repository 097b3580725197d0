"""Building layers for a file's weights: placeholders that take no memory, and no more than promised."""

from __future__ import annotations

import math
from contextvars import ContextVar

import numpy as np

from ..context import Switch
from ..errors import FileFormatError, message


class Promised:
    """How many numbers of a file are not used yet."""

    def __init__(self, elements: int, where: str) -> None:
        self.left, self.elements, self.where = elements, elements, where

    def placeholder(self, shape: tuple[int, ...], dtype: str) -> np.ndarray:
        self.left -= math.prod(shape)
        if self.left < 0:
            problem = "its architecture asks for more weights than the file holds"
            raise FileFormatError(message(self.where, problem, expected=f"at most {self.elements:,} numbers"))
        return np.broadcast_to(np.zeros((), dtype), shape)


promised_now: ContextVar[Promised | None] = ContextVar("minicnn_promised", default=None)


def promised_weights(elements: int, where: str) -> Switch:
    """Inside this block, layers make placeholders for at most this many weights instead of weights."""
    return Switch(promised_now, Promised(elements, where))
