"""Run one compiled function on every thread.

``launch(body, parts, args)`` calls ``body(part, parts, *args)`` for part = 0 … parts - 1, each on a thread
of its own. Numba's own ``prange`` does that, too, but compiles every loop a second time as a function of
its own, with seconds of analysis for long ones. Here one such loop is compiled for the whole library,
`_region`, and it calls bodies by address: their arguments lie packed in a block of memory, from which a few
generated instructions (`_shim`) take them out again.

The threads are Numba's. Its ``workqueue`` layer ends the process when two Python threads launch at once
(``omp`` and ``tbb`` do not), so kernels launch inside ``with guarded:``, one at a time.
"""

from __future__ import annotations

import threading

import numba
import numpy as np
from llvmlite import ir
from numba import prange, types
from numba.core import cgutils, config
from numba.extending import intrinsic
from threadpoolctl import threadpool_limits

from ..checks import error
from .cache import kept
from .jit import COMPILED, FAST, jit
from .linking import call_by_name

__all__ = [
    "driver",
    "get_threads",
    "guarded",
    "launch",
    "set_threads",
    "share",
    "threads_for",
    "whole_images",
]

guarded = threading.RLock()
"""Held while a driver runs; it also keeps the scratch memory to one call at a time."""

_INT = ir.IntType(64)
_SHIM = ir.FunctionType(ir.VoidType(), [_INT] * 3)

# Bits of the register that governs floating point: results (FZ) and operands (DAZ) below the smallest
# normal number are taken as zero.
_X86_FLUSH, _ARM_FLUSH = 0x8040, 1 << 24


_GRAIN = 16_384  # elements of a simple loop that are worth waking another thread for

_threads = config.NUMBA_NUM_THREADS


def get_threads() -> int:
    """How many threads kernels run on."""
    return _threads


def set_threads(number: int) -> None:
    """Run kernels, and BLAS, on this many threads; BLAS' number is one for the whole process."""
    global _threads
    most = config.NUMBA_NUM_THREADS
    if not 1 <= number <= most:
        hint = "" if number < 1 else "NUMBA_NUM_THREADS sets another upper limit when Python starts."
        raise error("set_threads", "that many threads cannot be had", f"1 to {most}", number, hint)
    _threads = number
    numba.set_num_threads(number)
    threadpool_limits(number, user_api="blas")


