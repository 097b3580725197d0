"""Upsampling by whole factors, one axis after the other: rows, then columns.

By factor f, output rows r, f + r, 2f + r, … lie at the same place between their two neighbours in
x. So each of the f phases r is a sum of one or two whole arrays times a weight, and no pixel needs
an index of its own:

    nearest   y[f·i + r] = x[i]
    bilinear  y[f·i + r] = (1 - |d|) · x[i] + |d| · x[i ± 1],  d = (r + 1/2) / f - 1/2, ± its sign
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_rank, error, result
from ..windows import Pair

__all__ = ["upsample2d_forward", "upsample2d_input_grad"]

INTERPOLATIONS = ("nearest", "bilinear")


def upsample2d_forward(
    x: np.ndarray, size: Pair, interpolation: str = "nearest", out: np.ndarray | None = None
) -> np.ndarray:
    """Enlarge every image by whole factors.

    nearest ``y[n, p, q, c] = x[n, ⌊p/fh⌋, ⌊q/fw⌋, c]``, bilinear as on the folder's page; backward:
    ``gx = upsample2d_input_grad(gy)``.

    Parameters
    ----------
    x : (n, h, w, c)
    size : (fh, fw), factors of at least 1
    interpolation : "nearest" or "bilinear"
    out : array to write the result in

    Returns
    -------
    (n, h·fh, w·fw, c)

    Raises
    ------
    ValueError : a factor below 1, an unknown interpolation, or `out` does not fit.

    Examples
    --------
    >>> x = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)
    >>> upsample2d_forward(x, (1, 2)).ravel()
    array([0., 0., 4., 4.])
    >>> upsample2d_forward(x, (1, 2), "bilinear").ravel()
    array([0., 1., 3., 4.])
    """
    where = "upsample2d_forward"
    dtype = check_upsampling(where, "x", x, size, interpolation)
    n, h, w, c = x.shape
    y = result(where, out, (n, h * size[0], w * size[1], c), dtype)
    if interpolation == "nearest":
        blocks = y.reshape(n, h, size[0], w, size[1], c)  # a view: pixel (r, s) is shown as a block
        blocks[...] = x[:, :, None, :, None]  # (n, h, 1, w, 1, c)
        return y
    rows = np.empty((n, h * size[0], w, c), dtype)
    _interpolate(x, size[0], rows)
    _interpolate(rows.swapaxes(1, 2), size[1], y.swapaxes(1, 2))  # columns as rows: (n, w, h·fh, c)
    return y


def upsample2d_input_grad(
    gy: np.ndarray, size: Pair, interpolation: str = "nearest", out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the enlargement: every input pixel collects what it was weighted into.

    nearest ``gx[n, r, s, c] = Σ gy`` over its block of fh·fw pixels, bilinear the transposed map.

    Parameters
    ----------
    gy : (n, h·fh, w·fw, c)
    size, interpolation : as in the forward
    out : array to write the result in

    Returns
    -------
    (n, h, w, c)

    Raises
    ------
    ValueError : a factor below 1 or that does not divide gy, an unknown interpolation.

    Examples
    --------
    >>> gy = np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 1, 4, 1)
    >>> upsample2d_input_grad(gy, (1, 2)).ravel()
    array([ 3., 12.])
    >>> upsample2d_input_grad(gy, (1, 2), "bilinear").ravel()
    array([ 3.5, 11.5])
    """
    where = "upsample2d_input_grad"
    dtype = check_upsampling(where, "gy", gy, size, interpolation)
    h, w = check_blocks(where, gy, size)
    n, oh, _, c = gy.shape
    gx = result(where, out, (n, h, w, c), dtype)
    if interpolation == "nearest":
        blocks = gy.reshape(n, h, size[0], w, size[1], c)
        return np.sum(blocks, axis=(2, 4), out=gx)  # (n, h, fh, w, fw, c) -> (n, h, w, c)
    rows = np.zeros((n, oh, w, c), dtype)
    _collect(gy.swapaxes(1, 2), size[1], rows.swapaxes(1, 2))
    gx.fill(0)
    _collect(rows, size[0], gx)
    return gx


def _interpolate(x: np.ndarray, factor: int, y: np.ndarray) -> None:
    """Write in y the rows (axis 1) of x, interpolated by the factor."""
    before = np.concatenate([x[:, :1], x[:, :-1]], axis=1)  # x[i - 1]; the first row before itself
    after = np.concatenate([x[:, 1:], x[:, -1:]], axis=1)  # x[i + 1]; the last row after itself
    for r, d in _phases(factor):
        phase = y[:, r::factor]  # (n, h, …)
        np.multiply(x, 1 - abs(d), out=phase)
        if d != 0:
            phase += abs(d) * (before if d < 0 else after)


def _collect(gy: np.ndarray, factor: int, gx: np.ndarray) -> None:
    """Add to the rows of gx what _interpolate took from them: its transpose."""
    for r, d in _phases(factor):
        phase = gy[:, r::factor]
        gx += (1 - abs(d)) * phase
        part = abs(d) * phase
        if d < 0:
            gx[:, :1] += part[:, :1]
            gx[:, :-1] += part[:, 1:]
        elif d > 0:
            gx[:, 1:] += part[:, :-1]
            gx[:, -1:] += part[:, -1:]


def _phases(factor: int) -> list[tuple[int, float]]:
    """List (r, d): output row f·i + r lies d rows below the centre of input row i, |d| < 1/2."""
    return [(r, (r + 0.5) / factor - 0.5) for r in range(factor)]


def check_upsampling(where: str, name: str, x: np.ndarray, size: Pair, interpolation: str) -> np.dtype:
    """Return the dtype of an image; the factors must be whole, the interpolation known."""
    check_rank(where, 4, **{name: x})
    dtype = check_floats(where, **{name: x})
    if min(size) < 1:
        raise error(where, "a factor is too small", "whole numbers of at least 1", size)
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise error(where, "there is no such interpolation", f"one of {known}", repr(interpolation))
    return dtype


def check_blocks(where: str, gy: np.ndarray, size: Pair) -> Pair:
    """Return the height and width that gy was enlarged from."""
    oh, ow = gy.shape[1:3]
    if oh % size[0] or ow % size[1]:
        raise error(where, "gy is not a whole number of blocks", f"multiples of {size}", (oh, ow))
    return oh // size[0], ow // size[1]
