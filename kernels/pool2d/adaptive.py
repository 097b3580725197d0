"""Average pooling to a size that is asked for: the windows follow from it, and may overlap by one.

Window i of `out` covers the pixels floor(i·size/out) … ceil((i + 1)·size/out) - 1, at least one of
them. A window is a run of rows times a run of columns, so that rows are added first, then columns.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_rank, error, result
from ..windows import Pair, adaptive_window

__all__ = ["adaptive_avg_pool2d_forward", "adaptive_avg_pool2d_input_grad"]


def adaptive_avg_pool2d_forward(x: np.ndarray, out_hw: Pair, out: np.ndarray | None = None) -> np.ndarray:
    """Cut each image in oh × ow windows and average each.

    ``y[n, p, q, c] = Σ x[n, r, s, c] / count[p, q]`` over ``⌊p·h/oh⌋ <= r < ⌈(p + 1)·h/oh⌉`` and s
    likewise; backward: ``gx[n, r, s, c] += gy/count``.

    Parameters
    ----------
    x : (n, h, w, c)
    out_hw : (oh, ow), at least 1; (1, 1) is global average pooling
    out : array to write the result in

    Returns
    -------
    (n, oh, ow, c)

    Raises
    ------
    ValueError : an empty image or output, or `out` does not fit.

    Examples
    --------
    >>> x = np.array([1.0, 3.0, 8.0]).reshape(1, 1, 3, 1)
    >>> adaptive_avg_pool2d_forward(x, (1, 2)).ravel()
    array([2. , 5.5])
    """
    where = "adaptive_avg_pool2d_forward"
    check_rank(where, 4, x=x)
    dtype = check_floats(where, x=x)
    n, h, w, c = x.shape
    check_adaptive(where, (h, w), out_hw)
    y = result(where, out, (n, *out_hw, c), dtype)
    rows = np.empty((n, out_hw[0], w, c), dtype)
    for p, seen in enumerate(_windows(h, out_hw[0])):
        np.mean(x[:, seen], axis=1, out=rows[:, p])
    for q, seen in enumerate(_windows(w, out_hw[1])):
        np.mean(rows[:, :, seen], axis=2, out=y[:, :, q])
    return y


def adaptive_avg_pool2d_input_grad(
    gy: np.ndarray, x_shape: tuple[int, int, int, int], out: np.ndarray | None = None
) -> np.ndarray:
    """Spread the gradient of each window evenly over its pixels.

    ``gx[n, r, s, c] = Σ gy[n, p, q, c] / count[p, q]`` over the windows (p, q) that hold (r, s).

    Parameters
    ----------
    gy : (n, oh, ow, c)
    x_shape : (n, h, w, c)
    out : array to write the result in

    Returns
    -------
    (n, h, w, c)

    Raises
    ------
    ValueError : shapes that do not fit together.

    Examples
    --------
    >>> gy = np.array([2.0, 4.0]).reshape(1, 1, 2, 1)
    >>> adaptive_avg_pool2d_input_grad(gy, (1, 1, 3, 1)).ravel()
    array([1., 3., 2.])
    """
    where = "adaptive_avg_pool2d_input_grad"
    dtype = check_adaptive_grad(where, gy, x_shape)
    (n, oh, ow, c), (_, h, w, _) = gy.shape, x_shape
    gx = result(where, out, x_shape, dtype)
    rows = np.zeros((n, oh, w, c), dtype)
    for q, seen in enumerate(_windows(w, ow)):
        rows[:, :, seen] += gy[:, :, q : q + 1] / (seen.stop - seen.start)
    gx.fill(0)
    for p, seen in enumerate(_windows(h, oh)):
        gx[:, seen] += rows[:, p : p + 1] / (seen.stop - seen.start)
    return gx


def _windows(size: int, out: int) -> list[slice]:
    """List the windows along one axis."""
    return [slice(*adaptive_window(size, out, i)) for i in range(out)]


def check_adaptive_grad(where: str, gy: np.ndarray, x_shape: tuple[int, int, int, int]) -> np.dtype:
    """gy and the shape of x must fit together; return the dtype of gy."""
    check_rank(where, 4, gy=gy)
    if (gy.shape[0], gy.shape[3]) != (x_shape[0], x_shape[3]):
        raise error(where, "gy does not belong to x", f"(n, c) of x {tuple(x_shape)}", gy.shape)
    check_adaptive(where, x_shape[1:3], gy.shape[1:3])
    return check_floats(where, gy=gy)


def check_adaptive(where: str, x_hw: Pair, out_hw: Pair) -> None:
    """Neither the image nor the output is empty."""
    for name, (height, width) in (("the image", x_hw), ("the output", out_hw)):
        if height < 1 or width < 1:
            raise error(where, f"{name} is empty", "at least 1 row and 1 column", f"{height} and {width}")
