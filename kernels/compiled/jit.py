"""The one decorator of compiled functions, and the words said while they are compiled.

>>> import numpy as np
>>> @jit
... def largest(x):
...     most = x[0]
...     for i in range(x.size):
...         most = max(most, x[i])
...     return most
>>> float(largest(np.array([1.0, 3.0, 2.0])))
3.0
"""

from __future__ import annotations

from collections.abc import Callable

import numba
from numba.core import config, event

from .cache import kept

__all__ = ["COMPILED", "in_order", "jit", "when_compiling"]

COMPILED = not config.DISABLE_JIT
"""False under NUMBA_DISABLE_JIT=1: every kernel then runs as plain Python, to be stepped through."""

# Sums may be reordered (so that they use vectors) and a·b + c may become one instruction. NaN and
# infinity are never assumed away: a NaN has to reach the output.
FAST = {"reassoc", "contract", "arcp", "nsz"}
_IN_ORDER = FAST - {"reassoc"}


def jit(function: Callable) -> Callable:
    """Compile a function on first use, for each dtype it meets, and keep the result on disk."""
    return _compile(function, FAST)


def in_order(function: Callable) -> Callable:
    """As `jit`, but sums are added as they are written: for loops whose bits another kernel has to repeat."""
    return _compile(function, _IN_ORDER)


def _compile(function: Callable, flags: set[str]) -> Callable:
    if not COMPILED:
        return function
    return kept(numba.njit(nogil=True, fastmath=flags, error_model="numpy")(function))


class _Once(event.Listener):
    """Calls a function when Numba starts to compile something, until it is told that it was enough."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say

    def on_start(self, event) -> None:
        self._say()

    def on_end(self, event) -> None:
        pass


def when_compiling(say: Callable[[], None]) -> None:
    """Call `say` whenever the compiler starts; what is loaded from disk does not count."""
    event.register("numba:compile", _Once(say))
