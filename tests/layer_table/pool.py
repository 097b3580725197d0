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


def draw_global(d: Draw) -> Config:
    return Config(d.some(keepdims=d.choice(True, False)), d.shape(4))


def draw_adaptive(d: Draw) -> Config:
    return Config({"output_size": d.pair(1, 6)}, (d.integer(1, 3), d.integer(1, 9), d.integer(1, 9), 2))


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
    Row(
        name="GlobalMaxPooling2D",
        kwargs={"keepdims": True},
        x_shape=(2, 5, 4, 3),
        y_shape=(2, 1, 1, 3),
        by_hand=({}, [], [[[[1, 5], [2, 0]], [[3, 4], [8, -1]]]], [[8, 5]]),
        draw=draw_global,
        runs=12,
    ),
    Row(
        name="GlobalAveragePooling2D",
        x_shape=(2, 5, 4, 3),
        y_shape=(2, 3),
        by_hand=({"keepdims": True}, [], [[[[1, 5], [2, 0]], [[3, 4], [8, -1]]]], [[[[3.5, 2]]]]),
        draw=draw_global,
        runs=12,
    ),
    Row(
        name="AdaptiveAveragePooling2D",
        kwargs={"output_size": (2, 3)},
        x_shape=(2, 5, 4, 3),
        y_shape=(2, 2, 3, 3),
        # the pixel in the middle belongs to both windows
        by_hand=({"output_size": (1, 2)}, [], [[[[1], [3], [8]]]], [[[[2], [5.5]]]]),
        draw=draw_adaptive,
        runs=30,
    ),
]
