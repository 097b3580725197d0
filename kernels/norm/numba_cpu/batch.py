"""Batch normalization compiled: one pass for the moments, one for the result; two for the gradient."""

from __future__ import annotations

import numpy as np

from ...checks import result
from ...compiled.jit import in_order
from ...compiled.parallel import guarded, launch, threads_for
from ...compiled.scratch import per_part, scratch, usable
from ..batch import check_channels, check_gradient, check_inference
from ..moments import check_affine, check_moments
from .columns import gradient, moments, shifted, sums, wide

__all__ = ["apply", "backward", "batch_norm_forward", "batch_norm_grad", "batch_norm_inference", "forward"]

Array = np.ndarray


@in_order
def _moments_part(part, parts, x, rows, width, means, spreads, work):
    first, end = part * rows // parts, (part + 1) * rows // parts
    if first < end:
        moments(x, first * width, end - first, width, means[part], spreads[part], work[part])


@in_order
def _range(part, parts, size, width):
    """The elements of a part: whole wide rows, and the last part has what is left over."""
    rows = size // width
    return part * rows // parts * width, size if part == parts - 1 else (part + 1) * rows // parts * width


@in_order
def _shifted_part(part, parts, x, y, mean, scale, beta, lower):
    start, end = _range(part, parts, x.size, mean.size)
    shifted(x, y, start, end, mean.size, mean, scale, beta, lower)


@in_order
def _sums_part(part, parts, gy, x, mean, scale, beta, of_gy, of_x, work):
    start, end = _range(part, parts, x.size, mean.size)
    sums(gy, x, start, end, mean.size, mean, scale, beta, of_gy[part], of_x[part], work[part])


@in_order
def _gradient_part(part, parts, gy, x, gx, mean, scale, constant, slope, beta):
    start, end = _range(part, parts, x.size, mean.size)
    gradient(gy, x, gx, start, end, mean.size, mean, scale, constant, slope, beta)


@in_order
def _run_moments(threads, x, rows, width, means, spreads, work):
    launch(_moments_part, threads, (x, rows, width, means, spreads, work))


@in_order
def _run_shifted(threads, x, y, mean, scale, beta, lower):
    launch(_shifted_part, threads, (x, y, mean, scale, beta, lower))


@in_order
def _run_sums(threads, gy, x, mean, scale, beta, of_gy, of_x, work):
    launch(_sums_part, threads, (gy, x, mean, scale, beta, of_gy, of_x, work))


@in_order
def _run_gradient(threads, gy, x, gx, mean, scale, constant, slope, beta):
    launch(_gradient_part, threads, (gy, x, gx, mean, scale, constant, slope, beta))


