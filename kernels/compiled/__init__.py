"""How kernels are compiled and run on all cores; every ``numba_cpu`` file is built on this.

.. code-block:: text

    jit        Numba's compiler with this library's options, and results kept on disk
    launch     run one function on every thread: body(part, parts, *args)
    guarded    one launch at a time in a process, whatever Python thread asks
    linking    calls between compiled functions that copy no code
    scratch    working memory that is used again by the next call
    pointers   addresses of arrays, for the micro-kernels

A compiled operation has up to three storeys. The *kernel* is a Python function with the signature of the
reference; it checks its arguments and makes the result. It calls one *driver*, compiled, which launches
one or several *bodies*; a body does part number `part` of `parts` of the work and shares nothing with the
other parts but what it reads. Parts are cut by arithmetic alone, so a run with the same number of threads
gives the same bits again; with another number, sums over the batch (weight gradients, batch moments)
are added in another order and may differ in their last bits, everything else is equal.

Inside a body numbers too small for a normal float (below 1.2e-38) count as zero, because many
processors handle them far more slowly; outside, the caller's floating-point mode is as it was.
"""
