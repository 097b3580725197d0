"""How steep a function is along a direction, from central differences at many step sizes.

The slope of φ(t) = ⟨gy, f(x + t·v)⟩ at t = 0 is ⟨gy, J·v⟩; backward claims that it is ⟨gx, v⟩. A difference
over one step h alone proves little: a large h sees curvature and kinks, a small one sees rounding. So the
slope is measured over a ladder of steps, each with a bound of its own error, and the steps are compared.

    curvature             the bend |y(h) − 2·y(0) + y(−h)| / h falls in proportion to h
    kink at distance d    the bend stays the same for all h > d, and vanishes for h < d
    rounding              the bend grows in proportion to 1 / h
    float32 inside        large steps agree with each other, tiny ones see a staircase: flat, with jumps

Source: Richardson 1911 for the extrapolation, Ridders 1982 for choosing the step by its error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)

# Steps are relative: v_j is about |x_j|, so h = 1e-3 moves every element by about a thousandth of itself.
COARSE, FINE, TINY = 1e-3, 1e-4, 1e-9
LADDER = [10.0**-k for k in range(1, 13)]
UPWARD = [10.0**k for k in range(8, -1, -1)]  # for inputs far smaller than the rounding of the output

ROUNDING = 8.0  # rounding errors a difference is taken to contain, in units of eps·|y|
UNDERFLOW = 1e-200  # numbers this small are zero here
SHARP = 1e-3  # a slope is known when its error bound is at most this share of its scale
NEGLIGIBLE = 1e-9  # slopes this small, relative to |gy|, may be lost beside numbers of size 1 inside
JUMP = 1e-10  # jumps this large, relative to the scale, are not float64's own (float32 makes 6e-8)


@dataclass(frozen=True)
class Rung:
    """What one step size says: both slopes, and what makes the numeric one uncertain."""

    step: float
    numeric: float  # ⟨gy, y(h) − y(−h)⟩ / 2h
    analytic: float  # ⟨gx, x(h) − x(−h)⟩ / 2h: with x ± h·v as rounded, so that this rounding cancels
    left: float  # slope over [−h, 0]
    right: float  # slope over [0, h]
    bend: float  # Σ |gy|·|y(h) − 2·y(0) + y(−h)| / h: outputs cannot cancel each other
    visible: float  # the numeric slope with every term taken positive
    claimed: float  # the analytic slope with every term taken positive

    @property
    def scale(self) -> float:
        """What errors are measured against."""
        return max(self.visible, self.claimed)

    @property
    def error(self) -> float:
        """|analytic − numeric| / scale."""
        return 0.0 if self.scale == 0 else self.difference / self.scale

    @property
    def difference(self) -> float:
        """How far the two slopes are apart."""
        return abs(self.analytic - self.numeric)


class Slope(NamedTuple):
    """The answer along one line: a verdict as in `gradcheck`, and the step it rests on."""

    verdict: str
    rung: Rung


class Line:
    """A function along x + t·v, weighted by the upstream gradient; `rung` measures its slope."""

    def __init__(self, evaluate: Callable[[Any], Any], x: Any, v: Any, gx: Any, gy: Any, y: Any) -> None:
        self.evaluate, self.x, self.v, self.gx, self.gy, self.y = evaluate, x, v, gx, gy, y
        self.size = float(np.abs(gy * y).sum())
        self.unit = float(np.abs(gy).sum())  # of an output whose elements are all 1

    def rung(self, step: float) -> Rung | None:
        """The slopes over one step; None where the function is not finite on both sides."""
        up, down = self.x + step * self.v, self.x - step * self.v
        y_up, y_down = self.evaluate(up), self.evaluate(down)
        moves, changes = self.gx * (up - down), self.gy * (y_up - y_down)
        found = Rung(
            step=step,
            numeric=float(changes.sum()) / (2 * step),
            analytic=float(moves.sum()) / (2 * step),
            left=float((self.gy * (self.y - y_down)).sum()) / step,
            right=float((self.gy * (y_up - self.y)).sum()) / step,
            bend=float(np.abs(self.gy * (y_up - 2 * self.y + y_down)).sum()) / step,
            visible=float(np.abs(changes).sum()) / (2 * step),
            claimed=float(np.abs(moves).sum()) / (2 * step),
        )
        return found if np.isfinite([found.bend, found.visible, found.claimed]).all() else None

    def rungs(self, steps: list[float]) -> list[Rung]:
        """Those steps at which the function is finite."""
        return [found for found in map(self.rung, steps) if found is not None]

    def rounding(self, rung: Rung, noise: float = 0.0) -> float:
        """Error of a slope from rounding: `noise` in y, and never less than float64's own."""
        own = EPS * (self.size + rung.scale)
        return ROUNDING * max(own, noise) / rung.step + UNDERFLOW


def measure(line: Line, tolerance: float) -> Slope:
    """Compare the two slopes along a line: a quick look first and, unless all is well, the whole ladder."""
    return _quick_look(line, tolerance) or _Ladder(line, tolerance).judge()


