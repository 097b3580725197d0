"""Where compiled kernels are kept between processes, and the hash that makes old ones unfindable.

Numba keeps what it compiles next to a function's file and looks only at that file when it decides whether
to compile again. A kernel here is put together from several files, so the folder's name holds a hash of
them all: a change anywhere leads to another folder. A folder that cannot be written, or belongs to somebody
else, is not used (Numba would load code from it); then every process compiles for itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite
import numba
from numba.core import caching, config

from .linking import called_by, keep

__all__ = ["ForgivingCache", "cache_folder", "kept", "source_hash"]

_SOURCES = Path(__file__).resolve().parents[1]
_UNUSED = 30 * 24 * 3600  # seconds after which the folder of an older version is removed


@cache
def source_hash() -> str:
    """Sixteen hexadecimal digits of all kernel sources and of the compilers' versions."""
    total = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for file in sorted(_SOURCES.rglob("*.py")):
        total.update(file.relative_to(_SOURCES).as_posix().encode() + file.read_bytes())
    return total.hexdigest()[:16]


@cache
def cache_folder() -> Path | None:
    """The folder of this version's compiled kernels, or None where none can be used.

    ``MINICNN_KERNEL_CACHE`` names another parent than ``~/.cache/minicnn``.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    parent = Path(os.environ.get("MINICNN_KERNEL_CACHE") or Path(home) / "minicnn")
    folder = parent / f"kernels-{source_hash()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
        os.utime(folder)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            return None
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    _remove_unused(parent)
    return folder


def _remove_unused(parent: Path) -> None:
    for folder in parent.glob("kernels-*"):
        try:
            if time.time() - folder.stat().st_mtime > _UNUSED:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another process was faster
            continue


class _Impl(caching.CompileResultCacheImpl):
    """Beside a function's machine code, which others it calls by name."""

    def reduce(self, compiled):
        """What is written."""
        return super().reduce(compiled), called_by(compiled.library)

    def rebuild(self, target_context, payload):
        """What was written, made to run."""
        code, bodies = payload
        ready = [body.provide() for body in bodies]  # before the code that calls them is loaded
        compiled = super().rebuild(target_context, code)
        keep(compiled.library, bodies, ready)
        return compiled

    def check_cachable(self, compiled):
        """Whether it can be written: another process must find all that it calls."""
        found = all(body.find() is not None for body in called_by(compiled.library))
        return found and super().check_cachable(compiled)


class ForgivingCache(caching.FunctionCache):
    """Numba's cache, to which a full or vanished disk is no error.

    A function is known by its name alone: the folder belongs to one version of the sources. Numba would also
    ask what a function made inside another one has from there, and no compiled function is the same twice.
    """

    def _index_key(self, sig, codegen):
        return sig, codegen.magic_tuple()

    _impl_class = _Impl

    def load_overload(self, sig, target_context):
        """The kept machine code for these argument types, or None."""
        try:
            return super().load_overload(sig, target_context)
        except OSError:
            return None

    def save_overload(self, sig, data):
        """Keep machine code, if that can be done."""
        with suppress(OSError):
            super().save_overload(sig, data)


def kept(compiled):
    """Make Numba keep what it compiles for this function in our folder; returns the function."""
    folder = cache_folder()
    if folder is None:
        return compiled
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder)  # read while the cache is made
    try:
        compiled._cache = ForgivingCache(compiled.py_func)
    except RuntimeError:  # Numba found no folder it can write in
        pass
    finally:
        config.CACHE_DIR = before
    return compiled
