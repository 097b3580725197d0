"""Which layers of a graph may run as one, and how.

A chain is a layer and the layers behind it that it can take along: each the only reader of the one before,
none an output of the graph. It runs as a call of its first layer; where its kernels cannot do it at once (see
`minicnn.functions.fused`), the layers run one by one as ever.

.. code-block:: text

    convolution → ReLU → 2×2 max pooling                  ReLU may be the layer's own activation, or missing
    convolution → normalization → ReLU → pooling          while predicting: folded into the filters
    normalization → ReLU
    sum of two → ReLU
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from .. import activations
from ..context import fusing, recording
from ..functions.activation import ReLUFunction
from ..functions.fused import add_activation
from ..layers.activation import Activation, ReLU
from ..layers.base import resolve_training
from ..layers.conv import Conv2D
from ..layers.merge import Add
from ..layers.norm import BatchNormalization
from ..layers.pool import MaxPooling2D

__all__ = ["Chain", "chains"]

_NO_PADDING = ("valid", 0, ((0, 0), (0, 0)))


class Chain(NamedTuple):
    """Nodes that run as one call of the first one's layer, by `call`, which answers None where it cannot."""

    nodes: tuple[Any, ...]
    call: Callable[..., Any]

    def run(self, inputs: Sequence[Any]) -> Any:
        """The output of the last node, or None."""
        first = self.nodes[0]
        return first.op.run(self.call, inputs, first.kwargs.get("training"), {})


def chains(graph: Any) -> dict[int, Chain]:
    """The chains that may run now, by the number of their first node."""
    if not fusing.get():
        return {}
    folding = not (recording.get() or resolve_training(None))
    found = graph.chains.get(folding)
    if found is None:
        found = graph.chains[folding] = _find(graph, folding)
    return found


def _find(graph: Any, folding: bool) -> dict[int, Chain]:
    readers: dict[int, list[Any]] = {}
    for node in graph.nodes:
        for symbol in node.input_symbols:
            readers.setdefault(id(symbol), []).append(node)
    kept = {id(symbol) for symbol in graph.outputs}

    def follower(node: Any) -> Any:
        """The only reader of a node, if nothing else needs its output."""
        reading = readers.get(id(node.outputs[0]), []) if len(node.outputs) == 1 else []
        alone = len(reading) == 1 and id(node.outputs[0]) not in kept
        return reading[0] if alone and not reading[0].kwargs and _is_plain(reading[0].op) else None

    found: dict[int, Chain] = {}
    taken: set[int] = set()
    for node in graph.nodes:
        begin = _BEGINNINGS.get(type(node.op))
        if begin is None or node.number in taken or not _is_plain(node.op):
            continue
        chain = begin(node, follower, folding)
        if chain is not None:
            found[node.number] = chain
            taken.update(member.number for member in chain.nodes)
    return found


def _is_plain(op: Any) -> bool:
    """No layer that does more than its kernels: a penalty on what it puts out."""
    return getattr(op, "activity_regularizer", None) is None


def _is_relu(node: Any) -> bool:
    """An Activation or ReLU layer, or the function, that is ``max(x, 0)`` and nothing else."""
    if node is None:
        return False
    op = node.op
    if type(op) is Activation:
        return op.activation is activations.relu
    if type(op) is ReLU:
        return op.max_value is None and op.negative_slope == 0 and op.threshold == 0
    return type(op) is ReLUFunction


def _is_halving(node: Any) -> bool:
    """Max pooling by 2×2 windows, two apart."""
    if node is None or type(node.op) is not MaxPooling2D:
        return False
    pool = node.op
    plain = pool.padding in _NO_PADDING and not pool.ceil_mode
    return plain and tuple(pool.pool_size) == (2, 2) and tuple(pool.strides) == (2, 2)


def _convolution(node: Any, follower: Any, folding: bool) -> Chain | None:
    layer, members = node.op, [node]
    if layer.limit is None:
        return None
    activation, norm, after = layer.limit, None, follower(node)
    if folding and after is not None and type(after.op) is BatchNormalization and activation == "linear":
        norm, members, after = after.op, [*members, after], follower(after)
    if activation == "linear" and _is_relu(after):
        activation, members, after = "relu", [*members, after], follower(after)
    pooled = _is_halving(after)
    if pooled:
        members.append(after)
    if len(members) == 1:
        return None
    return Chain(tuple(members), partial(_run_convolution, layer, norm, activation, pooled))


def _run_convolution(layer: Any, norm: Any, activation: str, pooled: bool, x: Any) -> Any:
    folded = None
    if norm is not None:
        if not norm.built or norm.axis not in (-1, 3):
            return None
        folded = norm.folded()
    return layer.call_fused(x, activation, pooled, folded)


def _normalization(node: Any, follower: Any, folding: bool) -> Chain | None:
    after = follower(node)
    return Chain((node, after), node.op.call_relu) if _is_relu(after) else None


def _sum(node: Any, follower: Any, folding: bool) -> Chain | None:
    after = follower(node)
    if len(node.input_symbols) != 2 or not _is_relu(after):
        return None
    return Chain((node, after), lambda inputs: add_activation(*inputs))


_BEGINNINGS: dict[type, Callable[..., Chain | None]] = {
    Add: _sum,
    BatchNormalization: _normalization,
    Conv2D: _convolution,
}
