"""Loops over all elements, made from a function of single numbers.

>>> import numpy as np
>>> @inlined
... def doubled(x, limit):
...     return min(x + x, limit)
>>> run, y = mapped(doubled), np.empty(3)
>>> run(1, np.array([1.0, 2.0, 3.0]), y, 5.0)
>>> y
array([2., 4., 5.])
"""

from __future__ import annotations

from collections.abc import Callable

from .jit import inlined, jit
from .parallel import driver, share

__all__ = ["at_least", "at_most", "copy", "fill", "mapped", "paired"]


def mapped(formula: Callable) -> Callable:
    """The function run(threads, x, y, *numbers) of y[i] = formula(x[i], *numbers); x may be y."""

    def apart(part, parts, x, y, numbers):
        x, y = share(part, parts, x), share(part, parts, y)
        for i in range(y.size):
            y[i] = formula(x[i], *numbers)

    def in_place(part, parts, y, numbers):  # two arrays that overlap would not be worked on in vectors
        y = share(part, parts, y)
        for i in range(y.size):
            y[i] = formula(y[i], *numbers)

    run_apart, run_in_place = _driver(apart, formula), _driver(in_place, formula)

    def run(threads, x, y, *numbers):
        if x is y:
            run_in_place(threads, y, numbers)
        else:
            run_apart(threads, x, y, numbers)

    return run


def paired(formula: Callable) -> Callable:
    """The function run(threads, a, b, z, *numbers) of z[i] = formula(a[i], b[i], *numbers).

    Where b[i] is NaN, so is z[i].
    """

    def body(part, parts, a, b, z, numbers):
        a, b, z = share(part, parts, a), share(part, parts, b), share(part, parts, z)
        for i in range(z.size):
            value = formula(a[i], b[i], *numbers)  # before the question, so that the loop has no branch
            z[i] = value if b[i] == b[i] else b[i]

    run_body = _driver(body, formula)

    def run(threads, a, b, z, *numbers):
        run_body(threads, a, b, z, numbers)

    return run


def _driver(body: Callable, formula: Callable) -> Callable:
    body.__module__, body.__qualname__ = formula.__module__, f"{formula.__qualname__}.{body.__qualname__}"
    return driver(jit(body))


@inlined
def at_least(x, low):
    """The larger of two; NaN where x is NaN, of which no comparison is true."""
    return low if x < low else x


@inlined
def at_most(x, high):
    """The smaller of two; NaN where x is NaN."""
    return high if x > high else x


@inlined
def fill(to, value):
    """to[:] = value, on vectors."""
    for i in range(to.size):
        to[i] = value


@inlined
def copy(to, x):
    """to[:] = x, on vectors; as many numbers as x has."""
    for i in range(x.size):
        to[i] = x[i]
