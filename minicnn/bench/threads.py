"""How many threads compute, here and in the peers: the same number for everyone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import backend
from ..errors import BackendError, message

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
    """Compute with so many threads inside.

    The backend's own switch is used where it has one; it governs its kernels and BLAS together. Without it
    all there is to hold is NumPy's BLAS, which threadpoolctl does. BackendError where neither is there and
    the number is not that of all cores, which is what runs then.
    """
    switch: Any = getattr(backend, "set_threads", None)
    if switch is not None:
        before = backend.get_threads()  # type: ignore[attr-defined]
        switch(threads)
        try:
            yield
        finally:
            switch(before)
        return
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        if threads != usable_cores():
            hint = "Install it: pip install threadpoolctl"
            problem = "the number of threads cannot be set without threadpoolctl"
            raise BackendError(message("--threads", problem, got=threads, hint=hint)) from None
        yield
        return
    with threadpool_limits(threads):
        yield
