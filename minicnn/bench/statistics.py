"""What samples of times prove: medians, spreads, and whether one kernel is faster than another.

Times are skewed (nothing runs faster than the hardware allows, anything may run slower), so that medians
and percentiles are given, never means. Two kernels are compared by samples taken in turn, A B A B: the pairs
share the machine's mood, and resampling whole pairs keeps what they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .. import random
from ..errors import ArgumentError, message

__all__ = ["Comparison", "Spread", "compare", "spread"]

_RESAMPLES = 2000
_CONFIDENCE = 0.95
_WIDEST = 1.5
"""An interval wider than this factor proves nothing, unless all of it is further than that from 1."""
FEWEST = 5
"""Pairs that a confidence interval needs: fewer have too few distinct resamples."""


@dataclass(frozen=True)
class Spread:
    """Median, 10th and 90th percentile of samples."""

    median: float
    p10: float
    p90: float
    samples: int


def spread(samples: Sequence[float]) -> Spread:
    """Summarise samples.

    >>> spread([3.0, 1.0, 2.0, 100.0, 2.5])
    Spread(median=2.5, p10=1.4, p90=61.2, samples=5)
    """
    values = _checked("spread", samples)
    p10, median, p90 = np.percentile(values, (10, 50, 90))
    return Spread(round(float(median), 12), round(float(p10), 12), round(float(p90), 12), len(values))


@dataclass(frozen=True)
class Comparison:
    """How many times faster ours is than theirs: ratio of the medians with its 95 % confidence interval.

    `verdict` is "faster", "slower" or "too noisy to tell apart"; with fewer than 5 pairs there is no
    interval, and the verdict is "too few rounds to tell".
    """

    ratio: float
    low: float | None
    high: float | None
    verdict: str

    def __str__(self) -> str:
        if self.low is None:
            return f"{self.ratio:.2f} ({self.verdict})"
        mark = " (too noisy to tell apart)" if self.verdict.startswith("too") else ""
        return f"{self.ratio:.2f} [{self.low:.2f}, {self.high:.2f}]{mark}"


def compare(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Comparison:
    """Compare times measured in turn: sample i of ours ran next to sample i of theirs.

    The interval is the percentile bootstrap of median(theirs) / median(ours) over resampled pairs (Efron &
    Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13); the same seed gives the same interval.

    >>> print(compare([1.0, 1.1, 1.0, 0.9, 1.0], [2.0, 2.1, 2.0, 1.9, 2.0]))
    2.00 [1.91, 2.11]
    """
    a, b = _checked("compare", ours), _checked("compare", theirs)
    if len(a) != len(b):
        got = f"{len(a)} and {len(b)}"
        raise ArgumentError(message("compare", "the samples are not pairs", expected="equally many", got=got))
    ratio = float(np.median(b) / np.median(a))
    if len(a) < FEWEST:
        return Comparison(ratio, None, None, "too few rounds to tell")
    drawn = random.uniform((_RESAMPLES, len(a)), "bench bootstrap", 0, dtype="float64", seed=seed)
    pairs = (drawn * len(a)).astype(np.intp)  # (resamples, n) numbers of pairs
    ratios = np.median(b[pairs], axis=1) / np.median(a[pairs], axis=1)
    tail = 50 * (1 - _CONFIDENCE)
    low, high = (float(value) for value in np.percentile(ratios, (tail, 100 - tail)))
    nearest = max(low, 1 / high)  # how far from 1 the end is that lies closest to it, as a factor
    if low <= 1 <= high or (high / low > _WIDEST and nearest < _WIDEST):
        return Comparison(ratio, low, high, "too noisy to tell apart")
    return Comparison(ratio, low, high, "faster" if low > 1 else "slower")


def _checked(where: str, samples: Sequence[float]) -> np.ndarray:
    values = np.asarray(samples, np.float64)
    if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
        problem, expected = "these are not times", "one or more positive numbers"
        raise ArgumentError(message(where, problem, expected=expected, got=list(samples)[:5]))
    return values
