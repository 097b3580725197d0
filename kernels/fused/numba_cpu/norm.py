"""Batch normalization with the ReLU behind it, and a sum of two with its ReLU: no pass of their own for it.

.. code-block:: text

    batch_norm_activation_forward  batch_norm_forward, bias_activation_forward
    batch_norm_activation_grad     activation_grad, batch_norm_grad
    add_activation_forward         x + y, bias_activation_forward

Each gives bit for bit what the plain kernels named beside it give one after the other. The gradient does not
ask for the output: where ReLU let a number pass is computed again from x, which is read anyway.
"""

from __future__ import annotations

import numpy as np

from ...activation.numba_cpu import activation_grad, bias_activation_forward
from ...checks import check_floats, check_same_shape, result
from ...compiled.jit import jit
from ...compiled.memory import read, write
from ...compiled.parallel import guarded, launch, threads_for
from ...compiled.scratch import usable
from ...norm.moments import check_affine
from ...norm.numba_cpu.batch import apply, backward, forward

__all__ = ["add_activation_forward", "batch_norm_activation_forward", "batch_norm_activation_grad"]

_LOWEST = {"linear": -np.inf, "relu": 0.0}  # activations that are a limit


def batch_norm_activation_forward(
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    epsilon: float,
    activation: str,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``y = activation(γ·(x - mean)·rstd + β)``, written in `out`, with mean and rstd, both (c,)."""
    where = "batch_norm_activation_forward"
    y, mean, rstd = forward(where, x, gamma, beta, epsilon, _LOWEST.get(activation, -np.inf), out)
    if activation not in _LOWEST:
        bias_activation_forward(y, None, activation, out=y)
    return y, mean, rstd


def batch_norm_activation_grad(
    gy: np.ndarray,
    x: np.ndarray,
    gamma: np.ndarray | None,
    beta: np.ndarray | None,
    mean: np.ndarray,
    rstd: np.ndarray,
    activation: str,
    out: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradients of batch_norm_activation_forward: gx, written in `out`, and ggamma and gbeta, both (c,)."""
    where = "batch_norm_activation_grad"
    if beta is not None:
        check_affine(where, x, x.shape[-1:], beta)
    if activation == "relu":
        beta = np.zeros(x.shape[-1:], x.dtype) if beta is None else beta
        return backward(where, gy, x, gamma, beta, mean, rstd, out)
    if activation != "linear":
        y = np.empty(x.shape, x.dtype)
        apply(x, y, mean, rstd if gamma is None else gamma * rstd, beta, -np.inf)
        gy = activation_grad(gy, bias_activation_forward(y, None, activation, out=y), activation, out=y)
    return backward(where, gy, x, gamma, None, mean, rstd, out)


@jit
def _sum_part(part, parts, x, y, z, lower):
    for i in range(part * x.size // parts, (part + 1) * x.size // parts):
        value = read(x, i) + read(y, i)
        write(z, i, lower if value < lower else value)  # a NaN is not less


@jit
def _run_sum(threads, x, y, z, lower):
    launch(_sum_part, threads, (x, y, z, lower))


def add_activation_forward(
    x: np.ndarray, y: np.ndarray, activation: str, out: np.ndarray | None = None
) -> np.ndarray:
    """``activation(x + y)`` of two arrays of one shape; `out` may be x itself."""
    where = "add_activation_forward"
    dtype = check_floats(where, x=x, y=y)
    check_same_shape(where, x.shape, y=y)
    z = result(where, out, x.shape, dtype)
    if activation not in _LOWEST:
        return bias_activation_forward(np.add(x, y, out=z), None, activation, out=z)
    with guarded:
        arrays = usable(x).reshape(-1), usable(y).reshape(-1), z.reshape(-1)
        _run_sum(threads_for(z.size), *arrays, dtype.type(_LOWEST[activation]))
    return z
