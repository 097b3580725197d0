"""Random numbers as a function of a counter: Philox4x32-10.

.. code-block:: text

    one round of  (c0, c1, c2, c3) with key (k0, k1), · to 64 bits:
        hi0,lo0 = 0xD2511F53 · c0        hi1,lo1 = 0xCD9E8D57 · c2
        (c0, c1, c2, c3) = (hi1 ^ c1 ^ k0,  lo1,  hi0 ^ c3 ^ k1,  lo0)
        (k0, k1) = (k0 + 0x9E3779B9, k1 + 0xBB67AE85)   mod 2³²
    philox4x32 = ten rounds

    random_bits(key, step, size)[4·block + lane] = philox4x32((block, step), key)[lane]

with block and step each as (low, high) 32-bit words. Element i depends on (key, step, i) only: not
on how many numbers are drawn, in which order, or by which backend. There is no state to save or
restore, and all backends give the same bits.

random_uniform takes the top 24 bits of one word for float32, 53 bits of two words for float64:
multiples of 2⁻²⁴ and 2⁻⁵³ in [0, 1), every one exactly representable.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel Random Numbers: As Easy as 1, 2, 3,
SC 2011, section 3.3; known answers from the authors' Random123 library.
"""
