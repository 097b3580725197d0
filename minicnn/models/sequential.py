"""Sequential: a stack of layers, each fed by the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ArgumentError, message
from ..layers.base import Layer, Shape
from ..layers.core import InputLayer
from ..layers.registry import deserialize, serialize
from .advice import following
from .functional import GraphModel
from .graph import Graph, Symbol, input_symbol


class Sequential(GraphModel):
    """A model whose layers follow one another.

    The input shape comes from an `Input` in front, from ``input_shape=`` of the first layer, or from the
    first data; until it is known the layers have no weights.

    >>> from minicnn import layers
    >>> model = Sequential([layers.Dense(10, activation="softmax", input_shape=(64,))])
    >>> model.output_shape
    (None, 10)
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._symbols: list[Symbol] = []  # the input, then the output of every layer
        if layers is not None and not isinstance(layers, list | tuple):
            got = type(layers).__name__
            raise ArgumentError(message(self.where, "layers", expected="a list of layers", got=got))
        given = list(layers or [])
        for i, layer in enumerate(given, 1):
            with following(given[i:]):  # for the advice that an error gives
                self._add(layer)
        self._connect()

    def add(self, layer: Any) -> None:
        """Put a layer (or, first, an `Input`) at the end."""
        self._add(layer)
        self._connect()

    def _add(self, layer: Any) -> None:
        if isinstance(layer, Symbol) and isinstance(layer.node.op, InputLayer):
            layer = layer.node.op
        if isinstance(layer, InputLayer):
            self._start(layer)
            return
        if not isinstance(layer, Layer):
            got = type(layer).__name__
            hint = "Write Dense(10), not Dense." if isinstance(layer, type) else None
            raise ArgumentError(message(self.where, "add", expected="a layer", got=got, hint=hint))
        if any(layer.name == known.name for known in self._sublayers):
            problem = f"two of its layers are called {layer.name!r}"
            raise ArgumentError(message(self.where, problem, hint="Give every layer its own name."))
        if not self._symbols and not self._sublayers and layer.batch_input_shape is not None:
            self._start(_input_for(layer.batch_input_shape, layer.dtype))
        if self._symbols:
            self._symbols.append(layer(self._symbols[-1]))  # if the shapes do not fit, the model stays
        elif not self._sublayers:
            self.dtype = layer.dtype  # what arrays are cast to at the door
        self._track(layer)

    def _start(self, layer: InputLayer) -> None:
        if self._symbols or self._sublayers:
            raise ArgumentError(message(self.where, "an Input can only come first, and once"))
        self._symbols = [layer._nodes[0].output if layer._nodes else input_symbol(layer)]

    def _connect(self) -> None:
        if not self._symbols:
            return
        self.graph = Graph(self._symbols[:1], self._symbols[-1:], self.where)
        self.dtype = str(self._symbols[0].dtype)
        self.built = True

    def pop(self) -> Layer:
        """Take the last layer away and return it."""
        if not self._sublayers:
            raise ArgumentError(message(self.where, "there is no layer to take away"))
        layer = self._sublayers.pop()
        if self._symbols:
            node = self._symbols.pop().node
            layer._nodes = [other for other in layer._nodes if other is not node]
            self._connect()
        return layer

    def build(self, input_shape: Shape) -> None:
        """Make all weights, for data of this shape (with the batch axis)."""
        if not self._symbols:
            symbols = [input_symbol(_input_for((None, *input_shape[1:]), self.dtype))]
            try:
                for i, layer in enumerate(self._sublayers, 1):
                    with following(self._sublayers[i:]):
                        symbols.append(layer(symbols[-1]))
            except BaseException:  # a model that does not fit its data must not keep half a graph
                for layer, symbol in zip(self._sublayers, symbols[1:], strict=False):
                    layer._nodes = [node for node in layer._nodes if node is not symbol.node]
                raise
            self._symbols = symbols
            self._connect()

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape for an input shape."""
        self.build_for(input_shape)
        return super().compute_output_shape(input_shape)

    def __getattr__(self, name: str) -> Any:
        if name == "graph":
            hint = "Put layers.Input(shape) first, or call the model on data once."
            raise ArgumentError(message(self.where, "its input shape is not known yet", hint=hint))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "name": self.name,
            "layers": [serialize(layer) for layer in self._sublayers],
        }
        if self._symbols:
            config["input"] = serialize(self._symbols[0].node.op)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sequential:
        start = [config["input"]] if "input" in config else []
        return cls([deserialize(data) for data in [*start, *config["layers"]]], name=config["name"])


def _input_for(batch_shape: Sequence[int | None], dtype: str) -> InputLayer:
    return InputLayer(batch_shape[1:], batch_shape[0], dtype=dtype)
