"""TensorFlow as Keras runs it: NHWC, every pass compiled into a graph of its own by ``tf.function``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Problem
from .serve import Call, Peer, serve

__all__ = ["TensorFlowPeer"]


class TensorFlowPeer(Peer):
    """Convolutions by ``tf.nn.conv2d`` and the operations that its gradient is made of."""

    def __init__(self, threads: int) -> None:
        import keras
        import tensorflow as tf

        super().__init__(threads)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.tf, self.keras = tf, keras

    def versions(self) -> dict[str, str]:
        """TensorFlow's and Keras' versions."""
        return {"tensorflow": self.tf.__version__, "keras": self.keras.__version__}

    def layer(self, problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Call:
        """A pass as a compiled function of its two operands."""
        tf = self.tf
        (sh, sw), (rows, columns), (dh, dw) = problem.g
        strides, padding = [1, sh, sw, 1], [[0, 0], list(rows), list(columns), [0, 0]]
        filters = problem.w_shape
        window: dict[str, Any] = {"strides": strides, "padding": padding}
        if problem.depthwise:
            filters = (*problem.kernel_hw, problem.channels, problem.filters // problem.channels)
            window["dilations"] = [dh, dw]
            forward, input_grad, weight_grad = self._depthwise(window, problem, filters)
        else:
            window["dilations"] = [1, dh, dw, 1]
            forward, input_grad, weight_grad = self._convolution(window, problem)
        fn = {"forward": forward, "input_grad": input_grad, "weight_grad": weight_grad}[which]
        if which != "weight_grad":
            b = b.reshape(filters)
        compiled, operands = tf.function(fn, autograph=False), (tf.constant(a), tf.constant(b))
        shape = problem.shapes(which)[2]
        # Operations on a CPU are done when they return; .numpy() does not copy, and would wait.
        return Call(lambda: compiled(*operands), lambda result: result.numpy().reshape(shape))

    def _convolution(self, window: dict[str, Any], problem: Problem) -> tuple[Any, Any, Any]:
        """Forward and the two gradients of a convolution, groups included."""
        tf = self.tf
        explicit = [edge for pair in window["padding"] for edge in pair]
        raw = {"strides": window["strides"], "padding": "EXPLICIT", "explicit_paddings": explicit}
        raw["dilations"] = window["dilations"]
        x_shape, w_shape = tf.constant(problem.x_shape), tf.constant(problem.w_shape)
        return (
            lambda x, w: tf.nn.conv2d(x, w, **window),
            lambda gy, w: tf.raw_ops.Conv2DBackpropInput(
                input_sizes=x_shape, filter=w, out_backprop=gy, **raw
            ),
            lambda x, gy: tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=w_shape, out_backprop=gy, **raw
            ),
        )

    def _depthwise(self, window: dict[str, Any], problem: Problem, filters: Any) -> tuple[Any, Any, Any]:
        """The same of a depthwise convolution."""
        native = self.tf.nn
        return (
            lambda x, w: native.depthwise_conv2d(x, w, **window),
            lambda gy, w: native.depthwise_conv2d_backprop_input(problem.x_shape, w, gy, **window),
            lambda x, gy: native.depthwise_conv2d_backprop_filter(x, filters, gy, **window),
        )

    def network(self, **settings: Any) -> Any:
        """A Keras model, trained by its own `fit`."""
        from .keras_network import KerasSession

        return KerasSession(self.keras, **settings)


if __name__ == "__main__":
    serve(TensorFlowPeer)
