"""A block of a matrix product, kept in registers from the first product to the last.

.. code-block:: text

    C[m, :] (+)= Σ_k1 Σ_k2  A[m·a_row + k1·a1 + k2·a2] · B[k1·b1 + k2·b2 : … + columns]

`rows` (m) times `vectors` registers hold the block of C. For every k the loop loads one row of B as
vectors, one number of A for each row of the block, copied to all lanes, and does rows × vectors fused
multiply-adds. With 6 rows and 4 vectors of AVX-512 that is 24 multiply-adds for 10 loads: the arithmetic
units, not memory, set the pace. (The 24 sums are independent, so the 4 cycles each takes are hidden.)

The sum over k is two loops with strides of their own, k1 outside and k2 inside. So A need not be a matrix
in memory: with k1 over the rows of a convolution's window and k2 over the numbers in one row of it, A is
the image itself, read in place. The matrix of im2col is never made.

There are two kinds of kernels, after the way A lies in memory, because a stride that is known while the
kernel is written costs no instruction when it runs. In a *packed* product A is contiguous along k (a2 = 1)
and so are the rows of B (b2 = columns of the block): a convolution forward, with packed weights. In the
other kind A is contiguous along m (a_row = 1 or, for one row, any): a weight gradient, where A stands on
its side and B is read where it lies.

The last vector of a row may be cut: `ragged` kernels load and store only its first `last` lanes. At the end
a bias can be added to every row, and the result held between `lower` and `upper` (ReLU: 0 and infinity).
The comparisons let NaN through.

Source: K. Goto, R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008; E. Georganas et
al., Anatomy of high-performance deep learning convolutions on SIMD architectures, 2018 (reading in place).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from .build import build, host

__all__ = ["Block", "gemm_address"]

_INT, _DOUBLE = ir.IntType(64), ir.DoubleType()
_UNROLL = 4  # steps of k2 in one turn of the innermost loop
_GROUP = 4  # rows of A that are found from one address


class Block(NamedTuple):
    """A block of C: rows, vectors in a row, whether the last is cut; bits of a number; is A·B packed."""

    rows: int
    vectors: int
    ragged: bool
    bits: int
    packed: bool

    @property
    def lanes(self) -> int:
        """Numbers in a vector."""
        return host().vector_bytes * 8 // self.bits


class Arguments(NamedTuple):
    """What a micro-kernel is given, in this order; addresses and integers, then the two limits."""

    a: ir.Value
    b: ir.Value
    c: ir.Value
    k1: ir.Value
    k2: ir.Value
    a1: ir.Value
    a2: ir.Value
    b1: ir.Value
    b2: ir.Value
    a_row: ir.Value
    c_row: ir.Value
    add: ir.Value
    last: ir.Value
    bias: ir.Value
    lower: ir.Value
    upper: ir.Value


def gemm_address(rows: int, vectors: int, ragged: bool, dtype: np.dtype, packed: bool) -> int:
    """The address of the micro-kernel for this block."""
    block = Block(rows, vectors, ragged, np.dtype(dtype).itemsize * 8, packed)
    name = f"gemm_{block.rows}x{block.vectors}{'r' if ragged else ''}{'p' if packed else ''}_{block.bits}"
    return build(name, _Emitter(block))


class _Emitter(NamedTuple):
    """Writes one micro-kernel; a tuple, so that equal ones are built once."""

    block: Block

    def __call__(self, module: ir.Module, name: str) -> None:
        integers = [_INT] * 14
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), integers + [_DOUBLE] * 2), name)
        body = ir.IRBuilder(function.append_basic_block("entry"))
        _Writer(self.block, module, body, Arguments(*function.args)).write()


class _Writer:
    """The instructions of one micro-kernel, from top to bottom in `write`."""

    def __init__(self, block: Block, module: ir.Module, body: ir.IRBuilder, given: Arguments) -> None:
        self.block, self.body, self.given = block, body, given
        self.number = ir.FloatType() if block.bits == 32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, block.lanes)
        mask = ir.VectorType(ir.IntType(1), block.lanes)
        kind = f"v{block.lanes}f{block.bits}"
        v, pointer, align = self.vector, ir.IntType(8).as_pointer(), ir.IntType(32)
        self.bytes = pointer

        def intrinsic(name: str, result: ir.Type, types: list[ir.Type]) -> ir.Function:
            return cgutils.get_or_insert_function(module, ir.FunctionType(result, types), name)

        # a·b + c as one instruction where the processor has it, else as two
        self.multiply_add = intrinsic(f"llvm.fmuladd.{kind}", v, [v, v, v])
        self.masked_load = intrinsic(f"llvm.masked.load.{kind}.p0", v, [pointer, align, mask, v])
        self.masked_store = intrinsic(
            f"llvm.masked.store.{kind}.p0", ir.VoidType(), [v, pointer, align, mask]
        )

    def write(self) -> None:
        """C or 0 into registers, the two loops over k, then bias, limits and the way back to memory."""
        body = self.body
        self.mask = self._mask() if self.block.ragged else None
        rows, vectors = range(self.block.rows), range(self.block.vectors)
        c_rows = [self._at(self.given.c, body.mul(_INT(m), self.given.c_row)) for m in rows]
        # Named slots in memory to write with; LLVM's first pass turns all of them into registers.
        sums = [[cgutils.alloca_once(body, self.vector) for _ in vectors] for _ in rows]
        with body.if_else(body.icmp_signed("!=", self.given.add, _INT(0))) as (adding, fresh):
            with adding:
                for m in rows:
                    for v, value in enumerate(self._load_row(c_rows[m])):
                        body.store(value, sums[m][v])
            with fresh:
                for slot in (slot for row in sums for slot in row):
                    body.store(self.vector(None), slot)
        with cgutils.for_range(body, self.given.k1) as outer:
            a = self._at(self.given.a, body.mul(outer.index, self.given.a1))
            b = self._at(self.given.b, body.mul(outer.index, self.given.b1))
            self._start(a, b)
            turns = body.sdiv(self.given.k2, _INT(_UNROLL))
            with cgutils.for_range(body, turns):
                self._steps(_UNROLL, sums)
            with cgutils.for_range(body, body.sub(self.given.k2, body.mul(turns, _INT(_UNROLL)))):
                self._steps(1, sums)
        self._finish(c_rows, sums)
        body.ret_void()

    def _start(self, a, b) -> None:
        """Where the first step reads: one address for every _GROUP rows of A, and one of B.

        Left to itself, LLVM computes each row's address from the one before, a chain that takes longer than
        the multiplications. `_hidden` keeps it from seeing that these addresses have to do with each other.
        """
        body, rows = self.body, range(0, self.block.rows, _GROUP)
        row = body.mul(self.given.a_row, _INT(self.block.bits // 8))
        self.row_offsets = [_INT(0), *(self._hidden(body.mul(row, _INT(i))) for i in range(1, _GROUP))]
        self.places = [cgutils.alloca_once_value(body, b)]
        for first in rows if self.block.packed else rows[:1]:
            start = self._hidden(self._at(a, body.mul(_INT(first), self.given.a_row)))
            self.places.append(cgutils.alloca_once_value(body, start))

    def _hidden(self, value):
        """The same integer, as the result of no instruction: the optimiser must take it as it is."""
        kind = ir.FunctionType(_INT, [_INT])
        return self.body.asm(kind, "", "=r,0", [value], side_effect=False)

    def _steps(self, number: int, sums) -> None:
        """Some steps of k, one after the other, and on to the next."""
        for step in range(number):
            self._step(step if self.block.packed else 0, sums)
            if not self.block.packed:
                self._advance(self.given.b2, self.given.a2)
        if self.block.packed:
            self._advance(_INT(number * self.block.vectors * self.block.lanes), _INT(number))

    def _advance(self, b, a) -> None:
        for place, elements in zip(self.places, [b] + [a] * (len(self.places) - 1), strict=True):
            self.body.store(self._at(self.body.load(place), elements), place)

    def _step(self, ahead: int, sums) -> None:
        """One k, some steps `ahead`: load a row of B, for every row one number of A; multiply and add."""
        body, width = self.body, self.block.vectors * self.block.lanes
        b, *starts = (body.load(place) for place in self.places)
        b_row = self._load_row(self._at(b, _INT(ahead * width)))
        for m, row in enumerate(sums):
            if self.block.packed:
                address = body.add(starts[m // _GROUP], self.row_offsets[m % _GROUP])
                address = self._at(address, _INT(ahead))
            else:
                address = self._at(starts[0], _INT(m))
            number = body.load(body.inttoptr(address, self.number.as_pointer()))
            number.align = self.block.bits // 8
            everywhere = self._in_all_lanes(number)
            for v, slot in enumerate(row):
                body.store(body.call(self.multiply_add, [everywhere, b_row[v], body.load(slot)]), slot)

    def _finish(self, c_rows, sums) -> None:
        body = self.body
        with body.if_then(body.icmp_signed("!=", self.given.bias, _INT(0))):
            for v, bias in enumerate(self._load_row(self.given.bias)):
                for row in sums:
                    body.store(body.fadd(body.load(row[v]), bias), row[v])
        limits = [self._in_all_lanes(self._rounded(limit)) for limit in (self.given.lower, self.given.upper)]
        for m, row in enumerate(sums):
            for v, slot in enumerate(row):
                value = body.load(slot)
                for limit, beyond in zip(limits, "<>", strict=True):
                    value = body.select(body.fcmp_ordered(beyond, value, limit), limit, value)
                self._store(value, c_rows[m], v)

    def _rounded(self, value):
        """A double as a number of this kernel's kind."""
        return value if self.block.bits == 64 else self.body.fptrunc(value, self.number)

    def _at(self, address, elements):
        """The address some elements further on."""
        return self.body.add(address, self.body.mul(elements, _INT(self.block.bits // 8)))

    def _in_all_lanes(self, number):
        first = self.body.insert_element(self.vector(ir.Undefined), number, ir.IntType(32)(0))
        zeros = ir.VectorType(ir.IntType(32), self.block.lanes)(None)
        return self.body.shuffle_vector(first, self.vector(ir.Undefined), zeros)

    def _mask(self):
        """True in the first `last` lanes."""
        body, lanes = self.body, self.block.lanes
        wide = ir.VectorType(ir.IntType(32), lanes)
        number = body.insert_element(
            wide(ir.Undefined), body.trunc(self.given.last, ir.IntType(32)), ir.IntType(32)(0)
        )
        everywhere = body.shuffle_vector(number, wide(ir.Undefined), wide(None))
        return body.icmp_signed("<", ir.Constant(wide, list(range(lanes))), everywhere)

    def _pointer(self, address, v: int, kind: ir.Type):
        return self.body.inttoptr(self._at(address, _INT(v * self.block.lanes)), kind)

    def _cut(self, v: int) -> bool:
        return self.block.ragged and v == self.block.vectors - 1

    def _load_row(self, address) -> list:
        """All vectors of a row that begins at this address."""
        loaded, align = [], self.block.bits // 8
        for v in range(self.block.vectors):
            if self._cut(v):
                arguments = [self._pointer(address, v, self.bytes), ir.IntType(32)(align), self.mask]
                loaded.append(self.body.call(self.masked_load, [*arguments, self.vector(None)]))
            else:
                loaded.append(self.body.load(self._pointer(address, v, self.vector.as_pointer())))
                loaded[-1].align = align
        return loaded

    def _store(self, value, address, v: int) -> None:
        align = self.block.bits // 8
        if self._cut(v):
            arguments = [value, self._pointer(address, v, self.bytes), ir.IntType(32)(align), self.mask]
            self.body.call(self.masked_store, arguments)
        else:
            self.body.store(value, self._pointer(address, v, self.vector.as_pointer())).align = align
