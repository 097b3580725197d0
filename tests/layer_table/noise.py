"""What only acts while training, beside Dropout."""

from __future__ import annotations

from tests.layer_table.base import Config, Draw, Row


def draw_spatial(d: Draw) -> Config:
    return Config({"rate": d.choice(0, d.number(0, 1))} | d.some(seed=d.integer(0, 9)), d.shape(4))


def draw_noise(d: Draw) -> Config:
    return Config({"stddev": d.choice(0, d.number(0, 1))} | d.some(seed=d.integer(0, 9)), d.shape(1, 2, 3, 4))


def draw_gaussian_dropout(d: Draw) -> Config:
    return Config({"rate": d.choice(0, d.number(0, 0.9))} | d.some(seed=d.integer(0, 9)), d.shape(1, 2, 3, 4))


ROWS = [
    Row(
        name="SpatialDropout2D",
        kwargs={"rate": 0.4},
        x_shape=(2, 3, 2, 4),
        y_shape=(2, 3, 2, 4),
        by_hand=({"rate": 0.5}, [], [[[[1, 2]]]], [[[[1, 2]]]]),
        draw=draw_spatial,
        runs=6,
    ),
    Row(
        name="GaussianNoise",
        kwargs={"stddev": 0.4},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"stddev": 0.5}, [], [[1, 2]], [[1, 2]]),
        draw=draw_noise,
        runs=6,
    ),
    Row(
        name="GaussianDropout",
        kwargs={"rate": 0.4},
        x_shape=(3, 5),
        y_shape=(3, 5),
        by_hand=({"rate": 0.5}, [], [[1, 2]], [[1, 2]]),
        draw=draw_gaussian_dropout,
        runs=6,
    ),
]
