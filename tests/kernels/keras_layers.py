"""The output and the gradients of a Keras layer on JAX, for the cross-checks of the kernels."""

from __future__ import annotations

import numpy as np
import pytest


def output_and_gradients(layer, x, weights, gy, **arguments):
    """Return y, gx and the gradients of the trainable weights, for one array x."""
    pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    layer.build(x.shape)
    fixed = [v.value for v in layer.non_trainable_variables]

    def call(x, weights):
        return layer.stateless_call(weights, fixed, x, **arguments)[0]

    y, pull = jax.vjp(call, x, list(weights))
    gx, gweights = pull(gy)
    return np.asarray(y), np.asarray(gx), [np.asarray(g) for g in gweights]
