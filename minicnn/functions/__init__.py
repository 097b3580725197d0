"""Stateless differentiable operations, one idea a file.

Each public function takes Tensors, arrays or numbers, checks what the user passed, and applies a
`Function` (the node class right above it in the same file).
"""

from __future__ import annotations

from ..autograd import Function
from . import activation, arithmetic, conv, loss, pool, reduce, shape
from . import dropout as _dropout
from . import linear as _linear
from .activation import logits_of, relu, sigmoid, softmax, tanh
from .arithmetic import absolute, clip, exp, log, power, sqrt, where
from .conv import col2im, conv2d, im2col
from .dropout import dropout
from .linear import dense, matmul
from .loss import sigmoid_cross_entropy, softmax_cross_entropy
from .operators import attach
from .pool import avg_pool2d, max_pool2d
from .reduce import max, mean, sum
from .shape import astype, concatenate, getitem, reshape, transpose

__all__ = [
    "FUNCTIONS",
    "absolute",
    "astype",
    "attach",
    "avg_pool2d",
    "clip",
    "col2im",
    "concatenate",
    "conv2d",
    "dense",
    "dropout",
    "exp",
    "getitem",
    "im2col",
    "log",
    "logits_of",
    "matmul",
    "max",
    "max_pool2d",
    "mean",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "sigmoid_cross_entropy",
    "softmax",
    "softmax_cross_entropy",
    "sqrt",
    "sum",
    "tanh",
    "transpose",
    "where",
]

_FILES = (activation, arithmetic, conv, _dropout, _linear, loss, pool, reduce, shape)

# Node classes by name: what a saved model may contain.
FUNCTIONS: dict[str, type[Function]] = {
    name: item
    for file in _FILES
    for name, item in vars(file).items()
    if isinstance(item, type) and issubclass(item, Function) and item.equation
}
