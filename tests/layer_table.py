"""The table of layers: one row for each, read by the conformance suite and by the cross-check.

A further layer is one more row: an example worked out by hand, an example with its sizes, and a
function that draws random configurations which Keras knows too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from minicnn.layers.activation import ACTIVATIONS

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


def both(value: Any) -> tuple[int, int]:
    """(3, 3) from 3."""
    return value if isinstance(value, tuple) else (value, value)


def image(d: Draw, kernel: Any, padding: str, channels: int, dilation: Any = 1) -> tuple[int, ...]:
    """A batch of images into which the window fits; with "same" they may be smaller than it."""
    reaches = [(k - 1) * step + 1 for k, step in zip(both(kernel), both(dilation), strict=True)]
    h, w = (d.integer(1 if padding == "same" else reach, reach + 5) for reach in reaches)
    return d.integer(1, 3), h, w, channels


def draw_conv2d(d: Draw) -> Config:
    kernel, strides, dilation = d.pair(1, 4), d.pair(1, 3), d.pair(1, 3)
    moves = d.choice({"strides": strides}, {"dilation_rate": dilation}, {})  # Keras refuses both at once
    groups, padding = d.choice(1, 1, 2, 3), d.choice("valid", "same")
    optional = d.some(
        padding=padding, use_bias=d.choice(True, False), activation=d.choice(None, *ACTIVATIONS)
    )
    kwargs = {"filters": groups * d.integer(1, 3), "kernel_size": kernel, "groups": groups} | moves | optional
    used = kwargs.get("padding", "valid")
    return Config(kwargs, image(d, kernel, used, groups * d.integer(1, 3), kwargs.get("dilation_rate", 1)))


def draw_pooling(d: Draw) -> Config:
    pool = d.pair(1, 4)
    kwargs = {"pool_size": pool} | d.some(
        strides=d.choice(None, d.pair(1, 4)), padding=d.choice("valid", "same")
    )
    return Config(kwargs, image(d, pool, kwargs.get("padding", "valid"), d.integer(1, 3)))


def draw_dense(d: Draw) -> Config:
    optional = d.some(use_bias=d.choice(True, False), activation=d.choice(None, *ACTIVATIONS))
    return Config({"units": d.integer(1, 6)} | optional, d.shape(2, 3, 4))


def draw_flatten(d: Draw) -> Config:
    return Config({}, d.shape(1, 2, 3, 4, 5))


def draw_dropout(d: Draw) -> Config:
    shape = d.shape(1, 2, 3, 4)
    noise_shape = tuple(d.choice(None, 1, size) for size in shape)
    kwargs = {"rate": d.choice(0, 1, d.number(0, 1))}
    return Config(kwargs | d.some(seed=d.integer(0, 9), noise_shape=d.choice(None, noise_shape)), shape)


def draw_relu(d: Draw) -> Config:
    optional = d.some(
        max_value=d.choice(None, 6, d.number(0.3, 2)),
        negative_slope=d.choice(0.0, d.number(0, 0.5)),
        threshold=d.choice(0, d.number(0, 1.5)),
    )
    return Config(optional, d.shape(1, 2, 3, 4))


def draw_softmax(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    return Config(d.some(axis=d.integer(-len(shape), len(shape) - 1)), shape)


def draw_activation(d: Draw) -> Config:
    return Config({"activation": d.choice(None, *ACTIVATIONS)}, d.shape(2, 3, 4))


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


ROWS = [
    Row(
        name="Conv2D",
        kwargs={"filters": 4, "kernel_size": (3, 2), "padding": "same", "strides": 2, "activation": "tanh"},
        x_shape=(2, 5, 6, 3),
        y_shape=(2, 3, 3, 4),
        params=3 * 2 * 3 * 4 + 4,
        # 1·x[i, j] + 2·x[i, j + 1] − x[i + 1, j + 1] + 0.5
        by_hand=(
            {"filters": 1, "kernel_size": 2},
            [[[[[1]], [[2]]], [[[0]], [[-1]]]], [0.5]],
            [[[[1], [2], [3]], [[4], [5], [6]], [[7], [8], [9]]]],
            [[[[0.5], [2.5]], [[6.5], [8.5]]]],
        ),
        draw=draw_conv2d,
        runs=110,
    ),
    Row(
        name="MaxPooling2D",
        kwargs={"pool_size": 3, "strides": (2, 1), "padding": "same"},
        x_shape=(2, 5, 4, 3),
        y_shape=(2, 3, 4, 3),
        by_hand=({"pool_size": 2}, [], [[[[1], [5], [2], [0]], [[3], [4], [8], [-1]]]], [[[[5], [8]]]]),
        draw=draw_pooling,
        runs=45,
    ),
    Row(
        name="AveragePooling2D",
        kwargs={"pool_size": (2, 3), "padding": "same"},
        x_shape=(2, 5, 4, 3),
        y_shape=(2, 3, 2, 3),
        # the last window holds one pixel and one of padding, which is not counted
        by_hand=({"pool_size": (1, 2), "padding": "same"}, [], [[[[1], [3], [8]]]], [[[[2], [8]]]]),
        draw=draw_pooling,
        runs=45,
    ),
    Row(
        name="Flatten",
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 24),
        by_hand=({}, [], [[[[1, 2]], [[3, 4]]]], [[1, 2, 3, 4]]),
        draw=draw_flatten,
        runs=15,
    ),
    Row(
        name="Dense",
        kwargs={"units": 4, "activation": "sigmoid"},
        x_shape=(3, 5),
        y_shape=(3, 4),
        params=5 * 4 + 4,
        by_hand=({"units": 2}, [[[1, 0], [2, -1]], [0.5, 0]], [[1, 2]], [[5.5, -2]]),
        draw=draw_dense,
        runs=40,
    ),
    Row(
        name="Dropout",
        kwargs={"rate": 0.4, "noise_shape": (None, 1)},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"rate": 0.5}, [], [[1, 2]], [[1, 2]]),
        draw=draw_dropout,
        runs=12,
    ),
    Row(
        name="ReLU",
        kwargs={"max_value": 6.0, "negative_slope": 0.1},
        x_shape=(3, 5),
        y_shape=(3, 5),
        # below the threshold 0.1·(x − 1), from 1 to 6 x itself, above it 6
        by_hand=(
            {"max_value": 6, "negative_slope": 0.1, "threshold": 1},
            [],
            [-1, 0.5, 2, 9],
            [-0.2, -0.05, 2, 6],
        ),
        draw=draw_relu,
        runs=25,
    ),
    Row(
        name="Softmax",
        kwargs={"axis": 1},
        x_shape=(2, 3, 4),
        y_shape=(2, 3, 4),
        by_hand=({}, [], [[0, np.log(3)]], [[0.25, 0.75]]),
        draw=draw_softmax,
        runs=20,
    ),
    Row(
        name="Activation",
        kwargs={"activation": "tanh"},
        x_shape=(2, 3),
        y_shape=(2, 3),
        by_hand=({"activation": "relu"}, [], [-1, 0, 2], [0, 0, 2]),
        draw=draw_activation,
        runs=20,
    ),
    Row(
        name="InputLayer",
        kwargs={"shape": (4, 3)},
        x_shape=(2, 4, 3),
        y_shape=(2, 4, 3),
        by_hand=({"shape": (2,)}, [], [[1, 2]], [[1, 2]]),
    ),
]
