"""Gradients of what follows a convolution: pooling, activation and bias in one pass.

.. code-block:: text

    bias_activation_grad             gz = activation_grad(gy, y), gb = bias_grad(gz)
    max_pool2d_bias_activation_grad  the same behind max_pool2d_input_grad by 2×2 windows, two apart

The bias' gradient is summed while its piece of gz is still in cache, in the order of the plain kernel.
"""

from __future__ import annotations

import numpy as np

from ...activation.numba_cpu import activation_grad, bias_grad
from ...checks import check_floats, check_rank, check_same_shape, result
from ...compiled.jit import COMPILED, jit
from ...compiled.parallel import guarded, launch, threads_for, whole_images
from ...compiled.pointers import address_of, call_unpool
from ...compiled.scratch import per_part, scratch, usable
from ...microkernels.pooling import unpool_address
from ...microkernels.tiles import multiply, panels, tiles
from ...pool2d.numba_cpu import max_pool2d_input_grad

__all__ = ["bias_activation_grad", "max_pool2d_bias_activation_grad"]

_PIECE = 4096  # elements of gz that are made, then summed


@jit
def _add_up(gz, start, rows, c, sums, to, one, blocks, panels):
    """Add some rows of gz to the sums of their columns; see bias_grad."""
    number, _, width, last, ragged = panels
    size = gz.itemsize
    for panel in range(number):
        cut = ragged if panel == number - 1 else 0
        column = panel * width
        multiply(
            blocks, 1, cut, last, size, address_of(one), address_of(gz) + (start + column) * size,
            address_of(sums) + (to + column) * size, 1, rows, 0, 0, 0, c, 0, 0, 1, 0, -np.inf, np.inf,
        )  # fmt: skip


@jit
def _relu_part(part, parts, gy, y, gz, n, c, sums, one, blocks, panels, own):
    begin, end = whole_images(part, parts, n, gy.size // c // n)
    piece, zero = max(1, _PIECE // c), gz.dtype.type(0)
    for i in range(c):
        sums[part * own + i] = 0
    for first in range(begin, end, piece):
        rows = min(piece, end - first)
        for i in range(first * c, (first + rows) * c):
            value, gradient = y[i], gy[i]
            kept = gradient if value > zero else zero
            gz[i] = kept if value == value else value  # NaN is not equal to itself
        _add_up(gz, first * c, rows, c, sums, part * own, one, blocks, panels)


@jit
def _pool_part(part, parts, gy, y, argmax, gz, sizes, unpool, sums, one, blocks, panels, own):
    n, h, w, c = sizes
    begin, end = whole_images(part, parts, n, h)
    for i in range(c):
        sums[part * own + i] = 0
    for row in range(begin, end):  # of the pooled image; two of gz
        to = 4 * row * w * c
        source, above = row * w * c, address_of(gz) + to * gz.itemsize
        call_unpool(
            unpool, address_of(gy) + source * gz.itemsize, address_of(y) + source * gz.itemsize,
            address_of(argmax) + source, above, above + 2 * w * c * gz.itemsize, w, c,
        )  # fmt: skip
        _add_up(gz, to, 4 * w, c, sums, part * own, one, blocks, panels)


@jit
def _finish(threads, sums, gb, own):
    for i in range(gb.size):
        gb[i] = sums[i]
        for part in range(1, threads):
            gb[i] += sums[part * own + i]


@jit
def _relu(threads, gy, y, gz, gb, n, sums, one, blocks, panels, own):
    launch(_relu_part, threads, (gy, y, gz, n, gb.size, sums, one, blocks, panels, own))
    _finish(threads, sums, gb, own)


@jit
def _pool(threads, gy, y, argmax, gz, gb, sizes, unpool, sums, one, blocks, panels, own):
    launch(_pool_part, threads, (gy, y, argmax, gz, sizes, unpool, sums, one, blocks, panels, own))
    _finish(threads, sums, gb, own)


def _columns(c: int, dtype: np.dtype, threads: int) -> tuple:
    """What the sums of c columns need: (sums, one, blocks, panels, elements of each part)."""
    cut, own = panels(c, dtype.itemsize), per_part(c, dtype.itemsize)
    blocks = tiles(1, cut.vectors, cut.ragged, dtype.itemsize)
    columns = (cut.number, cut.vectors, cut.width, cut.last, int(cut.ragged))
    return scratch(threads * own, dtype), np.ones(1, dtype), blocks, columns, own


def bias_activation_grad(
    gy: np.ndarray, y: np.ndarray, activation: str, out: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of ``y = activation(z + b)``: gz, of the shape of y, written in `out`, and gb (c,)."""
    where = "bias_activation_grad"
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y)
    gz = result(where, out, gy.shape, dtype)
    if not (COMPILED and activation == "relu" and gy.ndim > 1 and gy.size):
        activation_grad(gy, y, activation, gz)
        return gz, bias_grad(gz)
    gb = np.empty(gy.shape[-1], dtype)
    with guarded:
        threads = threads_for(gy.size)
        arrays = usable(gy).reshape(-1), usable(y).reshape(-1), gz.reshape(-1), gb
        _relu(threads, *arrays, len(gy), *_columns(gb.size, dtype, threads))
    return gz, gb


def max_pool2d_bias_activation_grad(
    gy: np.ndarray,
    y: np.ndarray,
    argmax: np.ndarray,
    activation: str,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of ``y, argmax = max_pool2d_forward(activation(z + b))`` by 2×2 windows.

    gz is (n, 2·h, 2·w, c), written in `out`, for y (n, h, w, c); gb is (c,).
    """
    where = "max_pool2d_bias_activation_grad"
    check_rank(where, 4, gy=gy)
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y, argmax=argmax)
    n, h, w, c = gy.shape
    gz = result(where, out, (n, 2 * h, 2 * w, c), dtype)
    if not (COMPILED and activation in ("linear", "relu") and gy.size):
        g = (2, 2), ((0, 0), (0, 0)), (1, 1)
        max_pool2d_input_grad(activation_grad(gy, y, activation), argmax, gz.shape, (2, 2), g, gz)
        return gz, bias_grad(gz)
    gb = np.empty(c, dtype)
    with guarded:
        threads, sizes = threads_for(gz.size), np.array(gy.shape, np.int64)
        arrays = usable(gy).reshape(-1), usable(y).reshape(-1), usable(argmax).reshape(-1), gz.reshape(-1)
        unpool = unpool_address(dtype, limited=activation == "relu")
        _pool(threads, *arrays, gb, sizes, unpool, *_columns(c, dtype, threads))
    return gz, gb
