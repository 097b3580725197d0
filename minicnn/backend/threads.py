"""How many threads kernels and BLAS run on: one number for both."""

from __future__ import annotations

import os
import sys
from functools import cache

from ..checks import whole
from ..errors import ArgumentError, message

__all__ = ["set_threads", "threads"]


def set_threads(number: int) -> None:
    """Run compiled kernels and BLAS on this many threads, in the whole process from now on.

    ``MINICNN_THREADS`` sets the number a process starts with. ArgumentError for more threads than Numba
    was started with (the number of cores, or ``NUMBA_NUM_THREADS``).

    >>> set_threads(1)
    >>> threads()
    1
    """
    from ..kernels.compiled import parallel

    number = whole(number, "number", "set_threads")
    try:
        parallel.set_threads(number)
    except ValueError as error:
        raise ArgumentError(str(error)) from error


def threads() -> int:
    """How many threads compiled kernels run on."""
    from ..kernels.compiled import parallel

    return parallel.get_threads()


@cache
def _announce() -> None:
    print("minicnn: compiling kernels for this processor, once ...", file=sys.stderr, flush=True)


@cache
def start() -> None:
    """Honour ``MINICNN_THREADS`` and announce compilation, when compiled kernels are first asked for."""
    from ..kernels.compiled.jit import when_compiling

    when_compiling(_announce)
    text = os.environ.get("MINICNN_THREADS")
    if text:
        try:
            set_threads(int(text))
        except ValueError as error:
            problem, expected = "it is no number of threads", "1 or more"
            raise ArgumentError(
                message("MINICNN_THREADS", problem, expected=expected, got=repr(text), hint=f"({error})")
            ) from error
