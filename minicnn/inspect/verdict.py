"""What a gradient check found, in words: the result, its table, and mistakes that have a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np

# Verdicts about a slope, the gravest first: a check that finds several reports the first of them.
SLOPE_VERDICTS = ("wrong gradient", "precision too low", "not finite", "kink crossed")

# A pattern is recognised when it explains the gradient this well, relative to its largest element.
RECOGNISED = 1e-3


@dataclass(frozen=True)
class Row:
    """One comparison: of source number `source` along a direction, or of one of its elements."""

    source: int
    name: str
    verdict: str
    analytic: float
    numeric: float
    error: float  # relative
    step: float
    left: float  # slopes to either side
    right: float

    @property
    def tells(self) -> bool:
        """Whether there was a slope to compare: not 0 on both sides, nor lost in rounding."""
        lost = self.verdict == "passed" and self.error > RECOGNISED
        return not (lost or self.analytic == self.numeric == 0)

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        numbers = (
            f"{self.analytic + 0.0:.6g}",
            f"{self.numeric + 0.0:.6g}",
            f"{self.error:.1e}",
            f"{self.step:.0e}",
        )
        return self.name, *numbers, self.verdict


@dataclass(frozen=True, repr=False)
class GradientCheck:
    """The result of `gradcheck`; true when it passed, and printing it says what was found.

    `verdict` is the finding in two or three words, `message` in sentences, `blamed` the inputs and
    Parameters concerned, `rows` the comparisons made (of elements: the worst).
    """

    verdict: str
    message: str
    blamed: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gradient is right."""
        return self.verdict == "passed"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "\n".join([self.message, *table(self.rows)])


def table(rows: tuple[Row, ...]) -> list[str]:
    """Lines of a table of the rows; none for no rows."""
    if not rows:
        return []
    head = ("", "backward", "differences", "error", "step h", "")
    cells = [head, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *numbers, last in cells:
        middle = "  ".join(text.rjust(width) for text, width in zip(numbers, widths[1:-1], strict=True))
        lines.append(f"{first.ljust(widths[0])}  {middle}  {last}".rstrip())
    return lines


def recognise(
    analytic: np.ndarray,
    numeric: np.ndarray,
    gy: np.ndarray,
    others: Mapping[str, np.ndarray],
) -> str:
    """A sentence on what is wrong with the gradient of one input.

    `numeric` is the whole gradient by differences, `gy` the upstream gradient in the shape of the output,
    `others` the gradients of the other inputs, also by differences.

    >>> right = np.array([[1.0, 2.0], [3.0, 5.0]])
    >>> recognise(-right, right, np.ones(3), {})
    'The sign is flipped.'
    """
    if not np.abs(analytic).max(initial=0.0) > 0:
        return "It is zero everywhere: backward forgot this input, or its history was lost on the way."
    return (
        _factor(analytic, numeric)
        or _same_as_another(analytic, numeric, gy, others)
        or _moved(analytic, numeric)
        or _where_wrong(analytic, numeric, gy)
    )


def _alike(a: Any, b: Any) -> bool:
    return a.shape == b.shape and bool(np.abs(a - b).max() <= RECOGNISED * np.abs(b).max())


def _factor(analytic: np.ndarray, numeric: np.ndarray) -> str:
    """One factor everywhere."""
    norm = float((numeric * numeric).sum())
    factor = float((analytic * numeric).sum()) / norm if norm > 0 else 0.0
    if analytic.size < 2 or factor == 0 or not _alike(analytic / factor, numeric):
        return ""
    sign = "The sign is flipped" + ("." if abs(factor + 1) < RECOGNISED else ", and: ") if factor < 0 else ""
    factor = abs(factor)
    if abs(factor - 1) < RECOGNISED:
        return sign
    for n, size in ((factor, "large"), (1 / factor, "small")):
        if abs(n - round(n)) < RECOGNISED * n and n > 1.5:
            cause = {
                "large": f"A division by {round(n)} (of a mean?) is missing",
                "small": f"Something was divided by {round(n)} (a mean where a sum belongs?)",
            }
            reason = "A factor of 2 belongs to squares and to halves" if round(n) == 2 else cause[size]
            return f"{sign}It is {round(n)} times too {size} everywhere. {reason}."
    return f"{sign}It is {factor:.4g} times the right one everywhere."


def _same_as_another(
    analytic: np.ndarray, numeric: np.ndarray, gy: np.ndarray, others: Mapping[str, np.ndarray]
) -> str:
    """The gradient of something else."""
    for name, other in others.items():
        if _alike(analytic, other):
            return f"It is the gradient of {name}: they are swapped."
    if _alike(analytic, gy):
        return "It is the upstream gradient itself, passed on unchanged."
    return ""


def _moved(analytic: np.ndarray, numeric: np.ndarray) -> str:
    """The right numbers in the wrong places."""
    if analytic.ndim > 4:
        return ""
    identity = tuple(range(analytic.ndim))
    for axes in permutations(identity):
        if axes != identity and _alike(analytic.transpose(axes), numeric):
            return f"It is transposed: right after .transpose{axes}."
    for flips in product((False, True), repeat=analytic.ndim):
        axes = tuple(axis for axis in identity if flips[axis])
        if axes and _alike(np.flip(analytic, axes), numeric):
            return f"It is flipped along axes {axes}, as if correlation and convolution were mixed up."
    for axis in identity:
        for shift in (1, -1):
            if analytic.shape[axis] > 2 and _alike(np.roll(analytic, shift, axis), numeric):
                return f"It is shifted by one along axis {axis}: an offset (padding?) is one off."
    return ""


def _where_wrong(analytic: np.ndarray, numeric: np.ndarray, gy: np.ndarray) -> str:
    """How many elements are wrong, and the worst of them."""
    off = np.abs(analytic - numeric)
    wrong = off > RECOGNISED * max(np.abs(numeric).max(), np.abs(analytic).max())
    worst = np.unravel_index(int(off.argmax()), off.shape)
    place = ", ".join(map(str, map(int, worst)))
    text = f"{int(wrong.sum())} of {wrong.size} elements are wrong, the worst at [{place}]: "
    text += f"{numeric[worst]:.6g} by differences, {analytic[worst]:.6g} by backward."
    if broadcasts(numeric.shape, gy.shape):
        text += " This input was broadcast: its gradient is the sum over the broadcast axes."
    return text


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of this shape is repeated to get the other shape."""
    if shape == to or len(shape) > len(to):
        return False
    return all(a in (1, b) for a, b in zip(reversed(shape), reversed(to), strict=False))
