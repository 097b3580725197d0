"""Layers that only move or reshape."""

from __future__ import annotations

from tests.layer_table.base import Config, Draw, Row


def draw_flatten(d: Draw) -> Config:
    return Config({}, d.shape(1, 2, 3, 4, 5))


def draw_reshape(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    sizes = list(d.rng.permutation(shape[1:]))
    sizes = [int(size) for size in sizes]
    if d.choice(True, False):
        sizes[d.integer(0, len(sizes) - 1)] = -1
    return Config({"target_shape": tuple(sizes)}, shape)


def draw_permute(d: Draw) -> Config:
    shape = d.shape(2, 3, 4, 5)
    return Config({"dims": tuple(int(axis) + 1 for axis in d.rng.permutation(len(shape) - 1))}, shape)


def draw_rescaling(d: Draw) -> Config:
    return Config({"scale": d.number(-2, 2)} | d.some(offset=d.number(-3, 3)), d.shape(1, 2, 4))


def draw_identity(d: Draw) -> Config:
    return Config({}, d.shape(1, 2, 3, 4))


ROWS = [
    Row(
        name="Reshape",
        kwargs={"target_shape": (2, -1)},
        x_shape=(2, 3, 4),
        y_shape=(2, 2, 6),
        by_hand=({"target_shape": (-1, 1)}, [], [[[1, 2], [3, 4]]], [[[1], [2], [3], [4]]]),
        draw=draw_reshape,
        runs=15,
    ),
    Row(
        name="Permute",
        kwargs={"dims": (3, 1, 2)},
        x_shape=(2, 3, 4, 5),
        y_shape=(2, 5, 3, 4),
        by_hand=({"dims": (2, 1)}, [], [[[1, 2], [3, 4]]], [[[1, 3], [2, 4]]]),
        draw=draw_permute,
        runs=15,
    ),
    Row(
        name="Rescaling",
        kwargs={"scale": 0.5, "offset": -1.0},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"scale": 2, "offset": 1}, [], [[1, -2]], [[3, -3]]),
        draw=draw_rescaling,
        runs=10,
    ),
    Row(
        name="Identity",
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({}, [], [[1, -2]], [[1, -2]]),
        draw=draw_identity,
        runs=5,
    ),
    Row(
        name="Flatten",
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 24),
        by_hand=({}, [], [[[[1, 2]], [[3, 4]]]], [[1, 2, 3, 4]]),
        draw=draw_flatten,
        runs=15,
    ),
]
