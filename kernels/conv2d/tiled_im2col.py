"""Convolution as matrix products: ``cols = im2col(x)``, ``y = cols @ w``, one tile at a time.

It must equal the seven loops of naive.py. It is fast because NumPy's matrix product (BLAS) does
all the arithmetic (3×3, 32 to 16 channels, one 13×13 image: 2,500 times faster than the loops), and
because a tile of windows is still in the cache when the product reads it (3×3, 64 to 64 channels,
64 images of 32×32: 1.5 times faster than all windows at once, with 40 times less memory). No
operand is copied: y, gy and w are seen as matrices through reshapes, wᵀ and colsᵀ are flags to BLAS.

Functions of your own can take the place of im2col and col2im. All three passes accept both, so
that one pair can be handed to all of them; yours are called as ``im2col(x, kernel_hw, g, out_hw)``
and ``col2im(cols, x_shape, g)``, with the rows of x and the padding of one tile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from ..checks import check_same_shape, error, result
from ..im2col.reference import add_windows_, col2im, im2col
from ..windows import Geometry, Pair
from .tiling import Conv, Shape4, Tile

__all__ = ["conv2d_forward_im2col", "conv2d_input_grad_im2col", "conv2d_weight_grad_im2col"]


def conv2d_forward_im2col(
    x: np.ndarray,
    w: np.ndarray,
    g: Geometry,
    groups: int,
    out_hw: Pair,
    im2col: Callable[..., np.ndarray] = im2col,
    col2im: Callable[..., np.ndarray] = col2im,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``y = im2col(x) @ w``; parameters as in conv2d_forward."""
    y_shape = (*x.shape[:1], *out_hw, *w.shape[-1:])
    conv = Conv.of("conv2d_forward", x.shape, w.shape, y_shape, g, groups, x=x, w=w)
    y = result("conv2d_forward", out, conv.y, x.dtype)
    w2 = w.reshape(-1, conv.w[3])  # (kh·kw·cg, f)
    for tile, cols, filters in _window_matrices(x, conv, im2col):
        y2 = y[tile.images, tile.rows].reshape(-1, conv.w[3])  # (n·oh·ow of the tile, f), a view
        # (n·oh·ow, kh·kw·cg) @ (kh·kw·cg, fg) -> (n·oh·ow, fg)
        np.matmul(cols, w2[:, filters], out=y2[:, filters])
    return y


