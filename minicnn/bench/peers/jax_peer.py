"""JAX as Keras runs it: NHWC, every pass compiled by XLA."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..problem import Problem
from .serve import Call, Peer, serve

__all__ = ["JaxPeer"]


class JaxPeer(Peer):
    """Convolutions by ``lax.conv_general_dilated``; gradients by transposing it, which is what JAX does."""

    def __init__(self, threads: int) -> None:
        # XLA has no switch for the threads of its CPU pool: it takes one for each processor it may use.
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        import jax
        import keras

        super().__init__(threads)
        self.jax, self.keras = jax, keras

    def versions(self) -> dict[str, str]:
        """JAX' and Keras' versions."""
        return {"jax": self.jax.__version__, "keras": self.keras.__version__}

    def layer(self, problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Call:
        """A pass as a compiled function of its two operands."""
        jax = self.jax
        stride, padding, dilation = problem.g

        def forward(x: Any, w: Any) -> Any:
            return jax.lax.conv_general_dilated(
                x,
                w,
                stride,
                padding,
                rhs_dilation=dilation,
                dimension_numbers=("NHWC", "HWIO", "NHWC"),
                feature_group_count=problem.groups,
            )

        def input_grad(gy: Any, w: Any) -> Any:
            like = jax.ShapeDtypeStruct(problem.x_shape, gy.dtype)
            return jax.linear_transpose(lambda x: forward(x, w), like)(gy)[0]

        def weight_grad(x: Any, gy: Any) -> Any:
            like = jax.ShapeDtypeStruct(problem.w_shape, x.dtype)
            return jax.linear_transpose(lambda w: forward(x, w), like)(gy)[0]

        fn = {"forward": forward, "input_grad": input_grad, "weight_grad": weight_grad}[which]
        compiled, operands = jax.jit(fn), (jax.device_put(a), jax.device_put(b))
        return Call(lambda: compiled(*operands).block_until_ready(), np.asarray)

    def network(self, **settings: Any) -> Any:
        """A Keras model, trained by its own `fit`."""
        from .keras_network import KerasSession

        return KerasSession(self.keras, **settings)


if __name__ == "__main__":
    serve(JaxPeer)
