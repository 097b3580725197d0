"""The dense product: all leading axes of x are rows of one matrix."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..checks import check_floats, check_rank, error, result

__all__ = ["dense_forward", "dense_input_grad", "dense_plan", "dense_weight_grad"]


def dense_forward(x: np.ndarray, w: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Multiply every row of x by the weights.

    ``y = x @ w``; backward: ``gx = gy @ wᵀ``, ``gw = xᵀ @ gy``.

    Parameters
    ----------
    x : (…, c)
    w : (c, f)
    out : array to write the result in

    Returns
    -------
    (…, f)

    Raises
    ------
    ValueError : the last axis of x is not the first of w.

    Examples
    --------
    >>> dense_forward(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[13., 16.]])
    """
    dtype = check_product("dense_forward", "x", x, w, axis=0)
    y = result("dense_forward", out, (*x.shape[:-1], w.shape[1]), dtype)
    np.matmul(rows_of(x), w, out=rows_of(y))  # (rows, c) @ (c, f) -> (rows, f)
    return y


def dense_input_grad(gy: np.ndarray, w: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient of the dense product with respect to x.

    ``gx = gy @ wᵀ``.

    Parameters
    ----------
    gy : (…, f)
    w : (c, f)
    out : array to write the result in

    Returns
    -------
    (…, c)

    Raises
    ------
    ValueError : the last axes of gy and w differ.

    Examples
    --------
    >>> dense_input_grad(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[11., 17.]])
    """
    dtype = check_product("dense_input_grad", "gy", gy, w, axis=1)
    gx = result("dense_input_grad", out, (*gy.shape[:-1], w.shape[0]), dtype)
    np.matmul(rows_of(gy), w.T, out=rows_of(gx))  # (rows, f) @ (f, c) -> (rows, c)
    return gx


def dense_weight_grad(x: np.ndarray, gy: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient of the dense product with respect to w, summed over all rows.

    ``gw = xᵀ @ gy``.

    Parameters
    ----------
    x : (…, c)
    gy : (…, f)
    out : array to write the result in

    Returns
    -------
    (c, f)

    Raises
    ------
    ValueError : the leading axes of x and gy differ.

    Examples
    --------
    >>> dense_weight_grad(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    array([[3., 4.],
           [6., 8.]])
    """
    where = "dense_weight_grad"
    dtype = check_floats(where, x=x, gy=gy)
    if min(x.ndim, gy.ndim) < 1 or x.shape[:-1] != gy.shape[:-1]:
        raise error(where, "x and gy have different rows", f"gy ({x.shape[:-1]}, f)", gy.shape)
    gw = result(where, out, (x.shape[-1], gy.shape[-1]), dtype)
    return np.matmul(rows_of(x).T, rows_of(gy), out=gw)  # (c, rows) @ (rows, f) -> (c, f)


def dense_plan(
    which: str,
    shapes: dict[str, Any],
    dtype: np.dtype | type | str,
    threads: int,
    algorithm: str = "auto",
) -> tuple[str, int, str]:
    """Say how one pass of a dense product will be computed, without computing it.

    Parameters
    ----------
    which : "forward", "input_grad" or "weight_grad"
    shapes : dict(x=(…, c), w=(c, f))
    dtype : of all the arrays
    threads : part of every backend's plan; NumPy's is the same for any number
    algorithm : "auto", the only one

    Returns
    -------
    algorithm : "BLAS", or what a faster execution has beside it
    workspace : bytes allocated besides the result, for contiguous operands
    why : one sentence

    Raises
    ------
    ValueError : an unknown pass or algorithm, shapes that do not fit together.

    Examples
    --------
    >>> dense_plan("forward", dict(x=(64, 100), w=(100, 10)), np.float32, 2)[:2]
    ('BLAS', 0)
    """
    passes = "forward", "input_grad", "weight_grad"
    if which not in passes:
        raise error("dense_plan", "there is no such pass", f"one of {', '.join(passes)}", which)
    if algorithm != "auto":
        raise error(f"dense_{which}", "there is no such algorithm", "auto", repr(algorithm))
    x, w = shapes["x"], shapes["w"]
    if len(w) != 2 or len(x) < 1 or x[-1] != w[0]:
        raise error("dense_plan", "x and w do not fit", f"x (…, {w[0]})", x)
    return "BLAS", 0, "NumPy hands the product to the BLAS it was built with."


def rows_of(a: np.ndarray) -> np.ndarray:
    """Return a as a matrix (rows, last axis); a view where a is contiguous."""
    return a.reshape(prod(a.shape[:-1]), a.shape[-1])


def check_product(where: str, name: str, a: np.ndarray, w: np.ndarray, axis: int) -> np.dtype:
    """The last axis of a must be as long as the given axis of w; return the common dtype."""
    check_rank(where, 2, w=w)
    dtype = check_floats(where, **{name: a, "w": w})
    if a.ndim < 1 or a.shape[-1] != w.shape[axis]:
        problem = f"the last axis of {name} does not fit w {w.shape}"
        raise error(where, problem, f"{name} (…, {w.shape[axis]})", a.shape)
    return dtype
