"""Padding lays a frame around every image, cropping takes one off: each the backward of the other."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_rank, error, result
from ..windows import Pair

__all__ = ["crop2d", "pad2d"]


def pad2d(
    x: np.ndarray, pads: tuple[Pair, Pair], value: float = 0.0, out: np.ndarray | None = None
) -> np.ndarray:
    """Lay rows and columns that hold one value around every image.

    ``y[n, p, q, c] = x[n, p - top, q - left, c]``, `value` outside x; backward:
    ``gx = crop2d(gy, pads)``.

    Parameters
    ----------
    x : (n, h, w, c)
    pads : ((top, bottom), (left, right)), at least 0
    value : number in the frame
    out : array to write the result in

    Returns
    -------
    (n, h + top + bottom, w + left + right, c)

    Raises
    ------
    ValueError : negative pads, or `out` does not fit.

    Examples
    --------
    >>> pad2d(np.array([[1.0, 2.0]]).reshape(1, 1, 2, 1), ((0, 1), (1, 0))).reshape(2, 3)
    array([[0., 1., 2.],
           [0., 0., 0.]])
    """
    dtype = check_pads("pad2d", x, pads)
    (top, bottom), (left, right) = pads
    n, h, w, c = x.shape
    y = result("pad2d", out, (n, h + top + bottom, w + left + right, c), dtype)
    y[:, :top] = y[:, top + h :] = value
    y[:, top : top + h, :left] = y[:, top : top + h, left + w :] = value
    y[:, top : top + h, left : left + w] = x
    return y


def crop2d(x: np.ndarray, crops: tuple[Pair, Pair], out: np.ndarray | None = None) -> np.ndarray:
    """Cut rows and columns off the edges of every image.

    ``y[n, p, q, c] = x[n, p + top, q + left, c]``; backward: ``gx = pad2d(gy, crops)``.

    Parameters
    ----------
    x : (n, h, w, c)
    crops : ((top, bottom), (left, right)), at least 0
    out : array to write the result in

    Returns
    -------
    (n, h - top - bottom, w - left - right, c)

    Raises
    ------
    ValueError : negative crops, crops that leave nothing, or `out` does not fit.

    Examples
    --------
    >>> crop2d(np.arange(6.0).reshape(1, 2, 3, 1), ((0, 1), (1, 0))).reshape(1, 2)
    array([[1., 2.]])
    """
    dtype = check_crops("crop2d", x, crops)
    (top, bottom), (left, right) = crops
    n, h, w, c = x.shape
    y = result("crop2d", out, (n, h - top - bottom, w - left - right, c), dtype)
    y[...] = x[:, top : h - bottom, left : w - right]
    return y


def check_pads(where: str, x: np.ndarray, amounts: tuple[Pair, Pair]) -> np.dtype:
    """x is an image and no amount is negative; return the dtype of x."""
    check_rank(where, 4, x=x)
    if min(*amounts[0], *amounts[1]) < 0:
        raise error(where, "an amount is negative", "at least 0 on every side", amounts)
    return check_floats(where, x=x)


def check_crops(where: str, x: np.ndarray, crops: tuple[Pair, Pair]) -> np.dtype:
    """The same, and something is left of the image."""
    dtype = check_pads(where, x, crops)
    (top, bottom), (left, right) = crops
    _, h, w, _ = x.shape
    if top + bottom >= h or left + right >= w:
        expected = f"less than the {h} rows and {w} columns of x"
        got = f"{top + bottom} and {left + right}"
        raise error(where, "nothing is left of the image", expected, got)
    return dtype
