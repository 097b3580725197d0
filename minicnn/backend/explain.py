"""Say which kernel would run, at what cost, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, message
from ..geometry import Window, conv_macs
from .registry import _PARTS, _check_op, _registered, current_backend, kernel, overridden
from .threads import threads

# Operations that can be computed in several ways: what plans them, and the pass of it.
_PLANNED = {
    f"{name}_{which}": (f"{name}_plan", which)
    for name in ("conv2d", "dense")
    for which in ("forward", "input_grad", "weight_grad")
}


@dataclass(frozen=True)
class Explanation:
    """What `explain` found; printing it gives one sentence."""

    op: str
    backend: str
    algorithm: str
    macs: int
    workspace: int
    why: str

    def __str__(self) -> str:
        return (
            f"{self.op} on {self.backend!r} runs {self.algorithm!r}: {self.macs:,} multiply-accumulates, "
            f"{self.workspace:,} bytes of workspace. {self.why}"
        )


def explain(
    op: str,
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    g: Window | None = None,
    out_hw: tuple[int, int] | None = None,
    groups: int = 1,
    dtype: Any = "float32",
    algorithm: str = "auto",
    backend: str | None = None,
) -> Explanation:
    """Which algorithm a convolution or a dense product runs for these shapes, its cost and the reason.

    Parameters
    ----------
    op : ``conv2d_forward``, ``conv2d_input_grad``, ``conv2d_weight_grad``, or the same of ``dense``.
        All other operations are computed in one way.
    x_shape, w_shape : (n, h, w, c) and (kh, kw, c / groups, f); for ``dense`` (…, c) and (c, f).
    g, out_hw : the resolved window and the output size of a convolution, from
        `minicnn.geometry.resolve_window`.

    Examples
    --------
    >>> from minicnn.geometry import resolve_window
    >>> g, out_hw = resolve_window("demo", (28, 28), (3, 3))
    >>> explain("conv2d_forward", (64, 28, 28, 1), (3, 3, 1, 32), g, out_hw, backend="numpy").algorithm
    'im2col'
    >>> explain("dense_forward", (64, 2048), (2048, 1000), backend="numba").why
    '2,048,000 weights are more than 1,048,576: to pack them costs more than a few rows gain.'
    """
    _check_op(op, "explain")
    if op not in _PLANNED:
        problem, expected = f"{op} is computed in one way, with nothing to choose", ", ".join(_PLANNED)
        raise ArgumentError(message("explain", problem, expected=f"one of {expected}"))
    backend = backend or current_backend()
    shapes, macs = _sizes(op, x_shape, w_shape, g, out_hw, groups)
    replaced = overridden()
    if op in replaced:
        return Explanation(
            op, backend, "override", macs, 0, "It is overridden; what it allocates is not known."
        )
    if g is not None and replaced & set(_PARTS):
        algorithm = "im2col"
    kernel(op, backend, algorithm)  # refuses an algorithm that does not exist
    if algorithm in _registered.get((op, backend), {}):
        return Explanation(op, backend, algorithm, macs, 0, "It was registered and asked for by name.")
    name, which = _PLANNED[op]
    count = threads() if backend == "numba" else 1
    algorithm = "auto" if algorithm == "default" else algorithm
    chosen, workspace, why = kernel(name, backend)(which, shapes, np.dtype(dtype), count, algorithm)
    return Explanation(op, backend, chosen, macs, workspace, why)


def _sizes(
    op: str, x: tuple[int, ...], w: tuple[int, ...], g: Window | None, out_hw: Any, groups: int
) -> tuple[dict[str, Any], int]:
    """What a plan is asked with, and the multiply-accumulates."""
    if op.startswith("dense"):
        return {"x": x, "w": w}, math.prod(x[:-1]) * math.prod(w)
    if g is None or out_hw is None:
        hint = "geometry.resolve_window computes both."
        raise ArgumentError(message("explain", f"{op} needs a window: g and out_hw", hint=hint))
    shapes = {"x": x, "w": w, "y": (x[0], *out_hw, w[3]), "g": g, "groups": groups}
    return shapes, x[0] * conv_macs(out_hw, w)
