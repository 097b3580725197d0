"""What users pass to fit, evaluate and predict, checked where it comes in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..checks import is_number
from ..errors import ArgumentError, ShapeError, message

__all__ = ["array", "arrays", "split", "verbosity"]


def array(value: Any, name: str, where: str) -> np.ndarray:
    """`value` as an array of numbers with one entry per sample."""
    try:
        samples = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    except ValueError as error:
        problem = f"{name} is not an array of samples"
        raise ArgumentError(message(where, problem, hint=f"({error})")) from error
    if samples.dtype.kind not in "biuf" or samples.ndim == 0:
        got = f"dtype {samples.dtype}, shape {samples.shape}"
        raise ArgumentError(message(where, f"{name} is not an array of samples", got=got))
    return samples


def arrays(x: Any, y: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples and targets, equally many and at least one."""
    x, y = array(x, "x", where), array(y, "y", where)
    if len(x) != len(y):
        raise ShapeError(message(where, "x and y differ in length", expected=f"{len(x)} targets", got=len(y)))
    if len(x) == 0:
        raise ArgumentError(message(where, "there is no sample"))
    return x, y


def split(x: Any, y: Any, share: float, data: Any, where: str) -> tuple[Any, Any, Any]:
    """Training samples, targets, and validation data or None: given, or cut off at the end as Keras does."""
    where = f"fit of {where}"
    if data is not None:
        if not isinstance(data, list | tuple) or len(data) != 2:
            got = type(data).__name__
            raise ArgumentError(message(where, "validation_data", expected="a pair (x, y)", got=got))
        return x, y, arrays(data[0], data[1], f"validation in {where}")
    if not is_number(share) or not 0 <= share < 1:
        raise ArgumentError(message(where, "validation_split", expected="0 ≤ share < 1", got=repr(share)))
    kept = int(len(x) * (1 - share))
    if kept == len(x):
        return x, y, None
    if kept == 0:
        raise ArgumentError(message(where, "validation_split leaves nothing to train on", got=share))
    return x[:kept], y[:kept], (x[kept:], y[kept:])


def verbosity(verbose: Any, where: str) -> int:
    """0, 1 or 2."""
    if verbose not in (0, 1, 2, "auto"):
        raise ArgumentError(message(where, "verbose", expected='0, 1, 2 or "auto"', got=repr(verbose)))
    return 1 if verbose == "auto" else int(verbose)
