"""SGD, RMSprop, Adam, Adagrad, weight decay: a few array lines each, on blocks that fit in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..checks import check_floats, check_same_shape, error

__all__ = ["adagrad_update_", "adam_update_", "rmsprop_update_", "sgd_update_", "weight_decay_"]

Array = np.ndarray
BLOCK = 65536
"""Elements updated at a time: temporaries stay small and in the cache."""


def sgd_update_(
    w: Array, gw: Array, velocity: Array | None, lr: float, momentum: float, nesterov: bool
) -> None:
    """Take one step of stochastic gradient descent.

    ``v ← μ·v - lr·g``, ``w ← w + v``; nesterov ``w ← w + μ·v - lr·g``; v None: ``w ← w - lr·g``.

    Parameters
    ----------
    w, gw : parameter and gradient, same shape
    velocity : state of the same shape; None exactly when momentum is 0
    lr, momentum : numbers
    nesterov : look ahead along the velocity

    Raises
    ------
    ValueError : shapes or dtypes differ, a state is missing or not wanted.

    Examples
    --------
    >>> w, v = np.array([1.0]), np.array([0.5])
    >>> sgd_update_(w, np.array([2.0]), v, lr=0.1, momentum=0.9, nesterov=False)
    >>> w, v
    (array([1.25]), array([0.25]))
    """
    lr, momentum = float(lr), float(momentum)
    check_states("sgd_update_", w, gw, velocity=(velocity, momentum != 0))
    for w_, g, v in _blocks(w, gw, velocity):
        step = g * -lr
        if v is not None:
            v *= momentum
            v += step
            step = v * momentum + step if nesterov else v
        w_ += step


def rmsprop_update_(
    w: Array,
    gw: Array,
    mean_square: Array,
    mean_grad: Array | None,
    velocity: Array | None,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
    centered: bool,
) -> None:
    """Take one step of RMSprop: divide the gradient by its running root mean square.

    ``s ← ρ·s + (1 - ρ)·g²``, ``u = lr·g / √(s + ε)``, ``w ← w - u``; see the folder's page.

    Parameters
    ----------
    w, gw, mean_square : parameter, gradient and state s, same shape
    mean_grad : state a; None exactly when centered is False
    velocity : state v; None exactly when momentum is 0
    lr, rho, momentum, epsilon : numbers
    centered : divide by the running variance instead of the mean square

    Raises
    ------
    ValueError : shapes or dtypes differ, a state is missing or not wanted.

    Examples
    --------
    >>> w, s = np.array([1.0]), np.array([0.0])
    >>> rmsprop_update_(w, np.array([2.0]), s, None, None, 0.1, 0.75, 0.0, 0.0, False)
    >>> w, s
    (array([0.8]), array([1.]))
    """
    lr, rho, momentum, epsilon = float(lr), float(rho), float(momentum), float(epsilon)
    check_states(
        "rmsprop_update_",
        w,
        gw,
        mean_square=(mean_square, True),
        mean_grad=(mean_grad, centered),
        velocity=(velocity, momentum != 0),
    )
    for w_, g, s, a, v in _blocks(w, gw, mean_square, mean_grad, velocity):
        s *= rho
        s += (1 - rho) * (g * g)
        divisor = s + epsilon
        if a is not None:
            a *= rho
            a += (1 - rho) * g
            divisor -= a * a
            # A variance is not negative; rounding may make it so (Keras then gets NaN).
            np.maximum(divisor, epsilon, out=divisor)
        np.sqrt(divisor, out=divisor)
        step = np.divide(lr * g, divisor, out=divisor)
        if v is not None:
            v *= momentum
            v += step
            step = v
        w_ -= step


def adam_update_(
    w: Array,
    gw: Array,
    m: Array,
    v: Array,
    vhat: Array | None,
    lr: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    step: int,
    amsgrad: bool,
) -> None:
    """Take one step of Adam: running mean over running root mean square of the gradient.

    ``w ← w - α·m / (√v + ε)``, ``α = lr·√(1 - β2ᵗ) / (1 - β1ᵗ)``; see the folder's page.

    Parameters
    ----------
    w, gw, m, v : parameter, gradient and the two states, same shape
    vhat : largest v so far; None exactly when amsgrad is False
    lr, beta_1, beta_2, epsilon : numbers
    step : t, 1 in the first step
    amsgrad : divide by vhat

    Raises
    ------
    ValueError : shapes or dtypes differ, a state is missing or not wanted, a step below 1.

    Examples
    --------
    >>> w, m, v = np.array([1.0]), np.array([0.0]), np.array([0.0])
    >>> adam_update_(w, np.array([4.0]), m, v, None, 0.1, 0.5, 0.75, 0.0, 1, False)
    >>> w.round(12), m, v
    (array([0.9]), array([2.]), array([4.]))
    """
    lr, beta_1, beta_2, epsilon = float(lr), float(beta_1), float(beta_2), float(epsilon)
    check_step("adam_update_", step)
    check_states("adam_update_", w, gw, m=(m, True), v=(v, True), vhat=(vhat, amsgrad))
    alpha = lr * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    for w_, g, m_, v_, largest in _blocks(w, gw, m, v, vhat):
        m_ += (g - m_) * (1 - beta_1)
        v_ += (g * g - v_) * (1 - beta_2)
        if largest is not None:
            np.maximum(largest, v_, out=largest)
            v_ = largest
        divisor = np.sqrt(v_)
        divisor += epsilon
        w_ -= np.divide(alpha * m_, divisor, out=divisor)


def adagrad_update_(w: Array, gw: Array, accumulator: Array, lr: float, epsilon: float) -> None:
    """Take one step of Adagrad: divide the gradient by the root of all its squares so far.

    ``s ← s + g²``, ``w ← w - lr·g / √(s + ε)``.

    Parameters
    ----------
    w, gw, accumulator : parameter, gradient and state s, same shape
    lr, epsilon : numbers

    Raises
    ------
    ValueError : shapes or dtypes differ.

    Examples
    --------
    >>> w, s = np.array([1.0]), np.array([7.0])
    >>> adagrad_update_(w, np.array([3.0]), s, lr=0.5, epsilon=0.0)
    >>> w, s
    (array([0.625]), array([16.]))
    """
    lr, epsilon = float(lr), float(epsilon)
    check_states("adagrad_update_", w, gw, accumulator=(accumulator, True))
    for w_, g, s in _blocks(w, gw, accumulator):
        s += g * g
        divisor = s + epsilon
        np.sqrt(divisor, out=divisor)
        w_ -= np.divide(lr * g, divisor, out=divisor)


def weight_decay_(w: Array, lr: float, weight_decay: float) -> None:
    """Shrink a parameter by a share of itself, apart from its gradient and the optimizer's states.

    ``w ← w - lr·λ·w``, to be called before the optimizer's update.

    Parameters
    ----------
    w : parameter of any shape
    lr, weight_decay : numbers, the share is their product

    Raises
    ------
    ValueError : w is not float32 or float64.

    Examples
    --------
    >>> w = np.array([8.0, -4.0])
    >>> weight_decay_(w, lr=0.5, weight_decay=0.25)
    >>> w
    array([ 7. , -3.5])
    """
    share = float(lr) * float(weight_decay)
    check_floats("weight_decay_", w=w)
    for (w_,) in _blocks(w):
        # Not w·(1 - share): float32 would round that factor to multiples of 6e-8, each step alike.
        w_ -= share * w_


def check_step(where: str, step: int) -> None:
    """Steps are counted from 1."""
    if step < 1:
        raise error(where, "the step is not counted from 1", "at least 1", step)


def check_states(where: str, w: Array, gw: Array, **states: tuple[Array | None, bool]) -> None:
    """Every state must be there exactly when it is wanted, and look like w."""
    for name, (state, wanted) in states.items():
        if (state is not None) != wanted:
            expected, got = ("an array", "None") if wanted else ("None", "an array")
            raise error(where, f"{name} does not go with the other arguments", expected, got)
    arrays = {name: state for name, (state, _) in states.items() if state is not None}
    check_floats(where, w=w, gw=gw, **arrays)
    check_same_shape(where, w.shape, gw=gw, **arrays)


def _blocks(*arrays: Array | None) -> Iterator[tuple[Any, ...]]:
    """Yield the arrays block by block as flat views; whole where one is not contiguous."""
    if not all(a is None or a.flags.c_contiguous for a in arrays):
        yield arrays
        return
    flat = [None if a is None else a.reshape(-1) for a in arrays]
    size = max(a.size for a in flat if a is not None)
    for first in range(0, size, BLOCK):
        yield tuple(None if a is None else a[first : first + BLOCK] for a in flat)
