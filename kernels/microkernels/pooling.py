"""Max pooling of 2×2 windows, two apart, on two rows of an image, and the way back.

.. code-block:: text

    pool     y = the largest of a window's four pixels, argmax = which it was: 0 1 in the row above, 2 3 below
    unpool   gy goes to the pixel that was largest, 0 to the other three; with a ReLU in front of the
             pooling, only where y is positive

One vector holds the same pixel of many channels; the channels left over are done one by one. No comparison
with a NaN is true, so the first NaN of a window is asked for by name, and stays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .build import build, host

__all__ = ["pool_address", "unpool_address"]

_INT, _BYTE = ir.IntType(64), ir.IntType(8)


def pool_address(dtype: np.dtype) -> int:
    """The address of ``f(above, below, y, argmax, windows, channels)``."""
    bits = np.dtype(dtype).itemsize * 8
    return build(f"pool_{bits}", _Emitter("pool", bits, False))


def unpool_address(dtype: np.dtype, limited: bool) -> int:
    """The address of ``f(gy, y, argmax, above, below, windows, channels)``."""
    bits = np.dtype(dtype).itemsize * 8
    return build(f"unpool{'_relu' if limited else ''}_{bits}", _Emitter("unpool", bits, limited))


class _Emitter(NamedTuple):
    """Writes one kernel; a tuple, so that equal ones are built once."""

    kind: str
    bits: int
    limited: bool

    def __call__(self, module: ir.Module, name: str) -> None:
        number = 6 if self.kind == "pool" else 7
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_INT] * number), name)
        body = ir.IRBuilder(function.append_basic_block("entry"))
        *_, windows, channels = function.args
        lanes = host().vector_bytes * 8 // self.bits
        with cgutils.for_range(body, windows) as window:
            full = body.sdiv(channels, _INT(lanes))
            with cgutils.for_range(body, full) as vector:
                first = body.mul(vector.index, _INT(lanes))
                self._write(body, function.args, lanes, window.index, first)
            done = body.mul(full, _INT(lanes))
            with cgutils.for_range(body, body.sub(channels, done)) as rest:
                self._write(body, function.args, 1, window.index, body.add(done, rest.index))
        body.ret_void()

    def _write(self, body: ir.IRBuilder, arguments, lanes: int, window, channel) -> None:
        vectors = _Vectors(body, self.bits, lanes)
        channels = arguments[-1]
        pooled = body.add(body.mul(window, channels), channel)
        left = body.add(body.mul(body.mul(window, _INT(2)), channels), channel)
        places = [left, body.add(left, channels)]  # the two pixels of the window in a row
        (_pool if self.kind == "pool" else self._unpool)(vectors, arguments, pooled, places)

    def _unpool(self, v: _Vectors, arguments, pooled, places) -> None:
        gy, y, argmax, above, below, *_ = arguments
        gradient, winner = v.load(gy, pooled), v.load_winner(argmax, pooled)
        if self.limited:
            value = v.load(y, pooled)
            positive = v.body.fcmp_ordered(">", value, v.number(None))
            gradient = v.body.select(positive, gradient, v.number(None))
            gradient = v.body.select(v.body.fcmp_unordered("uno", value, value), value, gradient)
        for tap in range(4):
            here = v.body.icmp_signed("==", winner, v.tap(tap))
            kept = v.body.select(here, gradient, v.number(None))
            v.store(kept, (above, below)[tap // 2], places[tap % 2])


def _pool(v: _Vectors, arguments, pooled, places) -> None:
    above, below, y, argmax, *_ = arguments
    best, winner = v.load(above, places[0]), v.tap(0)
    for tap in (1, 2, 3):
        value = v.load((above, below)[tap // 2], places[tap % 2])
        first_nan = v.body.and_(
            v.body.fcmp_unordered("uno", value, value), v.body.fcmp_ordered("ord", best, best)
        )
        wins = v.body.or_(v.body.fcmp_ordered(">", value, best), first_nan)
        best, winner = v.body.select(wins, value, best), v.body.select(wins, v.tap(tap), winner)
    v.store(best, y, pooled)
    v.store_winner(winner, argmax, pooled)


class _Vectors:
    """Loads and stores of some lanes at an element of an array that is given by its address."""

    def __init__(self, body: ir.IRBuilder, bits: int, lanes: int) -> None:
        self.body, self.bits, self.lanes = body, bits, lanes
        self.number = ir.VectorType(ir.FloatType() if bits == 32 else ir.DoubleType(), lanes)
        self.integer = ir.VectorType(ir.IntType(32), lanes)
        self.byte = ir.VectorType(_BYTE, lanes)

    def tap(self, number: int) -> ir.Constant:
        """The same small integer in every lane."""
        return ir.Constant(self.integer, [number] * self.lanes)

    def _pointer(self, address, element, size: int, kind: ir.Type):
        return self.body.inttoptr(
            self.body.add(address, self.body.mul(element, _INT(size))), kind.as_pointer()
        )

    def load(self, address, element):
        loaded = self.body.load(self._pointer(address, element, self.bits // 8, self.number))
        loaded.align = self.bits // 8
        return loaded

    def store(self, value, address, element) -> None:
        to = self._pointer(address, element, self.bits // 8, self.number)
        self.body.store(value, to).align = self.bits // 8

    def load_winner(self, address, element):
        """Bytes, as wide integers."""
        loaded = self.body.load(self._pointer(address, element, 1, self.byte))
        loaded.align = 1
        return self.body.zext(loaded, self.integer)

    def store_winner(self, value, address, element) -> None:
        """Wide integers, as bytes."""
        narrow = self.body.trunc(value, self.byte)
        self.body.store(narrow, self._pointer(address, element, 1, self.byte)).align = 1
