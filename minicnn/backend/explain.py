"""Say which kernel would run, at what cost, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError, message
from ..geometry import Window, conv_macs
from .registry import _PARTS, _module, current_backend, kernel, overridden
from .threads import threads

_PASSES = {
    "conv2d_forward": "forward",
    "conv2d_input_grad": "input_grad",
    "conv2d_weight_grad": "weight_grad",
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
    x_shape: tuple[int, int, int, int],
    w_shape: tuple[int, int, int, int],
    g: Window,
    out_hw: tuple[int, int],
    groups: int = 1,
    dtype: Any = "float32",
    algorithm: str = "auto",
    backend: str | None = None,
) -> Explanation:
    """Which algorithm a convolution pass runs for these shapes, its MACs, workspace and the reason.

    Parameters
    ----------
    op : ``conv2d_forward``, ``conv2d_input_grad`` or ``conv2d_weight_grad``.
    x_shape, w_shape : (n, h, w, c) and (kh, kw, c / groups, f).
    g, out_hw : the resolved window and the output size, from `minicnn.geometry.resolve_window`.

    Examples
    --------
    >>> from minicnn.geometry import resolve_window
    >>> g, out_hw = resolve_window("demo", (28, 28), (3, 3))
    >>> explain("conv2d_forward", (64, 28, 28, 1), (3, 3, 1, 32), g, out_hw).algorithm
    'im2col'
    """
    if op not in _PASSES:
        raise ArgumentError(
            message("explain", "nothing to explain", expected=f"one of {', '.join(_PASSES)}", got=op)
        )
    backend = backend or current_backend()
    macs = x_shape[0] * conv_macs(out_hw, w_shape)
    replaced = overridden()
    if op in replaced:
        return Explanation(
            op, backend, "override", macs, 0, "It is overridden; what it allocates is not known."
        )
    if replaced & set(_PARTS):
        algorithm = "im2col"
    kernel(op, backend, algorithm)  # refuses an algorithm that does not exist
    shapes = {
        "x": x_shape,
        "w": w_shape,
        "y": (x_shape[0], *out_hw, w_shape[3]),
        "g": g,
        "groups": groups,
    }
    plan, count = _module(op, backend).conv2d_plan, threads() if backend == "numba" else 1
    try:
        chosen, workspace, why = plan(_PASSES[op], shapes, np.dtype(dtype), count, algorithm)
    except ValueError:  # a registered algorithm: the shipped plan does not know it
        return Explanation(op, backend, algorithm, macs, 0, "It was registered and asked for by name.")
    return Explanation(op, backend, chosen, macs, workspace, why)
