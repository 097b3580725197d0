"""Pooling."""

from __future__ import annotations

from tests.layer_table.base import Config, Draw, Row
from tests.layer_table.images import image


def draw_pooling(d: Draw) -> Config:
    pool = d.pair(1, 4)
    kwargs = {"pool_size": pool} | d.some(
        strides=d.choice(None, d.pair(1, 4)), padding=d.choice("valid", "same")
    )
    return Config(kwargs, image(d, pool, kwargs.get("padding", "valid"), d.integer(1, 3)))


ROWS = [
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
]
