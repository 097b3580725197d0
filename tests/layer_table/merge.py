"""Layers on several inputs: an example by hand each, and random configurations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tests.layer_table.base import Draw, Kwargs


class Case(NamedTuple):
    """Constructor arguments, and the shapes of the inputs."""

    kwargs: Kwargs
    shapes: tuple[tuple[int, ...], ...]


A, B = np.array([[1.0, -2.0]]), np.array([[4.0, 3.0]])

BY_HAND: dict[str, tuple[Kwargs, Any]] = {
    "Add": ({}, [[5, 1]]),
    "Subtract": ({}, [[-3, -5]]),
    "Multiply": ({}, [[4, -6]]),
    "Average": ({}, [[2.5, 0.5]]),
    "Maximum": ({}, [[4, 3]]),
    "Minimum": ({}, [[1, -2]]),
    "Concatenate": ({}, [[1, -2, 4, 3]]),
    "Dot": ({"axes": 1}, [[-2]]),
}
"""Layer: its arguments, and what it makes of the inputs A and B."""


def draw_case(name: str, number: int) -> Case:
    """Configuration `number` of a layer."""
    d = Draw(name, number)
    if name == "Dot":
        return _draw_dot(d)
    shape = d.shape(2, 3, 4)
    count = 2 if name == "Subtract" else d.integer(2, 4)
    if name == "Concatenate":
        axis = d.integer(1, len(shape) - 1)
        shapes = tuple((*shape[:axis], d.integer(1, 4), *shape[axis + 1 :]) for _ in range(count))
        return Case({"axis": d.choice(axis, axis - len(shape))}, shapes)
    return Case({}, tuple(_repeated(d, shape) for _ in range(count)))


def _repeated(d: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that broadcasts to this one: some sizes are 1, some first axes of a sample are missing."""
    sizes = [d.choice(size, size, 1) for size in shape[1:]]
    return (shape[0], *sizes[d.choice(0, 0, 0, 1) :]) if len(sizes) > 1 else (shape[0], *sizes)


def _draw_dot(d: Draw) -> Case:
    n, k = d.integer(1, 4), d.integer(2, 5)  # the cosine of two numbers has no gradient
    shapes, axes = [], []
    for _ in range(2):
        rest = [d.integer(1, 4) for _ in range(d.integer(0, 2))]
        axis = d.integer(0, len(rest))
        shapes.append((n, *rest[:axis], k, *rest[axis:]))
        axes.append(axis + 1)
    return Case({"axes": tuple(axes)} | d.some(normalize=d.choice(True, False)), tuple(shapes))
