"""What convolutions and Dense share: a kernel, perhaps a bias, and an activation behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers, regularizers
from .base import Layer


class BiasAndActivation(Layer):
    """Base of layers with ``y = activation(… + bias)``; what stands before the bias is theirs.

    `activation` is a name, a function or None; initializers and regularizers are names or objects.
    """

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

    @property
    def limit(self) -> str | None:
        """The activation's name where it can be fused with what stands before it: "relu" or "linear"."""
        known = {activations.relu: "relu", activations.linear: "linear"}
        return known.get(self.activation)

    def add_bias(self, outputs: int) -> None:
        """Make ``bias`` (None without one); called by `build` after the kernels."""
        self.bias = None
        if self.use_bias:
            initializer, regularizer = self.bias_initializer, self.bias_regularizer
            self.bias = self.add_weight((outputs,), initializer, name="bias", regularizer=regularizer)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "activation": activations.serialize(self.activation, self.where),
            "use_bias": self.use_bias,
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer, self.where),
        }


class KernelAndBias(BiasAndActivation):
    """Base of layers with ``y = activation(x ∘ kernel + bias)`` for some linear operation ∘."""

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activation, use_bias, bias_initializer, bias_regularizer, **kwargs)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def add_kernel_and_bias(self, kernel_shape: Sequence[int], outputs: int) -> None:
        """Make ``kernel`` and ``bias`` (None without one); called by `build`."""
        initializer, regularizer = self.kernel_initializer, self.kernel_regularizer
        self.kernel = self.add_weight(kernel_shape, initializer, name="kernel", regularizer=regularizer)
        self.add_bias(outputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer, self.where),
        }
