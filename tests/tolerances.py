"""The only home of tolerances, and the one way to measure an error: max|Δ| / max|reference|.

A tolerance is a few times the largest error rounding can leave in correct code, so that a wrong
formula cannot hide under it.
"""

from __future__ import annotations

import numpy as np

KERNEL = {np.dtype(np.float32): 5e-6, np.dtype(np.float64): 1e-13}
"""A kernel against a loop oracle in float64, or against another algorithm."""


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

CROSSCHECK = 1e-5
"""float32 here against float32 in Keras, forward and gradients of one layer or loss."""
