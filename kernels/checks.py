"""What every kernel checks before it computes: dtypes, shapes, and the array to write in."""

from __future__ import annotations

import numpy as np

__all__ = ["check_floats", "check_rank", "check_same_shape", "error", "result"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def error(where: str, problem: str, expected: object, got: object, hint: str = "") -> ValueError:
    """Return (not raise) a ValueError that reads as the project's error sentence.

    >>> print(error("dense_forward", "x has too few axes", "at least 1", 0))
    dense_forward: x has too few axes. Expected at least 1, got 0.
    """
    sentence = f"{where}: {problem}. Expected {expected}, got {got}."
    return ValueError(f"{sentence} {hint}" if hint else sentence)


def check_floats(where: str, **arrays: np.ndarray) -> np.dtype:
    """Return the dtype all the arrays share; it must be float32 or float64."""
    dtype = next(iter(arrays.values())).dtype
    for name, array in arrays.items():
        if array.dtype not in FLOATS:
            raise error(where, f"{name} has an unsupported dtype", "float32 or float64", array.dtype)
        if array.dtype != dtype:
            hint = "Cast the arrays to one dtype first."
            raise error(where, f"{name} has another dtype than the rest", dtype, array.dtype, hint)
    return dtype


def check_rank(where: str, rank: int, **arrays: np.ndarray) -> None:
    """Every array must have exactly `rank` axes."""
    for name, array in arrays.items():
        if array.ndim != rank:
            raise error(where, f"{name} has the wrong number of axes", rank, f"shape {array.shape}")


def check_same_shape(where: str, shape: tuple[int, ...], **arrays: np.ndarray) -> None:
    """Every array must have exactly this shape."""
    for name, array in arrays.items():
        if array.shape != tuple(shape):
            raise error(where, f"{name} has the wrong shape", tuple(shape), array.shape)


def result(where: str, out: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return the array a kernel writes its result in: `out` if it fits, a new one if None."""
    if out is None:
        return np.empty(shape, dtype)
    check_same_shape(where, shape, out=out)
    if out.dtype != dtype:
        raise error(where, "out has the wrong dtype", np.dtype(dtype), out.dtype)
    if not out.flags.c_contiguous:
        hint = "Pass a whole array, not a slice or a transpose."
        raise error(where, "out is not contiguous", "C-contiguous memory", "strides", hint)
    return out
