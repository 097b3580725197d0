"""Fused kernels: several operations in one pass over memory, where nobody can tell the difference.

A convolution writes its result, a bias is read and written over it, ReLU once more, pooling reads it
again: four trips to memory for what can be done while the numbers are in registers. Each kernel here stands
for the plain kernels that `FUSED` names, one after the other, and gives the same bits. It has no reference
but them, and runs only if none of them is replaced; backends without a file here run the plain ones.
"""

from __future__ import annotations

__all__ = ["FUSED"]

FUSED: dict[str, tuple[str, ...]] = {
    "conv2d_bias_activation_forward": ("conv2d_forward", "im2col", "bias_activation_forward"),
    "conv2d_bias_activation_max_pool2d_forward": (
        "conv2d_forward",
        "im2col",
        "bias_activation_forward",
        "max_pool2d_forward",
    ),
    "dense_bias_activation_forward": ("dense_forward", "bias_activation_forward"),
    "bias_activation_grad": ("activation_grad", "bias_grad"),
    "max_pool2d_bias_activation_grad": ("max_pool2d_input_grad", "activation_grad", "bias_grad"),
    "batch_norm_activation_forward": ("batch_norm_forward", "bias_activation_forward"),
    "batch_norm_activation_grad": ("activation_grad", "batch_norm_grad"),
    "add_activation_forward": ("bias_activation_forward",),
}
"""Fused kernel -> the plain kernels it stands for, in their order."""
