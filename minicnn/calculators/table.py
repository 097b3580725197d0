"""The table of sizes and weights in which CS231n takes VGG apart, for any plain stack of layers."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import layers
from ..errors import ArgumentError, message
from .facts import LayerFacts, layer_facts

__all__ = ["Row", "notes_rows", "notes_table"]

# The sums of VGG16's rows. The notes print 24M values and 93 MB below these very rows.
_VGG16_VALUES = 15_237_608
_REMARK = (
    "The course notes give 24M values, 93 MB for these rows. They add up to 15.2M: "
    "15,237,608 values, 60.95 MB."
)


class Row(NamedTuple):
    """One line of the table: what a layer gives, and its weights without biases."""

    title: str
    shape: tuple[int, ...]
    values: int
    weights: int
    biases: int
    product: str

    def __str__(self) -> str:
        size = "x".join(map(str, self.shape))
        memory = "*".join(map(str, self.shape)) + f"={_rounded(self.values)}"
        if self.shape[:2] == (1, 1):
            memory = str(self.values)
        weights = f"{self.product} = {self.weights:,}" if self.weights else "0"
        return f"{self.title + ':':<11}{f'[{size}]':<14}  memory: {memory:<20}  weights: {weights}"


def _rounded(count: int) -> str:
    """Two digits and a unit.

    >>> [_rounded(count) for count in (3211264, 150528, 4096)]
    ['3.2M', '150K', '4096']
    """
    if count >= 1e6:
        return f"{count / 1e6:.1f}M"
    return f"{float(f'{count / 1e3:.2g}'):.0f}K" if count >= 1e4 else str(count)


def notes_rows(model: Any) -> list[Row]:
    """The rows for a model of one input and square windows; activations and Flatten have none.

    >>> from minicnn import Sequential
    >>> stack = [layers.Input((32, 32, 3)), layers.Conv2D(12, 5, padding=2), layers.MaxPooling2D()]
    >>> model = Sequential(stack)
    >>> for row in notes_rows(model):
    ...     print(row)
    INPUT:     [32x32x3]       memory: 32*32*3=3072          weights: 0
    CONV5-12:  [32x32x12]      memory: 32*32*12=12K          weights: (5*5*3)*12 = 900
    POOL2:     [16x16x12]      memory: 16*16*12=3072         weights: 0
    """
    return [row for facts in layer_facts(model) if (row := _row(facts)) is not None]


def _row(facts: LayerFacts) -> Row | None:
    layer, shape = facts.layer, facts.output_shape
    if isinstance(layer, layers.Flatten | layers.Dropout | layers.Activation | layers.ReLU | layers.Softmax):
        return None
    if isinstance(layer, layers.InputLayer):
        title, product = "INPUT", ""
    elif type(layer) is layers.Conv2D:
        kh, kw, c, f = layer.kernel.shape
        title, product = f"CONV{kh}-{f}", f"({kh}*{kw}*{c})*{f}"
    elif isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
        title, product = f"POOL{layer.pool_size[0]}", ""
    elif isinstance(layer, layers.Dense):
        title, product = "FC", "*".join(map(str, (*_flattened(facts), layer.units)))
    else:
        hint = "Use model.summary(wide=True)."
        got = f"{facts.name!r} ({facts.kind})"
        expected = "convolutions, poolings and dense layers"
        raise ArgumentError(
            message("notes_table", "it has no row for a layer", expected=expected, got=got, hint=hint)
        )
    if facts.values is None:
        raise ArgumentError(message("notes_table", "a size is open", got=shape, hint="Fix the Input's size."))
    sizes = (1, 1, *shape[1:]) if len(shape) == 2 else shape[1:]
    weights = layer.kernel.size if product else 0
    return Row(title, tuple(sizes), facts.values, weights, facts.params - weights, product)


def _flattened(facts: LayerFacts) -> tuple[int, ...]:
    """The sizes behind a dense layer's inputs: those of the image in front of its Flatten."""
    (source,) = facts.node.input_symbols
    while isinstance(source.node.op, layers.Flatten | layers.Dropout):
        (source,) = source.node.input_symbols
    return tuple(source.shape[1:])


def notes_table(model: Any) -> str:
    """`notes_rows` as text, with their sums.

    Raises ArgumentError for layers that the table has no row for. Source: CS231n, Convolutional Networks,
    "VGGNet in detail".
    """
    rows = notes_rows(model)
    values, weights, biases = (
        sum(getattr(row, name) for row in rows) for name in ("values", "weights", "biases")
    )
    lines = [
        *map(str, rows),
        "",
        f"TOTAL memory: {values:,} values * 4 bytes = {values * 4 / 1e6:.2f} MB / image (forward only)",
        f"TOTAL params: {weights:,} weights + {biases:,} biases = {weights + biases:,}",
    ]
    return "\n".join([*lines, _REMARK] if values == _VGG16_VALUES else lines)
