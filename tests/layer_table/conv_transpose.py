"""Transposed convolution."""

from __future__ import annotations

from minicnn.activations import ACTIVATIONS
from tests.layer_table.base import Config, Draw, Row
from tests.layer_table.images import both


def draw_conv2d_transpose(d: Draw) -> Config:
    moves = d.choice({"strides": d.pair(1, 3)}, {"dilation_rate": d.pair(1, 3)})
    strides = both(moves.get("strides", 1))
    optional = d.some(
        padding=d.choice("valid", "same"),
        output_padding=d.choice(None, tuple(d.integer(0, stride - 1) for stride in strides)),
        use_bias=d.choice(True, False),
        activation=d.choice(None, *ACTIVATIONS),
    )
    kwargs = {"filters": d.integer(1, 4), "kernel_size": d.pair(1, 4)} | moves | optional
    return Config(kwargs, (d.integer(1, 3), d.integer(2, 6), d.integer(2, 6), d.integer(1, 4)))


ROWS = [
    Row(
        name="Conv2DTranspose",
        kwargs={"filters": 4, "kernel_size": (3, 2), "padding": "same", "strides": 2, "activation": "tanh"},
        x_shape=(2, 3, 4, 3),
        y_shape=(2, 6, 8, 4),
        params=3 * 2 * 4 * 3 + 4,
        # 3 writes 3 and 6, 5 writes 5 and 10 one pixel further
        by_hand=(
            {"filters": 1, "kernel_size": (1, 2)},
            [[[[[1]], [[2]]]], [0.5]],
            [[[[3], [5]]]],
            [[[[3.5], [11.5], [10.5]]]],
        ),
        draw=draw_conv2d_transpose,
        runs=60,
    ),
]
