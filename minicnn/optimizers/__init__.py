"""Optimizers, with Keras 3's names, arguments and formulas."""

from __future__ import annotations

from typing import Any

from .. import schedules
from ..errors import ArgumentError, message
from .base import Optimizer
from .rules import SGD, Adagrad, Adam, AdamW, RMSprop

__all__ = ["OPTIMIZERS", "SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "get", "schedules"]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "adagrad": Adagrad,
}


def get(identifier: Any) -> Optimizer:
    """An optimizer from its name, its class, its config or itself.

    >>> get("rmsprop").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()  # type: ignore[call-arg]
    if isinstance(identifier, str) and identifier.lower() in OPTIMIZERS:
        return OPTIMIZERS[identifier.lower()]()  # type: ignore[call-arg]
    if isinstance(identifier, dict) and str(identifier.get("class_name")).lower() in OPTIMIZERS:
        return OPTIMIZERS[identifier["class_name"].lower()].from_config(identifier.get("config", {}))
    expected = f"one of {', '.join(OPTIMIZERS)} or an Optimizer"
    raise ArgumentError(message("optimizer", "it is not known", expected=expected, got=repr(identifier)))
