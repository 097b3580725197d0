"""From LLVM's intermediate language to an address that can be called.

The machine code of every micro-kernel is written to the cache folder as an object file, so that only the
first process on a machine runs LLVM's optimiser.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from llvmlite import binding, ir
from numba.core import config

from ..compiled.cache import cache_folder
from ..compiled.parallel import guarded

__all__ = ["Host", "build", "host"]


class Host(NamedTuple):
    """What the loops must know of the processor: bytes in a vector register, and how many there are."""

    vector_bytes: int
    registers: int


def _processor() -> tuple[str, str]:
    """Name and features, as LLVM knows them; NUMBA_CPU_NAME and NUMBA_CPU_FEATURES override them."""
    name = config.CPU_NAME or binding.get_host_cpu_name()
    if config.CPU_FEATURES is not None:
        return name, config.CPU_FEATURES
    return name, "" if config.CPU_NAME else binding.get_host_cpu_features().flatten()


@cache
def host() -> Host:
    """The widest vectors this processor has, with multiply-add where it has that."""
    features = _processor()[1].split(",")
    if "+avx512f" in features:
        return Host(64, 32)
    if "+avx2" in features and "+fma" in features:
        return Host(32, 16)
    return Host(16, 16)  # SSE2, NEON, or whatever LLVM makes of a 128-bit vector


@cache
def _machine() -> binding.TargetMachine:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    name, features = _processor()
    target = binding.Target.from_triple(binding.get_process_triple())
    return target.create_target_machine(cpu=name, features=features, opt=3, jit=True)


@cache
def _engine() -> binding.ExecutionEngine:
    empty = binding.parse_assembly("")
    return binding.create_mcjit_compiler(empty, _machine())


def _compile(emit: Callable[[ir.Module, str], None], name: str) -> bytes:
    module = ir.Module(name)
    module.triple = binding.get_process_triple()
    emit(module, name)
    parsed = binding.parse_assembly(str(module))
    builder = binding.create_pass_builder(_machine(), binding.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(parsed, builder)
    return _machine().emit_object(parsed)


def _file(name: str) -> Path | None:
    folder = cache_folder()
    processor = hashlib.sha256(" ".join(_processor()).encode()).hexdigest()[:8]
    return None if folder is None else folder / f"{name}-{processor}.o"


def _read(file: Path | None) -> bytes | None:
    try:
        return None if file is None else file.read_bytes()
    except OSError:
        return None


def _write(file: Path | None, code: bytes) -> None:
    """Keep the machine code; under another name first, so that nobody reads half a file."""
    if file is None:
        return
    part = file.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(code)
        part.replace(file)
    except OSError:  # a full disk: the next process compiles again
        part.unlink(missing_ok=True)


@cache
def build(name: str, emit: Callable[[ir.Module, str], None]) -> int:
    """The address of a function; ``emit(module, name)`` writes it in LLVM's language."""
    with guarded:
        file = _file(name)
        code = _read(file)
        if code is None:
            code = _compile(emit, name)
            _write(file, code)
        _engine().add_object_file(binding.ObjectFileRef.from_data(code))
        _engine().finalize_object()
        return _engine().get_function_address(name)
