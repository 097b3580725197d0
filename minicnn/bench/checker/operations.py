"""How each operation is called for a case, and what it must return."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from ...errors import ArgumentError, message
from ..problem import Problem
from .cases import Case, draw
from .loops import LOOPS

__all__ = ["arguments", "checkable", "checked_operation", "is_float", "result_names", "truth"]

Draw = Callable[[str, tuple[int, ...]], np.ndarray]

_ENDS = {"forward": ("y",), "input_grad": ("gx",), "weight_grad": ("gw",)}
_NAMES = {"im2col": ("cols",), "col2im": ("x",), "bias_grad": ("gb",), "max_pool2d_forward": ("y", "argmax")}


def checkable() -> tuple[str, ...]:
    """Names of the operations that can be checked."""
    return tuple(LOOPS)


def checked_operation(op: str, where: str) -> str:
    """The operation, if it can be checked; else an ArgumentError that says which can."""
    if op not in LOOPS:
        expected = f"one of {', '.join(LOOPS)}"
        raise ArgumentError(message(where, f"{op} cannot be checked", expected=expected))
    return op


def result_names(op: str) -> tuple[str, ...]:
    """What the results are called in the kernel contract.

    >>> result_names("conv2d_weight_grad"), result_names("max_pool2d_forward")
    (('gw',), ('y', 'argmax'))
    """
    return _NAMES.get(op) or next(names for end, names in _ENDS.items() if op.endswith(end))


def arguments(op: str, case: Case, of: str = "") -> dict[str, Any]:
    """The arguments of a call by name, in their order; `of` makes others of the same shapes."""
    found = _arguments(op, case.problem, lambda name, shape: draw(case, name + of, shape))
    if case.way == "nan":
        first = next(value for value in found.values() if is_float(value))
        first[tuple(size // 2 for size in first.shape)] = np.nan
    return found


def _arguments(op: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    if op == "im2col":
        return {"x": numbers("x", p.x_shape), "kernel_hw": p.kernel_hw, "g": p.g, "out_hw": p.out_hw}
    if op == "col2im":
        shape = (p.batch, *p.out_hw, *p.kernel_hw, p.channels)
        return {"cols": numbers("cols", shape), "x_shape": p.x_shape, "g": p.g}
    if op == "bias_grad":
        return {"gy": numbers("gy", _flat(p, p.y_shape))}
    family, _, which = op.partition("2d_")
    if op.startswith("dense"):
        return _dense(op.removeprefix("dense_"), p, numbers)
    make = {"conv": _convolution, "depthwise_conv": _depthwise, "max_pool": _max_pool, "avg_pool": _avg_pool}
    return make[family](which, p, numbers)


def _convolution(which: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    rest: dict[str, Any] = {"g": p.g, "groups": p.groups}
    if which == "forward":
        return {"x": numbers("x", p.x_shape), "w": numbers("w", p.w_shape), **rest, "out_hw": p.out_hw}
    gy = numbers("gy", p.y_shape)
    if which == "input_grad":
        return {"gy": gy, "w": numbers("w", p.w_shape), "x_shape": p.x_shape, **rest}
    return {"x": numbers("x", p.x_shape), "gy": gy, "w_shape": p.w_shape, **rest}


def _depthwise(which: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    shape = (*p.kernel_hw, p.channels, p.filters // p.channels)
    if which == "forward":
        return {"x": numbers("x", p.x_shape), "w": numbers("w", shape), "g": p.g, "out_hw": p.out_hw}
    gy = numbers("gy", p.y_shape)
    if which == "input_grad":
        return {"gy": gy, "w": numbers("w", shape), "x_shape": p.x_shape, "g": p.g}
    return {"x": numbers("x", p.x_shape), "gy": gy, "w_shape": shape, "g": p.g}


def _max_pool(which: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    forward = {"x": numbers("x", p.x_shape), "kernel_hw": p.kernel_hw, "g": p.g, "out_hw": p.out_hw}
    if which == "forward":
        return forward
    argmax = LOOPS["max_pool2d_forward"](*forward.values())[1].astype(_index_type(p))
    gy = numbers("gy", p.y_shape)
    return {"gy": gy, "argmax": argmax, "x_shape": p.x_shape, "kernel_hw": p.kernel_hw, "g": p.g}


def _avg_pool(which: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    if which == "forward":
        return {"x": numbers("x", p.x_shape), "kernel_hw": p.kernel_hw, "g": p.g, "out_hw": p.out_hw}
    gy = numbers("gy", p.y_shape)
    return {"gy": gy, "x_shape": p.x_shape, "kernel_hw": p.kernel_hw, "g": p.g}


def _dense(which: str, p: Problem, numbers: Draw) -> dict[str, Any]:
    shape = (p.channels, p.filters)
    if which == "input_grad":
        return {"gy": numbers("gy", _flat(p, p.y_shape)), "w": numbers("w", shape)}
    x = numbers("x", _flat(p, p.x_shape))
    if which == "forward":
        return {"x": x, "w": numbers("w", shape)}
    return {"x": x, "gy": numbers("gy", _flat(p, p.y_shape))}


def _flat(p: Problem, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Images of one pixel are rows: (n, 1, 1, c) is (n, c)."""
    return (shape[0], shape[3]) if shape[1:3] == (1, 1) else shape


def _index_type(p: Problem) -> Any:
    """The type of a maximum's index: a byte where it is enough."""
    return np.uint8 if p.kernel_hw[0] * p.kernel_hw[1] <= 256 else np.int32


@cache
def truth(op: str, case: Case, of: str = "") -> tuple[np.ndarray, ...]:
    """What the operation must return for a case, computed by loops in float64.

    The second result of a max pooling, an index, has the type that it must have.
    """
    args = arguments(op, case, of).values()
    found = LOOPS[op](*(a.astype(np.float64) if is_float(a) else a for a in args))
    results = found if isinstance(found, tuple) else (found,)
    if len(results) > 1:
        results = (results[0], results[1].astype(_index_type(case.problem)))
    return results


def is_float(value: Any) -> bool:
    """Whether an argument is an array of floats."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
