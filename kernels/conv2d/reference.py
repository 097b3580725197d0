"""The three passes of the convolution, each by the algorithm asked for, and their plan."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import error
from ..windows import Geometry, Pair
from .naive import conv2d_forward_naive, conv2d_input_grad_naive, conv2d_weight_grad_naive
from .tiled_im2col import (
    conv2d_forward_im2col,
    conv2d_input_grad_im2col,
    conv2d_weight_grad_im2col,
)
from .tiling import WORKSPACE_LIMIT, Conv, Shape4

__all__ = [
    "ALGORITHMS",
    "WORKSPACE_LIMIT",
    "conv2d_forward",
    "conv2d_forward_im2col",
    "conv2d_forward_naive",
    "conv2d_input_grad",
    "conv2d_input_grad_im2col",
    "conv2d_input_grad_naive",
    "conv2d_plan",
    "conv2d_weight_grad",
    "conv2d_weight_grad_im2col",
    "conv2d_weight_grad_naive",
]

ALGORITHMS = {
    "conv2d_forward": ("im2col", "naive"),
    "conv2d_input_grad": ("im2col", "naive"),
    "conv2d_weight_grad": ("im2col", "naive"),
}


def conv2d_forward(
    x: np.ndarray,
    w: np.ndarray,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Slide the filters w over the images x.

    ``y[n, p, q, k] = Σ_ijc x[n, p·sh - top + i·dh, q·sw - left + j·dw, c] · w[i, j, c, k]``;
    backward: ``gx = conv2d_input_grad(gy, w)``, ``gw = conv2d_weight_grad(x, gy)``.

    Parameters
    ----------
    x : (n, h, w, c)
    w : (kh, kw, c/groups, f)
    g : (stride, pad, dilation)
    groups : into how many runs channels and filters are cut
    out_hw : (oh, ow)
    algorithm : "im2col", "naive", or "auto" (what conv2d_plan answers)
    out : array to write the result in

    Returns
    -------
    (n, oh, ow, f)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together, an unknown algorithm.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> w = np.array([1.0, 0.0, 0.0, -1.0]).reshape(2, 2, 1, 1)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> conv2d_forward(x, w, g, 1, (2, 2)).reshape(2, 2)
    array([[-4., -4.],
           [-4., -4.]])
    """
    if _choice("conv2d_forward", algorithm) == "naive":
        return conv2d_forward_naive(x, w, g, groups, out_hw, out)
    return conv2d_forward_im2col(x, w, g, groups, out_hw, out=out)


