"""How many threads kernels and BLAS run on: one number for both."""

from __future__ import annotations

import os
from functools import cache

from ..checks import whole
from ..errors import ArgumentError, BackendError, message
from .compiled import announced, unavailable

__all__ = ["set_threads", "start", "threads"]


def set_threads(number: int) -> None:
    """Run compiled kernels and BLAS on this many threads, in the whole process from now on.

    ``MINICNN_THREADS`` sets the number a process starts with. ArgumentError for more threads than Numba
    was started with (the number of cores, or ``NUMBA_NUM_THREADS``). Where Numba is missing, BLAS is all
    there is to set.

    >>> before = threads()
    >>> set_threads(1)
    >>> threads()
    1
    >>> set_threads(before)
    """
    number = whole(number, "number", "set_threads")
    if unavailable():
        from threadpoolctl import threadpool_limits

        threadpool_limits(number, user_api="blas")
        return
    from ..kernels.compiled import parallel

    try:
        parallel.set_threads(number)
    except ValueError as error:
        raise ArgumentError(str(error)) from error


def threads() -> int:
    """How many threads compiled kernels run on; 1 where there are none."""
    if unavailable():
        return 1
    from ..kernels.compiled import parallel

    return parallel.get_threads()


@cache
def start() -> None:
    """Honour ``MINICNN_THREADS`` and announce compilation, when compiled kernels are first asked for."""
    if unavailable():
        problem, hint = f"Numba cannot be imported ({unavailable()})", 'Use use_backend("numpy").'
        raise BackendError(message("backend 'numba'", problem, hint=hint))
    announced()
    text = os.environ.get("MINICNN_THREADS")
    if text:
        try:
            set_threads(int(text))
        except ValueError as error:
            problem, expected = "it is no number of threads", "1 or more"
            raise ArgumentError(
                message("MINICNN_THREADS", problem, expected=expected, got=repr(text), hint=f"({error})")
            ) from error
