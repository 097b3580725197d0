"""Padding, cropping, upsampling."""

from __future__ import annotations

from typing import Any

from tests.layer_table.base import Config, Draw, Row
from tests.layer_table.images import both


def amounts(d: Draw) -> Any:
    """An int, (rows, columns), or ((top, bottom), (left, right))."""
    return d.choice(d.pair(0, 3), tuple((d.integer(0, 3), d.integer(0, 3)) for _ in range(2)))


def draw_padding(d: Draw) -> Config:
    return Config(d.some(padding=amounts(d)), d.shape(4))


def draw_cropping(d: Draw) -> Config:
    kwargs = d.some(cropping=amounts(d))
    h, w = (sum(both(crop)) + d.integer(1, 4) for crop in both(kwargs.get("cropping", 0)))
    return Config(kwargs, (d.integer(1, 3), h, w, d.integer(1, 3)))


def draw_upsampling(d: Draw) -> Config:
    return Config(d.some(size=d.pair(1, 4), interpolation=d.choice("nearest", "bilinear")), d.shape(4))


ROWS = [
    Row(
        name="ZeroPadding2D",
        kwargs={"padding": ((0, 1), (2, 0))},
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 4, 6, 2),
        by_hand=({"padding": ((0, 0), (2, 1))}, [], [[[[1], [2]]]], [[[[0], [0], [1], [2], [0]]]]),
        draw=draw_padding,
        runs=20,
    ),
    Row(
        name="Cropping2D",
        kwargs={"cropping": ((0, 1), (2, 0))},
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 2, 2, 2),
        by_hand=({"cropping": ((0, 0), (2, 1))}, [], [[[[1], [2], [3], [4]]]], [[[[3]]]]),
        draw=draw_cropping,
        runs=20,
    ),
    Row(
        name="UpSampling2D",
        kwargs={"size": (2, 3), "interpolation": "bilinear"},
        x_shape=(2, 3, 4, 2),
        y_shape=(2, 6, 12, 2),
        by_hand=({"size": (1, 2)}, [], [[[[1], [4]]]], [[[[1], [1], [4], [4]]]]),
        draw=draw_upsampling,
        runs=30,
    ),
]
