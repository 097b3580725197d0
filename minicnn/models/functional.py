"""Model: layers with training, and Functional: a model defined by symbols."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError, FileFormatError, message
from ..layers.base import Layer, Shape
from ..layers.core import InputLayer
from ..layers.registry import deserialize, serialize
from .arguments import in_order
from .graph import Graph, Symbol, check_input
from .nodes import node_from_data, node_to_data
from .training import Trainer


class Model(Trainer, Layer):
    """A layer that can be trained, evaluated and saved.

    ``Model(inputs, outputs)`` makes a model from the symbols between them (any graph: shared layers,
    sub-models, inner symbols as outputs); a subclass with its own `call` is a model too.

    >>> import numpy as np
    >>> from minicnn import layers
    >>> x = layers.Input((28, 28, 1))
    >>> h = layers.Conv2D(8, 3, strides=2, activation="relu")(x)
    >>> model = Model(x, layers.Dense(10)(layers.Flatten()(h)))
    >>> model(np.zeros((2, 28, 28, 1))).shape
    (2, 10)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        given = args or "inputs" in kwargs or "outputs" in kwargs
        return object.__new__(Functional if cls is Model and given else cls)

    @property
    def layers(self) -> list[Layer]:
        """The layers it consists of (not those inside them)."""
        return list(self._inner())

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by position."""
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                expected = f"an index below {len(self.layers)}"
                raise ArgumentError(message(self.where, "no such layer", expected=expected, got=index))
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise ArgumentError(message(self.where, "no such layer", expected=f"one of {known}", got=repr(name)))

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
        wide: bool = False,
    ) -> None:
        """Print a table of the layers with output shapes and parameters, as Keras does.

        `positions`: where the columns end, as shares of `line_length`; `print_fn`: gets the whole text;
        `expand_nested`: with the layers of models inside; `show_trainable`: with a column for it;
        `layer_range`: first and last row, as names or regular expressions; `wide`: with multiply-accumulates,
        bytes of the outputs and receptive field, per image.
        """
        from .summary import summary_text  # loads rich, which training and tests can do without

        settings = (line_length, positions, expand_nested, show_trainable, layer_range, wide)
        (print_fn or print)(summary_text(self, *settings))

    def sanity(self, x: Any, y: Any) -> Any:
        """Check model and data before a long training, see `minicnn.inspect.sanity`."""
        from ..inspect.sanity import sanity

        return sanity(self, x, y)

    def save(self, path: Any) -> None:
        """Write architecture, weights and training state into one ``.safetensors`` file."""
        from .saving import save_model

        save_model(self, path)

    def save_weights(self, path: Any) -> None:
        """Write the weights alone into a ``.safetensors`` file."""
        from .saving import save_weights

        save_weights(self, path)

    def load_weights(self, path: Any) -> None:
        """Read weights written by `save_weights` or `save` into this model of the same layers."""
        from .saving import load_weights

        load_weights(self, path)


class GraphModel(Model):
    """What Functional and Sequential share: a graph that runs."""

    graph: Graph
    _input_keys: list[str] | None = None  # of a model made with dicts
    _output_keys: list[str] | None = None

    @property
    def inputs(self) -> list[Symbol]:
        """Its input symbols."""
        return self.graph.inputs

    @property
    def outputs(self) -> list[Symbol]:
        """Its output symbols."""
        return self.graph.outputs

    @property
    def input_names(self) -> list[str]:
        """Names of its inputs: the keys of the dict it was made with, or those of their layers."""
        return self._input_keys or [symbol.name for symbol in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of its outputs: the keys of the dict it was made with, or those of the layers they come from.

        They are numbered where one layer gives several.
        """
        if self._output_keys is not None:
            return list(self._output_keys)
        names = [symbol.name for symbol in self.outputs]
        before = (names[:i].count(name) for i, name in enumerate(names))
        return [f"{name}_{k}" if k else name for name, k in zip(names, before, strict=True)]

    @property
    def input(self) -> Any:
        """Its input symbol, a list of several, or the dict it was made with."""
        return _arranged(self.inputs, self._input_keys)

    @property
    def output(self) -> Any:
        """Its output symbol, a list of several, or the dict it was made with."""
        return _arranged(self.outputs, self._output_keys)

    @property
    def input_shape(self) -> Any:
        """Shape of its input, or a list of several."""
        shapes = [symbol.shape for symbol in self.inputs]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """Shape of its output, or a list of several."""
        shapes = [symbol.shape for symbol in self.outputs]
        return shapes[0] if len(shapes) == 1 else shapes

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Apply the model; several inputs come in a list, or in a dict by name."""
        if inputs and isinstance(inputs[0], dict):
            inputs = (in_order(inputs[0], self.input_names, self.where), *inputs[1:])
        return super().__call__(*inputs, **kwargs)

    def call(self, x: Any) -> Any:
        tensors = list(x) if isinstance(x, list | tuple) else [x]
        if len(tensors) != len(self.inputs):
            raise ArgumentError(
                message(self.where, "wrong number of inputs", expected=len(self.inputs), got=len(tensors))
            )
        for tensor, symbol in zip(tensors, self.inputs, strict=True):
            check_input(tensor, symbol, self.where)
        return self._structured(self.graph.run(tensors))

    def _structured(self, results: list[Any]) -> Any:
        """Results as the model was made: one, a list, or a dict."""
        if self._output_keys is not None:
            return dict(zip(self._output_keys, results, strict=True))
        return results[0] if self._single else results

    @property
    def _single(self) -> bool:
        return len(self.outputs) == 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape (a list for several outputs) for other input shapes."""
        if isinstance(input_shape, dict):
            input_shape = in_order(input_shape, self.input_names, self.where)
        shapes = self.graph.shapes(input_shape if isinstance(input_shape, list) else [input_shape])
        return self._structured(shapes)


