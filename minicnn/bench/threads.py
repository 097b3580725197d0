"""How many threads compute, here and in the peers: the same number for everyone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from .. import backend

__all__ = ["environment", "limited", "usable_cores"]

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(threads: int) -> dict[str, str]:
    """Variables that hold a new process to so many threads, whatever libraries it loads."""
    return dict.fromkeys(_VARIABLES, str(threads)) | {
        "MINICNN_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
    }


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Compute with so many threads inside: our kernels and BLAS together."""
    before = backend.threads()
    with threadpool_limits(threads, user_api="blas"):  # at the end BLAS gets its own number back
        backend.set_threads(threads)
        try:
            yield
        finally:
            backend.set_threads(before)