def conv2d_weight_grad_im2col(
    x: np.ndarray,
    gy: np.ndarray,
    w_shape: Shape4,
    g: Geometry,
    groups: int,
    im2col: Callable[..., np.ndarray] = im2col,
    col2im: Callable[..., np.ndarray] = col2im,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``gw = im2col(x)ᵀ @ gy``; the windows are made again rather than kept since the forward."""
    conv = Conv.of("conv2d_weight_grad", x.shape, w_shape, gy.shape, g, groups, x=x, gy=gy)
    gw = result("conv2d_weight_grad", out, conv.w, x.dtype)
    gw2 = gw.reshape(-1, conv.w[3])  # (kh·kw·cg, f), a view
    if gy.size == 0:
        gw.fill(0)
    step = conv.part_rows()
    part = np.empty((0 if conv.one_tile else step, conv.w[3] // groups), gw.dtype)
    for tile, cols, filters in _window_matrices(x, conv, im2col):
        gy2 = gy[tile.images, tile.rows].reshape(-1, conv.w[3])[:, filters]  # (n·oh·ow, fg)
        # (kh·kw·cg, n·oh·ow) @ (n·oh·ow, fg) -> (kh·kw·cg, fg)
        if tile.images.start == tile.rows.start == 0:
            np.matmul(cols.T, gy2, out=gw2[:, filters])
            continue
        for k in range(0, len(gw2), step):
            rows = cols.T[k : k + step]
            gw2[k : k + step, filters] += np.matmul(rows, gy2, out=part[: len(rows)])
    return gw


def conv2d_input_grad_im2col(
    gy: np.ndarray,
    w: np.ndarray,
    x_shape: Shape4,
    g: Geometry,
    groups: int,
    im2col: Callable[..., np.ndarray] = im2col,
    col2im: Callable[..., np.ndarray] = col2im,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """``gx = col2im(gy @ wᵀ)``; parameters as in conv2d_input_grad."""
    conv = Conv.of("conv2d_input_grad", x_shape, w.shape, gy.shape, g, groups, gy=gy, w=w)
    gx = result("conv2d_input_grad", out, conv.x, gy.dtype)
    w2 = w.reshape(-1, conv.w[3])  # (kh·kw·cg, f)
    if conv.pointwise and col2im is _COL2IM:
        return _pointwise_input_grad(gy, w2, gx, conv)
    gx.fill(0)
    size = conv.tile_size()
    buffer = np.empty(prod(conv.cols_shape(*size)), gy.dtype)
    for tile in conv.tiles(size):
        part = gy[tile.images, tile.rows]
        gy2 = part.reshape(-1, conv.w[3])  # (n·oh·ow of the tile, f)
        shape = conv.cols_shape(*part.shape[:2])
        cols = buffer[: prod(shape)].reshape(shape)
        for channels, filters in _groups(conv):
            # (n·oh·ow, fg) @ (fg, kh·kw·cg) -> (n·oh·ow, kh·kw·cg)
            np.matmul(gy2[:, filters], w2[:, filters].T, out=cols.reshape(len(gy2), -1))
            some = gx[tile.images, tile.x_rows, :, channels]  # tiles share rows of gx: add
            if col2im is _COL2IM:
                add_windows_(some, cols, tile.g)
            else:
                some += _own("col2im", col2im(cols, some.shape, tile.g), some.shape)
    return gx


_IM2COL, _COL2IM = im2col, col2im  # the parameters of the same name hide them above


def _groups(conv: Conv) -> Iterator[tuple[slice, slice]]:
    """Yield the channels and the filters of each group."""
    cg, fg = conv.w[2], conv.w[3] // conv.groups
    for group in range(conv.groups):
        yield slice(group * cg, (group + 1) * cg), slice(group * fg, (group + 1) * fg)


def _window_matrices(
    x: np.ndarray, conv: Conv, im2col: Callable[..., np.ndarray]
) -> Iterator[tuple[Tile, np.ndarray, slice]]:
    """Yield the windows of every tile and group as a matrix (n·oh·ow, kh·kw·cg)."""
    default = im2col is _IM2COL
    size = conv.tile_size()
    k = prod(conv.w[:3])
    copies = default and not conv.pointwise
    buffer = np.empty(prod(conv.cols_shape(*size)) if copies else 0, x.dtype)
    for tile in conv.tiles(size):
        for channels, filters in _groups(conv):
            some = x[tile.images, tile.x_rows, :, channels]
            shape = conv.cols_shape(len(some), tile.rows.stop - tile.rows.start)
            if copies:
                cols = buffer[: prod(shape)].reshape(shape)
                im2col(some, conv.w[:2], tile.g, shape[1:3], out=cols)
            elif default:
                cols = some  # 1×1 windows are the pixels themselves
            else:
                cols = _own("im2col", im2col(some, conv.w[:2], tile.g, shape[1:3]), shape)
            yield tile, cols.reshape(-1, k), filters


def _own(name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what a function handed in has made, if it is an array of the right shape."""
    where = f"conv2d with its own {name}"
    if not isinstance(array, np.ndarray):
        expected = f"an array of shape {shape}"
        raise error(where, f"{name} returned no array", expected, type(array).__name__)
    check_same_shape(where, shape, **{f"the result of {name}": array})
    return array


def _pointwise_input_grad(gy: np.ndarray, w2: np.ndarray, gx: np.ndarray, conv: Conv) -> np.ndarray:
    """``gx = gy @ wᵀ``: a 1×1 convolution is one product over all pixels."""
    gy2, gx2 = gy.reshape(-1, conv.w[3]), gx.reshape(-1, conv.x[3])  # (n·h·w, f), (n·h·w, c)
    for channels, filters in _groups(conv):
        # (n·h·w, fg) @ (fg, cg) -> (n·h·w, cg)
        np.matmul(gy2[:, filters], w2[:, filters].T, out=gx2[:, channels])
    return gx
