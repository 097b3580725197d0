"""The rules of the optimizers; their arithmetic is in the kernels."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..errors import ArgumentError, message
from ..schedules import LearningRateSchedule
from .base import Optimizer, check

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"]

Rate = float | LearningRateSchedule


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum where asked for.

    ``v ← momentum·v − learning_rate·g``, ``w ← w + v``; with nesterov ``w ← w + momentum·v −
    learning_rate·g``; without momentum ``w ← w − learning_rate·g``.

    >>> from minicnn import Parameter, Tensor
    >>> w = Parameter([1.0]); SGD(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.8
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "SGD",
        **refused: Any,
    ) -> None:
        limits = (weight_decay, clipnorm, clipvalue, global_clipnorm)
        super().__init__(learning_rate, name, *limits, **refused)
        check("SGD", "momentum", momentum, 0.0, 1.0)
        self.momentum, self.nesterov = float(momentum), bool(nesterov)
        self.slots = ("velocity",) if self.momentum else ()

    def update(self, w: Any, gw: Any, velocity: Any = None) -> None:
        backend.kernel("sgd_update_")(w, gw, velocity, self.learning_rate, self.momentum, self.nesterov)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient (Hinton 2012).

    ``s ← rho·s + (1 − rho)·g²``, ``w ← w − learning_rate·g / √(s + epsilon)``; `centered` subtracts the
    square of the running mean gradient from s; with `momentum` the steps build up a velocity.

    >>> from minicnn import Parameter, Tensor
    >>> w = Parameter([1.0]); RMSprop(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.6838
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "rmsprop",
        **refused: Any,
    ) -> None:
        limits = (weight_decay, clipnorm, clipvalue, global_clipnorm)
        super().__init__(learning_rate, name, *limits, **refused)
        check("RMSprop", "rho", rho, 0.0, 1.0)
        check("RMSprop", "momentum", momentum, 0.0, 1.0)
        check("RMSprop", "epsilon", epsilon, 0.0, 1.0)
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

    >>> from minicnn import Parameter, Tensor
    >>> w = Parameter([1.0]); Adam(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.9
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adam",
        **refused: Any,
    ) -> None:
        limits = (weight_decay, clipnorm, clipvalue, global_clipnorm)
        super().__init__(learning_rate, name, *limits, **refused)
        check("Adam", "beta_1", beta_1, 0.0, 1.0, below=True)
        check("Adam", "beta_2", beta_2, 0.0, 1.0, below=True)
        check("Adam", "epsilon", epsilon, 0.0, 1.0)
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)
        self.amsgrad = bool(amsgrad)
        self.slots = ("m", "v", "vhat") if self.amsgrad else ("m", "v")

    def update(self, w: Any, gw: Any, m: Any, v: Any, vhat: Any = None) -> None:
        t = self.iterations + 1
        scalars = (self.learning_rate, self.beta_1, self.beta_2, self.epsilon, t, self.amsgrad)
        backend.kernel("adam_update_")(w, gw, m, v, vhat, *scalars)


class AdamW(Adam):
    """`Adam` whose weights also decay by themselves (Loshchilov & Hutter 2019).

    ``w ← w − learning_rate·weight_decay·w`` before Adam's step, so that large gradients do not weaken it.

    >>> from minicnn import Parameter, Tensor
    >>> w = Parameter([1.0]); AdamW(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.8996
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adamw",
        **refused: Any,
    ) -> None:
        limits = (weight_decay, clipnorm, clipvalue, global_clipnorm)
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, *limits, name, **refused)
        if weight_decay is None:
            raise ArgumentError(message("AdamW", "weight_decay", expected="a number", got=None))


class Adagrad(Optimizer):
    """Steps divided by the root of all squares so far (Duchi et al. 2011).

    ``s ← s + g²`` from initial_accumulator_value on, ``w ← w − learning_rate·g / √(s + epsilon)``.

    >>> from minicnn import Parameter, Tensor
    >>> w = Parameter([1.0]); Adagrad(0.1).apply([Tensor([2.0])], [w]); round(w.item(), 4)
    0.9012
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str = "adagrad",
        **refused: Any,
    ) -> None:
        limits = (weight_decay, clipnorm, clipvalue, global_clipnorm)
        super().__init__(learning_rate, name, *limits, **refused)
        check("Adagrad", "epsilon", epsilon, 0.0, 1.0)
        value = "initial_accumulator_value"
        check("Adagrad", value, initial_accumulator_value, 0.0, float("inf"), below=True)
        self.epsilon, self.initial_accumulator_value = float(epsilon), float(initial_accumulator_value)
        self.initial = self.initial_accumulator_value

    def update(self, w: Any, gw: Any, accumulator: Any) -> None:
        backend.kernel("adagrad_update_")(w, gw, accumulator, self.learning_rate, self.epsilon)