def _quick_look(line: Line, tolerance: float) -> Slope | None:
    """Passed if three widely different steps agree with the analytic slope, else None."""
    coarse, fine = line.rung(COARSE), line.rung(FINE)
    if coarse is None or fine is None or line.rounding(fine) > SHARP * fine.scale:
        return None
    # The errors of both are c·h² to begin with; this combination leaves c'·h⁴ (Richardson).
    ratio = (COARSE / FINE) ** 2
    better = replace(fine, numeric=(ratio * fine.numeric - coarse.numeric) / (ratio - 1))
    if better.difference > tolerance * better.scale + line.rounding(better):
        return None
    # As small as rounding allows: a kink nearby or float32 inside would show here.
    tiny = line.rung(max(TINY, 1e6 * EPS * (1 + line.size / fine.scale)))
    if tiny is None or tiny.difference > 1e-4 * tiny.scale + line.rounding(tiny):
        return None
    return Slope("passed", better)


class _Ladder:
    """All steps along a line, each with a bound of its error; the one with the smallest decides."""

    def __init__(self, line: Line, tolerance: float) -> None:
        self.line, self.tolerance = line, tolerance
        self.rungs = line.rungs(LADDER)
        # The rounding that is really there: at the finest steps nothing else is left of the bend.
        finest = list(pairwise(self.rungs))[-2:]
        seen = [step.step * max(step.bend, abs(step.numeric - wider.numeric)) for wider, step in finest]
        self.noise = max(seen, default=0.0)
        # A kink too close to step past: above rounding, the bend is the same at five steps in a row.
        bends = [r.bend for r in self.rungs if r.bend > 4 * line.rounding(r, self.noise)]
        fives = [bends[i : i + 5] for i in range(len(bends) - 4)]
        self.kink = any(max(five) < 2 * min(five) for five in fives)

    def judge(self) -> Slope:
        """The verdict, and the rung it rests on."""
        if len(self.rungs) < 3:
            return Slope("not finite", self.rungs[0] if self.rungs else Rung(*[np.nan] * 8))
        bounds = self.bounds(self.rungs) or self.bounds(self.rungs, settled=False)
        best, bound = min(bounds, key=lambda pair: pair[1])
        if bound > SHARP * best.scale and best.scale > 0 and not self.kink:
            # Linear functions can take steps so large that they stand out of any rounding.
            wide = [
                (rung, wide_bound)
                for rung, wide_bound in self.bounds(self.line.rungs(UPWARD))
                if wide_bound <= SHARP * rung.scale and rung.visible > 10 * self.line.rounding(rung)
            ]
            best, bound = min(wide, key=lambda pair: pair[1], default=(best, bound))
        return Slope(self.verdict(best, bound, bounds), best)

    def bounds(self, rungs: list[Rung], settled: bool = True) -> list[tuple[Rung, float]]:
        """Rungs whose slope has settled (or all), each with a bound of its error.

        Across a kink the error is at most half the bend. Odd curvature leaves no bend, but the slope
        changes from one step to the next; as long as it changes by much it says nothing.
        """
        found = []
        for rung, finer in pairwise(rungs):
            change = max(abs(rung.numeric - finer.numeric), abs(rung.visible - finer.visible))
            rounding = self.line.rounding(rung, self.noise)
            if not settled or change <= max(0.1 * rung.visible, rounding):
                found.append((rung, rung.bend + change + rounding))
        return found

    def agrees(self, rung: Rung, bound: float) -> bool:
        """Whether the analytic slope is right as far as this rung can tell."""
        return rung.difference <= bound + self.tolerance * rung.scale

    def verdict(self, best: Rung, bound: float, bounds: list[tuple[Rung, float]]) -> str:
        """What the best rung says, unless other rungs contradict it."""
        if best.visible == 0 and best.scale <= NEGLIGIBLE * self.line.unit:
            return "passed"
        if not self.kink and (self.noise > self.allowed(best) or self.jumps(best, bound)):
            return "precision too low"
        if bound > SHARP * best.scale:
            if self.kink:
                return "kink crossed"
            return "passed" if self.agrees(best, 3 * bound) else "wrong gradient"
        if self.agrees(best, bound):
            return "passed"
        return self.vouched(best, bound, bounds)

    def vouched(self, best: Rung, bound: float, bounds: list[tuple[Rung, float]]) -> str:
        """The verdict where the best rung disagrees.

        It may lie on one flat stair of a staircase; then a larger step contradicts it and is right.
        """
        if best.visible == 0:
            bounds = [*self.bounds(self.line.rungs(UPWARD)), *bounds]
        for rung, wider in bounds:
            contradicts = rung.step > best.step and abs(rung.numeric - best.numeric) > wider + bound
            if contradicts and wider <= 0.1 * rung.scale and self.agrees(rung, wider):
                return "precision too low" if self.jumps(rung, wider) else "passed"
        return "wrong gradient"

    def jumps(self, rung: Rung, bound: float) -> bool:
        """Whether finer steps see jumps much larger than float64's rounding."""
        excess = 0.0
        for finer in self.rungs:
            if finer.step < rung.step:
                change = max(abs(finer.numeric - rung.numeric), abs(finer.visible - rung.visible))
                excess = max(excess, finer.step * (max(change, finer.bend) - bound))
        return excess > self.allowed(rung)

    def allowed(self, rung: Rung) -> float:
        """Noise in y that may be float64's own, of y itself or of numbers of size 1 inside."""
        size = self.line.size + rung.scale
        return max(JUMP * rung.scale, 1e5 * EPS * size, 2 * ROUNDING * EPS * self.line.unit)