def _statistics(x: Array, c: int, epsilon: float) -> tuple[Array, Array]:
    """Mean and 1/√(var + ε) of each channel, for x as a flat array; in float64."""
    rows, threads = x.size // c, threads_for(x.size)
    k = wide(rows, c)
    width, count = k * c, rows // k
    means, spreads = np.zeros((2, threads, width))
    own = per_part(width, x.itemsize)
    work = scratch(threads * 3 * own, x.dtype).reshape(threads, 3, own)
    _run_moments(threads, x, count, width, means, spreads, work)
    # All that have the same mean and spread so far: the columns of each part, and rows that are left over.
    counts = np.repeat(np.diff(np.arange(threads + 1) * count // threads), k)
    left = x[count * width :].reshape(-1, c)
    means = np.concatenate([means.reshape(-1, c), left])
    counts = np.concatenate([counts, np.ones(len(left))])[:, None]
    mean = (counts * means).sum(axis=0) / rows
    spread = spreads.reshape(-1, c).sum(axis=0) + (counts * (means - mean) ** 2).sum(axis=0)
    return mean, 1 / np.sqrt(spread / rows + epsilon)


def apply(x: Array, y: Array, mean: Array, scale: Array, beta: Array | None, lower: float) -> None:
    """``y = (x - mean)·scale + beta``, not below `lower`."""
    beta = np.zeros_like(mean) if beta is None else beta
    k = wide(x.size // mean.size, mean.size)
    columns = (np.tile(array, k) for array in (mean, scale, beta))
    _run_shifted(threads_for(x.size), usable(x).reshape(-1), y.reshape(-1), *columns, y.dtype.type(lower))


def forward(
    where: str,
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    epsilon: float,
    lower: float,
    out: Array | None,
) -> tuple[Array, Array, Array]:
    """The reference's batch_norm_forward with nothing of y below `lower`, y in `out`."""
    check_channels(where, x)
    dtype = check_affine(where, x, x.shape[-1:], gamma, beta)
    check_moments(where, x, tuple(range(x.ndim - 1)), epsilon)
    y = result(where, out, x.shape, dtype)
    if not y.size:
        return y, np.empty(0, dtype), np.empty(0, dtype)
    with guarded, np.errstate(all="ignore"):  # ∞ - ∞ = NaN, silently
        x = usable(x)
        mean, rstd = (
            array.astype(dtype) for array in _statistics(x.reshape(-1), x.shape[-1], float(epsilon))
        )
        apply(x, y, mean, rstd if gamma is None else gamma * rstd, beta, lower)
    return y, mean, rstd


def batch_norm_forward(
    x: Array, gamma: Array | None, beta: Array | None, epsilon: float
) -> tuple[Array, Array, Array]:
    """Normalize each channel by the mean and variance of this batch; parameters as in the reference."""
    return forward("batch_norm_forward", x, gamma, beta, epsilon, -np.inf, None)


def batch_norm_inference(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    mean: Array,
    var: Array,
    epsilon: float,
    out: Array | None = None,
) -> Array:
    """Normalize each channel by a mean and variance that are given; parameters as in the reference."""
    where = "batch_norm_inference"
    dtype = check_inference(where, x, gamma, beta, mean, var, epsilon)
    y = result(where, out, x.shape, dtype)
    if y.size:
        scale = 1 / np.sqrt(var + float(epsilon))
        with guarded:
            apply(x, y, mean, scale if gamma is None else gamma * scale, beta, -np.inf)
    return y


def backward(
    where: str,
    gy: Array,
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    mean: Array,
    rstd: Array,
    out: Array | None,
) -> tuple[Array, Array, Array]:
    """The reference's batch_norm_grad, gx in `out`; with beta given, gy comes from behind a ReLU."""
    dtype = check_gradient(where, gy, x, gamma, mean, rstd)
    gx, c = result(where, out, x.shape, dtype), x.shape[-1]
    if not gx.size:
        return gx, np.zeros(c, dtype), np.zeros(c, dtype)
    rows, threads = x.size // c, threads_for(x.size)
    k = wide(rows, c)
    with guarded, np.errstate(all="ignore"):
        own = per_part(k * c, x.itemsize)
        work = scratch(threads * 2 * own, dtype).reshape(threads, 2, own)
        arrays = usable(gy).reshape(-1), usable(x).reshape(-1)
        scale = rstd if gamma is None else gamma * rstd
        columns = [array if array is None else np.tile(array, k) for array in (mean, scale, beta)]
        found = np.zeros((2, threads, k * c))
        _run_sums(threads, *arrays, *columns, *found, work)
        gbeta, ggamma = found.reshape(2, -1, c).sum(axis=1)
        ggamma *= rstd
        # γ is the same for all values of a channel, so that the means of gx̂ are γ·gβ/N and γ·gγ/N.
        rest = (np.tile((scale * g / rows).astype(dtype), k) for g in (gbeta, rstd * ggamma))
        _run_gradient(threads, *arrays, gx.reshape(-1), *columns[:2], *rest, columns[2])
    return gx, ggamma.astype(dtype), gbeta.astype(dtype)


def batch_norm_grad(
    gy: Array, x: Array, gamma: Array | None, mean: Array, rstd: Array
) -> tuple[Array, Array, Array]:
    """Gradients through batch_norm_forward; parameters as in the reference."""
    return backward("batch_norm_grad", gy, x, gamma, None, mean, rstd, None)