class Functional(GraphModel):
    """A model made of the nodes between input and output symbols; `Model(inputs, outputs)` makes one.

    Both are a symbol, a list, or a dict of them; what comes out is arranged as `outputs` is. Dicts go by the
    order of their keys, as in Keras.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._input_keys, inputs = _by_key(inputs, self.where)
        self._output_keys, outputs = _by_key(outputs, self.where)
        inputs = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        self._list_output = isinstance(outputs, list | tuple)
        outputs = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
        self.graph = Graph(inputs, outputs, self.where)
        self.dtype = str(self.inputs[0].dtype)  # what arrays are cast to at the door
        for layer in self.graph.layers():
            self._track(layer)
        names = [layer.name for layer in self.layers]
        double = next((layer for layer in names if names.count(layer) > 1), None)
        if double is not None:
            raise ArgumentError(
                message(self.where, f"two of its layers are called {double!r}", hint="Rename one.")
            )
        self.built = True

    @property
    def _single(self) -> bool:
        return not self._list_output

    def get_config(self) -> dict[str, Any]:
        numbers = {id(symbol): [i, 0] for i, symbol in enumerate(self.inputs)}
        for i, node in enumerate(self.graph.nodes, len(self.inputs)):
            numbers.update({id(symbol): [i, k] for k, symbol in enumerate(node.outputs)})
        starts = [_input_layer(symbol, i) for i, symbol in enumerate(self.inputs)]
        others = [layer for layer in self.layers if layer not in starts]

        def reference(symbol: Symbol) -> dict[str, Any]:
            return {"symbol": numbers[id(symbol)]}

        return {
            "name": self.name,
            "layers": [serialize(layer) for layer in (*starts, *others)],
            "nodes": [
                *({"layer": layer.name, "inputs": [], "kwargs": {}} for layer in starts),
                *(node_to_data(node, reference, self.where) for node in self.graph.nodes),
            ],
            "inputs": [numbers[id(symbol)] for symbol in self.inputs],
            "outputs": [numbers[id(symbol)] for symbol in self.outputs],
            "single": self._single,
            "keys": [self._input_keys, self._output_keys],
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Functional:
        layers = {layer.name: layer for layer in (deserialize(c) for c in config["layers"])}
        made: list[list[Symbol]] = []

        def find(reference: Any) -> Symbol:
            node, output = reference
            if not 0 <= node < len(made):
                raise FileFormatError(message("model file", "a node refers to one that comes later"))
            return made[node][output]

        for data in config["nodes"]:
            made.append(node_from_data(data, layers, find))
        inputs, outputs = ([find(r) for r in config[key]] for key in ("inputs", "outputs"))
        input_keys, output_keys = config.get("keys", (None, None))
        given = inputs if input_keys is None else dict(zip(input_keys, inputs, strict=True))
        wanted: Any = outputs[0] if config["single"] else outputs
        if output_keys is not None:
            wanted = dict(zip(output_keys, outputs, strict=True))
        return cls(given, wanted, name=config["name"])


def _arranged(symbols: list[Symbol], keys: list[str] | None) -> Any:
    """Symbols as a model was made with them."""
    if keys is not None:
        return dict(zip(keys, symbols, strict=True))
    return symbols[0] if len(symbols) == 1 else list(symbols)


def _by_key(symbols: Any, where: str) -> tuple[list[str] | None, Any]:
    """The sorted keys of a dict and its symbols in their order; other structures as they are."""
    if not isinstance(symbols, dict):
        return None, symbols
    other = next((key for key in symbols if not isinstance(key, str)), None)
    if other is not None:
        problem = "a key of its inputs or outputs is not a name"
        raise ArgumentError(message(where, problem, expected="a string", got=repr(other)))
    keys = sorted(symbols)
    return keys, [symbols[key] for key in keys]


def _input_layer(symbol: Symbol, number: int) -> InputLayer:
    """The layer of an input; where the model begins inside a larger graph, one that stands for the rest."""
    if isinstance(symbol.node.op, InputLayer):
        return symbol.node.op
    name = f"input_{number}_{symbol.name}"
    return InputLayer(symbol.shape[1:], symbol.shape[0], dtype=str(symbol.dtype), name=name)


__all__ = ["Functional", "GraphModel", "Model"]
