"""What training and prediction keep in memory: weights, gradients, what backward needs, workspace.

"Why twice the memory for backward?" is not how it works: an operation keeps just what its own gradient
needs (a ReLU its output, a max pooling one byte a window, an addition nothing), and an array that two
operations keep is there once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import activations, layers, optimizers
from ..backend.explain import explain
from ..checks import whole
from ..errors import ArgumentError, message
from ..geometry import resolve_transposed_window, resolve_window
from .facts import layer_facts

__all__ = ["Memory", "training_memory"]

# What the gradient of an activation needs: its output, or its input.
_OF_OUTPUT = {"relu", "sigmoid", "tanh", "softmax", "log_softmax", "exponential"}
_OF_INPUT = {"elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "relu6", "selu", "silu"}
_OF_INPUT |= {"softplus", "softsign"}


@dataclass(frozen=True)
class Memory:
    """Bytes for one step. `saved` is what the layers keep for backward, `unknown` names layers not in it.

    `workspace` is the largest that a convolution or a dense product asks for at a time. Small temporaries
    inside NumPy, and the loss with a few values an image, are not counted. Everything is for operations that
    run one by one; fused (see `minicnn.fusion`), a convolution with a 2×2 max pooling behind it keeps less.
    """

    batch: int
    parameters: int
    gradients: int
    optimizer: int
    saved: int
    workspace: int
    unknown: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All of it."""
        parts = (self.batch, self.parameters, self.gradients, self.optimizer, self.saved, self.workspace)
        return sum(parts)


def training_memory(model: Any, batch_size: int = 32, optimizer: Any = "adam") -> Memory:
    """Bytes that one training step keeps, counted from shapes.

    `model`: Sequential or functional, of known sizes; `optimizer`: a name or object, for its state.
    Raises ArgumentError where a size is open or the graph is not known.

    >>> from minicnn import Sequential
    >>> model = Sequential([layers.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu")])
    >>> memory = training_memory(model, batch_size=64)
    >>> memory.saved == 64 * 26 * 26 * 32 * 4  # what relu gave; the images are `batch`
    True
    """
    batch_size = whole(batch_size, "batch_size", "training_memory")
    facts = layer_facts(model)
    for fact in facts:
        if fact.values is None:
            hint = "Give the Input a fixed size."
            where = f"training_memory of {fact.name!r}"
            raise ArgumentError(message(where, "a size is open", got=fact.output_shape, hint=hint))
    ledger = _Ledger(batch_size)
    for symbol in model.graph.inputs:
        ledger.buffers[id(symbol)] = id(symbol)
    for node in model.graph.nodes:
        ledger.follow(node)
    inputs = {id(symbol) for symbol in model.graph.inputs}
    learned = sum(parameter.data.nbytes for parameter in model.trainable_weights)
    return Memory(
        batch=sum(_bytes(symbol) for symbol in model.graph.inputs) * batch_size,
        parameters=sum(parameter.data.nbytes for parameter in model.weights),
        gradients=learned,
        optimizer=learned * len(optimizers.get(optimizer).slots),
        saved=sum(nbytes for key, nbytes in ledger.saved.items() if key not in inputs),
        workspace=ledger.workspace,
        unknown=tuple(dict.fromkeys(ledger.unknown)),
    )


def _bytes(symbol: Any) -> int:
    """Of one image."""
    return math.prod(symbol.shape[1:]) * np.dtype(symbol.dtype).itemsize


class _Ledger:
    """Which buffers are kept: `saved` holds bytes by buffer, `buffers` the buffer that a symbol lies in."""

    def __init__(self, batch_size: int) -> None:
        self.n = batch_size
        self.saved: dict[Any, int] = {}
        self.buffers: dict[int, Any] = {}
        self.learned: set[int] = set()  # symbols that gradients flow through
        self.unknown: list[str] = []
        self.workspace = 0

    def keep(self, *symbols: Any) -> None:
        """Keep the buffers that symbols lie in."""
        for symbol in symbols:
            self.saved[self.buffers[id(symbol)]] = _bytes(symbol) * self.n

    def keep_new(self, nbytes: int) -> None:
        """Keep an array that nothing else refers to."""
        self.saved[object()] = nbytes

    def follow(self, node: Any) -> None:
        """Enter what one node keeps."""
        x, y = node.input_symbols, node.outputs
        op = node.op
        graph = getattr(op, "graph", None)
        for symbol in y:
            self.buffers[id(symbol)] = id(symbol)
        if graph is not None:
            self._same(x, graph.inputs)
            for inner in graph.nodes:
                self.follow(inner)
            self._same(graph.outputs, y)
            return
        if not getattr(op, "trainable_weights", ()) and self.learned.isdisjoint(map(id, x)):
            return  # nothing before it is learned: it is not on the tape
        self.learned.update(map(id, y))
        rule = next((rule for kinds, rule in _RULES if isinstance(op, kinds)), None)
        if rule is not None:
            rule(self, op, x, y[0])
        elif type(op).__name__ not in _KEEP_NOTHING:
            self.unknown.append(node.name)

    def _same(self, known: Sequence[Any], names: Sequence[Any]) -> None:
        """`names` are what `known` are called on the other side of a nested model's wall."""
        for a, b in zip(known, names, strict=True):
            self.buffers[id(b)] = self.buffers[id(a)]
            self.learned.update([id(b)] if id(a) in self.learned else [])

    def share(self, x: Any, y: Any) -> None:
        """y lies in x's buffer."""
        self.buffers[id(y)] = self.buffers[id(x)]

    def activate(self, function: Any, y: Any, name: str, x: Any = None) -> None:
        """Enter an activation: of the symbol x, or of a new array in front of y."""
        known = next((key for key, value in activations.ACTIVATIONS.items() if value is function), None)
        if known in _OF_OUTPUT:
            self.keep(y)
        elif known in _OF_INPUT:
            self.keep(x) if x is not None else self.keep_new(_bytes(y) * self.n)
        elif known is None:
            self.unknown.append(name)
        elif x is not None:  # linear
            self.share(x, y)


