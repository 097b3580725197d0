"""Load a user's file and find the kernels marked in it; whatever is wrong with it is a sentence."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ...backend.marked import operation_of
from ...errors import ArgumentError, FileFormatError, MinicnnError, message

__all__ = ["Marked", "load_kernels"]

_EXAMPLE = "See minicnn kernel check --example."


class Marked(NamedTuple):
    """A function of a file: its name there, the operation it is marked with, and itself."""

    name: str
    op: str
    fn: Callable[..., Any]


def load_kernels(path: Path) -> list[Marked]:
    """Run a file as a module and return its marked functions, in their order.

    Modules beside the file can be imported by it. Raises FileFormatError for a file that cannot be run,
    ArgumentError for one that marks no kernel.
    """
    name = f"_kernel_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileFormatError(
            message(path.name, "this is no Python file", expected="a name that ends in .py")
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever happens in somebody's file, SystemExit, too
        raise FileFormatError(_sentence(error, path)) from None
    finally:
        sys.path.remove(str(path.parent))
    found: dict[int, Marked] = {}
    for own, value in vars(module).items():
        op = operation_of(value)
        if op is not None:
            found.setdefault(id(value), Marked(own, op, value))
    if not found:
        expected = '@minicnn.kernel("conv2d_forward"), or another operation, above a function'
        problem = "it marks no function as a kernel"
        raise ArgumentError(message(path.name, problem, expected=expected, hint=_EXAMPLE))
    return list(found.values())


def _sentence(error: BaseException, path: Path) -> str:
    """What went wrong while a file was run, and in which line."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        text = f"{error.msg}: {(error.text or '').strip()}"
        return message(f"{path.name}, line {error.lineno}", text)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    where = f"{path.name}, line {lines[-1]}" if lines else path.name
    if isinstance(error, MinicnnError):
        return f"{where}: {error}"
    text = " ".join(str(error).split()).removesuffix(".")
    return message(where, f"{type(error).__name__}: {text}" if text else type(error).__name__)
