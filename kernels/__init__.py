"""The kernel contract: what every numerical routine of minicnn promises, in every backend.

A kernel is a plain function on arrays. It knows nothing of tensors, layers or gradients-to-be;
it is handed arrays and resolved integers, and returns arrays. One folder holds one idea: its
``__init__.py`` states the equation and its backward, ``reference.py`` is the readable NumPy
specification (where that would be long, it gathers the names from files of one idea each), and
further files are faster executions of the same functions. A new execution is correct when it has
the same names, parameters and results as ``reference.py``.

Arrays
    Images are NHWC ``(n, h, w, c)``, convolution weights HWIO ``(kh, kw, c/groups, f)``.
    Results have the dtype of the inputs, float32 or float64, and all float inputs of one call
    share it. Inputs may be non-contiguous and are never changed; a function whose name ends in
    ``_`` is the exception and writes in its first arguments.
``out=``
    A function that returns one array takes ``out=None`` as its last parameter. The result is
    written there and the same array returned. ``out`` is C-contiguous, of exactly the right
    shape and dtype, and shares no memory with the inputs; only the kernels that work element by
    element or row by row (bias_activation_forward, activation_grad, activation_forward,
    activation_input_grad, prelu_forward, softmax_forward, softmax_grad, log_softmax_*, dropout_*,
    gaussian_noise_forward, batch_norm_inference) accept their first input as ``out``.
Geometry
    ``g = (stride, pad, dilation) = ((sh, sw), ((top, bottom), (left, right)), (dh, dw))`` and
    ``out_hw = (oh, ow)`` are resolved integers. Kernels compute no padding rule; they only
    check that the last window ends inside the padded input.
NaN
    A NaN in an input reaches every result that depends on it, through ReLU and max too.
Errors
    A ValueError whose text is a sentence: ``<where>: <what is wrong>. Expected …, got ….``
Algorithms
    Where an operation can be computed in several ways, ``reference.py`` lists them in
    ``ALGORITHMS`` and the function takes ``algorithm="auto"``.

``OPERATIONS`` says which folder holds which operation: ``"dense_forward"`` lives in
``dense/reference.py``. Nothing is imported here, so asking for one kernel loads only that one.
"""

from __future__ import annotations

__all__ = ["FUSED", "OPERATIONS"]

_FOLDERS = {
    "philox": ("philox4x32", "random_bits", "random_uniform"),
    "im2col": ("im2col", "col2im"),
    "conv2d": ("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad", "conv2d_plan"),
    "depthwise": (
        "depthwise_conv2d_forward",
        "depthwise_conv2d_input_grad",
        "depthwise_conv2d_weight_grad",
    ),
    "pool2d": (
        "max_pool2d_forward",
        "max_pool2d_input_grad",
        "avg_pool2d_forward",
        "avg_pool2d_input_grad",
        "adaptive_avg_pool2d_forward",
        "adaptive_avg_pool2d_input_grad",
    ),
    "dense": ("dense_forward", "dense_input_grad", "dense_weight_grad", "dense_plan"),
    "activation": (
        "bias_activation_forward",
        "activation_grad",
        "bias_grad",
        "activation_forward",
        "activation_input_grad",
        "prelu_forward",
        "prelu_grad",
    ),
    "softmax": (
        "softmax_forward",
        "softmax_grad",
        "log_softmax_forward",
        "log_softmax_grad",
        "softmax_cross_entropy_forward",
        "softmax_cross_entropy_grad",
    ),
    "norm": (
        "batch_norm_forward",
        "batch_norm_inference",
        "batch_norm_grad",
        "layer_norm_forward",
        "layer_norm_grad",
        "group_norm_forward",
        "group_norm_grad",
    ),
    "spatial": ("pad2d", "crop2d", "upsample2d_forward", "upsample2d_input_grad"),
    "dropout": ("dropout_forward", "dropout_grad", "gaussian_noise_forward"),
    "optimizer": (
        "sgd_update_",
        "rmsprop_update_",
        "adam_update_",
        "adagrad_update_",
        "weight_decay_",
    ),
}

OPERATIONS: dict[str, str] = {op: folder for folder, ops in _FOLDERS.items() for op in ops}

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
