"""The truth gate: a result is compared with the definition, in float64, before its time may be shown.

A pass that is small enough runs as the seven loops of its definition. For a larger one the whole result is
compared with the reference's im2col in float64 where that is affordable, and that reference itself with the
definition on sampled elements: each a plain float64 sum of its products, computed from the formula of
`minicnn.kernels.conv2d` and sharing no code with any kernel. Where im2col in float64 would take too long,
the samples alone are compared. The corners of the result are always among the samples: that is where
padding goes wrong.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import random
from ..backend.registry import builtin
from .problem import Problem

__all__ = ["TOLERANCE", "Truth", "Verdict", "operands", "truth_of"]

TOLERANCE = 1e-4
"""Largest max|Δ| / max|reference| of a float32 result. Winograd leaves about 1e-5, sums of a million products
in float32 about 1e-5; a wrong formula leaves 1e-2 and more."""
LOOPS_LIMIT = 200_000
"""MACs up to which the seven loops of the definition run, at about a million a second."""
IM2COL_LIMIT = 10_000_000_000
"""MACs up to which the reference's im2col runs in float64: about a second."""
SAMPLES = 240
_PERIOD = 1_000_003  # a prime, so that repeated random numbers never line up with an axis
REFERENCE = "numpy"


@dataclass(frozen=True)
class Verdict:
    """The error of a result, whether it may pass, and what it was compared with."""

    error: float
    valid: bool
    checked: str