Rule = Callable[[_Ledger, Any, Sequence[Any], Any], None]


def _weighted(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    ledger.keep(x[0])
    if isinstance(op, layers.SeparableConv2D):  # what lies between its two convolutions
        between = op.depthwise_kernel.shape[2] * op.depth_multiplier
        ledger.keep_new(_bytes(y) // y.shape[-1] * between * ledger.n)
    ledger.activate(op.activation, y, op.name)
    ledger.workspace = max(ledger.workspace, _workspace(op, x[0].shape, y.shape, ledger.n))


def _workspace(op: Any, x_shape: Any, y_shape: Any, n: int) -> int:
    """The most that a pass of a convolution or a dense product asks for."""
    x, y = (n, *x_shape[1:]), (n, *y_shape[1:])
    passes = ("forward", "input_grad", "weight_grad")
    if isinstance(op, layers.Dense):
        return max(explain(f"dense_{name}", x, op.kernel.shape, dtype=op.dtype).workspace for name in passes)
    if isinstance(op, layers.Conv2DTranspose):  # the convolution it undoes goes from y to x
        window = (op.kernel_size, op.strides, op.padding, op.output_padding, op.dilation_rate)
        g, _ = resolve_transposed_window(op.where, x[1:3], *window)
        x, y = y, x
    elif isinstance(op, layers.Conv2D):
        g, _ = resolve_window(op.where, x[1:3], op.kernel_size, op.strides, op.padding, op.dilation_rate)
    else:
        return 0
    shapes: Any = (x, op.kernel.shape, g, y[1:3], getattr(op, "groups", 1), op.dtype)
    return max(explain(f"conv2d_{name}", *shapes).workspace for name in passes)


def _normalized(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    """x and two statistics: for each channel, for each image, or for each image and group."""
    ledger.keep(x[0])
    each = {layers.LayerNormalization: ledger.n, layers.GroupNormalization: ledger.n}.get(type(op), 1)
    shape = x[0].shape
    if isinstance(op, layers.BatchNormalization):
        count = shape[op.axis]
    elif isinstance(op, layers.GroupNormalization):
        count = shape[op.axis] if op.groups == -1 else op.groups
    else:
        axes = {axis % len(shape) for axis in (op.axis if isinstance(op.axis, list | tuple) else [op.axis])}
        count = math.prod(size for axis, size in enumerate(shape) if axis and axis not in axes)
    ledger.keep_new(2 * each * count * np.dtype(op.dtype).itemsize)


def _largest(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    """The number of the largest pixel in each window, in as few bytes as it takes."""
    index = np.min_scalar_type(math.prod(op.pool_size) - 1).itemsize
    ledger.keep_new(math.prod(y.shape[1:]) * index * ledger.n)


def _shared(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    ledger.share(x[0], y)


def _activation(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    ledger.activate(op.activation, y, op.name, x[0])


def _relu(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    if op.max_value is None and not op.negative_slope and not op.threshold:
        ledger.keep(y)
    else:
        ledger.unknown.append(op.name)


def _keep_input(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    ledger.keep(x[0])


def _keep_output(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    ledger.keep(y)


def _dropped(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    if op.rate == 0:  # dropout draws its mask again instead of keeping it
        ledger.share(x[0], y)


def _both(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    if len(x) == 2:
        ledger.keep(*x)
    else:
        ledger.unknown.append(op.name)


def _nothing(ledger: _Ledger, op: Any, x: Sequence[Any], y: Any) -> None:
    """An operation whose gradient needs no values."""


_KEEP_NOTHING = {"AddFunction", "SubtractFunction", "NegativeFunction"}
_RULES: tuple[tuple[Any, Rule], ...] = (
    ((layers.Conv2D, layers.Conv2DTranspose, layers.DepthwiseConv2D, layers.SeparableConv2D), _weighted),
    (layers.Dense, _weighted),
    ((layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization), _normalized),
    (layers.MaxPooling2D, _largest),
    ((layers.AveragePooling2D, layers.GlobalAveragePooling2D, layers.AdaptiveAveragePooling2D), _nothing),
    ((layers.ZeroPadding2D, layers.Cropping2D, layers.UpSampling2D, layers.Concatenate), _nothing),
    ((layers.Add, layers.Subtract, layers.GaussianNoise), _nothing),
    ((layers.Multiply, layers.Maximum, layers.Minimum), _both),
    ((layers.Flatten, layers.Reshape, layers.Identity), _shared),
    ((layers.Dropout, layers.SpatialDropout2D), _dropped),
    (layers.Activation, _activation),
    (layers.ReLU, _relu),
    (layers.Softmax, _keep_output),
    ((layers.ELU, layers.LeakyReLU, layers.PReLU), _keep_input),
)
