"""Normalization."""

from __future__ import annotations

from tests.layer_table.base import Config, Draw, Kwargs, Row

RANDOM = {"gamma_initializer": "random_normal", "beta_initializer": "random_uniform"}
REGULARIZED = {"gamma_regularizer": "l2", "beta_regularizer": "l1"}


def affine(d: Draw) -> Kwargs:
    return d.some(epsilon=d.number(0.001, 0.5), center=d.choice(True, False), scale=d.choice(True, False))


def draw_batch(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    axis = d.choice(-1, len(shape) - 1, d.integer(1, len(shape) - 1), -d.integer(1, len(shape) - 1))
    return Config(d.some(axis=axis, momentum=d.number(0, 1)) | affine(d), shape)


def draw_layer(d: Draw) -> Config:
    shape = d.shape(2, 3, 4)
    one, last = d.integer(1, len(shape) - 1), list(range(-d.integer(1, len(shape) - 1), 0))
    axes = sorted({d.integer(1, len(shape) - 1) for _ in range(3)})
    return Config(d.some(axis=d.choice(-1, one, axes, axes[::-1], last)) | affine(d), shape)


def draw_group(d: Draw) -> Config:
    groups, shape = d.integer(1, 3), list(d.shape(2, 3, 4))
    axis = d.choice(-1, len(shape) - 1, d.integer(1, len(shape) - 1))
    shape[axis] = groups * d.integer(1, 3)
    return Config({"groups": d.choice(groups, groups, -1), "axis": axis} | affine(d), tuple(shape))


ROWS = [
    Row(
        name="BatchNormalization",
        kwargs=RANDOM | REGULARIZED | {"momentum": 0.9, "epsilon": 0.01},
        x_shape=(3, 4, 2, 5),
        y_shape=(3, 4, 2, 5),
        params=4 * 5,
        # γ·(x − mean) / √(variance + 1) + β, channel by channel
        by_hand=({"epsilon": 1}, [[2, 1], [1, 0], [3, 0], [3, 0]], [[5, 7], [3, -1]], [[3, 7], [1, -1]]),
        draw=draw_batch,
        runs=25,
    ),
    Row(
        name="LayerNormalization",
        kwargs=RANDOM | REGULARIZED | {"axis": [1, 3]},
        x_shape=(3, 4, 2, 5),
        y_shape=(3, 4, 2, 5),
        params=2 * 4 * 5,
        # mean 3, variance 3, with ε a deviation of 2
        by_hand=({"epsilon": 1}, [[2, 2, 4, 2], [0, 0, 0, 5]], [[6, 2, 2, 2]], [[3, -1, -2, 4]]),
        draw=draw_layer,
        runs=25,
    ),
    Row(
        name="GroupNormalization",
        kwargs=RANDOM | REGULARIZED | {"groups": 2},
        x_shape=(3, 4, 2, 6),
        y_shape=(3, 4, 2, 6),
        params=2 * 6,
        # pixels (5, 1) and (1, 5) of the first group: mean 3, variance 4; the second group is constant
        by_hand=(
            {"groups": 2, "epsilon": 0.0},
            [[1, 2, 1, 1], [0, 0, 0, 1]],
            [[[5, 1, 0, 2], [1, 5, 2, 0]]],
            [[[1, -2, -1, 2], [-1, 2, 1, 0]]],
        ),
        draw=draw_group,
        runs=25,
    ),
]
