"""Layer and group normalization compiled: sample by sample, so that it is read once and then found in cache.

Both are the same: samples of `pixels` rows of c channels, which are cut in groups that share a mean. Layer
normalization has one pixel and one group. The columns of a sample are summed as in batch normalization, then those
of a group are joined.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...compiled.jit import in_order, jit
from ...compiled.memory import read
from ...compiled.parallel import guarded, launch, threads_for
from ...compiled.scratch import per_part, scratch, usable
from ..group import check_group_gradient, check_groups
from ..layer import check_layer_gradient, last_axes
from ..moments import check_affine, check_moments
from .columns import gradient, moments, shifted, sums

__all__ = ["group_norm_forward", "group_norm_grad", "layer_norm_forward", "layer_norm_grad"]

Array = np.ndarray
Three = tuple[Array, Array, Array]


class Samples(NamedTuple):
    """What there is to normalize, and how many pixels lie side by side in a wide row: a divisor of all."""

    n: int
    pixels: int
    c: int
    groups: int
    k: int


def _samples(n: int, pixels: int, c: int, groups: int) -> Samples:
    k = next(k for k in range(max(1, min(pixels, 256 // c)), 0, -1) if pixels % k == 0)
    return Samples(n, pixels, c, groups, k)


@jit
def _join(mean, spread, group, samples):
    """Mean of the columns of a group, and ``Σ (x - mean)²``."""
    _, pixels, c, groups, k = samples
    size, rows = c // groups, pixels // k
    total = 0.0
    for first in range(group * size, k * c, c):
        for i in range(first, first + size):
            total += read(mean, i)
    center, away = total / (k * size), 0.0
    for first in range(group * size, k * c, c):
        for i in range(first, first + size):
            away += read(spread, i) + (read(mean, i) - center) * (read(mean, i) - center) * rows
    return center, away


@jit
def _weighted(values, gamma, group, samples):
    """Σ γ·values over the columns of a group."""
    _, _, c, groups, k = samples
    size, total = c // groups, 0.0
    for first in range(0, k * c, c):
        for i in range(group * size, group * size + size):
            total += read(values, first + i) * read(gamma, i)
    return total


@in_order
def _fill(column, group, samples, value, gamma):
    """Set the columns of a group to a value, or to γ times it."""
    _, _, c, groups, k = samples
    size = c // groups
    for first in range(group * size, k * c, c):
        part = column[first : first + size]
        for i in range(size):
            part[i] = value if gamma is None else value * read(gamma, group * size + i)


@in_order
def _forward_part(part, parts, x, y, gamma, beta, samples, epsilon, means, rstds, totals, columns):
    n, pixels, c, groups, k = samples
    size, width = pixels * c, k * c
    center, scale, shift, lower = columns[part, 3], columns[part, 4], columns[part, 5], x.dtype.type(-np.inf)
    for i in range(width):
        shift[i] = beta[i % c]
    for sample in range(part * n // parts, (part + 1) * n // parts):
        moments(x, sample * size, pixels // k, width, totals[part, 0], totals[part, 1], columns[part])
        for group in range(groups):
            mean, away = _join(totals[part, 0], totals[part, 1], group, samples)
            at = sample * groups + group
            means[at], rstds[at] = mean, 1 / np.sqrt(away / (size // groups) + epsilon)
            _fill(center, group, samples, means[at], None)
            _fill(scale, group, samples, rstds[at], gamma)
        shifted(x, y, sample * size, (sample + 1) * size, width, center, scale, shift, lower)


@in_order
def _backward_part(part, parts, gy, x, gx, gamma, samples, means, rstds, found, totals, columns):
    n, pixels, c, groups, k = samples
    size, width = pixels * c, k * c
    center, scale, constant, slope = columns[part, 2], columns[part, 3], columns[part, 4], columns[part, 5]
    of_gy, of_x = totals[part, 0], totals[part, 1]
    for sample in range(part * n // parts, (part + 1) * n // parts):
        start, end = sample * size, (sample + 1) * size
        for group in range(groups):
            _fill(center, group, samples, means[sample * groups + group], None)
        for i in range(width):
            of_gy[i] = 0
            of_x[i] = 0
        sums(gy, x, start, end, width, center, None, None, of_gy, of_x, columns[part])
        for group in range(groups):
            rstd = float(rstds[sample * groups + group])
            share = rstd / (size // groups)
            _fill(scale, group, samples, rstd, gamma)
            _fill(constant, group, samples, share * _weighted(of_gy, gamma, group, samples), None)
            _fill(slope, group, samples, share * rstd * rstd * _weighted(of_x, gamma, group, samples), None)
            for first in range(group * (c // groups), width, c):
                of_gamma = found[0, part, first : first + c // groups]
                for i in range(of_gamma.size):
                    of_gamma[i] += rstd * read(of_x, first + i)
        for i in range(width):
            found[1, part, i] += of_gy[i]
        gradient(gy, x, gx, start, end, width, center, scale, constant, slope, None)


@in_order
def _run_forward(threads, x, y, gamma, beta, samples, epsilon, means, rstds, totals, columns):
    launch(_forward_part, threads, (x, y, gamma, beta, samples, epsilon, means, rstds, totals, columns))


@in_order
def _run_backward(threads, gy, x, gx, gamma, samples, means, rstds, found, totals, columns):
    launch(_backward_part, threads, (gy, x, gx, gamma, samples, means, rstds, found, totals, columns))


def _work(threads: int, samples: Samples, dtype: np.dtype) -> tuple[Array, Array]:
    """For each part, two columns of float64 and six of the arrays' dtype."""
    own = per_part(samples.k * samples.c, dtype.itemsize)
    return np.empty((threads, 2, own)), scratch(threads * 6 * own, dtype).reshape(threads, 6, own)


