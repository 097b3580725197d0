"""Convolutions."""

from __future__ import annotations

from minicnn.activations import ACTIVATIONS
from tests.layer_table.base import Config, Draw, Row
from tests.layer_table.images import image


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
]
