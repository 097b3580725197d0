"""The activations whose slope needs the input x: each is its value and, beside it, its derivative."""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np

from ..checks import check_floats, check_same_shape, error, result
from .erfc import erfc

__all__ = ["activation_forward", "activation_input_grad"]

Array = np.ndarray
WITH_ALPHA = ("elu", "leaky_relu")
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
FLAT = 1000.0
"""Beyond ±1000, σ(x) and Φ(x) are 0 and 1 to the last digit, and x times such a 0 is 0, for ∞ too."""


def activation_forward(
    x: np.ndarray, name: str, alpha: float | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Apply an activation to every element.

    ``y = a(x)``, with the formulas of the folder's page; backward: ``activation_input_grad``.

    Parameters
    ----------
    x : array of any shape
    name : "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6",
        "selu", "silu", "softplus" or "softsign"
    alpha : α of elu, the slope below 0 of leaky_relu; None for all others
    out : array to write the result in; may be x itself

    Returns
    -------
    same shape

    Raises
    ------
    ValueError : an unknown activation, an alpha that is missing or not wanted.

    Examples
    --------
    >>> activation_forward(np.array([-4.0, 0.0, 1.0, 4.0]), "hard_silu")
    array([-0.        ,  0.        ,  0.66666667,  4.        ])
    >>> activation_forward(np.array([-2.0, 3.0]), "leaky_relu", 0.25)
    array([-0.5,  3. ])
    """
    where = "activation_forward"
    arguments = check_arguments(where, name, alpha)
    dtype = check_floats(where, x=x)
    y = result(where, out, x.shape, dtype)
    with np.errstate(over="ignore"):  # exponential: ∞ is then the nearest number
        np.copyto(y, ACTIVATIONS[name][0](x, *arguments))
    return y


def activation_input_grad(
    gy: np.ndarray, x: np.ndarray, name: str, alpha: float | None = None, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient through the activation, from its input x.

    ``gx = gy · a'(x)``.

    Parameters
    ----------
    gy, x : same shape
    name, alpha : as in the forward
    out : array to write the result in; may be gy itself

    Returns
    -------
    same shape

    Raises
    ------
    ValueError : an unknown activation, an alpha that is missing or not wanted, gy and x that differ
        in shape or dtype.

    Examples
    --------
    >>> x = np.array([-4.0, 0.0, 1.0, 4.0])
    >>> activation_input_grad(np.full(4, 6.0), x, "hard_silu")
    array([0., 3., 5., 6.])
    """
    where = "activation_input_grad"
    arguments = check_arguments(where, name, alpha)
    dtype = check_floats(where, gy=gy, x=x)
    check_same_shape(where, gy.shape, x=x)
    gx = result(where, out, gy.shape, dtype)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite gradient times a slope of 0
        np.multiply(gy, ACTIVATIONS[name][1](x, *arguments), out=gx)
    if np.isnan(np.min(x, initial=np.inf)):  # a comparison with NaN is False, yet it must not be lost
        gx[np.isnan(x)] = np.nan
    return gx


def _leaky_relu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * x)


def _leaky_relu_slope(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x.dtype.type(1), x.dtype.type(alpha))


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _elu_slope(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x.dtype.type(1), alpha * np.exp(np.minimum(x, 0)))


def _selu(x: Array) -> Array:
    return SELU_SCALE * _elu(x, SELU_ALPHA)


def _selu_slope(x: Array) -> Array:
    return SELU_SCALE * _elu_slope(x, SELU_ALPHA)


def _gelu(x: Array) -> Array:
    return np.maximum(x, -FLAT) * _normal_cdf(x)


def _gelu_slope(x: Array) -> Array:
    x = np.clip(x, -FLAT, FLAT)
    return _normal_cdf(x) + x * np.exp(-0.5 * x * x) * (2 * pi) ** -0.5


def _silu(x: Array) -> Array:
    return np.maximum(x, -FLAT) * _sigmoid(x)


def _silu_slope(x: Array) -> Array:
    x = np.clip(x, -FLAT, FLAT)
    return _sigmoid(x) * (1 + x * _sigmoid(-x))  # σ(-x) is 1 - σ(x), without the cancellation


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def _relu6_slope(x: Array) -> Array:
    return ((x > 0) & (x < 6)).astype(x.dtype)


def _hard_sigmoid(x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


def _hard_sigmoid_slope(x: Array) -> Array:
    return (np.abs(x) < 3).astype(x.dtype) / 6


def _hard_silu(x: Array) -> Array:
    return np.maximum(x, -3) * _hard_sigmoid(x)


def _hard_silu_slope(x: Array) -> Array:
    return np.where(np.abs(x) < 3, (2 * x + 3) / 6, (x > 0).astype(x.dtype))


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _softsign(x: Array) -> Array:
    x = np.clip(x, np.finfo(x.dtype).min, np.finfo(x.dtype).max)  # ∞ / ∞ would be NaN
    return x / (1 + np.abs(x))


def _softsign_slope(x: Array) -> Array:
    return np.square(1 / (1 + np.abs(x)))


def _sigmoid(x: Array) -> Array:
    """σ(x) from exp(-|x|), which cannot overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x < 0, small, x.dtype.type(1)) / (1 + small)


def _normal_cdf(x: Array) -> Array:
    """Φ(x), the share of a standard normal variable below x."""
    return 0.5 * erfc(x * -(0.5**0.5))


Formula = Callable[..., Array]

ACTIVATIONS: dict[str, tuple[Formula, Formula]] = {
    "elu": (_elu, _elu_slope),
    "exponential": (np.exp, np.exp),
    "gelu": (_gelu, _gelu_slope),
    "hard_sigmoid": (_hard_sigmoid, _hard_sigmoid_slope),
    "hard_silu": (_hard_silu, _hard_silu_slope),
    "leaky_relu": (_leaky_relu, _leaky_relu_slope),
    "relu6": (_relu6, _relu6_slope),
    "selu": (_selu, _selu_slope),
    "silu": (_silu, _silu_slope),
    "softplus": (_softplus, _sigmoid),
    "softsign": (_softsign, _softsign_slope),
}
"""name -> (a, a')"""


def check_arguments(where: str, name: str, alpha: float | None) -> tuple[float, ...]:
    """Check name and alpha; return what the formulas take besides x."""
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise error(where, "there is no such activation", f"one of {known}", repr(name))
    if (alpha is not None) != (name in WITH_ALPHA):
        expected, got = ("a number", None) if alpha is None else (None, alpha)
        raise error(where, f"alpha does not go with {name}", expected, got)
    return () if alpha is None else (float(alpha),)