def conv2d_input_grad(
    gy: np.ndarray,
    w: np.ndarray,
    x_shape: Shape4,
    g: Geometry,
    groups: int,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of the convolution with respect to its input; also the transposed convolution.

    ``gx[n, r, s, c] = Σ gy[n, p, q, k] · w[i, j, c, k]`` over all (p, q, i, j) that read (r, s).

    Parameters
    ----------
    gy : (n, oh, ow, f)
    w : (kh, kw, c/groups, f)
    x_shape : (n, h, w, c)
    g, groups, algorithm, out : as in conv2d_forward

    Returns
    -------
    (n, h, w, c); 0 where no window reads

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together, an unknown algorithm.

    Examples
    --------
    >>> gy = np.ones((1, 2, 2, 1))
    >>> w = np.array([1.0, 2.0, 3.0, 4.0]).reshape(2, 2, 1, 1)
    >>> g = ((2, 2), ((0, 0), (0, 0)), (1, 1))
    >>> conv2d_input_grad(gy, w, (1, 4, 5, 1), g, 1).reshape(4, 5)
    array([[1., 2., 1., 2., 0.],
           [3., 4., 3., 4., 0.],
           [1., 2., 1., 2., 0.],
           [3., 4., 3., 4., 0.]])
    """
    if _choice("conv2d_input_grad", algorithm) == "naive":
        return conv2d_input_grad_naive(gy, w, x_shape, g, groups, out)
    return conv2d_input_grad_im2col(gy, w, x_shape, g, groups, out=out)


def conv2d_weight_grad(
    x: np.ndarray,
    gy: np.ndarray,
    w_shape: Shape4,
    g: Geometry,
    groups: int,
    algorithm: str = "auto",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Gradient of the convolution with respect to its weights.

    ``gw[i, j, c, k] = Σ_npq gy[n, p, q, k] · x[n, p·sh - top + i·dh, q·sw - left + j·dw, c]``.

    Parameters
    ----------
    x : (n, h, w, c)
    gy : (n, oh, ow, f)
    w_shape : (kh, kw, c/groups, f)
    g, groups, algorithm, out : as in conv2d_forward

    Returns
    -------
    (kh, kw, c/groups, f)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together, an unknown algorithm.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 3, 3, 1)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> conv2d_weight_grad(x, np.ones((1, 2, 2, 1)), (2, 2, 1, 1), g, 1).reshape(2, 2)
    array([[ 8., 12.],
           [20., 24.]])
    """
    if _choice("conv2d_weight_grad", algorithm) == "naive":
        return conv2d_weight_grad_naive(x, gy, w_shape, g, groups, out)
    return conv2d_weight_grad_im2col(x, gy, w_shape, g, groups, out=out)


def conv2d_plan(
    which: str,
    shapes: dict[str, Any],
    dtype: np.dtype | type | str,
    threads: int,
    algorithm: str = "auto",
) -> tuple[str, int, str]:
    """Say how one pass of a convolution will be computed, without computing it.

    Parameters
    ----------
    which : "forward", "input_grad" or "weight_grad"
    shapes : dict(x=(n, h, w, c), w=(kh, kw, c/groups, f), y=(n, oh, ow, f), g=g, groups=groups)
    dtype : of all the arrays
    threads : part of every backend's plan; NumPy's is the same for any number
    algorithm : the one asked for

    Returns
    -------
    algorithm : the one that will run
    workspace : bytes allocated at most at one time besides the result, for contiguous operands;
        NumPy's own loop buffers, 0.1 to 0.2 MB, are not counted
    why : one sentence

    Raises
    ------
    ValueError : an unknown pass or algorithm, shapes that do not fit together.

    Examples
    --------
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> shapes = dict(x=(64, 28, 28, 1), w=(3, 3, 1, 32), y=(64, 26, 26, 32), g=g, groups=1)
    >>> conv2d_plan("forward", shapes, np.float32, 2)[:2]
    ('im2col', 1557504)
    """
    op = f"conv2d_{which}"
    if op not in ALGORITHMS:
        known = ", ".join(name.removeprefix("conv2d_") for name in ALGORITHMS)
        raise error("conv2d_plan", "there is no such pass", f"one of {known}", which)
    chosen = _choice(op, algorithm)
    x, w, y = (tuple(shapes[name]) for name in "xwy")
    conv = Conv(x, w, y, shapes["g"], shapes["groups"], np.dtype(dtype).itemsize)
    conv.check("conv2d_plan")
    if chosen == "naive":
        return chosen, 0, "naive was asked for: seven Python loops, no workspace."
    asked = "the fast algorithm of NumPy" if algorithm == "auto" else "asked for"
    if conv.pointwise:
        return chosen, 0, f"im2col is {asked}; 1×1 windows are the pixels themselves, no copy."
    images, rows = conv.tile_size()
    tile = f"{images} images" if rows == y[1] else f"{rows} output rows of one image"
    return chosen, conv.workspace(which), f"im2col is {asked}; a tile is {tile}."


def _choice(op: str, algorithm: str) -> str:
    """Return the algorithm that runs: the first of the list for "auto"."""
    if algorithm == "auto":
        return ALGORITHMS[op][0]
    if algorithm not in ALGORITHMS[op]:
        known = ", ".join(("auto", *ALGORITHMS[op]))
        raise error(op, "there is no such algorithm", f"one of {known}", repr(algorithm))
    return algorithm
