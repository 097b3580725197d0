"""Convolution compiled for this processor; one algorithm a file.

.. code-block:: text

    direct.py   micro-kernels that read the image in place; any window, stride, dilation and groups
    gemm.py     1×1 windows: the same micro-kernels on long rows of pixels
    winograd.py 3×3 windows by tiles of 4×4 pixels, with a quarter of the multiplications
    winograd_planes.py  the same for many channels and few tiles
    im2col.py   windows copied to a matrix, tile by tile
    passes.py   the three kernels and their plan

``naive`` is the reference's own.
"""

from __future__ import annotations

from ..reference import (
    WORKSPACE_LIMIT,
    conv2d_forward_im2col,
    conv2d_input_grad_im2col,
    conv2d_weight_grad_im2col,
)
from .passes import (
    ALGORITHMS,
    conv2d_forward,
    conv2d_input_grad,
    conv2d_plan,
    conv2d_weight_grad,
)

__all__ = [
    "ALGORITHMS",
    "WORKSPACE_LIMIT",
    "conv2d_forward",
    "conv2d_forward_im2col",
    "conv2d_input_grad",
    "conv2d_input_grad_im2col",
    "conv2d_plan",
    "conv2d_weight_grad",
    "conv2d_weight_grad_im2col",
]
