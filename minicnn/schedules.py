"""Learning rates that change from step to step, with Keras 3's names; also as `optimizers.schedules`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .checks import is_number
from .errors import ArgumentError, message

__all__ = [
    "SCHEDULES",
    "CosineDecay",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "WarmUp",
    "get",
    "serialize",
]


class LearningRateSchedule:
    """Base: ``schedule(step)`` is the learning rate after `step` steps, counted from 0."""

    name: str

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """A schedule from what `get_config` gave."""
        return cls(**config)


def _number(where: str, name: str, value: Any, least: float = 0.0, above: bool = False) -> Any:
    """The number a user passed as `name`; at least `least`, or with `above` more than it."""
    if not is_number(value) or not (value > least if above else value >= least):
        expected = f"a number {'above' if above else 'of at least'} {least:g}"
        raise ArgumentError(message(where, name, expected=expected, got=repr(value)))
    return value


class _Decay(LearningRateSchedule):
    def _set(self, initial_learning_rate: float, decay_steps: float, name: str) -> None:
        self.initial_learning_rate = _number(name, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = _number(name, "decay_steps", decay_steps, above=True)
        self.name = name


class ExponentialDecay(_Decay):
    """``rate = initial_learning_rate·decay_rate^(step / decay_steps)``; `staircase` floors the power.

    >>> ExponentialDecay(0.1, 100, 0.5)(200)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self._set(initial_learning_rate, decay_steps, name)
        self.decay_rate, self.staircase = _number(name, "decay_rate", decay_rate), bool(staircase)

    def __call__(self, step: int) -> float:
        power = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (
            math.floor(power) if self.staircase else power
        )


class InverseTimeDecay(_Decay):
    """``rate = initial_learning_rate / (1 + decay_rate·step / decay_steps)``.

    With `staircase`, step / decay_steps is floored.

    >>> InverseTimeDecay(0.1, 100, 1.0)(100)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self._set(initial_learning_rate, decay_steps, name)
        self.decay_rate, self.staircase = _number(name, "decay_rate", decay_rate), bool(staircase)

    def __call__(self, step: int) -> float:
        time = step / self.decay_steps
        time = math.floor(time) if self.staircase else time
        return self.initial_learning_rate / (1 + self.decay_rate * time)


class PolynomialDecay(_Decay):
    """``rate = (initial_learning_rate − end)·(1 − p)^power + end`` with p = min(step / decay_steps, 1).

    end is `end_learning_rate`. With `cycle`, decay_steps grows to its next multiple not below step.

    >>> PolynomialDecay(1.0, 10, end_learning_rate=0.0)(5)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self._set(initial_learning_rate, decay_steps, name)
        self.end_learning_rate = _number(name, "end_learning_rate", end_learning_rate)
        self.power, self.cycle = _number(name, "power", power), bool(cycle)

    def __call__(self, step: int) -> float:
        cycles = max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1
        p = min(step / (self.decay_steps * cycles), 1.0)
        range_ = self.initial_learning_rate - self.end_learning_rate
        return range_ * (1 - p) ** self.power + self.end_learning_rate


class CosineDecay(_Decay):
    """Half a cosine from the start down to alpha times it (Loshchilov & Hutter, SGDR, 2017).

    ``rate = start·((1 − alpha)·½·(1 + cos(π·p)) + alpha)`` with p = min(step / decay_steps, 1) and
    start = initial_learning_rate. With `warmup_target`, the rate first rises to it on a straight line in
    `warmup_steps` steps; the decay starts there and then.

    >>> CosineDecay(1.0, 10)(5)
    0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self._set(initial_learning_rate, decay_steps, name)
        self.alpha = _number(name, "alpha", alpha)
        self.warmup_target = None if warmup_target is None else _number(name, "warmup_target", warmup_target)
        self.warmup_steps = _number(name, "warmup_steps", warmup_steps)

    def __call__(self, step: int) -> float:
        start, first = self.initial_learning_rate, self.warmup_steps
        if self.warmup_target is None:
            first = 0
        elif step < first:
            return start + (self.warmup_target - start) * step / first
        else:
            start = self.warmup_target
        p = min((step - first) / self.decay_steps, 1.0)
        return start * ((1 - self.alpha) * 0.5 * (1 + math.cos(math.pi * p)) + self.alpha)


class PiecewiseConstantDecay(LearningRateSchedule):
    """``rate = values[i]`` for the first i with step ≤ boundaries[i], the last value after all of them.

    >>> rate = PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001]); rate(10), rate(11), rate(99)
    (0.1, 0.01, 0.001)
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1 or list(boundaries) != sorted(boundaries):
            expected = "rising boundaries and one value more than those"
            got = f"boundaries={list(boundaries)}, values={list(values)}"
            raise ArgumentError(message(name, "boundaries and values", expected=expected, got=got))
        self.boundaries, self.name = list(boundaries), name
        self.values = [_number(name, "values", value) for value in values]

    def __call__(self, step: int) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


