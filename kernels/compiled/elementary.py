"""exp and its relatives in plain arithmetic, so that a loop over them runs on whole vectors.

The C library's exp takes one number at a time. Here every function is a sequence of multiplications and
additions without a branch, which the compiler applies to 4, 8 or 16 numbers at once:

.. code-block:: text

    exp    x = n·ln 2 + r, n whole, |r| <= ln(2) / 2      eˣ = 2ⁿ·eʳ,  eʳ = 1 + r + r²/2! + r³/3! + …
    expm1  (2ⁿ - 1) + 2ⁿ·(eʳ - 1), which keeps the digits of a small x
    log1p  log(1 + x) = 2·(s + s³/3 + s⁵/5 + …),  s = x / (2 + x);
           where 1 + x is above √2, ln 2 and the same of (1 + x) / 2

n is found by adding a number so large that its last bit counts ones: the sum is rounded to a whole number.
2ⁿ is made by moving n's bits to where a float has its exponent. Both need the operations as they are
written, so fast mathematics is off here but for a·b + c in one step.

The error is below 2 units in the last place for exp, 4 for the others. NaN gives NaN. In plain Python
(NUMBA_DISABLE_JIT=1) NumPy's functions stand in.

Source: W. J. Cody, W. Waite, Software Manual for the Elementary Functions, 1980, chapter 6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload

__all__ = ["exp", "expm1", "log1p", "real"]

_EXACT = {"forceinline": True, "fastmath": {"contract"}, "error_model": "numpy"}


def exp(x: Any) -> Any:
    """eˣ of a number; 0 or ∞ beyond what its precision holds."""
    return np.exp(x)


def expm1(x: Any) -> Any:
    """eˣ - 1 of a number that is at most 0."""
    return np.expm1(x)


def log1p(x: Any) -> Any:
    """The logarithm of 1 + x, of a number from 0 to 1."""
    return np.log1p(x)


def real(value: Any, like: Any) -> Any:
    """A number in the precision of another; a bare 0.5 would make float64 of all it meets."""
    return like.dtype.type(value)


def _of_precision(kind: type, integer: type, powers: int, odd_powers: int) -> tuple[Callable, ...]:
    """exp, expm1 and log1p of float32 or float64, with so many terms of their series."""
    info = np.finfo(kind)
    digits, bias = info.nmant, info.maxexp - 1
    whole, half, one, two, three = (kind(value) for value in (1.5 * 2**digits, 0.5, 1, 2, 3))
    log2e, ln2, root = kind(1 / math.log(2)), kind(math.log(2)), kind(math.sqrt(2) - 1)
    places = 2 ** (digits - info.nexp)
    high = kind(int(math.log(2) * places) / places)  # n·high is exact
    low = kind(float(Decimal(2).ln() - Decimal(float(high))))
    least, most = kind((info.minexp - digits - 1) * ln2), kind((info.maxexp + 1) * ln2)
    minus_one = kind(-(digits + 4) * ln2)  # from here down eˣ - 1 is -1
    factorials = tuple(kind(1 / math.factorial(k)) for k in range(powers, 1, -1))
    odd = tuple(kind(1 / k) for k in range(odd_powers, 1, -2))

    @numba.njit(**_EXACT)
    def split(x):
        """n as a float, and eʳ - 1."""
        n = (x * log2e + whole) - whole
        r = (x - n * high) - n * low
        series = kind(0)
        for factor in factorials:
            series = series * r + factor
        return n, series * r * r + r

    @numba.njit(**_EXACT)
    def two_to(n):
        bits = kind(n + whole).view(integer)
        return integer((bits + bias) << digits).view(kind)

    def exp(x):
        x = least if x < least else x
        n, rest = split(most if x > most else x)
        m = (n * half + whole) - whole  # 2ⁿ itself may be beyond the range
        return (one + rest) * two_to(m) * two_to(n - m)

    def expm1(x):
        n, rest = split(minus_one if x < minus_one else x)
        power = two_to(n)
        return (power - one) + power * rest

    def log1p(x):
        above = x > root
        s = (x - one if above else x) / (x + three if above else x + two)
        series = kind(0)
        for factor in odd:
            series = series * (s * s) + factor
        rest = two * (series * (s * s) * s + s)
        return ln2 + rest if above else rest

    return exp, expm1, log1p, lambda value, like: kind(value)


_VERSIONS = {
    types.float32: _of_precision(np.float32, np.int32, 7, 9),
    types.float64: _of_precision(np.float64, np.int64, 13, 21),
}


def _offer(function: Callable, place: int) -> None:
    """Let compiled code that calls this function have the version for its number's precision."""
    if function is real:
        overload(real)(lambda value, like: _VERSIONS[like][place])
    else:
        overload(function, jit_options=_EXACT)(lambda x: _VERSIONS[x][place])


for _place, _function in enumerate((exp, expm1, log1p, real)):
    _offer(_function, _place)