def operands(problem: Problem, which: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The two float32 operands of a pass, uniform in ±1, the same for everyone who asks."""
    return tuple(  # type: ignore[return-value]
        _numbers(shape, f"bench operand {number}", seed)
        for number, shape in enumerate(problem.shapes(which)[:2])
    )


def _numbers(shape: tuple[int, ...], purpose: str, seed: int) -> np.ndarray:
    """Random numbers of this shape; a million of them are drawn, and repeated where more are needed."""
    drawn = random.uniform((min(math.prod(shape), _PERIOD),), purpose, 0, low=-1.0, high=1.0, seed=seed)
    return np.resize(drawn, shape)


def truth_of(problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Truth:
    """Compute what a pass must give for these operands."""
    if problem.macs <= LOOPS_LIMIT:
        full = _reference(problem, which, a, b, "naive")
        return Truth(full, (), np.empty(0), f"all {full.size:,} elements against the seven loops in float64")
    indices = _samples(problem.shapes(which)[2])
    element = {"forward": _y, "input_grad": _gx, "weight_grad": _gw}[which]
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    values = np.array([element(problem, wide_a, wide_b, *index) for index in indices])
    by_hand = f"{len(indices)} elements against the definition in float64"
    if problem.macs > IM2COL_LIMIT:
        return Truth(None, indices, values, by_hand)
    full = _reference(problem, which, wide_a, wide_b, "im2col")
    words = f"all {full.size:,} elements against im2col in float64, {by_hand}"
    return Truth(full, indices, values, words)


@dataclass(frozen=True)
class Truth:
    """What a result must be: all of it in `full` (or None), and the elements `values` at `indices`."""

    full: np.ndarray | None
    indices: tuple[tuple[int, ...], ...]
    values: np.ndarray
    words: str

    def verdict(self, result: Any, shape: tuple[int, ...], tolerance: float = TOLERANCE) -> Verdict:
        """Compare a result; one of another shape, or with a NaN, is never valid."""
        if getattr(result, "shape", None) != shape:
            got = getattr(result, "shape", type(result).__name__)
            return Verdict(math.inf, False, f"shape {got} instead of {shape}")
        if result.dtype != np.float32:
            return Verdict(math.inf, False, f"dtype {result.dtype} instead of float32")
        errors = []
        if self.full is not None:
            errors.append(_error(result, self.full))
        if self.indices:
            at = tuple(np.array(self.indices).T)
            # The largest value of the samples stands for that of the whole, a little strictly.
            errors.append(_error(result[at], self.values))
            if self.full is not None:
                errors.append(_error(self.full[at], self.values))
        error = math.nan if any(map(math.isnan, errors)) else max(errors)
        return Verdict(error, error <= tolerance, self.words)


def _error(result: np.ndarray, reference: np.ndarray) -> float:
    """max|result − reference| / max|reference|."""
    scale = float(np.abs(reference).max(initial=0.0))
    return float(np.abs(result - reference).max(initial=0.0)) / (scale or 1.0)


def _reference(problem: Problem, which: str, a: np.ndarray, b: np.ndarray, algorithm: str) -> np.ndarray:
    """The reference kernel in float64, whatever is registered or overridden."""
    fn = builtin(f"conv2d_{which}", REFERENCE)
    last = {
        "forward": (problem.g, problem.groups, problem.out_hw),
        "input_grad": (problem.x_shape, problem.g, problem.groups),
        "weight_grad": (problem.w_shape, problem.g, problem.groups),
    }[which]
    return fn(a.astype(np.float64), b.astype(np.float64), *last, algorithm=algorithm)


def _samples(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Indices of all corners and of random elements, each once."""
    corners = itertools.product(*({0, size - 1} for size in shape))
    drawn = random.uniform((SAMPLES, len(shape)), "bench samples", 0, dtype="float64", seed=0)
    found = [tuple(int(u * size) for u, size in zip(row, shape, strict=True)) for row in drawn]
    return tuple(dict.fromkeys([*corners, *found]))


# -- one element of a result, as its definition says ------------------------------------------------------


def _y(problem: Problem, x: np.ndarray, w: np.ndarray, n: int, p: int, q: int, k: int) -> float:
    """``y[n, p, q, k] = Σ_ijc x[n, p·sh − top + i·dh, q·sw − left + j·dw, c] · w[i, j, c, k]``."""
    (sh, sw), ((top, _), (left, _)), (dh, dw) = problem.g
    cg = w.shape[2]
    first = k // (problem.filters // problem.groups) * cg
    total = 0.0
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            r, s = p * sh - top + i * dh, q * sw - left + j * dw
            if 0 <= r < x.shape[1] and 0 <= s < x.shape[2]:
                total += float((x[n, r, s, first : first + cg] * w[i, j, :, k]).sum())
    return total


def _gx(problem: Problem, gy: np.ndarray, w: np.ndarray, n: int, r: int, s: int, c: int) -> float:
    """``gx[n, r, s, c] = Σ gy[n, p, q, k] · w[i, j, c, k]`` over all (p, q), (i, j) that read (r, s)."""
    (sh, sw), ((top, _), (left, _)), (dh, dw) = problem.g
    fg, cg = problem.filters // problem.groups, w.shape[2]
    first = c // cg * fg
    total = 0.0
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            p, p_rest = divmod(r + top - i * dh, sh)
            q, q_rest = divmod(s + left - j * dw, sw)
            if p_rest == q_rest == 0 and 0 <= p < gy.shape[1] and 0 <= q < gy.shape[2]:
                run = slice(first, first + fg)
                total += float((gy[n, p, q, run] * w[i, j, c % cg, run]).sum())
    return total


def _gw(problem: Problem, x: np.ndarray, gy: np.ndarray, i: int, j: int, c: int, k: int) -> float:
    """``gw[i, j, c, k] = Σ_npq gy[n, p, q, k] · x[n, p·sh − top + i·dh, q·sw − left + j·dw, c]``."""
    (sh, sw), ((top, _), (left, _)), (dh, dw) = problem.g
    channel = k // (problem.filters // problem.groups) * (problem.channels // problem.groups) + c
    rows = np.arange(gy.shape[1]) * sh - top + i * dh
    columns = np.arange(gy.shape[2]) * sw - left + j * dw
    p = np.flatnonzero((rows >= 0) & (rows < x.shape[1]))
    q = np.flatnonzero((columns >= 0) & (columns < x.shape[2]))
    seen = x[:, rows[p][:, None], columns[q], channel]  # (n, p, q)
    return float((seen * gy[:, p[:, None], q, k]).sum())
