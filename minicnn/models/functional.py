"""Model: layers with training, and Functional: a model defined by symbols."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from ..functions import FUNCTIONS
from ..layers.base import Layer, Shape
from ..layers.core import InputLayer
from ..layers.registry import deserialize, serialize
from .graph import Graph, Node, Symbol, check_input, input_symbol, map_symbols
from .training import Trainer


class Model(Trainer, Layer):
    """A layer that can be trained, evaluated and saved.

    ``Model(inputs, outputs)`` makes a model from the symbols between them (any graph: shared layers,
    sub-models, inner symbols as outputs); a subclass with its own `call` is a model too.

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
        """Names of its inputs, those of their layers."""
        return [symbol.name for symbol in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of its outputs, those of the layers they come from; numbered where one gives several."""
        names = [symbol.name for symbol in self.outputs]
        before = (names[:i].count(name) for i, name in enumerate(names))
        return [f"{name}_{k}" if k else name for name, k in zip(names, before, strict=True)]

    @property
    def input(self) -> Any:
        """Its input symbol, or a list of several."""
        return self.inputs[0] if len(self.inputs) == 1 else list(self.inputs)

    @property
    def output(self) -> Any:
        """Its output symbol, or a list of several."""
        return self.outputs[0] if len(self.outputs) == 1 else list(self.outputs)

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

    def call(self, x: Any) -> Any:
        tensors = list(x) if isinstance(x, list | tuple) else [x]
        if len(tensors) != len(self.inputs):
            raise ArgumentError(
                message(self.where, "wrong number of inputs", expected=len(self.inputs), got=len(tensors))
            )
        for tensor, symbol in zip(tensors, self.inputs, strict=True):
            check_input(tensor, symbol, self.where)
        results = self.graph.run(tensors)
        return results[0] if self._single else results

    @property
    def _single(self) -> bool:
        return len(self.outputs) == 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Output shape (a list for several outputs) for other input shapes."""
        shapes = self.graph.shapes(input_shape if isinstance(input_shape, list) else [input_shape])
        return shapes[0] if self._single else shapes


class Functional(GraphModel):
    """A model made of the nodes between input and output symbols; `Model(inputs, outputs)` makes one."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
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
                *(_node_to_data(node, reference, self.where) for node in self.graph.nodes),
            ],
            "inputs": [numbers[id(symbol)] for symbol in self.inputs],
            "outputs": [numbers[id(symbol)] for symbol in self.outputs],
            "single": self._single,
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
            made.append(_node_from_data(data, layers, find))
        inputs, outputs = ([find(r) for r in config[key]] for key in ("inputs", "outputs"))
        return cls(inputs, outputs[0] if config["single"] else outputs, name=config["name"])


def _input_layer(symbol: Symbol, number: int) -> InputLayer:
    """The layer of an input; where the model begins inside a larger graph, one that stands for the rest."""
    if isinstance(symbol.node.op, InputLayer):
        return symbol.node.op
    name = f"input_{number}_{symbol.name}"
    return InputLayer(symbol.shape[1:], symbol.shape[0], dtype=str(symbol.dtype), name=name)


def _node_to_data(node: Node, reference: Any, where: str) -> dict[str, Any]:
    if isinstance(node.op, Layer):
        op: dict[str, Any] = {"layer": node.op.name}
    else:
        name = type(node.op).__name__
        if FUNCTIONS.get(name) is not type(node.op):
            hint = "Put it into a Layer of your own with a get_config."
            raise ArgumentError(message(where, f"the function {name} cannot be written to a file", hint=hint))
        settings = {key: _plain(value, where) for key, value in vars(node.op).items()}
        op = {"function": name, "settings": settings}
    inputs = [_plain(item, where, reference) for item in node.inputs]
    return op | {
        "inputs": inputs,
        "kwargs": {key: _plain(value, where) for key, value in node.kwargs.items()},
    }


def _plain(value: Any, where: str, reference: Any = None) -> Any:
    """A setting as JSON: tuples, slices, ``...`` and symbols become small objects."""
    if isinstance(value, Symbol) and reference is not None:
        return reference(value)
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_plain(item, where, reference) for item in value]}
    if isinstance(value, slice):
        return {"slice": [_plain(part, where) for part in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    hint = "Only numbers, slices and names can; put arrays into a Layer of your own as weights."
    got = type(value).__name__
    raise ArgumentError(
        message(where, "a value in its graph cannot be written to a file", got=got, hint=hint)
    )


def _from_plain(data: Any, find: Any) -> Any:
    if not isinstance(data, dict):
        return data
    (kind, content), *_ = data.items()
    if kind == "symbol":
        return find(content)
    if kind == "ellipsis":
        return Ellipsis
    items = [_from_plain(item, find) for item in content]
    makers: dict[str, Any] = {"tuple": tuple, "list": list, "slice": lambda parts: slice(*parts)}
    return makers[kind](items)


def _node_from_data(data: dict[str, Any], layers: dict[str, Layer], find: Any) -> list[Symbol]:
    if "layer" in data:
        op: Any = layers[data["layer"]]
        if isinstance(op, InputLayer):
            return [input_symbol(op)]
    else:
        if data["function"] not in FUNCTIONS:
            raise FileFormatError(
                message("model file", "it names an unknown function", got=repr(data["function"]))
            )
        op = object.__new__(FUNCTIONS[data["function"]])
        vars(op).update({key: _from_plain(value, find) for key, value in data["settings"].items()})
    inputs = [_from_plain(item, find) for item in data["inputs"]]
    kwargs = {key: _from_plain(value, find) for key, value in data["kwargs"].items()}
    result = op(*inputs, **kwargs)
    found: list[Symbol] = []
    map_symbols(result if isinstance(result, list) else [result], found.append)
    return found


__all__ = ["Functional", "GraphModel", "Model"]
