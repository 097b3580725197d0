"""Numbers read and written without the questions that keep LLVM from using vectors.

``x[i]`` asks whether i is negative and counts from the end. And ``x[i]`` and ``y[j] = …`` may be the same
memory, for all that LLVM knows of two arrays: it compares the ends of all pairs of them before every loop,
and with more than a few pairs it gives up. Either way the loop then takes one number at a time.

.. code-block:: text

    read(x, i)           x[i], of an array that no `write` of the same body changes
    write(y, i, value)   y[i] = value, in an array of which nobody has a `read`
    read_back(y, i)      y[i], of an array that is written

In all three i counts from the front. A sum of nine products becomes vectors only in this way, and is then
some ten times faster. One exception to the rule is safe: a result that takes the place of an input, element
by element, each read before it is written.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import COMPILED

__all__ = ["read", "read_back", "write"]


def _written(module: ir.Module) -> ir.MDValue:
    """The name, in LLVM's notes on aliasing, of all memory that `write` writes."""
    domain = module.add_metadata(["minicnn"])
    return module.add_metadata([module.add_metadata(["written", domain])])


def _place(context, builder, signature, arguments):
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]], inbounds=True)


@intrinsic
def _read(typing_context, array, index):
    def generate(context, builder, signature, arguments):
        value = builder.load(_place(context, builder, signature, arguments))
        value.set_metadata("noalias", _written(builder.module))
        return value

    return array.dtype(array, types.intp), generate


@intrinsic
def _read_back(typing_context, array, index):
    def generate(context, builder, signature, arguments):
        return builder.load(_place(context, builder, signature, arguments))

    return array.dtype(array, types.intp), generate


@intrinsic
def _write(typing_context, array, index, value):
    def generate(context, builder, signature, arguments):
        store = builder.store(arguments[2], _place(context, builder, signature, arguments))
        store.set_metadata("alias.scope", _written(builder.module))
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), generate


def _read_python(array, index):
    return array[index]


def _write_python(array, index, value):
    array[index] = value


read = _read if COMPILED else _read_python
read_back = _read_back if COMPILED else _read_python
write = _write if COMPILED else _write_python