def threads_for(elements: int) -> int:
    """How many threads a simple loop over so many elements is worth."""
    return max(1, min(_threads, elements // _GRAIN))


@intrinsic
def _call(typing_context, address, block, part, parts):
    """Call the shim at an address."""

    def generate(context, builder, signature, arguments):
        shim = builder.inttoptr(arguments[0], _SHIM.as_pointer())
        builder.call(shim, arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


@intrinsic
def _limit(typing_context, number):
    """Let parallel loops of this Python thread run on so many threads; returns the number before.

    Numba keeps that number for each Python thread, and its own function for it compares with a maximum that
    would be kept on disk together with the compiled code.
    """

    def generate(context, builder, signature, arguments):
        module, c_int = builder.module, ir.IntType(32)
        # Of the type that Numba's own parallel loops give it: one declaration serves both.
        get = cgutils.get_or_insert_function(module, ir.FunctionType(_INT, []), "get_num_threads")
        put = cgutils.get_or_insert_function(
            module, ir.FunctionType(ir.VoidType(), [c_int]), "set_num_threads"
        )
        before = builder.sext(builder.trunc(builder.call(get, []), c_int), _INT)
        builder.call(put, [builder.trunc(arguments[0], c_int)])
        return before

    return types.int64(types.int64), generate


def _region(address, block, parts):
    before = _limit(parts)  # whatever another Python thread, or the user, told Numba
    for part in prange(parts):
        _call(address, block, part, parts)
    _limit(before)


if COMPILED:
    # Starts the threads. A driver loaded from disk calls into Numba's threading library without Numba
    # knowing it, and would call nowhere if nothing else had loaded that library before.
    numba.get_num_threads()
    _region = kept(numba.njit(parallel=True, nogil=True, fastmath=FAST)(_region))


def _flush_to_zero(builder, triple):
    """Emit "take tiny numbers as zero" and return a function that emits "as it was before"."""
    module = builder.module
    if triple.startswith(("x86_64", "i386", "i686")):
        access = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
        store = cgutils.get_or_insert_function(module, access, "llvm.x86.sse.stmxcsr")
        load = cgutils.get_or_insert_function(module, access, "llvm.x86.sse.ldmxcsr")
        before, flushing = (cgutils.alloca_once(builder, ir.IntType(32)) for _ in range(2))
        as_bytes = [builder.bitcast(slot, ir.IntType(8).as_pointer()) for slot in (before, flushing)]
        builder.call(store, as_bytes[:1])
        builder.store(builder.or_(builder.load(before), ir.IntType(32)(_X86_FLUSH)), flushing)
        builder.call(load, as_bytes[1:])
        return lambda: builder.call(load, as_bytes[:1])
    if triple.startswith(("aarch64", "arm64")):
        get = cgutils.get_or_insert_function(module, ir.FunctionType(_INT, []), "llvm.aarch64.get.fpcr")
        setter = ir.FunctionType(ir.VoidType(), [_INT])
        put = cgutils.get_or_insert_function(module, setter, "llvm.aarch64.set.fpcr")
        before = builder.call(get, [])
        builder.call(put, [builder.or_(before, _INT(_ARM_FLUSH))])
        return lambda: builder.call(put, [before])
    return lambda: None


def _unowned(builder, value, kind):
    """An array without its owner: nobody has to count the references to it while the caller holds one."""
    if not isinstance(kind, types.Array):
        return value
    return builder.insert_value(value, value.type.elements[0](None), 0)


def _shim(context, module, body, packed):
    """Emit ``void shim(block, part, parts)``: unpack the arguments and call the body with them."""
    signature = body.get_call_type(context.typing_context, (types.int64, types.int64, *packed), {})
    shim = ir.Function(module, _SHIM, module.get_unique_name("shim"))
    shim.linkage = "internal"
    block, part, parts = shim.args
    builder = ir.IRBuilder(shim.append_basic_block())
    restore = _flush_to_zero(builder, module.triple)
    values = builder.load(builder.inttoptr(block, context.get_value_type(packed).as_pointer()))
    items = [_unowned(builder, builder.extract_value(values, i), kind) for i, kind in enumerate(packed)]
    # Bodies raise nothing, so nobody looks at the status of the call.
    call_by_name(context, builder, body.dispatcher, signature, [part, parts, *items])
    restore()
    builder.ret_void()
    return shim


@intrinsic
def _launch(typing_context, body, parts, args):
    """`launch`, in compiled code."""

    def generate(context, builder, signature, arguments):
        shim = _shim(context, builder.module, signature.args[0], signature.args[2])
        block = cgutils.alloca_once_value(builder, arguments[2])
        address, where = builder.ptrtoint(shim, _INT), builder.ptrtoint(block, _INT)
        run = types.void(types.int64, types.int64, types.int64)
        region = _region.get_compile_result(run)
        context.add_linking_libs((region.library,))
        one = builder.icmp_signed("<=", arguments[1], _INT(1))
        with builder.if_else(one) as (alone, together):
            with alone:  # no thread has to be woken
                builder.call(shim, [where, _INT(0), _INT(1)])
            with together:
                values = [address, where, arguments[1]]
                context.call_internal_no_propagate(builder, region.fndesc, run, values)
        return context.get_dummy_value()

    return types.void(body, types.int64, args), generate


def _launch_python(body, parts, args):
    with np.errstate(all="ignore"):  # compiled code does not warn
        for part in range(max(parts, 1)):
            body(part, max(parts, 1), *args)


launch = _launch if COMPILED else _launch_python


@jit
def whole_images(part, parts, n, pieces):
    """The pieces from … to of a part, for n images of so many pieces each.

    Sums over a batch are cut between images where there are enough of them. So what an image adds in zeros,
    at pixels that were not looked at, cannot move the cut, and with it the rounding of the sum.
    """
    if n >= parts:
        return part * n // parts * pieces, (part + 1) * n // parts * pieces
    return part * n * pieces // parts, (part + 1) * n * pieces // parts


def driver(body):
    """A compiled function run(threads, *args) that launches a body; what a kernel in Python calls."""

    def run(threads, *args):
        launch(body, threads, args)

    # The compiled function is kept on disk under its name.
    run.__module__, run.__qualname__ = body.__module__, f"{body.__qualname__}.run"
    return jit(run)


@jit
def share(part, parts, array):
    """The rows of an array that this part works on.

    A loop over ``range(rows.shape[0])`` then has indices that cannot be negative. Where they might be, as
    from ``range(first, last)``, every access has to ask, and the loop does not run on vectors.
    """
    rows = array.shape[0]
    return array[part * rows // parts : (part + 1) * rows // parts]
