"""Depthwise convolution tap by tap: tap (i, j) is one slice of the image times one vector.

With m filters a channel, each channel is first repeated m times; then every output channel reads
exactly one channel, and the three passes are those of m = 1. One image is worked on at a time: its
taps find it in the cache (1.6 to 2 times faster than all images at once).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..checks import check_floats, check_rank, error, result
from ..windows import Geometry, Pair, check_windows, taps

__all__ = [
    "depthwise_conv2d_forward",
    "depthwise_conv2d_input_grad",
    "depthwise_conv2d_weight_grad",
]

Shape4 = tuple[int, int, int, int]


def depthwise_conv2d_forward(
    x: np.ndarray, w: np.ndarray, g: Geometry, out_hw: Pair, out: np.ndarray | None = None
) -> np.ndarray:
    """Slide the m filters of each channel over that channel.

    ``y[n, p, q, c·m + k] = Σ_ij x[n, p·sh - top + i·dh, q·sw - left + j·dw, c] · w[i, j, c, k]``;
    backward: ``gx = depthwise_conv2d_input_grad(gy, w)``,
    ``gw = depthwise_conv2d_weight_grad(x, gy)``.

    Parameters
    ----------
    x : (n, h, w, c)
    w : (kh, kw, c, m)
    g : (stride, pad, dilation)
    out_hw : (oh, ow)
    out : array to write the result in

    Returns
    -------
    (n, oh, ow, c·m)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]).reshape(1, 1, 3, 2)
    >>> w = np.array([[1.0, -1.0], [1.0, 1.0]]).reshape(1, 2, 2, 1)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> depthwise_conv2d_forward(x, w, g, (1, 2)).reshape(2, 2)
    array([[ 3., 10.],
           [ 5., 10.]])
    """
    where = "depthwise_conv2d_forward"
    dtype = check_floats(where, x=x, w=w)
    check_rank(where, 4, x=x, w=w)
    y_shape = (x.shape[0], *out_hw, w.shape[2] * w.shape[3])
    check_shapes(where, x.shape, w.shape, y_shape, g)
    y = result(where, out, y_shape, dtype)
    y.fill(0)
    filters = w.reshape(*w.shape[:2], -1)  # (kh, kw, c·m)
    for image, y_image in zip(x, y, strict=True):
        repeated = _repeat(image, w.shape[3])
        for i, j, outs, ins in _taps(x.shape, w.shape, y_shape, g):
            y_image[outs] += repeated[ins] * filters[i, j]
    return y


def depthwise_conv2d_input_grad(
    gy: np.ndarray, w: np.ndarray, x_shape: Shape4, g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the depthwise convolution with respect to its input.

    ``gx[n, r, s, c] = Σ gy[n, p, q, c·m + k] · w[i, j, c, k]`` over all that read (r, s).

    Parameters
    ----------
    gy : (n, oh, ow, c·m)
    w : (kh, kw, c, m)
    x_shape : (n, h, w, c)
    g : as in the forward
    out : array to write the result in

    Returns
    -------
    (n, h, w, c); 0 where no window reads

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> gy = np.array([3.0, 5.0]).reshape(1, 1, 1, 2)
    >>> w = np.array([[1.0, 10.0], [2.0, 20.0]]).reshape(1, 2, 1, 2)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> depthwise_conv2d_input_grad(gy, w, (1, 1, 2, 1), g).ravel()
    array([ 53., 106.])
    """
    where = "depthwise_conv2d_input_grad"
    dtype = check_floats(where, gy=gy, w=w)
    check_rank(where, 4, gy=gy, w=w)
    check_shapes(where, x_shape, w.shape, gy.shape, g)
    gx = result(where, out, x_shape, dtype)
    multiplier = w.shape[3]
    filters = w.reshape(*w.shape[:2], -1)  # (kh, kw, c·m)
    repeated = np.empty((*x_shape[1:3], filters.shape[2]), dtype)
    for gx_image, gy_image in zip(gx, gy, strict=True):
        repeated.fill(0)
        for i, j, outs, ins in _taps(x_shape, w.shape, gy.shape, g):
            repeated[ins] += gy_image[outs] * filters[i, j]
        # (h, w, c·m) -> (h, w, c, m) -> (h, w, c), the backward of the repetition
        repeated.reshape(*x_shape[1:], multiplier).sum(axis=3, out=gx_image)
    return gx


