"""Optimizer steps compiled: weight, gradient and states are read and written in one pass.

A state that a variant does not use is None, and what would be done with it is left out when the body is
compiled. Arrays that are not contiguous are the reference's.
"""

from __future__ import annotations

import numpy as np

from ..checks import check_floats
from ..compiled.elementwise import at_least
from ..compiled.jit import in_order
from ..compiled.parallel import driver, guarded, share, threads_for
from ..compiled.scratch import usable
from . import reference
from .reference import Array, check_states, check_step

__all__ = ["adagrad_update_", "adam_update_", "rmsprop_update_", "sgd_update_", "weight_decay_"]


@in_order
def _sgd_part(part, parts, w, gw, v, lr, momentum, ahead, now):
    """w ← w + v, or with ahead = μ and now = 1 Nesterov's w ← w + μ·v - lr·g."""
    w, gw = share(part, parts, w), share(part, parts, gw)
    v = None if v is None else share(part, parts, v)
    for i in range(w.size):
        step = lr * gw[i]
        if v is None:
            w[i] -= step
        else:
            v[i] = momentum * v[i] - step
            w[i] += ahead * v[i] - now * step


@in_order
def _rmsprop_part(part, parts, w, gw, s, a, v, lr, rho, rest, momentum, epsilon):
    w, gw, s = share(part, parts, w), share(part, parts, gw), share(part, parts, s)
    a = None if a is None else share(part, parts, a)
    v = None if v is None else share(part, parts, v)
    for i in range(w.size):
        s[i] = s[i] * rho + rest * (gw[i] * gw[i])
        divisor = s[i] + epsilon
        if a is not None:
            a[i] = a[i] * rho + rest * gw[i]
            # A variance is not negative; rounding may make it so.
            divisor = at_least(divisor - a[i] * a[i], epsilon)
        step = lr * gw[i] / np.sqrt(divisor)
        if v is not None:
            v[i] = momentum * v[i] + step
            step = v[i]
        w[i] -= step


@in_order
def _adam_part(part, parts, w, gw, m, v, vhat, alpha, rest_1, rest_2, epsilon):
    w, gw, m, v = share(part, parts, w), share(part, parts, gw), share(part, parts, m), share(part, parts, v)
    vhat = None if vhat is None else share(part, parts, vhat)
    for i in range(w.size):
        m[i] += (gw[i] - m[i]) * rest_1
        v[i] += (gw[i] * gw[i] - v[i]) * rest_2
        largest = v[i]
        if vhat is not None:
            wins = (largest > vhat[i]) | (largest != largest)  # a NaN wins, and once it is there it stays
            largest = largest if wins else vhat[i]
            vhat[i] = largest
        w[i] -= alpha * m[i] / (np.sqrt(largest) + epsilon)


@in_order
def _adagrad_part(part, parts, w, gw, s, lr, epsilon):
    w, gw, s = share(part, parts, w), share(part, parts, gw), share(part, parts, s)
    for i in range(w.size):
        s[i] += gw[i] * gw[i]
        w[i] -= lr * gw[i] / np.sqrt(s[i] + epsilon)


@in_order
def _weight_decay_part(part, parts, w, rate):
    w = share(part, parts, w)
    for i in range(w.size):
        w[i] -= rate * w[i]


_sgd, _rmsprop, _adam = driver(_sgd_part), driver(_rmsprop_part), driver(_adam_part)
_adagrad, _weight_decay = driver(_adagrad_part), driver(_weight_decay_part)


def _in_place(*arrays: Array | None) -> bool:
    """Whether compiled code can change these arrays where they are."""
    return all(array is None or array.flags.carray for array in arrays)


def _run(run, w: Array, gw: Array, states: tuple[Array | None, ...], *numbers: float) -> None:
    """Launch a step on the arrays as they lie in memory, with numbers in their precision."""
    flat = [None if state is None else state.reshape(-1) for state in states]
    kind = w.dtype.type
    with guarded:
        gw = usable(gw).reshape(-1)
        run(threads_for(w.size), w.reshape(-1), gw, *flat, *[kind(number) for number in numbers])


def sgd_update_(
    w: Array, gw: Array, velocity: Array | None, lr: float, momentum: float, nesterov: bool
) -> None:
    """Take one step of stochastic gradient descent; parameters as in the reference."""
    if not _in_place(w, velocity):
        return reference.sgd_update_(w, gw, velocity, lr, momentum, nesterov)
    check_states("sgd_update_", w, gw, velocity=(velocity, momentum != 0))
    _run(_sgd, w, gw, (velocity,), lr, momentum, momentum if nesterov else 1, 1 if nesterov else 0)


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
    """Take one step of RMSprop; parameters as in the reference."""
    states = mean_square, mean_grad, velocity
    if not _in_place(w, *states):
        return reference.rmsprop_update_(w, gw, *states, lr, rho, momentum, epsilon, centered)
    check_states(
        "rmsprop_update_",
        w,
        gw,
        mean_square=(mean_square, True),
        mean_grad=(mean_grad, centered),
        velocity=(velocity, momentum != 0),
    )
    _run(_rmsprop, w, gw, states, lr, rho, 1 - float(rho), momentum, epsilon)


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
    """Take one step of Adam; parameters as in the reference."""
    if not _in_place(w, m, v, vhat):
        return reference.adam_update_(w, gw, m, v, vhat, lr, beta_1, beta_2, epsilon, step, amsgrad)
    check_step("adam_update_", step)
    check_states("adam_update_", w, gw, m=(m, True), v=(v, True), vhat=(vhat, amsgrad))
    beta_1, beta_2 = float(beta_1), float(beta_2)
    alpha = float(lr) * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    _run(_adam, w, gw, (m, v, vhat), alpha, 1 - beta_1, 1 - beta_2, epsilon)


def adagrad_update_(w: Array, gw: Array, accumulator: Array, lr: float, epsilon: float) -> None:
    """Take one step of Adagrad; parameters as in the reference."""
    if not _in_place(w, accumulator):
        return reference.adagrad_update_(w, gw, accumulator, lr, epsilon)
    check_states("adagrad_update_", w, gw, accumulator=(accumulator, True))
    _run(_adagrad, w, gw, (accumulator,), lr, epsilon)


def weight_decay_(w: Array, lr: float, weight_decay: float) -> None:
    """Shrink a parameter by a share of itself; parameters as in the reference."""
    if not _in_place(w):
        return reference.weight_decay_(w, lr, weight_decay)
    check_floats("weight_decay_", w=w)
    with guarded:
        _weight_decay(threads_for(w.size), w.reshape(-1), w.dtype.type(float(lr) * float(weight_decay)))
