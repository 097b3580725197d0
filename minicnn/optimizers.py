"""Optimizers, with Keras 3's names, arguments and formulas; the arithmetic is in the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import backend
from .autograd import Parameter, Tensor
from .checks import is_number
from .errors import ArgumentError, GradientError, message

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer", "RMSprop", "get"]


class Optimizer:
    """Base: keeps one set of state arrays per Parameter and updates Parameters in place.

    Subclasses name their state arrays in `slots` and update one Parameter in `update`.
    """

    slots: tuple[str, ...] = ()

    def __init__(self, learning_rate: float, name: str) -> None:
        self.name = name
        self.iterations = 0
        self._states: dict[int, dict[str, Any]] = {}
        self._parameters: list[Parameter] = []
        self.learning_rate = learning_rate

    @property
    def learning_rate(self) -> float:
        """Step size; may be assigned at any time."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        _check(type(self).__name__, "learning_rate", value, 0.0, float("inf"))
        self._learning_rate = float(value)

    def build(self, parameters: Sequence[Parameter]) -> None:
        """Make the state (zeros) of Parameters that have none yet."""
        for parameter in parameters:
            if id(parameter) not in self._states:
                xp = backend.xp(parameter.data)
                self._states[id(parameter)] = {slot: xp.zeros_like(parameter.data) for slot in self.slots}
                self._parameters.append(parameter)  # also keeps it alive, so that its id stays its own

    def apply(self, gradients: Sequence[Tensor], parameters: Sequence[Parameter]) -> None:
        """One step: change every Parameter by its gradient."""
        for gradient, parameter in zip(gradients, parameters, strict=True):
            if gradient.shape != parameter.shape:
                where = f"{type(self).__name__} on {parameter.path!r}"
                problem, expected, got = "the gradient has another shape", parameter.shape, gradient.shape
                raise GradientError(message(where, problem, expected=expected, got=got))
        self.build(parameters)
        self.iterations += 1
        for gradient, parameter in zip(gradients, parameters, strict=True):
            self.update(parameter.data, gradient.data, **self._states[id(parameter)])
            parameter.bump_version()

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
        hidden = ("iterations", "slots")
        own = {name: value for name, value in vars(self).items() if name[0] != "_" and name not in hidden}
        return own | {"learning_rate": self.learning_rate}


def _check(where: str, name: str, value: Any, low: float, high: float, below: bool = False) -> None:
    """Refuse what is no number from low to high, with `below` also high itself."""
    right = is_number(value) and low <= float(value) <= high
    if not right or (below and value == high):
        expected = f"a number from {low:g} to {'below ' if below else ''}{high:g}"
        raise ArgumentError(message(where, name, expected=expected, got=repr(value)))


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where asked for.

    ``v ← momentum·v − learning_rate·g``, ``w ← w + v``; with nesterov ``w ← w + momentum·v −
    learning_rate·g``; without momentum ``w ← w − learning_rate·g``.

    >>> w = Parameter([1.0]); SGD(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.8
    """

    def __init__(
        self,
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        name: str = "SGD",
    ) -> None:
        super().__init__(learning_rate, name)
        _check("SGD", "momentum", momentum, 0.0, 1.0)
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
        self.slots = ("velocity",) if self.momentum else ()

    def update(self, w: Any, gw: Any, velocity: Any = None) -> None:
        backend.kernel("sgd_update_")(w, gw, velocity, self.learning_rate, self.momentum, self.nesterov)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient (Hinton 2012).

    ``s ← rho·s + (1 − rho)·g²``, ``w ← w − learning_rate·g / √(s + epsilon)``; `centered` subtracts the
    square of the running mean gradient from s; with `momentum` the steps build up a velocity.

    >>> w = Parameter([1.0]); RMSprop(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.6838
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        name: str = "rmsprop",
    ) -> None:
        super().__init__(learning_rate, name)
        _check("RMSprop", "rho", rho, 0.0, 1.0)
        _check("RMSprop", "momentum", momentum, 0.0, 1.0)
        _check("RMSprop", "epsilon", epsilon, 0.0, 1.0)
        self.rho, self.momentum, self.epsilon = float(rho), float(momentum), float(epsilon)
        self.centered = bool(centered)
        extra = {"mean_grad": self.centered, "velocity": self.momentum > 0}
        self.slots = ("mean_square", *(slot for slot, wanted in extra.items() if wanted))

    def update(self, w: Any, gw: Any, mean_square: Any, mean_grad: Any = None, velocity: Any = None) -> None:
        scalars = (self.learning_rate, self.rho, self.momentum, self.epsilon, self.centered)
        backend.kernel("rmsprop_update_")(w, gw, mean_square, mean_grad, velocity, *scalars)


class Adam(Optimizer):
    """Steps from running means of the gradient and its square (Kingma & Ba 2015).

    ``m ← beta_1·m + (1 − beta_1)·g``, ``v ← beta_2·v + (1 − beta_2)·g²``, and with t steps so far
    ``w ← w − learning_rate·√(1 − beta_2ᵗ) / (1 − beta_1ᵗ) · m / (√v + epsilon)``; `amsgrad` uses the
    largest v so far (Reddi et al. 2018).

    >>> w = Parameter([1.0]); Adam(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        name: str = "adam",
    ) -> None:
        super().__init__(learning_rate, name)
        _check("Adam", "beta_1", beta_1, 0.0, 1.0, below=True)
        _check("Adam", "beta_2", beta_2, 0.0, 1.0, below=True)
        _check("Adam", "epsilon", epsilon, 0.0, 1.0)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)
        self.amsgrad = bool(amsgrad)
        self.slots = ("m", "v", "vhat") if self.amsgrad else ("m", "v")

    def update(self, w: Any, gw: Any, m: Any, v: Any, vhat: Any = None) -> None:
        scalars = (self.learning_rate, self.beta_1, self.beta_2, self.epsilon, self.iterations, self.amsgrad)
        backend.kernel("adam_update_")(w, gw, m, v, vhat, *scalars)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name, its config or itself.

    >>> get("rmsprop").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str) and identifier.lower() in OPTIMIZERS:
        return OPTIMIZERS[identifier.lower()]()  # type: ignore[call-arg]
    if isinstance(identifier, dict) and str(identifier.get("class_name")).lower() in OPTIMIZERS:
        return OPTIMIZERS[identifier["class_name"].lower()](**identifier.get("config", {}))
    expected = f"one of {', '.join(OPTIMIZERS)} or an Optimizer"
    raise ArgumentError(message("optimizer", "it is not known", expected=expected, got=repr(identifier)))
