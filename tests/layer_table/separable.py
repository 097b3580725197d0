"""Depthwise and separable convolution."""

from __future__ import annotations

from collections.abc import Sequence

from minicnn.activations import ACTIVATIONS
from tests.layer_table.base import Config, Draw, Row
from tests.layer_table.images import image


def draw_depthwise(d: Draw, activations: Sequence[str | None] = (None, *ACTIVATIONS)) -> Config:
    kernel = d.pair(1, 4)
    kwargs = {"kernel_size": kernel} | d.some(
        strides=d.pair(1, 3),
        dilation_rate=d.pair(1, 2),
        padding=d.choice("valid", "same"),
        depth_multiplier=d.integer(1, 3),
        use_bias=d.choice(True, False),
        activation=d.choice(*activations),
    )
    padding, dilation = kwargs.get("padding", "valid"), kwargs.get("dilation_rate", 1)
    return Config(kwargs, image(d, kernel, padding, d.integer(1, 4), dilation))


def draw_separable(d: Draw) -> Config:
    # Two kernels in a row give sums at which sigmoid and tanh are flat and lose the digits of their slope.
    config = draw_depthwise(d, (None, "relu"))
    return Config({"filters": d.integer(1, 4)} | config.kwargs, config.x_shape)


ROWS = [
    Row(
        name="DepthwiseConv2D",
        kwargs={"kernel_size": (3, 2), "padding": "same", "strides": 2, "depth_multiplier": 2},
        x_shape=(2, 5, 6, 3),
        y_shape=(2, 3, 3, 6),
        params=3 * 2 * 3 * 2 + 6,
        # 1·1 + 2·2 in the first channel, 3·10 − 1·20 + 1 in the second
        by_hand=(
            {"kernel_size": (1, 2)},
            [[[[[1], [3]], [[2], [-1]]]], [0, 1]],
            [[[[1, 10], [2, 20]]]],
            [[[[5, 11]]]],
        ),
        draw=draw_depthwise,
        runs=55,
    ),
    Row(
        name="SeparableConv2D",
        kwargs={"filters": 4, "kernel_size": 2, "depth_multiplier": 2, "activation": "tanh"},
        x_shape=(2, 5, 6, 3),
        y_shape=(2, 4, 5, 4),
        params=2 * 2 * 3 * 2 + 6 * 4 + 4,
        # 5 and 10 as above without its bias, then 5 + 2·10 + 0.5
        by_hand=(
            {"filters": 1, "kernel_size": (1, 2)},
            [[[[[1], [3]], [[2], [-1]]]], [[[[1], [2]]]], [0.5]],
            [[[[1, 10], [2, 20]]]],
            [[[[25.5]]]],
        ),
        draw=draw_separable,
        runs=45,
    ),
]
