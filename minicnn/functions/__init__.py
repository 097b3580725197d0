"""Stateless differentiable operations, one idea a file.

Each public function takes Tensors, arrays or numbers, checks what the user passed, and applies a
`Function` (the node class right above it in the same file).
"""

from __future__ import annotations

from ..autograd import Function
from . import (
    activation,
    activation_from_input,
    arithmetic,
    conv,
    conv_transpose,
    depthwise,
    extremes,
    loss,
    noise,
    norm,
    pool,
    reduce,
    shape,
    spatial,
)
from . import dropout as _dropout
from . import linear as _linear
from .activation import log_softmax, logits_of, relu, sigmoid, softmax, tanh
from .activation_from_input import (
    elu,
    gelu,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    prelu,
    relu6,
    selu,
    silu,
    softplus,
    softsign,
)
from .arithmetic import absolute, clip, exp, log, power, sqrt, where
from .conv import col2im, conv2d, im2col
from .conv_transpose import conv2d_transpose
from .depthwise import depthwise_conv2d, separable_conv2d
from .dropout import dropout
from .extremes import maximum, minimum
from .linear import dense, matmul
from .loss import sigmoid_cross_entropy, softmax_cross_entropy
from .noise import gaussian_noise
from .norm import batch_norm, batch_norm_inference, group_norm, layer_norm
from .operators import attach
from .pool import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from .reduce import max, mean, sum
from .shape import astype, concatenate, getitem, reshape, transpose
from .spatial import crop2d, pad2d, upsample2d

__all__ = [
    "FUNCTIONS",
    "absolute",
    "adaptive_avg_pool2d",
    "astype",
    "attach",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_inference",
    "clip",
    "col2im",
    "concatenate",
    "conv2d",
    "conv2d_transpose",
    "crop2d",
    "dense",
    "depthwise_conv2d",
    "dropout",
    "elu",
    "exp",
    "gaussian_noise",
    "gelu",
    "getitem",
    "group_norm",
    "hard_sigmoid",
    "hard_silu",
    "im2col",
    "layer_norm",
    "leaky_relu",
    "log",
    "log_softmax",
    "logits_of",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "minimum",
    "pad2d",
    "power",
    "prelu",
    "relu",
    "relu6",
    "reshape",
    "selu",
    "separable_conv2d",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softsign",
    "sqrt",
    "sum",
    "tanh",
    "transpose",
    "upsample2d",
    "where",
]

_FILES = (
    activation,
    activation_from_input,
    arithmetic,
    conv,
    conv_transpose,
    depthwise,
    _dropout,
    extremes,
    _linear,
    loss,
    noise,
    norm,
    pool,
    reduce,
    shape,
    spatial,
)

# Node classes by name: what a saved model may contain.
FUNCTIONS: dict[str, type[Function]] = {
    name: item
    for file in _FILES
    for name, item in vars(file).items()
    if isinstance(item, type) and issubclass(item, Function) and item.equation
}
