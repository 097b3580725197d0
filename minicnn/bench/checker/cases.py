"""The cases a kernel is tried on: shapes from simple to large, numbers, dtypes, and ways to hand them over.

Shapes are written as benchdnn writes them (see `minicnn.bench.descriptors`), each with one feature more than
those before, so that the smallest failing case shows what is wrong and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from ... import random
from ...errors import ShapeError
from ...geometry import Window
from ..descriptors import describe, parse
from ..problem import Problem

__all__ = ["WAYS", "Case", "all_cases", "case_of", "draw", "fitting", "simpler"]

_SHAPES = (
    *("mb1ic1ih1oc1kh1", "mb1ic1ih2oc1kh1", "mb1ic1ih2oc1kh2", "mb1ic1ih3oc1kh2", "mb1ic1ih3oc1kh3"),
    # heights and widths
    *("mb1ic1ih2iw3oc1kh2", "mb1ic1ih3iw2oc1kh2", "mb1ic1ih4iw3oc1kh2kw1", "mb1ic1ih3iw4oc1kh2kw3"),
    # strides; pixels left over; pixels that no window reads
    *("mb1ic1ih4oc1kh2sh2", "mb1ic1ih5oc1kh3sh2", "mb1ic1ih5oc1kh2sh2", "mb1ic1ih6oc1kh2sh3"),
    *("mb1ic1ih4oc1kh2kw2sh2sw1", "mb1ic1ih4oc1kh2kw2sh1sw2", "mb1ic1ih7iw5oc1kh3kw2sh2sw1"),
    # padding: all around, then on one side each
    *("mb1ic1ih3oc1kh3ph1", "mb1ic1ih2oc1kh2ph1", "mb1ic1ih4oc1kh3sh2ph1", "mb1ic1ih5oc1kh5ph2"),
    *("mb1ic1ih3iw3oc1oh3ow2kh2kw2ph1pw0", "mb1ic1ih3iw3oc1oh3ow2kh2kw2ph0pw0"),
    *("mb1ic1ih3iw3oc1oh2ow3kh2kw2ph0pw1", "mb1ic1ih3iw3oc1oh2ow3kh2kw2ph0pw0"),
    *("mb1ic1ih4iw3oc1oh6ow3kh3kw2ph2pw1", "mb1ic1ih4iw4oc1oh2ow3kh3kw2sh2sw2ph0pw1"),
    # dilation
    *("mb1ic1ih3oc1kh2dh1", "mb1ic1ih4iw3oc1kh2kw2dh1dw0", "mb1ic1ih3iw4oc1kh2kw2dh0dw1"),
    *("mb1ic1ih5oc1kh2sh2dh1", "mb1ic1ih5oc1kh3ph2dh1"),
    # channels, filters, images
    *("mb1ic2ih3oc1kh2", "mb1ic1ih3oc2kh2", "mb1ic2ih3oc2kh2", "mb1ic2ih2oc3kh2", "mb1ic3ih2oc2kh1"),
    *("mb2ic1ih2oc1kh1", "mb3ic2ih1oc3kh1", "mb2ic1ih3oc1kh2", "mb3ic2ih3oc3kh2sh2", "mb2ic2ih4oc3kh3ph1"),
    # groups
    *("g2mb1ic2ih2oc2kh1", "g2mb1ic4ih2oc4kh2", "g2mb1ic4ih3oc6kh2", "g3mb2ic3ih3oc3kh2ph1"),
    *("g3mb1ic6ih3oc3kh2", "g2mb2ic2ih4oc4kh3sh2ph1"),
    # everything at once
    "mb2ic3ih7iw6oc4oh4ow5kh3kw2sh2sw1ph1pw0dh0dw1",
    "g2mb2ic4ih9iw7oc6oh5ow7kh3kw2sh2sw1ph2pw2dh1dw2",
    "mb3ic5ih8iw11oc7oh4ow4kh3kw5sh2sw3ph1pw2",
    "mb1ic2ih2iw300oc2kh2kw3",
    *("mb1ic16ih6oc16kh3ph1", "mb1ic32ih5oc16kh3ph0"),  # channels that fill whole vectors
    "mb1ic1ih9iw33oc1kh8kw32",  # as many taps as a byte counts, and more
    "mb1ic1ih16iw20oc1kh15kw18",
)


def _beyond(pad: Any, in_hw: tuple[int, int], out_hw: tuple[int, int]) -> Problem:
    """A problem with more padding than a descriptor can say: windows in it alone, or none that reaches it."""
    stride = (2, 1) if out_hw[0] > 2 else (3, 3)
    return Problem(1, in_hw, 1, 1, (2, 2), out_hw, Window(stride, pad))


_BEYOND = (_beyond(((3, 4), (2, 3)), (3, 2), (5, 6)), _beyond(((0, 1), (0, 1)), (4, 4), (2, 2)))

WAYS = {
    "plain": "contiguous arrays",
    "every other": "arrays that are every other element of larger ones",
    "backwards": "arrays whose last axis runs backwards",
    "transposed": "arrays in Fortran's order",
    "nan": "a NaN in one array",
    "out": "with an array to write in, out=",
    "twice": "called twice, with other numbers in between",
}
"""How a case is handed over, in words."""


@dataclass(frozen=True)
class Case:
    """One call of a kernel. `numbers` is "integers", "negative", "few" (for ties) or "reals"."""

    problem: Problem
    dtype: str = "float64"
    numbers: str = "integers"
    way: str = "plain"

    @property
    def size(self) -> int:
        """Elements of x, w and y together: small cases are easy to read."""
        p = self.problem
        return sum(math.prod(shape) for shape in (p.x_shape, p.w_shape, p.y_shape))

    def __str__(self) -> str:
        words = [describe(self.problem), self.dtype, self.numbers]
        return ", ".join(words + [WAYS[self.way]] * (self.way != "plain"))


def case_of(fields: dict[str, Any]) -> Case:
    """The case that `dataclasses.asdict` took apart, after a journey as JSON.

    >>> import dataclasses, json
    >>> case = all_cases("im2col")[9]
    >>> case_of(json.loads(json.dumps(dataclasses.asdict(case)))) == case
    True
    """
    p: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in fields["problem"].items()}
    stride, (rows, columns), dilation = p.pop("g")
    window = Window(tuple(stride), (tuple(rows), tuple(columns)), tuple(dilation))
    return Case(Problem(g=window, **p), **{name: fields[name] for name in ("dtype", "numbers", "way")})


def draw(case: Case, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of the case: the same numbers whenever it is asked for."""
    purpose = f"kernel check {name}"
    if case.numbers == "reals":
        return random.uniform(shape, purpose, 0, low=-1.0, high=1.0, dtype="float64", seed=0).astype(
            case.dtype
        )
    low, high = {"integers": (-4, 9), "negative": (-9, -1), "few": (1, 2)}[case.numbers]
    unit = random.uniform(shape, purpose, 0, dtype="float64", seed=0)
    numbers = low + np.floor(unit * (high - low + 1))
    # No zero: what is multiplied by it would not be seen.
    return np.where(numbers == 0, high, numbers).astype(case.dtype)


