"""Kernels by operation × backend × algorithm.

The table of operations is `minicnn.kernels.OPERATIONS`; a backend's kernels live in the file of that
name in each operation's folder and are imported on first use. Registered algorithms are found by name
beside the built-in ones; overrides replace an operation for a ``with`` block, in this thread only.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import warnings
from collections.abc import Callable
from contextvars import ContextVar, Token
from functools import cache, partial, wraps
from types import TracebackType
from typing import Any

from ..context import fusing
from ..errors import ArgumentError, BackendError, MinicnnError, message
from ..kernels import FUSED, OPERATIONS
from .compiled import unavailable
from .threads import start

Kernel = Callable[..., Any]

# backend name -> file in each folder of kernels/
_FILES = {"numpy": "reference", "numba": "numba_cpu"}
_registered: dict[tuple[str, str], dict[str, Kernel]] = {}
_current: ContextVar[str | None] = ContextVar("minicnn_backend", default=None)
_overrides: ContextVar[dict[str, Kernel] | None] = ContextVar("minicnn_overrides", default=None)

# Replacing one of these selects the composed "im2col" algorithm of a convolution, with it inside.
_PARTS = ("im2col", "col2im")


def available_backends() -> tuple[str, ...]:
    """Names that `use_backend` takes."""
    return tuple(_FILES)


def operations() -> tuple[str, ...]:
    """Names of all operations."""
    return tuple(OPERATIONS)


def _check_backend(name: str, where: str) -> str:
    if name not in _FILES:
        raise BackendError(
            message(
                where,
                "there is no such backend",
                expected=f"one of {', '.join(_FILES)}",
                got=repr(name),
            )
        )
    return name


def current_backend() -> str:
    """The backend in force: the innermost `use_backend`, else ``MINICNN_BACKEND``, else the default.

    The default is "numba", or "numpy" with a warning where Numba cannot be imported.
    """
    name = _current.get()
    if name is None:
        named = os.environ.get("MINICNN_BACKEND")
        name = _check_backend(named, "MINICNN_BACKEND") if named else _default()
    return name


@cache
def _default() -> str:
    problem = unavailable()
    if not problem:
        return "numba"
    text = f"minicnn: Numba cannot be imported ({problem}), so the slower NumPy kernels run"
    hint = "`python -m pip install numba` brings the others, MINICNN_BACKEND=numpy ends this warning."
    warnings.warn(f"{text}; {hint}", RuntimeWarning, stacklevel=3)
    return "numpy"


class use_backend:
    """Switch the backend: ``use_backend("numpy")`` for good, or ``with use_backend("numpy"):``.

    >>> with use_backend("numpy"):
    ...     current_backend()
    'numpy'
    """

    def __init__(self, name: str) -> None:
        self._token: Token[str | None] | None = _current.set(_check_backend(name, "use_backend"))

    def __enter__(self) -> use_backend:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            _current.reset(self._token)
            self._token = None


def _check_op(op: str, where: str) -> str:
    if op not in OPERATIONS:
        raise ArgumentError(
            message(
                where,
                f"there is no operation {op!r}",
                expected=f"one of {', '.join(sorted(OPERATIONS))}",
            )
        )
    return op


@cache
def _module(op: str, backend: str) -> Any:
    folder = OPERATIONS[_check_op(op, "minicnn.backend")]
    name = f"minicnn.kernels.{folder}.{_FILES[backend]}"
    if backend == "numba":
        start()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise BackendError(
            message(
                f"backend {backend!r}",
                f"it has no kernel for {op!r}",
                hint='Use use_backend("numpy").',
            )
        ) from None


def builtin(op: str, backend: str) -> Kernel:
    """The kernel that comes with minicnn, whatever is registered or overridden."""
    return getattr(_module(op, backend), op)


def algorithms(op: str, backend: str | None = None) -> tuple[str, ...]:
    """The algorithms that can be asked for by name, built in and registered.

    >>> "im2col" in algorithms("conv2d_forward")
    True
    """
    backend = current_backend() if backend is None else _check_backend(backend, "algorithms")
    own = getattr(_module(op, backend), "ALGORITHMS", {}).get(op, ("default",))
    return tuple(dict.fromkeys((*own, *_registered.get((op, backend), {}))))


def register(op: str, backend: str, algorithm: str, fn: Kernel) -> None:
    """Add `fn` as an algorithm of an operation; ask for it with ``algorithm="…"``.

    The function takes the arguments of the operation's reference kernel, without ``algorithm``; it may
    leave out ``out``.

    >>> from minicnn.kernels.conv2d.reference import conv2d_forward as reference
    >>> register("conv2d_forward", "numpy", "mine", lambda *a, **k: reference(*a, **k))
    >>> algorithms("conv2d_forward", "numpy")[-1]
    'mine'
    >>> unregister("conv2d_forward", "numpy", "mine")
    """
    _check_backend(backend, "register")
    if algorithm in ("auto", *algorithms(op, backend)):
        raise ArgumentError(
            message("register", f"{op!r} already has an algorithm {algorithm!r} on {backend!r}")
        )
    _check_callable(fn, "register", op)
    _registered.setdefault((op, backend), {})[algorithm] = _taking_out(fn)


def unregister(op: str, backend: str, algorithm: str) -> None:
    """Take a registered algorithm away again."""
    if _registered.get((op, backend), {}).pop(algorithm, None) is None:
        raise ArgumentError(
            message("unregister", f"{algorithm!r} is not registered for {op!r} on {backend!r}")
        )


def _check_callable(fn: Any, where: str, op: str) -> None:
    if not callable(fn):
        raise ArgumentError(message(where, f"the kernel for {op!r} is not a function", got=repr(fn)))


def _taking_out(fn: Kernel) -> Kernel:
    """`fn` if it has an `out` parameter, else a function that has one and copies the result of `fn` there."""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except (TypeError, ValueError):  # a compiled function that does not say
        return fn
    if any(parameter.name == "out" or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return fn

    @wraps(fn)
    def run(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        result = fn(*args, **kwargs)
        if out is None:
            return result
        shape = getattr(result, "shape", None)
        if shape != out.shape:
            got = type(result).__name__ if shape is None else f"shape {shape}"
            name, expected = getattr(fn, "__name__", "the kernel"), f"an array of shape {out.shape}"
            raise ArgumentError(message(name, "it returned the wrong result", expected=expected, got=got))
        out[...] = result
        return out

    return run


class override:
    """Replace operations for a ``with`` block, whatever the backend and algorithm.

    A function needs no `out` parameter: without one, its result is copied. Replacing ``im2col`` or
    ``col2im`` makes every convolution run its composed im2col algorithm with that function in it.

    >>> from minicnn.kernels.softmax.reference import softmax_forward
    >>> with override(softmax_forward=softmax_forward):
    ...     kernel("softmax_forward") is softmax_forward
    False
    """

    def __init__(self, **kernels: Kernel) -> None:
        for op, fn in kernels.items():
            _check_callable(fn, "override", _check_op(op, "override"))
        self._kernels = {op: _taking_out(fn) for op, fn in kernels.items()}
        self._tokens: list[Token] = []

    def __enter__(self) -> override:
        self._tokens.append(_overrides.set({**(_overrides.get() or {}), **self._kernels}))
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _overrides.reset(self._tokens.pop())


def overridden() -> frozenset[str]:
    """Names of the operations that are replaced right now."""
    return frozenset(_overrides.get() or ())


def kernel(op: str, backend: str | None = None, algorithm: str = "auto") -> Kernel:
    """The function that runs an operation now; its ValueErrors come out as minicnn's own errors.

    Order: an override, then the named algorithm (registered or built in), then the backend's choice.
    """
    backend = current_backend() if backend is None else _check_backend(backend, "kernel")
    replaced = _overrides.get() or {}
    if algorithm == "auto" and not replaced:
        return _shipped(op, backend)
    if op in replaced:
        return _translated(replaced[op], op)
    parts = {part: replaced[part] for part in _PARTS if part in replaced}
    if op.startswith("conv2d_") and op != "conv2d_plan" and parts:
        return _translated(partial(getattr(_module(op, backend), f"{op}_im2col"), **parts), op)
    registered = _registered.get((op, backend), {})
    if algorithm in registered:
        return _translated(registered[algorithm], op)
    if algorithm not in ("auto", "default", *algorithms(op, backend)):
        known = ", ".join(("auto", *algorithms(op, backend)))
        raise ArgumentError(
            message(op, "there is no such algorithm", expected=f"one of {known}", got=repr(algorithm))
        )
    fn = builtin(op, backend)
    return _translated(fn if algorithm in ("auto", "default") else partial(fn, algorithm=algorithm), op)


def fused(op: str, backend: str | None = None) -> Kernel | None:
    """A kernel that does several operations at once; None where these have to run one by one.

    That is: the backend has none, fusion is off, an observer listens, or one of the operations is overridden.
    """
    replaced = _overrides.get()
    if not fusing.get() or (replaced and not replaced.keys().isdisjoint(FUSED[op])):
        return None
    return _shipped_fused(op, current_backend() if backend is None else backend)


@cache
def _shipped_fused(op: str, backend: str) -> Kernel | None:
    fn = getattr(_fused_kernels(backend), op, None)
    return None if fn is None else _translated(fn, op)


@cache
def _fused_kernels(backend: str) -> Any:
    """The module of a backend's fused kernels, None where it has none."""
    name = f"minicnn.kernels.fused.{_FILES[backend]}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


@cache
def _shipped(op: str, backend: str) -> Kernel:
    """What nearly every call runs; made once, since a training step asks for some fifty kernels."""
    return _translated(builtin(op, backend), op)


def _translated(fn: Kernel, op: str) -> Kernel:
    @wraps(fn if not isinstance(fn, partial) else fn.func)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except MinicnnError:
            raise
        except ValueError as error:
            text = str(error)
            raise ArgumentError(text if ": " in text else message(op, text)) from error

    return run
