"""Built-in sets of convolutions: every convolution of a network, and how often it occurs.

>>> from minicnn.bench.descriptors import describe
>>> [describe(layer.problem) for layer in layer_set("mnist")][1]
'mb64ic32ih13oc64oh11kh3sh1ph0n"conv2"'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..errors import ArgumentError, message
from ..geometry import output_size
from .nets import NETS, Conv, Pool, Residual, Separable
from .problem import Problem

__all__ = ["Layer", "layer_set"]


class Layer(NamedTuple):
    """A convolution and how many of the network are exactly like it."""

    problem: Problem
    repeats: int


def layer_set(name: str, batch: int | None = None) -> list[Layer]:
    """The convolutions of a network, first to last; equal ones once, under the name of the first.

    `batch` is the images in a batch, the network's usual number without it.

    >>> sum(layer.repeats * layer.problem.macs for layer in layer_set("vgg16", batch=1))
    15346630656
    """
    if name not in NETS:
        expected = f"one of {', '.join(NETS)}"
        raise ArgumentError(
            message("layer set", "there is none of this name", expected=expected, got=repr(name))
        )
    net = NETS[name]
    images = net.batch if batch is None else batch
    problems, _ = _walk(net.parts, (*net.image,), images)
    counts: dict[Problem, int] = {}
    names: dict[Problem, str] = {}
    for number, problem in enumerate(problems, 1):
        counts[problem] = counts.get(problem, 0) + 1
        names.setdefault(problem, f"conv{number}")
    return [Layer(replace(problem, name=names[problem]), count) for problem, count in counts.items()]


Image = tuple[int, int, int]


def _walk(parts: Sequence[Any], image: Image, batch: int) -> tuple[list[Problem], Image]:
    """The convolutions of some parts, and the shape (h, w, c) that they end with."""
    found: list[Problem] = []
    for part in parts:
        if isinstance(part, Residual):
            inner, end = _walk(part.main, image, batch)
            beside, _ = _walk(part.shortcut, image, batch)
            found += [*inner, *beside]
            image = end
        elif isinstance(part, Pool):
            pad = (part.size - 1) // 2 if part.same else 0
            h, w = (output_size(size, part.size, part.stride, (pad, pad)) for size in image[:2])
            image = (h, w, image[2])
        else:
            for problem in _convolutions(part, image, batch):
                found.append(problem)
                image = (*problem.out_hw, problem.filters)
    return found, image


def _convolutions(part: Any, image: Image, batch: int) -> Iterator[Problem]:
    """None for a part without convolutions, two for a separable one."""
    h, w, c = image
    if isinstance(part, Conv):
        side = (part.kernel - 1) // 2 if part.same else 0
        window = {"stride": (part.stride, part.stride), "pad": ((side, side), (side, side))}
        kernel = (part.kernel, part.kernel)
        yield Problem.of(batch, (h, w), c, part.filters, kernel, **window, groups=part.groups)  # type: ignore[arg-type]
    elif isinstance(part, Separable):
        yield Problem.of(batch, (h, w), c, c, (3, 3), pad=((1, 1), (1, 1)), groups=c)
        yield Problem.of(batch, (h, w), c, part.filters, (1, 1))
