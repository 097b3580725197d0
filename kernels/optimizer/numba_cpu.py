"""Optimizer steps compiled: all states of a weight are read and written in one pass.

SGD, Adagrad, weight decay, and the options that few use (momentum and centring in RMSprop, AMSGrad) are
the reference's own.
"""

from __future__ import annotations

import numpy as np

from ..checks import error
from ..compiled.jit import jit
from ..compiled.parallel import guarded, launch, threads_for
from ..compiled.scratch import usable
from . import reference
from .reference import Array, adagrad_update_, check_states, sgd_update_, weight_decay_

__all__ = ["adagrad_update_", "adam_update_", "rmsprop_update_", "sgd_update_", "weight_decay_"]


@jit
def _rmsprop_part(part, parts, w, gw, s, lr, rho, rest, epsilon):
    for i in range(part * w.size // parts, (part + 1) * w.size // parts):
        s[i] = s[i] * rho + rest * (gw[i] * gw[i])
        w[i] -= lr * gw[i] / np.sqrt(s[i] + epsilon)


@jit
def _rmsprop(threads, w, gw, s, lr, rho, rest, epsilon):
    launch(_rmsprop_part, threads, (w, gw, s, lr, rho, rest, epsilon))


@jit
def _adam_part(part, parts, w, gw, m, v, alpha, rest_1, rest_2, epsilon):
    for i in range(part * w.size // parts, (part + 1) * w.size // parts):
        m[i] += (gw[i] - m[i]) * rest_1
        v[i] += (gw[i] * gw[i] - v[i]) * rest_2
        w[i] -= alpha * m[i] / (np.sqrt(v[i]) + epsilon)


@jit
def _adam(threads, w, gw, m, v, alpha, rest_1, rest_2, epsilon):
    launch(_adam_part, threads, (w, gw, m, v, alpha, rest_1, rest_2, epsilon))


def _in_place(*arrays: Array) -> bool:
    """Whether compiled code can change these arrays where they are."""
    return all(array.flags.carray for array in arrays)


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
    plain = mean_grad is None and velocity is None and not (momentum or centered)
    if not plain or mean_square is None or not _in_place(w, mean_square):
        options = lr, rho, momentum, epsilon, centered
        return reference.rmsprop_update_(w, gw, mean_square, mean_grad, velocity, *options)
    check_states("rmsprop_update_", w, gw, mean_square=(mean_square, True))
    scalars = [w.dtype.type(value) for value in (lr, rho, 1 - float(rho), epsilon)]
    arrays = w.reshape(-1), usable(gw).reshape(-1), mean_square.reshape(-1)
    with guarded:
        _rmsprop(threads_for(w.size), *arrays, *scalars)


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
    if amsgrad or vhat is not None or m is None or v is None or not _in_place(w, m, v):
        return reference.adam_update_(w, gw, m, v, vhat, lr, beta_1, beta_2, epsilon, step, amsgrad)
    if step < 1:
        raise error("adam_update_", "the step is not counted from 1", "at least 1", step)
    check_states("adam_update_", w, gw, m=(m, True), v=(v, True))
    beta_1, beta_2 = float(beta_1), float(beta_2)
    alpha = float(lr) * (1 - beta_2**step) ** 0.5 / (1 - beta_1**step)
    scalars = [w.dtype.type(value) for value in (alpha, 1 - beta_1, 1 - beta_2, epsilon)]
    arrays = w.reshape(-1), usable(gw).reshape(-1), m.reshape(-1), v.reshape(-1)
    with guarded:
        _adam(threads_for(w.size), *arrays, *scalars)
