"""Where windows fall: the only home of size arithmetic in minicnn.

Everything here is plain integers; kernels receive the results and never compute a size themselves.

Glossary, used in every kernel and function:

====================  ==================================================================
``x w b y``           input, weights (kernel), bias, output
``gx gw gb gy``       the gradients of the loss with respect to them
``n h w c``           images in the batch, height, width, channels of the input (NHWC)
``kh kw``             kernel (window) height and width
``sh sw``, ``dh dw``  strides and dilations
``oh ow``, ``f``      output height and width, filters (output channels)
``g``                 a `Window`: (stride, pad, dilation), all resolved to integers
====================  ==================================================================

`windows.py` holds windows that slide over an image, `resizing.py` what makes images larger or smaller,
`fields.py` which pixels a value sees.
"""

from __future__ import annotations

from .fields import (
    Field,
    field_enlarged,
    field_joined,
    field_shifted,
    field_through,
    field_through_transposed,
)
from .resizing import cropped_shape, padded_shape, resolve_transposed_window, upsampled_shape
from .windows import (
    Pads,
    Window,
    conv_macs,
    conv_shape,
    extent,
    fans,
    output_size,
    pair,
    resolve_padding,
    resolve_window,
    same_padding,
    sides,
    size_formula,
)

__all__ = [
    "Field",
    "Pads",
    "Window",
    "conv_macs",
    "conv_shape",
    "cropped_shape",
    "extent",
    "fans",
    "field_enlarged",
    "field_joined",
    "field_shifted",
    "field_through",
    "field_through_transposed",
    "output_size",
    "padded_shape",
    "pair",
    "resolve_padding",
    "resolve_transposed_window",
    "resolve_window",
    "same_padding",
    "sides",
    "size_formula",
    "upsampled_shape",
]
