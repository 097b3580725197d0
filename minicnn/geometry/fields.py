"""Receptive fields: which pixels of the image a value deep inside a network can see.

Along each axis a `Field` says how many pixels the first value sees, where the middle of them lies, and how
far the view moves from one value to the next. Source: Dang Ha The Hien, "A guide to receptive field
arithmetic" (2017); Araujo et al., "Computing Receptive Fields of Convolutional Neural Networks" (2019).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from .windows import extent


class Field(NamedTuple):
    """What values see along one axis, in pixels of the image.

    `size` is the receptive field (of the branch that sees most), `smallest` that of the branch that sees
    least, `jump` the distance between the views of neighbours, `start` the middle of the first view, where
    the middle of the first pixel is 0.5. Behind an upsampling several neighbours have the same view: `size`
    and `jump` are means there, and views grow in steps of `step` pixels beyond `base`.
    """

    size: Fraction = Fraction(1)
    smallest: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    start: Fraction = Fraction(1, 2)
    base: Fraction = Fraction(1)
    step: Fraction = Fraction(1)

    @property
    def pixels(self) -> int:
        """`size` in whole pixels; behind an upsampling, where values differ, at most so many."""
        return math.ceil(self.base + math.ceil((self.size - self.base) / self.step) * self.step)

    def enlarged(self) -> Field:
        """The same, with room for views that grow in steps of today's jump."""
        if self.jump < self.step:
            return self  # it was enlarged before, and more
        return self._replace(size=Fraction(self.pixels), base=Fraction(self.pixels), step=self.jump)


def field_through(field: Field, kernel: int, stride: int, before: int = 0, dilation: int = 1) -> Field:
    """Behind a window: ``size + (K − 1)·jump``, ``jump·stride``, ``start + ((K − 1)/2 − before)·jump``.

    ``K = dilation·(kernel − 1) + 1``.

    >>> field_through(Field(), kernel=3, stride=2, before=1).size
    Fraction(3, 1)
    """
    more = (extent(kernel, dilation) - 1) * field.jump
    start = field.start + more / 2 - before * field.jump
    size, smallest = field.size + more, field.smallest + more
    return field._replace(size=size, smallest=smallest, jump=field.jump * stride, start=start)


def field_through_transposed(
    field: Field, kernel: int, stride: int, before: int = 0, dilation: int = 1
) -> Field:
    """Behind a transposed window, where each value is written by up to ``⌊(K − 1)/stride⌋ + 1`` inputs.

    >>> field_through_transposed(Field(), kernel=4, stride=2).jump
    Fraction(1, 2)
    """
    reach = extent(kernel, dilation)
    most, least = (reach - 1) // stride, max(kernel // stride, 1) - 1
    start = field.start + (before - Fraction(reach - 1, 2)) / stride * field.jump
    size, smallest = field.size + most * field.jump, field.smallest + least * field.jump
    return (
        field._replace(size=size, smallest=smallest, start=start)
        .enlarged()
        ._replace(jump=field.jump / stride)
    )


def field_enlarged(field: Field, factor: int, neighbours: int = 1) -> Field:
    """Behind an upsampling by a whole factor that reads one (nearest) or two neighbours (bilinear)."""
    more = (neighbours - 1) * field.jump
    start = field.start + (Fraction(1, 2 * factor) - Fraction(1, 2)) * field.jump
    return field._replace(size=field.size + more, start=start).enlarged()._replace(jump=field.jump / factor)


def field_shifted(field: Field, values: int) -> Field:
    """Without the first `values` values (cropping), or with more of them before (padding, negative)."""
    return field._replace(start=field.start + values * field.jump)


def field_joined(fields: Sequence[Field]) -> Field | None:
    """Where branches meet: the union of their views; None where they move at different speeds.

    >>> field_joined([Field(), field_through(Field(), 5, 1, before=2)])  # doctest: +ELLIPSIS
    Field(size=Fraction(5, 1), smallest=Fraction(1, 1), jump=Fraction(1, 1), start=Fraction(1, 2), ...)
    """
    if len({field.jump for field in fields}) != 1:
        return None
    low = min(field.start - Fraction(field.pixels) / 2 for field in fields)
    high = max(field.start + Fraction(field.pixels) / 2 for field in fields)
    smallest, step = min(field.smallest for field in fields), max(field.step for field in fields)
    return Field(high - low, smallest, fields[0].jump, (low + high) / 2, high - low, step)