def _forward(x: Array, gamma: Array | None, beta: Array | None, samples: Samples, epsilon: float) -> Three:
    y, sets = np.empty(x.shape, x.dtype), samples.n * samples.groups
    means, rstds = np.empty((2, sets), x.dtype)
    if y.size:
        gamma = np.ones(samples.c, x.dtype) if gamma is None else usable(gamma).reshape(-1)
        beta = np.zeros(samples.c, x.dtype) if beta is None else usable(beta).reshape(-1)
        with guarded:
            threads = threads_for(x.size)
            arrays = usable(x).reshape(-1), y.reshape(-1), gamma, beta
            work = _work(threads, samples, x.dtype)
            _run_forward(threads, *arrays, tuple(samples), float(epsilon), means, rstds, *work)
    return y, means, rstds


def _backward(gy: Array, x: Array, gamma: Array | None, mean: Array, rstd: Array, samples: Samples) -> Three:
    gx, c = np.empty(x.shape, x.dtype), samples.c
    if not gx.size:
        return gx, np.zeros(c, x.dtype), np.zeros(c, x.dtype)
    gamma = np.ones(c, x.dtype) if gamma is None else usable(gamma).reshape(-1)
    with guarded:
        threads = threads_for(x.size)
        found = np.zeros((2, threads, samples.k * c))
        arrays = usable(gy).reshape(-1), usable(x).reshape(-1), gx.reshape(-1), gamma
        statistics = usable(mean).reshape(-1), usable(rstd).reshape(-1)
        work = _work(threads, samples, x.dtype)
        _run_backward(threads, *arrays, tuple(samples), *statistics, found, *work)
    with np.errstate(all="ignore"):
        ggamma, gbeta = found.reshape(2, -1, c).sum(axis=1).astype(x.dtype)
    return gx, ggamma, gbeta


def layer_norm_forward(
    x: Array, gamma: Array | None, beta: Array | None, axes: tuple[int, ...], epsilon: float
) -> Three:
    """Normalize each sample by the mean and variance of its own values; parameters as in the reference."""
    where = "layer_norm_forward"
    last = last_axes(where, x, axes)
    lead = x.shape[: x.ndim - len(last)]
    check_affine(where, x, x.shape[len(lead) :], gamma, beta)
    check_moments(where, x, last, epsilon)
    samples = _samples(int(np.prod(lead)), 1, int(np.prod(x.shape[len(lead) :])), 1)
    y, means, rstds = _forward(x, gamma, beta, samples, epsilon)
    return y, means.reshape(lead), rstds.reshape(lead)


def layer_norm_grad(gy: Array, x: Array, gamma: Array | None, mean: Array, rstd: Array) -> Three:
    """Gradients through layer_norm_forward; parameters as in the reference."""
    check_layer_gradient("layer_norm_grad", gy, x, gamma, mean, rstd)
    shape = x.shape[mean.ndim :]
    samples = _samples(mean.size, 1, int(np.prod(shape)), 1)
    gx, ggamma, gbeta = _backward(gy, x, gamma, mean, rstd, samples)
    return gx, ggamma.reshape(shape), gbeta.reshape(shape)


def group_norm_forward(
    x: Array, gamma: Array | None, beta: Array | None, groups: int, epsilon: float
) -> Three:
    """Normalize each sample's groups of channels; parameters as in the reference."""
    where = "group_norm_forward"
    check_affine(where, x, x.shape[-1:], gamma, beta)
    check_groups(where, x, groups)
    check_moments(where, x, tuple(range(1, x.ndim)), epsilon)
    samples = _samples(len(x), int(np.prod(x.shape[1:-1])), x.shape[-1], groups)
    y, means, rstds = _forward(x, gamma, beta, samples, epsilon)
    return y, means.reshape(len(x), groups), rstds.reshape(len(x), groups)


def group_norm_grad(gy: Array, x: Array, gamma: Array | None, mean: Array, rstd: Array) -> Three:
    """Gradients through group_norm_forward; parameters as in the reference."""
    check_group_gradient("group_norm_grad", gy, x, gamma, mean, rstd)
    samples = _samples(len(x), int(np.prod(x.shape[1:-1])), x.shape[-1], mean.shape[1])
    return _backward(gy, x, gamma, mean, rstd, samples)
