"""Softmax and cross-entropy compiled: every row is read from memory once and then from the cache."""

from __future__ import annotations

import numpy as np

from ..checks import check_floats, check_same_shape, result
from ..compiled.elementary import exp, real
from ..compiled.jit import in_order, jit
from ..compiled.parallel import driver, guarded, launch, share, threads_for
from ..compiled.scratch import usable
from .reference import check_classes, check_logits, check_targets

__all__ = [
    "log_softmax_forward",
    "log_softmax_grad",
    "softmax_cross_entropy_forward",
    "softmax_cross_entropy_grad",
    "softmax_forward",
    "softmax_grad",
]

EXPONENTIAL = 4
"""An element with an exponential takes as long as four simple ones."""


# Sums may be added in any order, but no other difference: in (z - max z) - log Σ the large numbers must
# cancel first. So the sums are functions of their own.


@jit
def _largest(row):
    """max row; if there is a NaN, whatever comes out, since the sum of the exponentials will be NaN."""
    largest = row[0]
    for i in range(row.size):
        largest = row[i] if row[i] > largest else largest
    return largest


@jit
def _sum(row):
    total = real(0, row[0])
    for i in range(row.size):
        total += row[i]
    return total


@jit
def _dot(a, b):
    total = real(0, a[0])
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@in_order
def _softmax_row(row, to):
    """Write the softmax of a row; return its largest logit and the sum of the exponentials."""
    largest = _largest(row)
    for i in range(row.size):
        to[i] = exp(row[i] - largest)
    total = _sum(to)
    for i in range(row.size):
        to[i] /= total
    return largest, total


@in_order
def _softmax_part(part, parts, x, y):
    x, y = share(part, parts, x), share(part, parts, y)
    for r in range(x.shape[0]):
        _softmax_row(x[r], y[r])


@in_order
def _softmax_grad_part(part, parts, gy, y, gx):
    gy, y, gx = share(part, parts, gy), share(part, parts, y), share(part, parts, gx)
    for r in range(y.shape[0]):
        dot = _dot(gy[r], y[r])
        for i in range(y.shape[1]):
            gx[r, i] = (gy[r, i] - dot) * y[r, i]


@in_order
def _log_softmax_part(part, parts, x, y):
    x, y = share(part, parts, x), share(part, parts, y)
    exponentials = np.empty(x.shape[1], x.dtype)
    for r in range(x.shape[0]):
        largest, total = _softmax_row(x[r], exponentials)
        log_total = np.log(total)
        for i in range(x.shape[1]):
            y[r, i] = (x[r, i] - largest) - log_total


@in_order
def _log_softmax_grad_part(part, parts, gy, y, gx):
    gy, y, gx = share(part, parts, gy), share(part, parts, y), share(part, parts, gx)
    for r in range(y.shape[0]):
        total = _sum(gy[r])
        for i in range(y.shape[1]):
            gx[r, i] = gy[r, i] - exp(y[r, i]) * total


@in_order
def _classes_part(part, parts, z, t, loss, p):
    z, p = share(part, parts, z), share(part, parts, p)
    t, loss = share(part, parts, t), share(part, parts, loss)
    for r in range(z.shape[0]):
        largest, total = _softmax_row(z[r], p[r])
        loss[r] = np.log(total) - (z[r, t[r]] - largest)


@in_order
def _distributions_part(part, parts, z, t, loss, p):
    z, p = share(part, parts, z), share(part, parts, p)
    t, loss = share(part, parts, t), share(part, parts, loss)
    terms = np.empty(z.shape[1], z.dtype)
    for r in range(z.shape[0]):
        largest, total = _softmax_row(z[r], p[r])
        for i in range(terms.size):
            # A class of weight 0 counts nothing even where its logit is -inf (0·∞ would be NaN).
            term = t[r, i] * (z[r, i] - largest)
            terms[i] = term if t[r, i] != 0 else t[r, i]
        loss[r] = _sum(t[r]) * np.log(total) - _sum(terms)


@in_order
def _classes_grad_part(part, parts, gloss, p, t, gz):
    gloss, p = share(part, parts, gloss), share(part, parts, p)
    t, gz = share(part, parts, t), share(part, parts, gz)
    for r in range(p.shape[0]):
        for i in range(p.shape[1]):
            gz[r, i] = p[r, i] * gloss[r]
        gz[r, t[r]] -= gloss[r]


