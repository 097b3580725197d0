"""Which arrays and which kernels are current.

- `use_backend` picks the backend, for good or for a ``with`` block; ``MINICNN_BACKEND`` sets the first one,
  else it is "numba": compiled kernels. "numpy" is the reference.
- `kernel` hands out an operation of a backend; `register` adds an algorithm, `override` replaces one.
- `explain` says which algorithm would run, and why.
- `empty` hands out result buffers from a pool.
- `set_threads` governs compiled kernels and BLAS together; ``MINICNN_THREADS`` sets the first number.
"""

from __future__ import annotations

from .arrays import (
    asarray,
    checksum,
    device_of,
    is_own,
    owner,
    returned,
    same_device,
    shares_memory,
    to_numpy,
    xp,
)
from .compiled import unavailable
from .explain import Explanation, explain
from .pool import clear_pool, empty, pool_info
from .registry import (
    algorithms,
    available_backends,
    current_backend,
    fused,
    kernel,
    operations,
    override,
    register,
    unregister,
    use_backend,
)
from .threads import set_threads, threads

__all__ = [
    "Explanation",
    "algorithms",
    "asarray",
    "available_backends",
    "checksum",
    "clear_pool",
    "current_backend",
    "device_of",
    "empty",
    "explain",
    "fused",
    "is_own",
    "kernel",
    "operations",
    "override",
    "owner",
    "pool_info",
    "register",
    "returned",
    "same_device",
    "set_threads",
    "shares_memory",
    "threads",
    "to_numpy",
    "unavailable",
    "unregister",
    "use_backend",
    "xp",
]
