"""Dense, dropout and the input."""

from __future__ import annotations

from minicnn.activations import ACTIVATIONS
from tests.layer_table.base import Config, Draw, Row


def draw_dense(d: Draw) -> Config:
    optional = d.some(use_bias=d.choice(True, False), activation=d.choice(None, *ACTIVATIONS))
    return Config({"units": d.integer(1, 6)} | optional, d.shape(2, 3, 4))


def draw_dropout(d: Draw) -> Config:
    shape = d.shape(1, 2, 3, 4)
    noise_shape = tuple(d.choice(None, 1, size) for size in shape)
    kwargs = {"rate": d.choice(0, 1, d.number(0, 1))}
    return Config(kwargs | d.some(seed=d.integer(0, 9), noise_shape=d.choice(None, noise_shape)), shape)


ROWS = [
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
        name="InputLayer",
        kwargs={"shape": (4, 3)},
        x_shape=(2, 4, 3),
        y_shape=(2, 4, 3),
        by_hand=({"shape": (2,)}, [], [[1, 2]], [[1, 2]]),
    ),
]
