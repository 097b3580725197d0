"""Addresses: what a micro-kernel takes in place of arrays, and how compiled code calls one."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["address_of", "call_gemm", "call_pool", "call_transform", "call_unpool"]

_INT, _DOUBLE = ir.IntType(64), ir.DoubleType()


@intrinsic
def address_of(typing_context, array):
    """The address of an array's first element."""

    def generate(context, builder, signature, arguments):
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(made.data, _INT)

    return types.int64(array), generate


def _calling(integers: int, doubles: int):
    """An intrinsic's code that calls ``void f(int64 …, double …)`` at the address given first."""
    function = ir.FunctionType(ir.VoidType(), [_INT] * integers + [_DOUBLE] * doubles)

    def generate(context, builder, signature, arguments):
        builder.call(builder.inttoptr(arguments[0], function.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, *[types.int64] * integers, *[types.float64] * doubles), generate


@intrinsic
def call_gemm(
    typing_context, address, a, b, c, k1, k2, a1, a2, b1, b2, a_row, c_row, add, last, bias, lower, upper
):
    """Call the micro-kernel at `address`; see minicnn.kernels.microkernels.gemm."""
    return _calling(14, 2)


@intrinsic
def call_pool(typing_context, address, above, below, y, argmax, windows, channels):
    """Call the pooling at `address`; see minicnn.kernels.microkernels.pooling."""
    return _calling(6, 0)


@intrinsic
def call_unpool(typing_context, address, gy, y, argmax, above, below, windows, channels):
    """Call the way back of pooling at `address`; see minicnn.kernels.microkernels.pooling."""
    return _calling(7, 0)


@intrinsic
def call_transform(typing_context, address, x, x_row, x_col, y, y_row, y_col, vectors, bias, lower, upper):
    """Call the tile transform at `address`; see minicnn.kernels.microkernels.transform."""
    return _calling(8, 2)
