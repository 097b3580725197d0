"""What the numbers were measured on: processor, libraries, threads, load."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__

__all__ = ["manifest"]

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "threadpoolctl")
_PEERS = ("torch", "tensorflow", "tensorflow-cpu", "keras", "jax", "jaxlib")
_FLAGS = ("avx2", "fma", "avx512f", "avx512vl", "avx512_bf16", "amx_tile")


def manifest(threads: int) -> dict[str, Any]:
    """Facts about this machine and these libraries, for the head of every report.

    >>> facts = manifest(threads=2)
    >>> facts["threads"], sorted(facts)[:3]
    (2, ['blas', 'caches', 'cores'])
    """
    lines = _cpuinfo()
    flags = set(lines.get("flags", "").split())
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "minicnn": __version__,
        "kernel_sources": _kernel_hash(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": lines.get("model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "caches": _caches(),
        "load_average": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "threads": threads,
        "threading_layer": os.environ.get("NUMBA_THREADING_LAYER", "default"),
        "blas": _blas(),
        "versions": _versions(),
    }


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines of /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _caches() -> dict[str, str]:
    """Size of each cache that the first core sees, by level and kind."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level} {kind.lower()}"] = size
    return found


def _blas() -> list[str]:
    """The BLAS libraries that this process has loaded, with their threads."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return []
    pools = (pool for pool in threadpool_info() if pool["user_api"] == "blas")
    return [f"{p['internal_api']} {p['version']} ({p['num_threads']} threads)" for p in pools]


def _versions() -> dict[str, str]:
    found = {}
    for package in (*_PACKAGES, *_PEERS):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _kernel_hash() -> str:
    """Which kernels these are: the first 12 digits of the SHA-256 of all their sources."""
    digest = hashlib.sha256()
    folder = Path(str(sys.modules["minicnn.kernels"].__file__)).parent
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
