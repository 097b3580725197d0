"""Layers that only move or reshape."""

from __future__ import annotations

from tests.layer_table.base import Config, Draw, Row


def draw_flatten(d: Draw) -> Config:
    return Config({}, d.shape(1, 2, 3, 4, 5))


ROWS = [
    Row(
        name="Flatten",
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 24),
        by_hand=({}, [], [[[[1, 2]], [[3, 4]]]], [[1, 2, 3, 4]]),
        draw=draw_flatten,
        runs=15,
    ),
]
