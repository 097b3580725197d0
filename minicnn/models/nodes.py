"""The nodes of a graph as plain data, for files: layers by name, functions with their settings, no code."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from ..functions import FUNCTIONS
from ..layers.base import Layer
from ..layers.core import InputLayer
from .graph import Node, Symbol, input_symbol, map_symbols

__all__ = ["node_from_data", "node_to_data"]


def node_to_data(node: Node, reference: Any, where: str) -> dict[str, Any]:
    """A node as plain data; `reference` says how a symbol is written."""
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


def node_from_data(data: dict[str, Any], layers: dict[str, Layer], find: Any) -> list[Symbol]:
    """The symbols of a node that `node_to_data` wrote; `find` gives the symbol of a reference."""
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
    result = list(result.values()) if isinstance(result, dict) else result
    map_symbols(result if isinstance(result, list) else [result], found.append)
    return found