@cache
def all_cases(op: str) -> tuple[Case, ...]:
    """All cases of an operation, from simple to large, each once."""
    return tuple(dict.fromkeys(_cases(op)))


def _cases(op: str) -> Iterator[Case]:
    plain = list(dict.fromkeys(fitting(op, problem) for problem in _problems(op)))
    for problem in plain:
        yield Case(problem)
        if "pool" in op and "grad" not in op:
            yield Case(problem, numbers="negative")
            yield Case(problem, numbers="few")
    some = plain[::5]
    for problem in some:
        yield Case(problem, "float32")
        yield Case(problem, "float64", "reals")
        yield Case(problem, "float32", "reals")
    for way in list(WAYS)[1:]:
        for problem in (plain[4], plain[len(plain) // 2], plain[-3]):
            yield Case(problem, way=way)
        yield Case(plain[4], "float32", way=way)


def _problems(op: str) -> list[Problem]:
    found = [parse(text) for text in _SHAPES]
    return found if op.startswith(("dense", "bias")) else [*found, *_BEYOND]


def fitting(op: str, p: Problem) -> Problem:
    """The problem as this operation knows it: without filters, windows or groups of its own."""
    if op.startswith("conv2d"):
        return p
    if op.startswith("depthwise"):
        return replace(p, groups=p.channels, filters=p.channels * (2 if p.filters > p.channels else 1))
    if op.startswith("dense"):
        return replace(p, kernel_hw=(1, 1), out_hw=p.in_hw, g=Window((1, 1), ((0, 0), (0, 0))), groups=1)
    if op == "bias_grad":
        return replace(p, groups=1)
    return replace(p, filters=p.channels, groups=p.channels)


def simpler(op: str, p: Problem) -> Iterator[Problem]:
    """Problems that are simpler in one way, the largest steps first."""
    now: dict[str, Any] = {"batch": p.batch, "in_hw": p.in_hw, "channels": p.channels, "filters": p.filters}
    now |= {"kernel_hw": p.kernel_hw, **p.g._asdict(), "groups": p.groups}
    for change in _steps(p):
        new = now | change
        single = (new[name] for name in ("batch", "channels", "filters", "groups"))
        if min(*single, *new["in_hw"], *new["kernel_hw"]) >= 1:
            with suppress(ShapeError):
                yield fitting(op, Problem.of(**new))


def _steps(p: Problem) -> Iterator[dict[str, Any]]:
    """What may be simplified at a time."""
    (h, w), (kh, kw), (sh, sw), (dh, dw) = p.in_hw, p.kernel_hw, p.g.stride, p.g.dilation
    (rows, columns), (top, bottom), (left, right), none = p.g.pad, *p.g.pad, (0, 0)
    channels, filters = p.channels // p.groups, p.filters // p.groups
    for groups in (1, p.groups - 1):
        yield {"groups": groups, "channels": groups * channels, "filters": groups * filters}
    values: dict[str, tuple[Any, ...]] = {
        "batch": (1, p.batch - 1),
        "channels": (p.groups, p.channels - p.groups),
        "filters": (p.groups, p.filters - p.groups),
        "in_hw": ((h // 2, w // 2), (h - 1, w - 1), (h // 2, w), (h, w // 2), (h - 1, w), (h, w - 1)),
        "kernel_hw": ((kh - 1, kw - 1), (kh - 1, kw), (kh, kw - 1)),
        "pad": ((none, none), (rows, none), (none, columns)),
        "dilation": ((1, 1), (1, dw), (dh, 1)),
        "stride": ((1, 1), (1, sw), (sh, 1)),
    }
    values["pad"] += (((0, bottom), columns), ((top, 0), columns), (rows, (0, right)), (rows, (left, 0)))
    for name, choices in values.items():
        for choice in choices:
            yield {name: choice}