@in_order
def _distributions_grad_part(part, parts, gloss, p, t, gz):
    gloss, p = share(part, parts, gloss), share(part, parts, p)
    t, gz = share(part, parts, t), share(part, parts, gz)
    for r in range(p.shape[0]):
        weight, gradient = _sum(t[r]), gloss[r]
        for i in range(p.shape[1]):
            gz[r, i] = (p[r, i] * weight - t[r, i]) * gradient


_softmax, _softmax_grad = driver(_softmax_part), driver(_softmax_grad_part)
_log_softmax, _log_softmax_grad = driver(_log_softmax_part), driver(_log_softmax_grad_part)
_distributions, _distributions_grad = driver(_distributions_part), driver(_distributions_grad_part)


@jit
def _are_classes(t, k):
    right = True
    for i in range(t.size):
        right &= (t[i] >= 0) & (t[i] < k)
    return right


@jit
def _classes(threads, z, t, loss, p):
    """Whether all labels are classes; if so, the losses too."""
    right = _are_classes(t, z.shape[1])
    if right:
        launch(_classes_part, threads, (z, t, loss, p))
    return right


@jit
def _classes_grad(threads, gloss, p, t, gz):
    right = _are_classes(t, p.shape[1])
    if right:
        launch(_classes_grad_part, threads, (gloss, p, t, gz))
    return right


def _rows(array: np.ndarray) -> np.ndarray:
    return usable(array).reshape(-1, array.shape[-1])


def _labels(t: np.ndarray) -> np.ndarray:
    return usable(t.astype(np.int64, copy=False)).reshape(-1)


def softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Turn logits into probabilities along the last axis; parameters as in the reference."""
    check_logits("softmax_forward", x)
    y = result("softmax_forward", out, x.shape, x.dtype)
    with guarded:
        _softmax(threads_for(EXPONENTIAL * x.size), _rows(x), _rows(y))
    return y


def softmax_grad(gy: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient through the softmax, from its output y; parameters as in the reference."""
    return _from_output("softmax_grad", _softmax_grad, gy, y, out)


def log_softmax_forward(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Logarithm of the softmax along the last axis; parameters as in the reference."""
    check_logits("log_softmax_forward", x)
    y = result("log_softmax_forward", out, x.shape, x.dtype)
    with guarded:
        _log_softmax(threads_for(EXPONENTIAL * x.size), _rows(x), _rows(y))
    return y


def log_softmax_grad(gy: np.ndarray, y: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Gradient through the log-softmax, from its output y; parameters as in the reference."""
    return _from_output("log_softmax_grad", _log_softmax_grad, gy, y, out)


def _from_output(where: str, run, gy: np.ndarray, y: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    dtype = check_floats(where, gy=gy, y=y)
    check_same_shape(where, gy.shape, y=y)
    gx = result(where, out, gy.shape, dtype)
    if gx.size:
        with guarded:
            run(threads_for(EXPONENTIAL * y.size), _rows(gy), _rows(y), _rows(gx))
    return gx


def softmax_cross_entropy_forward(z: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy of softmax(z) against the targets; parameters as in the reference."""
    where = "softmax_cross_entropy_forward"
    check_logits(where, z)
    classes = check_targets(where, z, t)
    loss, p = np.empty(z.shape[:-1], z.dtype), np.empty(z.shape, z.dtype)
    with guarded:
        threads, flat = threads_for(EXPONENTIAL * z.size), loss.reshape(-1)
        if not classes:
            _distributions(threads, _rows(z), _rows(t), flat, _rows(p))
        elif not _classes(threads, _rows(z), _labels(t), flat, _rows(p)):
            check_classes(where, z, t)
    return loss, p


def softmax_cross_entropy_grad(
    gloss: np.ndarray, p: np.ndarray, t: np.ndarray, out: np.ndarray | None = None
) -> np.ndarray:
    """Gradient of the cross-entropy with respect to the logits; parameters as in the reference."""
    where = "softmax_cross_entropy_grad"
    check_logits(where, p)
    dtype = check_floats(where, p=p, gloss=gloss)
    classes = check_targets(where, p, t)
    check_same_shape(where, p.shape[:-1], gloss=gloss)
    gz = result(where, out, p.shape, dtype)
    with guarded:
        threads, flat = threads_for(p.size), usable(gloss).reshape(-1)
        if not classes:
            _distributions_grad(threads, flat, _rows(p), _rows(t), _rows(gz))
        elif not _classes_grad(threads, flat, _rows(p), _labels(t), _rows(gz)):
            check_classes(where, p, t)
    return gz
