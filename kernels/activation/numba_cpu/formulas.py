"""The activations and their gradients as functions of single numbers, for compiled loops.

They are those of `reference` and `from_input`: a(x, α), and gy·a'(y) or gy·a'(x, α). No comparison with NaN
is true, so each is turned such that a NaN takes the branch which keeps it; in the gradients the loop does.
"""

from __future__ import annotations

from math import pi

import numpy as np

from ...compiled.elementary import exp, expm1, log1p, real
from ...compiled.elementwise import at_least, at_most
from ...compiled.jit import inlined
from ..erfc import FAR, LARGE, MIDDLE, SMALL
from ..from_input import FLAT, SELU_ALPHA, SELU_SCALE

# From the output.


@inlined
def relu_grad(gy, y):
    """gy where the output is positive."""
    return gy if y > 0 else real(0, gy)


@inlined
def sigmoid(x, low):
    """1 / (1 + exp(-x)); from `low` down the exponential would overflow."""
    return real(1, x) / (real(1, x) + exp(-at_least(x, low)))


@inlined
def sigmoid_grad(gy, y):
    """The gradient of sigmoid."""
    return gy * (y * (real(1, y) - y))


@inlined
def tanh(x):
    """(1 - e) / (1 + e), e = exp(-2|x|), from e - 1, which keeps the digits of a small x."""
    minus = expm1(real(-2, x) * abs(x))
    value = minus / (minus + real(2, x))
    return value if x < 0 else abs(value)


@inlined
def tanh_grad(gy, y):
    """The slope of tanh is 1 - y²."""
    return gy * (real(1, y) - y * y)


# From the input.


@inlined
def elu(x, alpha):
    """Elu, as the reference has it."""
    return x if x > 0 else alpha * expm1(at_most(x, real(0, x)))


@inlined
def elu_grad(gy, x, alpha):
    """The gradient of elu."""
    return gy if x > 0 else gy * (alpha * exp(at_most(x, real(0, x))))


@inlined
def exponential(x, alpha):
    """Exponential, as the reference has it."""
    return exp(x)


@inlined
def exponential_grad(gy, x, alpha):
    """The gradient of exponential."""
    return gy * exp(x)


@inlined
def gelu(x, alpha):
    """Gelu, as the reference has it."""
    return at_least(x, real(-FLAT, x)) * _normal_cdf(x)


@inlined
def gelu_grad(gy, x, alpha):
    """The gradient of gelu."""
    x = at_most(at_least(x, real(-FLAT, x)), real(FLAT, x))
    density = exp(real(-0.5, x) * x * x) * real((2 * pi) ** -0.5, x)
    return gy * (_normal_cdf(x) + x * density)


@inlined
def hard_sigmoid(x, alpha):
    """Hard sigmoid, as the reference has it."""
    return at_most(at_least(x + real(3, x), real(0, x)), real(6, x)) / real(6, x)


@inlined
def hard_sigmoid_grad(gy, x, alpha):
    """The gradient of hard sigmoid."""
    return gy * (real(1 / 6, x) if abs(x) < 3 else real(0, x))


@inlined
def hard_silu(x, alpha):
    """Hard silu, as the reference has it."""
    return at_least(x, real(-3, x)) * hard_sigmoid(x, alpha)


@inlined
def hard_silu_grad(gy, x, alpha):
    """The gradient of hard silu."""
    outside = real(1, x) if x > 0 else real(0, x)
    return gy * ((x + x + real(3, x)) / real(6, x) if abs(x) < 3 else outside)


@inlined
def leaky_relu(x, alpha):
    """Leaky relu, as the reference has it."""
    return x if x > 0 else alpha * x


@inlined
def leaky_relu_grad(gy, x, alpha):
    """The gradient of leaky relu."""
    return gy if x > 0 else gy * alpha


@inlined
def relu6(x, alpha):
    """Relu6, as the reference has it."""
    return at_most(at_least(x, real(0, x)), real(6, x))


@inlined
def relu6_grad(gy, x, alpha):
    """The gradient of relu6."""
    return gy * (real(1, x) if (x > 0) & (x < 6) else real(0, x))


@inlined
def selu(x, alpha):
    """Selu, as the reference has it."""
    return real(SELU_SCALE, x) * elu(x, real(SELU_ALPHA, x))


@inlined
def selu_grad(gy, x, alpha):
    """The gradient of selu."""
    return real(SELU_SCALE, x) * elu_grad(gy, x, real(SELU_ALPHA, x))


@inlined
def silu(x, alpha):
    """Silu, as the reference has it."""
    return at_least(x, real(-FLAT, x)) * _logistic(x)


@inlined
def silu_grad(gy, x, alpha):
    """The gradient of silu."""
    x = at_most(at_least(x, real(-FLAT, x)), real(FLAT, x))
    return gy * (_logistic(x) * (real(1, x) + x * _logistic(-x)))


@inlined
def softplus(x, alpha):
    """Softplus, as the reference has it."""
    return at_least(x, real(0, x)) + log1p(exp(-abs(x)))


@inlined
def softplus_grad(gy, x, alpha):
    """The gradient of softplus."""
    return gy * _logistic(x)


@inlined
def softsign(x, alpha):
    """Softsign, as the reference has it."""
    share = real(1, x) / (real(1, x) + abs(x))
    sign = real(-1, x) if x < 0 else real(1, x)
    return sign if share == 0 else x * share  # 0 · ∞ would be NaN


@inlined
def softsign_grad(gy, x, alpha):
    """The gradient of softsign."""
    share = real(1, x) / (real(1, x) + abs(x))
    return gy * (share * share)


@inlined
def _logistic(x):
    """σ(x) from exp(-|x|), which cannot overflow."""
    small = exp(-abs(x))
    return (small if x < 0 else real(1, x)) / (real(1, x) + small)


@inlined
def _normal_cdf(x):
    """Φ(x), the share of a standard normal variable below x."""
    return real(0.5, x) * _erfc(x * real(-(0.5**0.5), x))


def _quotient(coefficients):
    """One of Cody's quotients, by Horner's rule."""
    numerator, denominator = coefficients

    @inlined
    def quotient(x):
        above = below = real(0, x)
        for coefficient in numerator:
            above = above * x + real(coefficient, x)
        for coefficient in denominator:
            below = below * x + real(coefficient, x)
        return above / below

    return quotient


_small, _middle, _large = (_quotient(coefficients) for coefficients in (SMALL, MIDDLE, LARGE))


@inlined
def _erfc(x):
    """All three of Cody's quotients, of which one counts; see erfc.py."""
    y = at_most(abs(x), real(FAR, x))
    near = np.floor(y * real(16, y)) / real(16, y)  # its square is exact
    power = exp(-near * near) * exp(-(y - near) * (y + near))
    z = real(1, y) / (y * y)
    large = power / y * (real(pi**-0.5, y) - z * _large(z))
    value = large if y > 4 else power * _middle(y)
    value = real(2, x) - value if x < 0 else value
    return real(1, x) - x * _small(y * y) if y <= real(0.46875, y) else value
