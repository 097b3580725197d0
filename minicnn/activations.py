"""Activations by name and as functions, as in Keras 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import ArgumentError, message
from .functions import (
    elu,
    exp,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    log_softmax,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)

__all__ = [
    "ACTIVATIONS",
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "hard_silu",
    "leaky_relu",
    "linear",
    "log_softmax",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]


def linear(x: Any) -> Any:
    """No activation: y = x."""
    return x


exponential = exp

# The names a file may hold come before their synonyms.
ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log_softmax": log_softmax,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "swish": silu,
    "tanh": tanh,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An activation function from its name, None (linear) or itself.

    >>> get("relu") is relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if isinstance(identifier, str) and identifier in ACTIVATIONS:
        return ACTIVATIONS[identifier]
    expected = f"one of {', '.join(ACTIVATIONS)} or a function"
    raise ArgumentError(message("activation", "it is not known", expected=expected, got=repr(identifier)))


def serialize(function: Callable[..., Any], where: str = "activation") -> str:
    """The name of an activation, for files; a function of the user's own has none."""
    for name, known in ACTIVATIONS.items():
        if function is known:
            return name
    hint = "Put it into a Layer of your own with a get_config."
    got = getattr(function, "__name__", repr(function))
    raise ArgumentError(message(where, "its activation cannot be written to a file", got=got, hint=hint))
