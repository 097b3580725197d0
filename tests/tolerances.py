"""The only home of tolerances, and the one way to measure an error: max|Δ| / max|reference|.

A tolerance is a few times the largest error rounding can leave in correct code, so that a wrong
formula cannot hide under it.
"""

from __future__ import annotations

import numpy as np

KERNEL = {np.dtype(np.float32): 5e-6, np.dtype(np.float64): 1e-13}
"""A kernel against a loop oracle in float64, or against another algorithm."""

WINOGRAD = {np.dtype(np.float32): 3e-5, np.dtype(np.float64): 1e-13}
"""The same for Winograd's tiles, whose transforms multiply by up to 8 and subtract what is nearly equal:
about 5e-6 with 64 channels, growing with the root of their number."""

CROSSCHECK = 1e-5
"""float32 here against float32 in Keras, forward and gradients of one layer or loss."""

CANCELLING = 1e-4
"""The same for the gradient through a normalization: where two or three values share a mean and a variance,
it is a difference of numbers that nearly cancel."""

MOMENTS = 0.02
"""Mean (in standard deviations), standard deviation and 4th moment of 100,000 random numbers against
those of 100,000 others: the 4th moment of a normal distribution varies most, by √(24 / n) / 3 = 0.5 %."""

TRAINED = 5e-5
"""Losses and weights after a few training steps in float32: RMSprop and Adam divide by the size of the
gradient, so that the rounding of a small gradient grows to that of a large one."""

DERIVATIVE = 1e-7
"""A central difference with step 1e-6 in float64 against a gradient: rounding leaves about 1e-10 / 1e-6
of the value, curvature 1e-12."""


def relative_error(result, reference) -> float:
    """max|result - reference| / max|reference|; NaN if either holds a NaN."""
    result, reference = np.asarray(result, np.float64), np.asarray(reference, np.float64)
    assert result.shape == reference.shape, f"{result.shape} is not {reference.shape}"
    if reference.size == 0:
        return 0.0
    scale = np.abs(reference).max()
    return float(np.abs(result - reference).max() / (scale if scale > 0 else 1.0))


def assert_close(result, reference, tolerance: float) -> None:
    """The relative error must be at most the tolerance (a NaN is never)."""
    error = relative_error(result, reference)
    assert error <= tolerance, f"relative error {error:.3g} is larger than {tolerance:.3g}"
