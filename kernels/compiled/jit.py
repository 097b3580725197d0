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
from numba import types
from numba.core import config, event

from .cache import kept

__all__ = ["COMPILED", "in_order", "inlined", "jit", "when_compiling"]

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
    compiled = numba.njit(nogil=True, fastmath=flags, error_model="numpy")(function)
    return _one_for_all_numbers(kept(compiled))


def _one_for_all_numbers(compiled: Callable) -> Callable:
    """Let calls with 0, with 1 and with a variable run the same code; Numba would compile each anew."""
    own = compiled.get_call_template

    def template(args, kws):
        return own(tuple(map(types.unliteral, args)), {name: types.unliteral(kws[name]) for name in kws})

    compiled.get_call_template = template
    return compiled


def inlined(function: Callable) -> Callable:
    """Compile a function of single numbers into each loop that calls it, so that the loop runs on vectors.

    It computes as it is written, but for a·b + c in one step: a number gives the same bits wherever it stands.
    """
    return numba.njit(forceinline=True, fastmath={"contract", "nsz"}, error_model="numpy")(function)


class _Watch(event.Listener):
    """Tells when the compiler begins with a kernel, and when it has done all that this kernel is made of."""

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._begin, self._end = begin, end
        self._depth = 0  # a function compiles those it calls; Numba lets one Python thread compile at a time

    def on_start(self, event) -> None:
        if _is_kernel(event):
            self._depth += 1
            if self._depth == 1:
                self._begin()

    def on_end(self, event) -> None:
        if _is_kernel(event):
            self._depth -= 1
            if self._depth == 0:
                self._end()


def _is_kernel(event) -> bool:
    """Whether what is compiled is ours: the user of this library may use Numba, too."""
    function = getattr(event.data["dispatcher"], "py_func", None)
    return getattr(function, "__module__", "").startswith(__name__.rpartition(".compiled.")[0] + ".")


class _Level:
    """LLVM's level of optimisation while kernels are compiled, whatever it is for the user's own functions.

    The third level takes half as long again as the second, for nothing: what a kernel spends its time in are
    the micro-kernels, which build.py compiles, and plain loops, which the second level makes vectors of.
    """

    def __init__(self) -> None:
        self._users = config.OPT

    def lower(self) -> None:
        self._users, config.OPT = config.OPT, type(config.OPT)(min(config.OPT, 2))

    def restore(self) -> None:
        config.OPT = self._users


def when_compiling(begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Call `begin` and `end` around every compilation of kernels; to load them from disk is none."""
    event.register("numba:compile", _Watch(begin, end))


_level = _Level()
when_compiling(_level.lower, _level.restore)
