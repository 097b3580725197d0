"""The rows of a summary: which layers and operations a model has, in Keras' order, and what they hang on."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..errors import ArgumentError
from ..layers.base import Layer
from ..layers.core import InputLayer
from ..layers.naming import snake_case
from .functional import Functional, GraphModel

__all__ = ["Entry", "entries", "is_branched"]


class Entry(NamedTuple):
    """A layer or operation of a model, with the nodes where this model calls it."""

    op: Any
    name: str
    kind: str
    nodes: tuple[Any, ...]


def graph_of(model: Any) -> Any:
    """The graph of a model, None where it has none: a subclass, or a Sequential without input shape."""
    try:
        return model.graph if isinstance(model, GraphModel) else None
    except ArgumentError:
        return None


def entries(model: Any) -> list[Entry]:
    """The rows of a model. Those of a functional model go by depth, counted from the outputs, as in Keras."""
    graph = graph_of(model)
    if graph is None or not isinstance(model, Functional):
        nodes = [] if graph is None else graph.nodes
        return [_entry(layer, [n for n in nodes if n.op is layer], layer.name) for layer in model.layers]
    by_op: dict[int, list[Any]] = {}
    for _, node in _by_depth(graph):
        by_op.setdefault(_key(node), []).append(node)
    found: list[Entry] = []
    for group in by_op.values():
        node = group[0]
        name = node.name if isinstance(node.op, Layer) else _numbered(snake_case(node.name), found)
        found.append(_entry(node.op, group, name))
    return found


def _entry(op: Any, nodes: list[Any], name: str) -> Entry:
    return Entry(op, name, type(op).__name__.removesuffix("Function"), tuple(nodes))


def _numbered(name: str, found: list[Entry]) -> str:
    """Operations have no names of their own: ``add``, ``add_1``, … in the order of the rows."""
    taken = {entry.name for entry in found}
    numbers = (f"{name}_{i}" if i else name for i in range(len(taken) + 1))
    return next(free for free in numbers if free not in taken)


def _key(node: Any) -> int:
    """A layer is one row however often it is called; every call of a function is a row of its own."""
    return id(node.op) if isinstance(node.op, Layer) else id(node)


def _by_depth(graph: Any) -> list[tuple[int, Any]]:
    """All nodes and their depths, the deepest first; of one depth, those that the outputs meet first."""
    order, met = _walk(graph)
    depths: dict[int, int] = {}
    deepest: dict[int, int] = {}  # of all calls of a layer
    for node in reversed(order):
        depth = max(depths.get(id(node), 0), deepest.get(_key(node), 0))
        depths[id(node)] = deepest[_key(node)] = depth
        for symbol in node.input_symbols:
            depths[id(symbol.node)] = max(depth + 1, depths.get(id(symbol.node), 0))
    known = {id(node) for node in order}
    unused = [symbol.node for symbol in graph.inputs if id(symbol.node) not in known]
    order += [node for node in unused if isinstance(node.op, InputLayer)]  # nothing hangs on them
    order.sort(key=lambda node: (-deepest.get(_key(node), 0), met.get(_key(node), -1)))
    return [(deepest.get(_key(node), 0), node) for node in order]


def _walk(graph: Any) -> tuple[list[Any], dict[int, int]]:
    """Nodes with their inputs before them, and when each layer was met on the way from the outputs."""
    order: list[Any] = []
    met: dict[int, int] = {}
    inner = {id(s) for s in graph.inputs if not isinstance(s.node.op, InputLayer)}
    seen: set[int] = set()
    stack = [(symbol, False) for symbol in reversed(graph.outputs)]
    while stack:
        symbol, leaving = stack.pop()
        node = symbol.node
        if leaving:
            order.append(node)
        elif id(node) not in seen and id(symbol) not in inner:
            seen.add(id(node))
            met.setdefault(_key(node), len(met))
            stack.append((symbol, True))
            stack += [(source, False) for source in reversed(node.input_symbols)]
    return order, met


def is_branched(model: Any) -> bool:
    """Whether a functional model is more than a single row of layers: only then connections are shown.

    Two calls of a layer have one depth; an inner output alone makes no branch.
    """
    if not isinstance(model, Functional):
        return False
    nodes = _by_depth(model.graph)
    depths = {depth for depth, _ in nodes}
    return len(depths) < len(nodes) or any(len(node.input_symbols) > 1 for _, node in nodes)
