"""Graphs of symbols and nodes: what a model is before any data flows.

A `Symbol` stands for a Tensor that is not there yet: it knows shape and dtype. Calling a layer or a
function on symbols makes a `Node` and new symbols instead of computing. A `Graph` orders the nodes
between given inputs and outputs and runs them on real Tensors.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .. import functions
from ..autograd import Tensor
from ..context import aside, no_grad
from ..errors import ArgumentError, ShapeError, message
from ..layers.base import Layer
from ..layers.core import InputLayer
from ..layers.promised import spend
from .advice import explain
from .fuse import Chain, chains

_numbers = itertools.count()
_LARGEST = 1 << 28  # elements of an array that shapes are inferred with


class Symbol:
    """A Tensor to come: shape (None where a size is open), dtype, and the node it comes from.

    Operators, indexing and the functions of `minicnn.functions` work on symbols and extend the graph.
    """

    __array_ufunc__ = None  # so that array + symbol reaches Symbol.__radd__

    def __init__(self, shape: Sequence[int | None], dtype: str, node: Node) -> None:
        self.shape, self.dtype, self.node = tuple(shape), np.dtype(dtype), node

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def name(self) -> str:
        """Name of the layer or function it comes from."""
        return self.node.name

    def record_function(self, function: Any, inputs: Sequence[Any]) -> Symbol:
        """Called by a Function that meets a symbol: make a node of it."""
        shape, dtype = _infer(function, inputs)
        node = Node(function, tuple(inputs), {})
        node.outputs = [Symbol(shape, dtype, node)]
        return node.outputs[0]

    def record_layer(self, layer: Layer, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Called by a Layer that meets a symbol: build it, and make a node of it."""
        try:
            return self._record_layer(layer, inputs, kwargs)
        except ShapeError as error:
            explain(error, layer, inputs)
            raise

    def _record_layer(self, layer: Layer, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        for name, value in kwargs.items():
            map_symbols(value, partial(_refuse_keyword, layer, name))
        try:
            own = {name: value for name, value in kwargs.items() if name != "training"}
            inspect.signature(layer.call).bind(*inputs, **own)
        except TypeError as error:
            hint = "Several inputs go in a list."
            raise ArgumentError(message(layer.where, f"its call does not fit ({error})", hint=hint)) from None
        first = inputs[0]
        shape = [s.shape for s in first] if isinstance(first, list | tuple) else first.shape
        layer.build_for(shape)
        node = Node(layer, tuple(inputs), kwargs)
        if hasattr(layer, "compute_output_shape"):
            results = layer.compute_output_shape(shape)
            keys = list(results) if isinstance(results, dict) else None
            results = list(results.values()) if keys is not None else results
            several = isinstance(results, list)
            found = [(result, layer.dtype) for result in (results if several else [results])]
        else:
            keys, several, found = None, False, [_infer(lambda *tensors: layer(*tensors, **kwargs), inputs)]
        node.outputs = [Symbol(result, dtype, node) for result, dtype in found]
        layer._nodes.append(node)
        if keys is not None:
            return dict(zip(keys, node.outputs, strict=True))
        return node.outputs if several else node.outputs[0]

    def __bool__(self) -> bool:
        raise ArgumentError(message(repr(self), "a symbol has no value yet", hint="Call the model on data."))

    __len__ = __float__ = __int__ = __array__ = __bool__

    def __iter__(self) -> Any:
        raise ArgumentError(message(repr(self), "a symbol cannot be iterated", hint="Index it: x[:, 0]."))

    def __repr__(self) -> str:
        return f"<Symbol {self.name!r}, shape={self.shape}, dtype={self.dtype}>"


functions.attach(Symbol)


class Node:
    """One call of a layer or function in a graph."""

    def __init__(self, op: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        spend(calls=1)
        self.op, self.inputs, self.kwargs = op, inputs, kwargs
        self.number = next(_numbers)
        self.outputs: list[Symbol] = []

    @property
    def name(self) -> str:
        """The layer's name, or the function's class name without "Function"."""
        return self.op.name if isinstance(self.op, Layer) else type(self.op).__name__.removesuffix("Function")

    @property
    def output(self) -> Any:
        """The symbol it makes, or a list of several."""
        return self.outputs[0] if len(self.outputs) == 1 else self.outputs

    @property
    def input_symbols(self) -> list[Symbol]:
        """All symbols among its inputs."""
        found: list[Symbol] = []
        map_symbols(self.inputs, found.append)
        return found

    def values_in(self, values: dict[int, Any]) -> tuple[Any, ...]:
        """Its inputs, each symbol replaced by its value (by id of symbol)."""
        return map_symbols(self.inputs, lambda symbol: values[id(symbol)])

    def run(self, values: dict[int, Any]) -> None:
        """Compute the outputs from `values` and put them there."""
        results = self.op(*self.values_in(values), **self.kwargs)
        results = list(results.values()) if isinstance(results, dict) else results
        results = results if isinstance(results, list | tuple) else [results]
        values.update({id(symbol): result for symbol, result in zip(self.outputs, results, strict=True)})


def _refuse_keyword(layer: Layer, name: str, symbol: Symbol) -> None:
    hint = "Pass it by position, or in a list where `call` takes one."
    raise ArgumentError(message(layer.where, f"its keyword argument {name!r} is a symbol", hint=hint))


def map_symbols(structure: Any, change: Callable[[Symbol], Any]) -> Any:
    """The same nested lists and tuples with every symbol replaced by ``change(symbol)``."""
    if isinstance(structure, Symbol):
        return change(structure)
    if isinstance(structure, list | tuple):
        return type(structure)(map_symbols(item, change) for item in structure)
    return structure


def input_symbol(layer: InputLayer) -> Symbol:
    """The symbol at the start of a graph."""
    node = Node(layer, (), {})
    node.outputs = [Symbol((layer.batch_size, *layer.shape), layer.dtype, node)]
    layer._nodes.append(node)
    return node.outputs[0]


def _infer(call: Callable[..., Any], inputs: Sequence[Any]) -> tuple[tuple[int | None, ...], str]:
    """Shape and dtype of ``call(*inputs)``, found by running it on zeros of two sizes.

    A size of the result that differs between the two runs depends on an open size: it is open too.
    """
    results = []
    with no_grad(), aside():
        for open_size in (2, 3):
            with np.errstate(all="ignore"):
                results.append(call(*map_symbols(tuple(inputs), partial(_zeros, open_size))))
    first, second = (result.shape for result in results)
    if len(first) != len(second):
        raise ShapeError(message("graph", "the number of axes of a result depends on the batch size"))
    return tuple(a if a == b else None for a, b in zip(first, second, strict=True)), str(results[0].dtype)


def _zeros(open_size: int, symbol: Symbol) -> Tensor:
    shape = [open_size if size is None else size for size in symbol.shape]
    if math.prod(shape) > _LARGEST:  # a few lines in a damaged file must not fill the memory
        raise ShapeError(message("graph", f"{symbol.name!r} is too large to be tried out", got=symbol.shape))
    spend(tried=math.prod(shape))
    return Tensor(np.zeros(shape, symbol.dtype))


class Graph:
    """The nodes between `inputs` and `outputs` (lists of symbols), in the order they run."""

    def __init__(self, inputs: Sequence[Symbol], outputs: Sequence[Symbol], where: str) -> None:
        if not inputs or not outputs:
            raise ArgumentError(message(where, "a graph needs at least one input and one output"))
        for symbol in (*inputs, *outputs):
            if not isinstance(symbol, Symbol):
                hint = "Start from Input(shape) and pass what layers return."
                got = type(symbol).__name__
                raise ArgumentError(
                    message(where, "not a symbol of a graph", expected="a Symbol", got=got, hint=hint)
                )
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.nodes = self._order(where)
        self._last_use = {id(s): node.number for node in self.nodes for s in node.input_symbols}
        self.chains: dict[bool, dict[int, Chain]] = {}  # what may run as one, see fuse.py

    def _order(self, where: str) -> list[Node]:
        """All nodes needed for the outputs; creation order is an order in which they can run."""
        given = {id(symbol) for symbol in self.inputs}
        needed: dict[int, Node] = {}
        stack = [symbol for symbol in self.outputs if id(symbol) not in given]
        while stack:
            node = stack.pop().node
            if node.number in needed:
                continue
            if isinstance(node.op, InputLayer):
                hint = "Add it to inputs=[…]."
                raise ArgumentError(
                    message(where, f"the outputs need Input {node.name!r}, which is no input", hint=hint)
                )
            needed[node.number] = node
            stack.extend(symbol for symbol in node.input_symbols if id(symbol) not in given)
        return [needed[number] for number in sorted(needed)]

    def run(self, tensors: Sequence[Tensor]) -> list[Any]:
        """The outputs for these inputs; every value is dropped after its last use."""
        values = {id(symbol): tensor for symbol, tensor in zip(self.inputs, tensors, strict=True)}
        keep = {id(symbol) for symbol in self.outputs}
        possible: dict[int, Chain] = chains(self)
        done: set[int] = set()
        for node in self.nodes:
            if node.number in done:
                continue
            chain = possible.get(node.number)
            result = None if chain is None else chain.run(node.values_in(values))
            if chain is None or result is None:
                node.run(values)
            else:
                values[id(chain.nodes[-1].outputs[0])] = result
                done.update(member.number for member in chain.nodes)
            for symbol in node.input_symbols:
                if self._last_use[id(symbol)] == node.number and id(symbol) not in keep:
                    values.pop(id(symbol), None)
        return [values[id(symbol)] for symbol in self.outputs]

    def shapes(self, input_shapes: Sequence[Any]) -> list[Any]:
        """Output shapes for other input shapes, without computing."""
        inputs = []
        for symbol, shape in zip(self.inputs, input_shapes, strict=True):
            dtype = str(symbol.dtype)
            layer = InputLayer(shape[1:], shape[0], dtype=dtype, name="shape")
            inputs.append(Symbol(shape, dtype, Node(layer, (), {})))
        found = {id(symbol): new for symbol, new in zip(self.inputs, inputs, strict=True)}
        for node in self.nodes:
            new_inputs = map_symbols(node.inputs, lambda symbol: found[id(symbol)])
            recorded = len(node.op._nodes) if isinstance(node.op, Layer) else 0
            try:
                results = node.op(*new_inputs, **node.kwargs)
            finally:
                if isinstance(node.op, Layer):
                    del node.op._nodes[recorded:]  # this was a question, not a new use of the layer
            results = list(results.values()) if isinstance(results, dict) else results
            results = results if isinstance(results, list) else [results]
            found.update({id(old): new for old, new in zip(node.outputs, results, strict=True)})
        return [found[id(symbol)].shape for symbol in self.outputs]

    def layers(self) -> list[Layer]:
        """All layers, those of the inputs first, each once."""
        nodes = [symbol.node for symbol in self.inputs if isinstance(symbol.node.op, InputLayer)]
        found = [node.op for node in (*nodes, *self.nodes) if isinstance(node.op, Layer)]
        return list({id(layer): layer for layer in found}.values())


def check_input(tensor: Tensor, symbol: Symbol, where: str) -> None:
    """ShapeError unless a Tensor fits the symbol it is given for."""
    shape = tuple(tensor.shape)
    if _fits(shape, symbol.shape):
        return
    hint = None
    if len(shape) == symbol.ndim - 1 and symbol.shape[-1] == 1:
        hint = "Add the channel axis: x[..., None]."
    elif len(shape) == symbol.ndim - 1:
        hint = "Add the batch axis: x[None]."
    elif len(shape) == 4 and _fits((shape[0], *shape[2:], shape[1]), symbol.shape):
        hint = "The images are channels-first; x.transpose(0, 2, 3, 1) makes them channels-last."
    problem = f"the data does not fit input {symbol.name!r}"
    raise ShapeError(message(where, problem, expected=symbol.shape, got=shape, hint=hint))


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size is None or size == actual for size, actual in zip(wanted, shape, strict=True)
    )


__all__ = ["Graph", "Node", "Symbol", "check_input", "input_symbol", "map_symbols"]