def depthwise_conv2d_weight_grad(
    x: np.ndarray, gy: np.ndarray, w_shape: Shape4, g: Geometry, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the depthwise convolution with respect to its weights.

    ``gw[i, j, c, k] = Σ_npq gy[n, p, q, c·m + k] · x[n, p·sh - top + i·dh, q·sw - left + j·dw, c]``.

    Parameters
    ----------
    x : (n, h, w, c)
    gy : (n, oh, ow, c·m)
    w_shape : (kh, kw, c, m)
    g : as in the forward
    out : array to write the result in

    Returns
    -------
    (kh, kw, c, m)

    Raises
    ------
    ValueError : shapes or dtypes that do not fit together.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    >>> gy = np.array([[1.0, 0.0], [10.0, 1.0]]).reshape(1, 1, 2, 2)
    >>> g = ((1, 1), ((0, 0), (0, 0)), (1, 1))
    >>> depthwise_conv2d_weight_grad(x, gy, (1, 2, 1, 2), g).reshape(2, 2)
    array([[21.,  2.],
           [32.,  3.]])
    """
    where = "depthwise_conv2d_weight_grad"
    dtype = check_floats(where, x=x, gy=gy)
    check_rank(where, 4, x=x, gy=gy)
    check_shapes(where, x.shape, w_shape, gy.shape, g)
    gw = result(where, out, w_shape, dtype)
    sums = np.zeros((*w_shape[:2], gy.shape[3]))  # over the images, in float64: (kh, kw, c·m)
    for image, gy_image in zip(x, gy, strict=True):
        repeated = _repeat(image, w_shape[3])
        for i, j, outs, ins in _taps(x.shape, w_shape, gy.shape, g):
            sums[i, j] += np.einsum("pqc,pqc->c", repeated[ins], gy_image[outs])
    gw[...] = sums.reshape(w_shape)  # (kh, kw, c·m) -> (kh, kw, c, m)
    return gw


def _taps(
    x_shape: Shape4, w_shape: Shape4, y_shape: Shape4, g: Geometry
) -> Iterator[tuple[int, int, tuple[slice, ...], tuple[slice, ...]]]:
    """Yield (i, j, outs, ins) for every tap, with slices of one image, (rows, columns)."""
    for i, j, outs, ins in taps(x_shape[1:3], w_shape[:2], g, y_shape[1:3]):
        yield i, j, outs[1:], ins[1:]


def _repeat(image: np.ndarray, multiplier: int) -> np.ndarray:
    """Return (h, w, c·m) with every channel of (h, w, c) m times side by side."""
    return image if multiplier == 1 else np.repeat(image, multiplier, axis=2)


def check_shapes(where: str, x_shape: Shape4, w_shape: Shape4, y_shape: Shape4, g: Geometry) -> None:
    """x, w and y must be the shapes of one depthwise convolution."""
    for name, shape in (("x", x_shape), ("w", w_shape)):
        if len(shape) != 4:
            raise error(where, f"the shape of {name} has the wrong length", 4, tuple(shape))
    n, h, width, c = x_shape
    if w_shape[2] != c:
        expected = f"{w_shape[2]} channels in x"
        raise error(where, "the channels of x and w do not fit", expected, f"x {tuple(x_shape)}")
    if (y_shape[0], y_shape[3]) != (n, c * w_shape[3]):
        expected = f"gy ({n}, oh, ow, {c * w_shape[3]})"
        raise error(where, "gy does not fit x and w", expected, y_shape)
    check_windows(where, (h, width), w_shape[:2], g, y_shape[1:3])
