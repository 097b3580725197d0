"""All slopes of a function compared with its gradients, and a report that explains what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import random
from ..errors import message
from .differences import Line, measure
from .subject import Subject, backpropagate
from .verdict import SLOPE_VERDICTS, GradientCheck, Row, recognise

EXPLAINED = 2000  # elements of which the whole numeric gradient is computed to explain a failure
SHOWN = 8  # elements in the table of the element-wise mode


def draw(seed: int, stream: int, size: int) -> np.ndarray:
    """Random numbers of both signs, none of them small, so that every element counts."""
    u = random.uniform((size,), "gradcheck", stream, low=-1, high=1, dtype="float64", seed=seed)
    return np.sign(u) * (0.5 + np.abs(u))


class Comparison:
    """Slopes for one random upstream gradient and one random direction for each source."""

    def __init__(self, subject: Subject, y: np.ndarray, shapes: Sequence[Any], seed: int, first: int) -> None:
        """Draw from stream number `first` on; `y` is the output in one row, `shapes` those it came in."""
        self.subject, self.y, self.shapes = subject, y, shapes
        self.gy = draw(seed, first, y.size)
        outputs, leaves = subject.run(subject.point, range(len(subject.names)))
        self.gradients = backpropagate(outputs, leaves, self.gy)
        self.directions = [
            _sizes(x) * draw(seed, first + 1 + number, x.size).reshape(x.shape)
            for number, x in enumerate(subject.point)
        ]

    def along_directions(self, tolerance: float) -> list[Row]:
        """One row for each source: the slope along its direction."""
        found = []
        for number, v in enumerate(self.directions):
            verdict, rung = measure(self.line(number, v), tolerance)
            numbers = rung.analytic, rung.numeric, rung.error, rung.step
            found.append(Row(number, self.subject.names[number], verdict, *numbers, rung.left, rung.right))
        return found

    def by_elements(self, tolerance: float) -> list[Row]:
        """One row for each element of each source: its partial derivative."""
        found = []
        for number, v in enumerate(self.directions):
            for element in np.ndindex(v.shape):
                alone = np.zeros(v.shape)
                alone[element] = v[element]
                verdict, rung = measure(self.line(number, alone), tolerance)
                unit = float(v[element])
                left, right = rung.left / unit, rung.right / unit
                left, right = (left, right) if unit > 0 else (right, left)
                name = f"{self.subject.names[number]}[{', '.join(map(str, element))}]"
                numbers = rung.analytic / unit, rung.numeric / unit, rung.error, rung.step
                found.append(Row(number, name, verdict, *numbers, left, right))
        return found

    def line(self, number: int, v: np.ndarray) -> Line:
        """Source `number` moved along v."""

        def evaluate(value: Any) -> np.ndarray:
            return self.subject.evaluate(number, value)

        return Line(evaluate, self.subject.point[number], v, self.gradients[number], self.gy, self.y)

    # -- report ----------------------------------------------------------------------------------------

    def report(self, rows: Sequence[Row]) -> GradientCheck:
        """The gravest verdict of the rows, in words, with the worst rows."""
        found = {row.verdict for row in rows}
        verdict = next((v for v in SLOPE_VERDICTS if v in found), "passed")
        guilty = [row for row in rows if row.verdict == verdict]
        worst = max(guilty, key=lambda row: (row.tells, row.error))
        numbers = sorted({row.source for row in guilty})
        names = tuple(self.subject.names[number] for number in numbers)
        if verdict == "passed":
            hint = f"The largest relative error is {worst.error:.1e}." if worst.tells else None
            silent = [name for i, name in enumerate(names) if not any(r.tells for r in rows if r.source == i)]
            if silent:
                what = f"This says nothing about {enumerate_names(silent)}: at this point the slope is 0 or "
                hint = f"{hint or ''} {what}lost in rounding.".strip()
            text, names = message(self.subject.where, f"passed for {enumerate_names(names)}", hint=hint), ()
        elif verdict == "wrong gradient":
            text = self.wrong(worst, numbers, names)
        else:
            text = message(self.subject.where, f"{verdict} at {enumerate_names(names)}", hint=_reason(worst))
        shown = sorted(rows, key=lambda row: (row.verdict == "passed", -np.nan_to_num(row.error)))[:SHOWN]
        return GradientCheck(verdict, text, names, tuple(rows if len(rows) <= SHOWN else shown))

    def wrong(self, worst: Row, numbers: Sequence[int], names: Sequence[str]) -> str:
        """What is wrong with each wrong gradient."""
        hints = [self.explain(number) for number in numbers]
        if len(names) > 1:
            hints = [f"For {name}: {hint}" for name, hint in zip(names, hints, strict=True) if hint]
        return message(
            self.subject.where,
            f"wrong gradient of {enumerate_names(names)}",
            expected=f"a slope of {worst.numeric:.6g} (differences over h = {worst.step:.0e})",
            got=f"{worst.analytic:.6g} (backward) for {worst.name}",
            hint=" ".join(hints) or None,
        )

    def explain(self, number: int) -> str:
        """What is known about a wrong gradient, from all of its elements."""
        shape = self.subject.point[number].shape
        same = [i for i, x in enumerate(self.subject.point) if x.shape == shape and i != number]
        if self.subject.point[number].size * (1 + len(same)) > EXPLAINED:
            return ""
        others = {self.subject.names[i]: self.numeric_gradient(i) for i in same}
        gy = self.gy.reshape(self.shapes[0]) if len(self.shapes) == 1 else self.gy
        return recognise(self.gradients[number], self.numeric_gradient(number), gy, others)

    def numeric_gradient(self, number: int) -> np.ndarray:
        """Every partial derivative from one central difference: rough, but enough to see a pattern."""
        x = self.subject.point[number]
        steps, gradient = 1e-5 * _sizes(x), np.zeros(x.shape)
        for element in np.ndindex(x.shape):
            step = np.zeros(x.shape)
            step[element] = steps[element]
            up, down = self.subject.evaluate(number, x + step), self.subject.evaluate(number, x - step)
            gradient[element] = (self.gy * (up - down)).sum() / (2 * steps[element])
        return gradient


def _sizes(x: np.ndarray) -> np.ndarray:
    """How large a step is for each element: its own size, and for zeros that of a typical element."""
    sizes = np.abs(x)
    typical = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 1.0
    return np.where(sizes > 0, sizes, typical)


def enumerate_names(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _reason(row: Row) -> str:
    """Words for a verdict that says nothing about the gradient."""
    if row.verdict == "kink crossed":
        text = f"{row.name}: the slope is {row.left:.6g} to the left and {row.right:.6g} to the right "
        text += f"(h = {row.step:.0e}), {row.analytic:.6g} by backward. "
        return (
            text + "Move the input away from the kink (0 of a ReLU, a tie of a maximum, a limit of a clip)."
        )
    if row.verdict == "precision too low":
        text = f"{row.name}: differences over large and over tiny steps contradict each other, as where a "
        return text + "function moves in the jumps of float32. Look for casts and float32 constants inside."
    return f"{row.name}: the function is infinite or NaN close to this point."
