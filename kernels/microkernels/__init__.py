"""The innermost loops: small blocks of a matrix product held in registers, written for this processor.

.. code-block:: text

    gemm        C (+)= A · B for a block of C that fits in the vector registers
    tiles       which block sizes a product of some size is cut into
    build       from LLVM's language to machine code, kept on disk

A processor adds and multiplies whole vectors (16, 8 or 4 float32) much faster than memory delivers them.
A product runs at full speed only if every number loaded is used many times before it is dropped, and only
registers are fast enough to use from. Python and Numba have no way to say "keep these 24 vectors in
registers", so these few loops are written in LLVM's intermediate language, with one vector type for
the host's width. Everything around them is Numba.

Addresses are plain integers and nothing checks bounds: callers do, and tests put guard words around.
"""
