"""Activations."""

from __future__ import annotations

import numpy as np

from minicnn.activations import ACTIVATIONS
from tests.layer_table.base import Config, Draw, Row


def draw_relu(d: Draw) -> Config:
    optional = d.some(
        max_value=d.choice(None, 6, d.number(0.3, 2)),
        negative_slope=d.choice(0.0, d.number(0, 0.5)),
        threshold=d.choice(0, d.number(0, 1.5)),
    )
    return Config(optional, d.shape(1, 2, 3, 4))


def draw_leaky_relu(d: Draw) -> Config:
    return Config(d.some(negative_slope=d.number(0, 1)), d.shape(1, 2, 3, 4))


def draw_elu(d: Draw) -> Config:
    return Config(d.some(alpha=d.number(0, 2)), d.shape(1, 2, 3, 4))


def draw_prelu(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    one, several = d.integer(1, len(shape) - 1), [axis for axis in range(1, len(shape)) if d.integer(0, 1)]
    return Config(d.some(shared_axes=d.choice(None, one, several, tuple(several))), shape)


def draw_softmax(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    return Config(d.some(axis=d.integer(-len(shape), len(shape) - 1)), shape)


def draw_activation(d: Draw) -> Config:
    return Config({"activation": d.choice(None, *ACTIVATIONS)}, d.shape(2, 3, 4))


ROWS = [
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
        name="LeakyReLU",
        kwargs={"negative_slope": 0.1},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"negative_slope": 0.5}, [], [-2, 0, 3], [-1, 0, 3]),
        draw=draw_leaky_relu,
        runs=8,
    ),
    Row(
        name="ELU",
        kwargs={"alpha": 0.5},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"alpha": 2}, [], [-np.log(2), 0, 3], [-1, 0, 3]),
        draw=draw_elu,
        runs=8,
    ),
    Row(
        name="PReLU",
        kwargs={"shared_axes": [2], "alpha_initializer": "random_normal", "alpha_regularizer": "l2"},
        x_shape=(3, 5, 2, 4),
        y_shape=(3, 5, 2, 4),
        params=5 * 4,
        by_hand=({}, [[0.5, 0.25]], [[-4, 3], [-1, -2]], [[-2, 3], [-0.5, -0.5]]),
        draw=draw_prelu,
        runs=16,
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
        runs=40,
    ),
]
