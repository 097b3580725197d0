"""What a row of the table is, and the random values that its configurations are drawn from."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

Kwargs = dict[str, Any]


class Config(NamedTuple):
    """Constructor arguments and the shape of the input, batch included."""

    kwargs: Kwargs
    x_shape: tuple[int, ...]

    def __str__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.kwargs.items())
        return f"({arguments}) x{self.x_shape}".replace(" ", "")


class Draw:
    """Random plain Python values: the same name and number give the same ones on every machine."""

    def __init__(self, name: str, number: int) -> None:
        self.rng = np.random.default_rng([zlib.crc32(name.encode()), number])

    def integer(self, low: int, high: int) -> int:
        """low … high, both included."""
        return int(self.rng.integers(low, high + 1))

    def number(self, low: float, high: float) -> float:
        return round(float(self.rng.uniform(low, high)), 2)

    def choice(self, *values: Any) -> Any:
        return values[self.integer(0, len(values) - 1)]

    def pair(self, low: int, high: int) -> Any:
        """An int, or a pair of them."""
        return self.choice(self.integer(low, high), (self.integer(low, high), self.integer(low, high)))

    def some(self, **optional: Any) -> Kwargs:
        """Most of the arguments; the others keep their defaults."""
        return {name: value for name, value in optional.items() if self.integer(0, 3)}

    def shape(self, *ranks: int) -> tuple[int, ...]:
        """A small shape with one of these numbers of axes."""
        return tuple(self.integer(1, 5) for _ in range(self.choice(*ranks)))


@dataclass(frozen=True, kw_only=True)
class Row:
    """All that the suites must know of a layer."""

    name: str
    kwargs: Kwargs = field(default_factory=dict)
    """An example of constructor arguments …"""
    x_shape: tuple[int, ...]
    y_shape: tuple[int, ...]
    params: int = 0
    by_hand: tuple[Kwargs, list[Any], Any, Any]
    """Arguments, weights, input and output of an example worked out by hand."""
    draw: Callable[[Draw], Config] | None = None
    """Random configurations; None where the layer is compared in a test of its own."""
    runs: int = 0
    """How many of them are compared with Keras."""

    def configs(self) -> list[Config]:
        return [self.draw(Draw(self.name, i)) for i in range(self.runs)] if self.draw else []
