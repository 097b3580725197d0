"""The base of all optimizers: states, learning rates, weight decay and clipped gradients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from .. import backend, schedules
from ..autograd import Parameter, Tensor
from ..checks import is_number
from ..errors import ArgumentError, GradientError, message
from ..schedules import LearningRateSchedule

__all__ = ["Optimizer", "check"]

# Arguments of Keras that would change what is computed: their neutral values, and why others are refused.
_REFUSED: dict[str, tuple[Any, str]] = {
    "use_ema": (False, "Keep an average of the weights in a callback of your own."),
    "ema_momentum": (0.99, "There is no moving average of the weights here."),
    "ema_overwrite_frequency": (None, "There is no moving average of the weights here."),
    "loss_scale_factor": (None, "Gradients are float32 or float64 here, which need no scaled loss."),
    "gradient_accumulation_steps": (None, "Use a larger batch_size."),
}


class Optimizer:
    """Base: keeps one set of state arrays per Parameter and updates Parameters in place.

    Subclasses name their state arrays in `slots` (filled with `initial` at first) and update one Parameter
    in `update`. Each step: gradients are clipped, weights decay, then the rule updates them.

    Parameters
    ----------
    learning_rate : a number, or a schedule evaluated at the steps so far.
    weight_decay : λ of ``w ← w − learning_rate·λ·w`` before the step.
    clipnorm : no gradient longer than this, ``g·min(1, c / ‖g‖)``. global_clipnorm : the same with the norm
        of all gradients together. clipvalue : no element beyond ±this. At most one of the three.
    """

    slots: tuple[str, ...] = ()
    initial = 0.0

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule,
        name: str,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        **refused: Any,
    ) -> None:
        where = type(self).__name__
        _check_refused(where, refused)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {key: value for key, value in limits.items() if value is not None}
        for key, value in (given | ({} if weight_decay is None else {"weight_decay": weight_decay})).items():
            check(where, key, value, 0.0, float("inf"))
        if len(given) > 1:
            problem, got = "two ways to clip gradients", ", ".join(f"{k}={v}" for k, v in given.items())
            raise ArgumentError(message(where, problem, expected="at most one", got=got))
        self.weight_decay, self.clipnorm = weight_decay, clipnorm
        self.clipvalue, self.global_clipnorm = clipvalue, global_clipnorm
        self._undecayed: set[int] = set()
        self._undecayed_names: list[str] = []
        self.name = name
        self.iterations = 0
        self._states: dict[int, dict[str, Any]] = {}
        self._parameters: list[Parameter] = []
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        """Step size: the schedule's at the steps so far, or a number that may be assigned at any time."""
        rate = self._learning_rate
        return float(rate(self.iterations)) if isinstance(rate, LearningRateSchedule) else rate

    @learning_rate.setter
    def learning_rate(self, value: float | LearningRateSchedule) -> None:
        where, old = type(self).__name__, getattr(self, "_learning_rate", None)
        if isinstance(value, LearningRateSchedule):
            self._learning_rate: float | LearningRateSchedule = value
            return
        if isinstance(old, LearningRateSchedule):
            hint = "Give the optimizer a number at first, or assign another schedule."
            problem = "its learning rate follows a schedule and cannot be set"
            raise ArgumentError(message(where, problem, got=repr(value), hint=hint))
        check(where, "learning_rate", value, 0.0, float("inf"))
        self._learning_rate = float(value)

    def exclude_from_weight_decay(
        self, var_list: Sequence[Parameter] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Let these Parameters, and those with one of `var_names` in their name, not decay."""
        if self._parameters:
            where, problem = type(self).__name__, "steps were taken already"
            hint = "Call exclude_from_weight_decay before the first."
            raise ArgumentError(message(where, problem, hint=hint))
        self._undecayed = {id(parameter) for parameter in var_list or ()}
        self._undecayed_names = list(var_names or ())

    def _decays(self, parameter: Parameter) -> bool:
        names = self._undecayed_names
        named = any(re.search(name, parameter.name or "") for name in names)
        return self.weight_decay is not None and id(parameter) not in self._undecayed and not named

    def _clipped(self, gradients: Sequence[Any]) -> Sequence[Any]:
        """Gradients within the limits, as arrays of their own where they were not."""
        if self.clipvalue:
            return [g.clip(-self.clipvalue, self.clipvalue) for g in gradients]
        if self.clipnorm:
            return [g * _shrink(self.clipnorm, [g]) for g in gradients]
        if self.global_clipnorm:
            factor = _shrink(self.global_clipnorm, gradients)
            return [g * factor for g in gradients]
        return gradients

    def build(self, parameters: Sequence[Parameter]) -> None:
        """Make the state of Parameters that have none yet."""
        for parameter in parameters:
            if id(parameter) not in self._states:
                xp = backend.xp(parameter.data)
                self._states[id(parameter)] = {
                    slot: xp.full_like(parameter.data, self.initial) for slot in self.slots
                }
                self._parameters.append(parameter)  # also keeps it alive, so that its id stays its own

    def apply(self, gradients: Sequence[Tensor], parameters: Sequence[Parameter]) -> None:
        """One step: change every Parameter by its gradient."""
        for gradient, parameter in zip(gradients, parameters, strict=True):
            if gradient.shape != parameter.shape:
                where = f"{type(self).__name__} on {parameter.path!r}"
                problem, expected, got = "the gradient has another shape", parameter.shape, gradient.shape
                raise GradientError(message(where, problem, expected=expected, got=got))
        self.build(parameters)
        arrays = self._clipped([gradient.data for gradient in gradients])
        for array, parameter in zip(arrays, parameters, strict=True):
            if self._decays(parameter):
                backend.kernel("weight_decay_")(parameter.data, self.learning_rate, self.weight_decay)
            self.update(parameter.data, array, **self._states[id(parameter)])
            parameter.bump_version()
        self.iterations += 1

    def update(self, *arrays: Any, **state: Any) -> None:
        """Change weights in place: ``update(w, gw, **state arrays)``."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def state_arrays(self, parameters: Sequence[Parameter]) -> dict[str, Any]:
        """The state of these Parameters, for a file: ``{"0/velocity": array, …}``."""
        states = (self._states.get(id(parameter), {}) for parameter in parameters)
        return {f"{i}/{slot}": array for i, state in enumerate(states) for slot, array in state.items()}

    def load_state_arrays(self, parameters: Sequence[Parameter], arrays: dict[str, Any]) -> None:
        """Put back what `state_arrays` gave."""
        self.build(parameters)
        for i, parameter in enumerate(parameters):
            for slot, own in self._states[id(parameter)].items():
                saved = arrays.get(f"{i}/{slot}", own)
                if saved.shape != own.shape:
                    where, got = f"{slot} of {parameter.path!r}", saved.shape
                    raise ArgumentError(message(where, "the shape differs", expected=own.shape, got=got))
                own[...] = saved

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        hidden = ("iterations", "slots", "initial")
        own = {name: value for name, value in vars(self).items() if name[0] != "_" and name not in hidden}
        rate = self._learning_rate
        return own | {"learning_rate": rate if isinstance(rate, float) else schedules.serialize(rate)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """An optimizer from what `get_config` gave."""
        rate = config.get("learning_rate")
        return cls(**(config | ({"learning_rate": schedules.get(rate)} if isinstance(rate, dict) else {})))


def _shrink(limit: float, gradients: Sequence[Any]) -> Any:
    """``min(1, limit / norm)`` for the norm of these together; NaN where that is not finite, as in Keras."""
    xp, dtype = backend.xp(gradients[0]), gradients[0].dtype
    norm = xp.sqrt(sum(xp.square(g, dtype="float64").sum() for g in gradients))
    return xp.where(xp.isfinite(norm), limit / xp.maximum(norm, limit), xp.nan).astype(dtype)


def _check_refused(where: str, arguments: dict[str, Any]) -> None:
    for name, value in arguments.items():
        if name not in _REFUSED:
            raise ArgumentError(message(where, "there is no such argument", got=name))
        neutral, hint = _REFUSED[name]
        if value != neutral:
            raise ArgumentError(message(where, name, expected=neutral, got=repr(value), hint=hint))


def check(where: str, name: str, value: Any, low: float, high: float, below: bool = False) -> None:
    """Refuse what is no number from low to high, with `below` also high itself."""
    right = is_number(value) and low <= float(value) <= high
    if not right or (below and value == high):
        expected = f"a number from {low:g} to {'below ' if below else ''}{high:g}"
        raise ArgumentError(message(where, name, expected=expected, got=repr(value)))