class WarmUp(LearningRateSchedule):
    """A straight line from `initial_learning_rate` up to where `schedule` starts, then that schedule.

    ``rate = initial + (schedule(0) − initial)·step / warmup_steps`` while step < warmup_steps, then
    ``schedule(step − warmup_steps)``. `schedule` is a schedule or a number, which then stays.

    >>> rate = WarmUp(0.1, 10); rate(0), rate(5), rate(99)
    (0.0, 0.05, 0.1)
    """

    def __init__(
        self, schedule: Any, warmup_steps: int, initial_learning_rate: float = 0.0, name: str = "WarmUp"
    ) -> None:
        self.schedule = _number(name, "schedule", schedule) if is_number(schedule) else get(schedule)
        self.warmup_steps = _number(name, "warmup_steps", warmup_steps)
        self.initial_learning_rate = _number(name, "initial_learning_rate", initial_learning_rate)
        self.name = name

    def __call__(self, step: int) -> float:
        after = max(step - self.warmup_steps, 0)
        target = self.schedule(after) if callable(self.schedule) else self.schedule
        if step >= self.warmup_steps:
            return target
        return self.initial_learning_rate + (target - self.initial_learning_rate) * step / self.warmup_steps

    def get_config(self) -> dict[str, Any]:
        inner = serialize(self.schedule) if callable(self.schedule) else self.schedule
        return super().get_config() | {"schedule": inner}


class OneCycle(LearningRateSchedule):
    """Up, down, and far down: a single cycle of large rates (Smith 2018, A disciplined approach, section 4).

    Straight lines from ``max_learning_rate / div_factor`` up to `max_learning_rate`, back down in as many
    steps, and in the last `final_share` of all `total_steps` on to ``max_learning_rate / final_div_factor``.

    >>> rate = OneCycle(1.0, total_steps=100); [round(rate(step), 4) for step in (0, 45, 90, 100)]
    [0.1, 1.0, 0.1, 0.001]
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        div_factor: float = 10.0,
        final_div_factor: float = 1000.0,
        final_share: float = 0.1,
        name: str = "OneCycle",
    ) -> None:
        self.max_learning_rate = _number(name, "max_learning_rate", max_learning_rate)
        self.total_steps = _number(name, "total_steps", total_steps, above=True)
        self.div_factor = _number(name, "div_factor", div_factor, 1.0)
        self.final_div_factor = _number(name, "final_div_factor", final_div_factor, 1.0)
        if not is_number(final_share) or not 0 <= final_share < 1:
            expected = "a number from 0 to below 1"
            raise ArgumentError(message(name, "final_share", expected=expected, got=repr(final_share)))
        self.final_share, self.name = final_share, name

    def __call__(self, step: int) -> float:
        top, end = self.max_learning_rate, self.max_learning_rate / self.final_div_factor
        low, half = top / self.div_factor, self.total_steps * (1 - self.final_share) / 2
        if step <= 2 * half:
            return top - (top - low) * abs(step - half) / half
        return low + (end - low) * min((step - 2 * half) / (self.total_steps - 2 * half), 1.0)


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    cls.__name__: cls
    for cls in (
        CosineDecay,
        ExponentialDecay,
        InverseTimeDecay,
        OneCycle,
        PiecewiseConstantDecay,
        PolynomialDecay,
        WarmUp,
    )
}


def serialize(schedule: LearningRateSchedule) -> dict[str, Any]:
    """A schedule as class name and config, for a file."""
    return {"class_name": type(schedule).__name__, "config": schedule.get_config()}


def get(identifier: Any) -> LearningRateSchedule:
    """A schedule from what `serialize` gave, or itself.

    >>> get(serialize(ExponentialDecay(0.1, 10, 0.5)))(10)
    0.05
    """
    if isinstance(identifier, LearningRateSchedule):
        return identifier
    if isinstance(identifier, dict) and identifier.get("class_name") in SCHEDULES:
        return SCHEDULES[identifier["class_name"]].from_config(identifier.get("config", {}))
    expected = f"one of {', '.join(SCHEDULES)}"
    raise ArgumentError(message("schedule", "it is not known", expected=expected, got=repr(identifier)))
