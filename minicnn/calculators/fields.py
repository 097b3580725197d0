"""How each kind of layer changes the receptive field; the arithmetic is in `minicnn.geometry.fields`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import layers
from ..geometry import (
    Field,
    field_enlarged,
    field_joined,
    field_shifted,
    field_through,
    field_through_transposed,
    pair,
    resolve_transposed_window,
    resolve_window,
)
from ..layers.activation import Elementwise
from ..layers.merge import Merge

__all__ = ["Fields", "fields_behind", "image_fields"]

Fields = tuple[Field, Field]  # along height and width
_OPEN = 5040  # stands for an open size: a multiple of all usual strides

# Operations that look at one value of each input. They see what their inputs see, united.
_VALUE_BY_VALUE = (
    "Absolute Add Cast Clip Compare Divide ELU Exp GELU GaussianNoise HardSiLU HardSigmoid "
    "LeakyReLU Log Maximum Minimum Multiply Negative PReLU Power ReLU ReLU6 SELU SiLU Sigmoid "
    "Softplus Softsign Sqrt Subtract Tanh Where Dropout"
)
_NAMES = {f"{name}Function" for name in _VALUE_BY_VALUE.split()}


def image_fields() -> Fields:
    """The pixels of the image themselves."""
    return Field(), Field()


def fields_behind(op: Any, shapes: Sequence[Any], before: Sequence[Fields | None]) -> Fields | None:
    """Receptive fields behind a layer or function; None where they are not known.

    `shapes` and `before` belong to its inputs.
    """
    known = [fields for fields in before if fields is not None]
    if not known or len(known) != len(before):
        return None
    if isinstance(op, _UNCHANGED) or type(op).__name__ in _NAMES:
        return _joined(known)
    rule = next((rule for kind, rule in _RULES.items() if isinstance(op, kind)), None)
    return None if rule is None else rule(op, shapes[0], known[0])


def _joined(fields: Sequence[Fields]) -> Fields | None:
    rows, columns = (field_joined([pair[axis] for pair in fields]) for axis in (0, 1))
    return None if rows is None or columns is None else (rows, columns)


def _sizes(shape: Any) -> tuple[int, int]:
    h, w = (_OPEN if size is None else size for size in shape[1:3])
    return h, w


def _per_axis(rule: Callable[..., Field], fields: Fields, *arguments: Any) -> Fields:
    """`rule` along height, then width; each argument is a pair."""
    rows, columns = (rule(fields[axis], *(pair[axis] for pair in arguments)) for axis in (0, 1))
    return rows, columns


def _window(op: Any, shape: Any, fields: Fields) -> Fields:
    kernel = op.pool_size if hasattr(op, "pool_size") else op.kernel_size
    dilation, ceil_mode = getattr(op, "dilation_rate", 1), getattr(op, "ceil_mode", False)
    g, _ = resolve_window(op.where, _sizes(shape), kernel, op.strides, op.padding, dilation, ceil_mode)
    tops = (g.pad[0][0], g.pad[1][0])
    return _per_axis(field_through, fields, kernel, g.stride, tops, g.dilation)


def _transposed(op: Any, shape: Any, fields: Fields) -> Fields:
    window = (op.kernel_size, op.strides, op.padding, op.output_padding, op.dilation_rate)
    g, _ = resolve_transposed_window(op.where, _sizes(shape), *window)
    tops = (g.pad[0][0], g.pad[1][0])
    return _per_axis(field_through_transposed, fields, op.kernel_size, g.stride, tops, g.dilation)


def _whole_image(op: Any, shape: Any, fields: Fields) -> Fields | None:
    """Global pooling is a window of the size of the image; a Flatten hands on all of it."""
    if len(shape) != 4:
        return fields
    if None in shape[1:3]:
        return None
    size = _sizes(shape)
    return _per_axis(field_through, fields, size, size)


def _adaptive(op: Any, shape: Any, fields: Fields) -> Fields | None:
    size = _sizes(shape)
    if None in shape[1:3] or size[0] % op.output_size[0] or size[1] % op.output_size[1]:
        return None  # windows of different sizes
    window = (size[0] // op.output_size[0], size[1] // op.output_size[1])
    return _per_axis(field_through, fields, window, window)


def _upsampled(op: Any, shape: Any, fields: Fields) -> Fields:
    neighbours = 1 if op.interpolation == "nearest" else 2
    return _per_axis(field_enlarged, fields, op.size, pair(neighbours, "UpSampling2D", "neighbours"))


def _padded(op: Any, shape: Any, fields: Fields) -> Fields:
    return _per_axis(field_shifted, fields, (-op.padding[0][0], -op.padding[1][0]))


def _cropped(op: Any, shape: Any, fields: Fields) -> Fields:
    return _per_axis(field_shifted, fields, (op.cropping[0][0], op.cropping[1][0]))


# Normalizations count as value by value: their statistics see more, as is usual not counted.
_UNCHANGED = (
    layers.InputLayer,
    Elementwise,
    Merge,
    layers.Dense,
    layers.BatchNormalization,
    layers.LayerNormalization,
    layers.GroupNormalization,
)
_RULES: dict[Any, Callable[..., Fields | None]] = {
    layers.Conv2DTranspose: _transposed,
    (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D): _window,
    (layers.MaxPooling2D, layers.AveragePooling2D): _window,
    (layers.GlobalMaxPooling2D, layers.GlobalAveragePooling2D, layers.Flatten): _whole_image,
    layers.AdaptiveAveragePooling2D: _adaptive,
    layers.UpSampling2D: _upsampled,
    layers.ZeroPadding2D: _padded,
    layers.Cropping2D: _cropped,
}
