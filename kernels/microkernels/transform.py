"""Tile transforms of Winograd's convolution: Y = L · X · Lᵀ for every channel of a tile.

.. code-block:: text

    input     6×6 pixels        -> 6×6      Bᵀ · d · B
    output    6×6 products      -> 4×4      Aᵀ · m · A, then bias and limits
    gradient  4×4 of gy         -> 6×6      A · g · Aᵀ  (the output's transpose, for the weight gradient)
    weights   3×3 weights       -> 6×6      G · w · Gᵀ, times a scale of each filter where there is one
    back      6×6 sums          -> 3×3      Gᵀ · s · G  (the transpose of the weights')

L has few numbers other than 0 and ±1, so each product with it is a handful of vector additions; they are
written out below row by row, and sums that two rows share are made once. One vector holds the same pixel of
many channels. Rows of X and Y lie `x_row` and `y_row` numbers apart, columns `x_col` and `y_col`.

Source: A. Lavin, S. Gray, Fast algorithms for convolutional neural networks, 2016, section 4.2 (F(4×4, 3×3)).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .build import build, host

__all__ = ["transform_address"]

_INT, _DOUBLE = ir.IntType(64), ir.DoubleType()
_SIZES = {"input": (6, 6), "output": (6, 4), "gradient": (4, 6), "weights": (3, 6), "back": (6, 3)}  # X and Y


def transform_address(kind: str, dtype: np.dtype) -> int:
    """The address of ``f(x, x_row, x_col, y, y_row, y_col, vectors, bias, lower, upper)``.

    `bias` is the address of the scale for "weights"; it and the limits concern "output" and "weights" alone.
    """
    bits = np.dtype(dtype).itemsize * 8
    return build(f"transform_{kind}_{bits}", _Emitter(kind, bits))


class _Emitter(NamedTuple):
    """Writes one transform; a tuple, so that equal ones are built once."""

    kind: str
    bits: int

    def __call__(self, module: ir.Module, name: str) -> None:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [_INT] * 8 + [_DOUBLE] * 2), name)
        _Writer(self, ir.IRBuilder(function.append_basic_block("entry"))).write(function.args)


class _Writer:
    """The instructions of one transform."""

    def __init__(self, what: _Emitter, body: ir.IRBuilder) -> None:
        self.what, self.body = what, body
        self.lanes = host().vector_bytes * 8 // what.bits
        self.number = ir.FloatType() if what.bits == 32 else _DOUBLE
        self.vector = ir.VectorType(self.number, self.lanes)
        function = ir.FunctionType(self.vector, [self.vector] * 3)
        name = f"llvm.fmuladd.v{self.lanes}f{what.bits}"
        self.multiply_add = cgutils.get_or_insert_function(body.module, function, name)

    def write(self, arguments) -> None:
        x, x_row, x_col, y, y_row, y_col, vectors, bias, lower, upper = arguments
        body, (size, size_out) = self.body, _SIZES[self.what.kind]
        rule = getattr(self, f"_{self.what.kind}")
        limits = [self._everywhere(limit) for limit in (lower, upper)]
        with cgutils.for_range(body, vectors) as loop:
            first = body.mul(loop.index, _INT(self.lanes))

            def place(base, row, row_step, col, col_step):
                offset = body.add(body.mul(_INT(row), row_step), body.mul(_INT(col), col_step))
                bytes_ = body.mul(body.add(offset, first), _INT(self.what.bits // 8))
                return body.inttoptr(body.add(base, bytes_), self.vector.as_pointer())

            scale = self._vector_at(bias, first, 1.0) if self.what.kind == "weights" else None
            columns = []  # L · X, column by column
            for col in range(size):
                pixels = [self._load(place(x, row, x_row, col, x_col)) for row in range(size)]
                columns.append(rule(pixels if scale is None else [body.fmul(p, scale) for p in pixels]))
            plus = self._vector_at(bias, first, 0.0) if self.what.kind == "output" else None
            for row in range(size_out):
                for col, value in enumerate(rule([column[row] for column in columns])):
                    if plus is not None:
                        value = self._limited(body.fadd(value, plus), limits)
                    body.store(value, place(y, row, y_row, col, y_col)).align = self.what.bits // 8
        body.ret_void()

    def _load(self, pointer):
        loaded = self.body.load(pointer)
        loaded.align = self.what.bits // 8
        return loaded

    def _vector_at(self, address, first, otherwise: float):
        """What lies at an address for these channels, or this number in every lane where there is none."""
        body, slot = self.body, cgutils.alloca_once(self.body, self.vector)
        body.store(ir.Constant(self.vector, [otherwise] * self.lanes), slot)
        with body.if_then(body.icmp_signed("!=", address, _INT(0))):
            at = body.add(address, body.mul(first, _INT(self.what.bits // 8)))
            body.store(self._load(body.inttoptr(at, self.vector.as_pointer())), slot)
        return body.load(slot)

    def _limited(self, value, limits):
        for limit, beyond in zip(limits, "<>", strict=True):
            value = self.body.select(self.body.fcmp_ordered(beyond, value, limit), limit, value)
        return value

    def _everywhere(self, number):
        body = self.body
        number = number if self.what.bits == 64 else body.fptrunc(number, self.number)
        first = body.insert_element(self.vector(ir.Undefined), number, ir.IntType(32)(0))
        zeros = ir.VectorType(ir.IntType(32), self.lanes)(None)
        return body.shuffle_vector(first, self.vector(ir.Undefined), zeros)

    def _plus(self, factor: float, a, b):
        """factor · a + b."""
        constant = ir.Constant(self.vector, [factor] * self.lanes)
        return self.body.call(self.multiply_add, [constant, a, b])

    def _input(self, d):
        """Bᵀ · d, where Bᵀ has the rows 4 0 -5 0 1 0, 0 -4 -4 1 1 0, 0 4 -4 -1 1 0, and so on."""
        add, sub, plus = self.body.fadd, self.body.fsub, self._plus
        even, odd = plus(-4.0, d[2], d[4]), plus(-4.0, d[1], d[3])
        even_2, odd_2 = sub(d[4], d[2]), sub(d[3], d[1])
        return [
            plus(4.0, d[0], plus(-5.0, d[2], d[4])),
            add(even, odd),
            sub(even, odd),
            plus(2.0, odd_2, even_2),
            plus(-2.0, odd_2, even_2),
            plus(4.0, d[1], plus(-5.0, d[3], d[5])),
        ]

    def _output(self, m):
        """Aᵀ · m, where Aᵀ has the rows 1 1 1 1 1 0, 0 1 -1 2 -2 0, 0 1 1 4 4 0, 0 1 -1 8 -8 1."""
        add, sub, plus = self.body.fadd, self.body.fsub, self._plus
        sum_1, difference_1 = add(m[1], m[2]), sub(m[1], m[2])
        sum_2, difference_2 = add(m[3], m[4]), sub(m[3], m[4])
        return [
            add(add(m[0], sum_1), sum_2),
            plus(2.0, difference_2, difference_1),
            plus(4.0, sum_2, sum_1),
            add(plus(8.0, difference_2, difference_1), m[5]),
        ]

    def _times(self, factor: float, a):
        return self.body.fmul(ir.Constant(self.vector, [factor] * self.lanes), a)

    def _weights(self, w):
        """G · w, where G has the rows ¼ 0 0, -⅙ -⅙ -⅙, -⅙ ⅙ -⅙, 1/24 1/12 ⅙, 1/24 -1/12 ⅙, 0 0 1."""
        ends, middle = self._times(-1 / 6, self.body.fadd(w[0], w[2])), self._times(1 / 6, w[1])
        outer, inner = self._plus(1 / 24, w[0], self._times(1 / 6, w[2])), self._times(1 / 12, w[1])
        add, sub = self.body.fadd, self.body.fsub
        pairs = [sub(ends, middle), add(ends, middle), add(outer, inner), sub(outer, inner)]
        return [self._times(1 / 4, w[0]), *pairs, w[2]]

    def _back(self, s):
        """Gᵀ · s: the columns of the weights' rule."""
        add, sub, plus = self.body.fadd, self.body.fsub, self._plus
        near, far = self._times(-1 / 6, add(s[1], s[2])), add(s[3], s[4])
        difference = self._times(1 / 12, sub(s[3], s[4]))
        return [
            plus(1 / 4, s[0], plus(1 / 24, far, near)),
            plus(1 / 6, sub(s[2], s[1]), difference),
            add(plus(1 / 6, far, near), s[5]),
        ]

    def _gradient(self, g):
        """A · g: the columns of the output's rule."""
        add, sub, plus = self.body.fadd, self.body.fsub, self._plus
        even, odd = add(g[0], g[2]), add(g[1], g[3])
        even_4, odd_4 = plus(4.0, g[2], g[0]), plus(4.0, g[3], g[1])
        return [
            g[0],
            add(even, odd),
            sub(even, odd),
            plus(2.0, odd_4, even_4),
            plus(-2.0, odd_4, even_4),
            g[3],
        ]
