"""The activations whose slope needs the input x: one compiled loop each, made from its formula."""

from __future__ import annotations

import numpy as np

from ...checks import check_floats, check_same_shape, result
from ...compiled.elementwise import mapped, paired
from ...compiled.parallel import guarded, threads_for
from ...compiled.scratch import usable
from ..from_input import ACTIVATIONS, check_arguments
from . import formulas
from .bias import EXPONENTIAL

__all__ = ["activation_forward", "activation_input_grad"]

_RUNS = {
    name: (mapped(getattr(formulas, name)), paired(getattr(formulas, f"{name}_grad"))) for name in ACTIVATIONS
}
"""name -> y = a(x, α), gx = gy·a'(x, α)"""


def activation_forward(
    x: np.ndarray, name: str, alpha: float | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Apply an activation to every element; parameters as in the reference."""
    where = "activation_forward"
    check_arguments(where, name, alpha)
    dtype = check_floats(where, x=x)
    y = result(where, out, x.shape, dtype)
    with guarded:
        to = y.reshape(-1)
        source = to if y is x else usable(x).reshape(-1)
        _RUNS[name][0](threads_for(EXPONENTIAL * x.size), source, to, dtype.type(alpha or 0))
    return y


def activation_input_grad(
    gy: np.ndarray, x: np.ndarray, name: str, alpha: float | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient through the activation, from its input x; parameters as in the reference."""
    where = "activation_input_grad"
    check_arguments(where, name, alpha)
    dtype = check_floats(where, gy=gy, x=x)
    check_same_shape(where, gy.shape, x=x)
    gx = result(where, out, gy.shape, dtype)
    with guarded:
        arrays = usable(gy).reshape(-1), usable(x).reshape(-1), gx.reshape(-1)
        _RUNS[name][1](threads_for(EXPONENTIAL * x.size), *arrays, dtype.type(alpha or 0))
    return gx
