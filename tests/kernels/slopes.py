"""Gradients against central differences, along a random direction and with a random upstream gradient."""

from __future__ import annotations

import numpy as np

from tests.tolerances import DERIVATIVE

STEP = 1e-6


def check_slopes(forward, arrays, gradients, rng):
    """Compare gradients(gy) with the slopes of forward(*arrays), one float64 array after the other.

    `gradients` returns one gradient for each array. The error is measured against the sum of the
    absolute terms, since the terms themselves may cancel.
    """
    arrays = list(arrays)
    gy = rng.normal(size=forward(*arrays).shape)
    found = gradients(gy)
    assert len(found) == len(arrays)
    for i, (array, gradient) in enumerate(zip(arrays, found, strict=True)):
        assert gradient.shape == array.shape
        direction = rng.normal(size=array.shape)
        ends = [forward(*arrays[:i], array + h * direction, *arrays[i + 1 :]) for h in (STEP, -STEP)]
        terms = gy * (ends[0] - ends[1]) / (2 * STEP)
        error = abs((gradient * direction).sum() - terms.sum()) / np.abs(terms).sum()
        assert error <= DERIVATIVE, f"argument {i}: the slope is off by {error:.3g}"
