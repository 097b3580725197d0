"""Everything that can be counted about each call of a layer, without computing it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import layers
from ..errors import ArgumentError, message
from ..geometry import conv_macs
from .fields import Fields, fields_behind, image_fields

__all__ = ["LayerFacts", "Totals", "layer_facts", "totals"]


@dataclass(frozen=True)
class LayerFacts:
    """What one call of a layer or function gives and costs, per image.

    `params` are 0 for the second call of a shared layer. `macs` (multiply-accumulates) are those of
    convolutions, dense layers and Dot; None where a size is open or the layer is not one of minicnn's.
    `fields` are the receptive fields along height and width, None where they are not known.
    """

    node: Any
    layer: Any
    name: str
    kind: str
    output_shape: Any
    params: int
    macs: int | None
    values: int | None
    activation_bytes: int | None
    fields: Fields | None

    @property
    def receptive_field(self) -> tuple[int, int] | None:
        """Pixels that a value sees, (height, width); of several branches, the widest."""
        return None if self.fields is None else (self.fields[0].pixels, self.fields[1].pixels)

    @property
    def smallest_field(self) -> tuple[int, int] | None:
        """Pixels seen through the narrowest branch."""
        if self.fields is None:
            return None
        return math.ceil(self.fields[0].smallest), math.ceil(self.fields[1].smallest)

    @property
    def jump(self) -> tuple[float, float] | None:
        """Pixels between the views of neighbouring values."""
        return None if self.fields is None else (float(self.fields[0].jump), float(self.fields[1].jump))

    @property
    def start(self) -> tuple[float, float] | None:
        """The middle of the first view; the middle of the first pixel is 0.5."""
        return None if self.fields is None else (float(self.fields[0].start), float(self.fields[1].start))


@dataclass(frozen=True)
class Totals:
    """Sums over all calls, per image; None where one of them is not known. ``flops = 2·macs``."""

    params: int
    macs: int | None
    values: int | None
    activation_bytes: int | None

    @property
    def flops(self) -> int | None:
        """Multiplications and additions of the counted layers; biases and activations are not counted."""
        return None if self.macs is None else 2 * self.macs


def layer_facts(model: Any) -> list[LayerFacts]:
    """Facts of every call in a Sequential or functional model, inputs first, in the order they run.

    Raises ArgumentError for a model whose graph is not known: a subclass, or a Sequential without an input.

    >>> from minicnn import Sequential
    >>> model = Sequential([layers.Input((28, 28, 1)), layers.Conv2D(32, 3), layers.MaxPooling2D()])
    >>> [(facts.kind, facts.macs, facts.receptive_field) for facts in layer_facts(model)]
    [('InputLayer', 0, (1, 1)), ('Conv2D', 194688, (3, 3)), ('MaxPooling2D', 0, (4, 4))]
    """
    graph = getattr(model, "graph", None)  # a Sequential without input says so itself
    if graph is None:
        hint = "Sequential and functional models have one; model(x) of a subclass runs any code."
        got = type(model).__name__
        problem = "the graph of the model is not known"
        raise ArgumentError(message("layer_facts", problem, got=got, hint=hint))
    starts = [symbol.node for symbol in graph.inputs]
    fields: dict[int, Fields | None] = {}
    for symbol in graph.inputs:
        fields[id(symbol)] = image_fields() if symbol.ndim == 4 else None
    counted: set[int] = set()
    return [_facts(node, fields, counted) for node in (*starts, *graph.nodes)]


def totals(facts: Sequence[LayerFacts]) -> Totals:
    """Sums of what `layer_facts` found."""
    return Totals(*(_sum([getattr(one, name) for one in facts]) for name in Totals.__annotations__))  # type: ignore[arg-type]


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _facts(node: Any, fields: dict[int, Fields | None], counted: set[int]) -> LayerFacts:
    layer = node.op if isinstance(node.op, layers.Layer) else None
    if node.input_symbols:  # those of an input are there already
        _follow(node, fields)
    params = 0
    for parameter in layer.weights if layer is not None else ():
        if id(parameter) not in counted:
            counted.add(id(parameter))
            params += parameter.size
    shapes = [symbol.shape for symbol in node.outputs]
    values = _sum([None if None in shape[1:] else math.prod(shape[1:]) for shape in shapes])
    size = np.dtype(node.outputs[0].dtype).itemsize
    return LayerFacts(
        node=node,
        layer=layer,
        name=node.name,
        kind=type(node.op).__name__.removesuffix("Function"),
        output_shape=shapes[0] if len(shapes) == 1 else shapes,
        params=params,
        macs=_macs(node),
        values=values,
        activation_bytes=None if values is None else values * size,
        fields=fields.get(id(node.outputs[0])),
    )


def _follow(node: Any, fields: dict[int, Fields | None]) -> None:
    """Put the receptive fields behind a node into `fields`; those inside a nested model are followed."""
    before = [fields.get(id(symbol)) for symbol in node.input_symbols]
    graph = getattr(node.op, "graph", None)
    if graph is not None and len(before) == len(graph.inputs):
        fields.update({id(inner): field for inner, field in zip(graph.inputs, before, strict=True)})
        for inner in graph.nodes:
            _follow(inner, fields)
        found = [fields.get(id(symbol)) for symbol in graph.outputs]
    else:
        shapes = [symbol.shape for symbol in node.input_symbols]
        found = [fields_behind(node.op, shapes, before)] * len(node.outputs)
    fields.update({id(symbol): field for symbol, field in zip(node.outputs, found, strict=True)})


def _macs(node: Any) -> int | None:
    """Multiply-accumulates of one image through a node.

    A transposed convolution writes its kernel once for each position of its *input*.
    """
    op: Any = node.op
    graph = getattr(op, "graph", None)
    if graph is not None:
        same = [symbol.shape for symbol in node.input_symbols] == [symbol.shape for symbol in graph.inputs]
        return _sum([_macs(inner) for inner in graph.nodes]) if same else None
    shape: Any = node.input_symbols[0].shape if node.input_symbols else ()
    out: Any = node.outputs[0].shape
    counts: list[Any]
    if isinstance(op, layers.Conv2DTranspose):
        counts = [(shape[1:3], op.kernel.shape)]
    elif isinstance(op, layers.SeparableConv2D):
        counts = [(out[1:3], op.depthwise_kernel.shape), (out[1:3], op.pointwise_kernel.shape)]
    elif isinstance(op, layers.Conv2D | layers.DepthwiseConv2D):
        counts = [(out[1:3], op.kernel.shape)]
    elif isinstance(op, layers.Dense):
        counts = [(shape[1:-1], op.kernel.shape)]
    elif isinstance(op, layers.Dot):
        axis = op.axes[0] if isinstance(op.axes, list | tuple) else op.axes
        counts = [(out[1:], (shape[axis],))]
    elif type(op).__name__ == "MatMulFunction":
        counts = [(out[1:], (shape[-1],))]
    else:
        own = isinstance(op, layers.Layer) and type(op).__name__ not in layers.__all__
        return None if own else 0
    if any(None in sizes for pair in counts for sizes in pair):
        return None
    return sum(conv_macs(sizes, kernel) for sizes, kernel in counts)
