"""Reverse-mode automatic differentiation: all of it, in this file.

A `Function` is one differentiable operation; calling an instance computes its output and makes the
instance a node of the tape. A `Tensor` is an array that remembers the node which made it. `backward`
visits the nodes in the reverse order of their creation (inputs are always made before outputs, so that
order is already topological), asks each for the gradients of its inputs, and adds them up.

A node knows its inputs only as `Edge`s, never as Tensors: an array stays alive because a node saved it
under a name for its own backward, because it is a leaf, or because the user holds it. Nothing else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, NoReturn

import numpy as np

from . import backend, context
from .context import Scope, debug, frame, is_grad_enabled, no_grad, observe, scope
from .errors import ArgumentError, GradientError, message
from .saved import SavedArrays

__all__ = ["Edge", "Function", "Parameter", "Scope", "Step", "Tensor", "debug", "frame", "grad"]
__all__ += ["is_grad_enabled", "no_grad", "observe", "scope"]

_numbers = itertools.count()
_Operators: Any = object  # functions/operators.py attaches them; to a type checker they may be anything


def _refuse(where: str, problem: str, **details: Any) -> NoReturn:
    raise GradientError(message(where, problem, **details))


class Edge(NamedTuple):
    """One input of a node: the node or the leaf it comes from (neither: a constant), shape and dtype."""

    node: Function | None
    leaf: Tensor | None
    shape: tuple[int, ...]
    dtype: np.dtype


class Step(NamedTuple):
    """One step of the backward pass: the node, its gradient from above, and one gradient per input."""

    node: Function
    gy: Any
    grads: tuple[Any, ...]


class Tensor(_Operators):
    """An array that remembers how it was computed.

    `data` is an array, a number or a nested list; Python floats become float32, arrays keep their dtype.
    With `requires_grad` (floats only) `backward` leaves a gradient, itself a Tensor, in ``.grad``.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.numpy()
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_version", "creator", "data", "grad", "logits", "name", "requires_grad")
    __array_ufunc__ = None  # so that array + Tensor reaches Tensor.__radd__
    data: Any

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        if isinstance(data, Tensor):
            raise ArgumentError(message("Tensor", "the data is a Tensor already", hint="Use x.detach()."))
        self._set(backend.asarray(data), None, requires_grad, name)
        if requires_grad and self.dtype.kind != "f":
            hint = "Write floats: Tensor([1.0, 2.0], requires_grad=True)."
            _refuse("Tensor", "only floats have a gradient", got=self.dtype, hint=hint)

    def _set(self, data: Any, creator: Function | None, requires_grad: bool, name: str | None) -> None:
        self.data, self.creator, self.requires_grad, self.name = data, creator, requires_grad, name
        self.grad: Tensor | None = None
        self.logits: Any = None  # of a softmax or sigmoid output: what it came from, and its name
        self._version = [0]  # a list, because views of one buffer share it

    shape = property(lambda self: self.data.shape, doc="Sizes of the axes.")
    dtype = property(lambda self: self.data.dtype, doc="NumPy's dtype of the elements.")
    ndim = property(lambda self: self.data.ndim, doc="Number of axes.")
    size = property(lambda self: self.data.size, doc="Number of elements.")

    def numpy(self) -> np.ndarray:
        """The data as a NumPy array, from any backend."""
        return backend.to_numpy(self.data)

    def item(self) -> Any:
        """The one element as a Python number."""
        return self.numpy().item()

    def detach(self) -> Tensor:
        """The same data (not a copy) without history."""
        return _wrap(self.data, version=self._version)

    def zero_grad(self) -> None:
        """Forget the gradient, before the next backward adds a new one."""
        self.grad = None

    def backward(self, grad: Any = None, retain_graph: bool = False) -> None:
        """Add the gradient of this Tensor to ``.grad`` of every leaf that requires one.

        `grad` is the upstream gradient, of this Tensor's shape; one element needs none. Saved arrays are
        released on the way unless `retain_graph`. GradientError where there is nothing to differentiate,
        or where a saved array was released or changed since.
        """
        for _ in self.backward_steps(grad, retain_graph):
            pass

    def backward_steps(self, grad: Any = None, retain_graph: bool = False) -> Iterator[Step]:
        """The same backward pass, one `Step` at a time; a step runs when it is asked for."""
        return _walk([(self, _upstream(self, grad))], None, _add_to_leaf, retain_graph)

    def _write(self, value: Any) -> None:
        """Change the data in place, and let nodes that saved it know."""
        self.data[...] = value
        self.bump_version()

    def bump_version(self) -> None:
        """Say that the data was changed in place; a backward that saved it will refuse."""
        self._version[0] += 1

    def __repr__(self) -> str:
        facts = [f"shape={self.shape}", f"dtype={self.dtype}"]
        facts += [f"name={self.name!r}"] if self.name else []
        facts += [f"creator={type(self.creator).__name__}"] if self.creator else []
        facts += ["requires_grad=True"] if self.requires_grad and not self.creator else []
        return f"{type(self).__name__}({self.numpy()}, {', '.join(facts)})"


class Parameter(Tensor):
    """A leaf Tensor that belongs to a layer. ``trainable=False`` keeps it out of the tape altogether."""

    __slots__ = ("learnable", "path")
    trainable: Any = vars(Tensor)["requires_grad"]  # Keras' name for the same slot

    def __init__(self, data: Any, name: str | None = None, trainable: bool = True, copy: bool = True) -> None:
        super().__init__(backend.asarray(data).copy() if copy else data, requires_grad=trainable, name=name)
        self.path, self.learnable = name, trainable  # set by the layer: full name; may it ever be trained

    def assign(self, value: Any) -> None:
        """Overwrite the values in place; the shape stays."""
        value = value.data if isinstance(value, Tensor) else backend.asarray(value)
        if value.shape != self.shape:
            where = f"assign to {self.name!r}"
            raise ArgumentError(message(where, "the shape differs", expected=self.shape, got=value.shape))
        self._write(value)


def _wrap(data: Any, creator: Any = None, requires_grad: bool = False, version: Any = None) -> Tensor:
    """A Tensor around an array that is already right."""
    tensor = Tensor.__new__(Tensor)
    tensor._set(data, creator, requires_grad, None)
    tensor._version = [0] if version is None else version
    return tensor


class Function:
    """One differentiable operation; one instance per call is one node of the tape.

    A subclass gives `forward(*arrays)`, which returns one array and keeps what backward needs with
    ``self.save(x=x)``, and `backward(gy, needs)`, which returns one gradient or None per input;
    ``needs[i]`` says whether input i's is wanted. Both work on raw arrays, through ``self.xp`` and
    ``self.kernel(name)``, which use the backend that was current in the forward pass.

    >>> class Cube(Function):
    ...     equation, backward_equation = "y = x³", "gx = 3·x²·gy"
    ...     def forward(self, x):
    ...         self.save(x=x)
    ...         return x**3
    ...     def backward(self, gy, needs):
    ...         return 3 * self.saved.x**2 * gy
    >>> x = Tensor([2.0], requires_grad=True)
    >>> Cube()(x).backward(); x.grad.item()
    12.0
    """

    equation = ""
    backward_equation = ""
    # What integer inputs become: floats always, floats beside a float ("promote"), or nothing ("keep").
    integers = "convert"
    # Set for each call:
    edges: tuple[Edge, ...] = ()  # where the inputs came from
    number: int  # grows with every node, so that it orders them
    xp: Any  # the array module
    backend: str
    scope: Scope | None
    output_shape: tuple[int, ...]
    _kept: SavedArrays

    def forward(self, *arrays: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def save(self, **arrays: Any) -> None:
        """Keep arrays for backward, by name; they come back as ``self.saved.<name>``."""
        self._kept.add(**arrays)

    @property
    def saved(self) -> SimpleNamespace:
        """What forward saved."""
        return self._kept.read()

    def kernel(self, op: str, algorithm: str = "auto") -> Callable:
        """The kernel of this node's backend."""
        return backend.kernel(op, self.backend, algorithm)

    def __call__(self, *inputs: Any) -> Any:
        """Run the operation; Tensors, arrays and numbers in, a Tensor out (symbols record themselves)."""
        for value in inputs:
            if hasattr(value, "record_function"):
                return value.record_function(self, inputs)
        node = object.__new__(type(self))  # this instance stays a template; its copy is the node of this call
        vars(node).update(vars(self))
        node.backend, node.scope = backend.current_backend(), context.current_scope.get()
        node._kept = SavedArrays()
        tensors = _as_tensors(inputs, type(self).__name__, self.integers)
        arrays = [tensor.data for tensor in tensors]
        node.xp = backend.xp(arrays[0])
        data = backend.returned(node.forward(*arrays), f"forward of {type(node).__name__}")
        node.output_shape, node.number = data.shape, next(_numbers)
        node.edges = tuple(_edge(tensor) for tensor in tensors)
        records = context.recording.get() and data.dtype.kind == "f" and any(t.requires_grad for t in tensors)
        version = next((t._version for t in tensors if backend.shares_memory(data, t.data)), None)
        output = _wrap(data, node if records else None, records, version)
        if records:
            node._kept.guard([*tensors, output])
        else:
            node._kept.release()
        for observer in context.observers.get():
            observer("forward", node, {"inputs": arrays, "output": data})
        return output

    def _run_backward(self, gy: Any, needs: tuple[bool, ...]) -> tuple[Any, ...]:
        """`backward`, with what it uses and returns checked; None where no gradient is needed."""
        where = f"backward of {type(self).__name__}"
        self._kept.check(where)
        grads = self.backward(gy, needs)
        grads = grads if isinstance(grads, tuple) else (grads,)
        grads = tuple(gx if gx is None else backend.returned(gx, where) for gx in grads)
        if len(grads) != len(self.edges):
            _refuse(where, "one gradient per input", expected=len(self.edges), got=len(grads))
        for number, (gx, edge) in enumerate(zip(grads, self.edges, strict=True)):
            if gx is not None and needs[number] and (gx.shape, gx.dtype) != (edge.shape, edge.dtype):
                expected, got = f"{edge.shape} {edge.dtype}", f"{gx.shape} {gx.dtype}"
                _refuse(where, f"the gradient of input {number} is unlike it", expected=expected, got=got)
        return tuple(gx if needed else None for gx, needed in zip(grads, needs, strict=True))


def _edge(tensor: Tensor) -> Edge:
    is_leaf = tensor.requires_grad and tensor.creator is None
    return Edge(tensor.creator, tensor if is_leaf else None, tensor.shape, tensor.dtype)


def _as_tensors(inputs: Sequence[Any], where: str, integers: str) -> list[Tensor]:
    """Tensors of one float dtype: numbers and plain arrays follow the Tensors, Tensors never convert."""
    floats = {value.dtype for value in inputs if isinstance(value, Tensor) and value.dtype.kind == "f"}
    if len(floats) > 1:
        got, hint = " and ".join(sorted(map(str, floats))), "Convert one: x.astype('float32')."
        raise ArgumentError(message(where, "two float dtypes in one operation", got=got, hint=hint))
    dtype = next(iter(floats), None)
    tensors = []
    for value in inputs:
        if not isinstance(value, Tensor):
            array = backend.asarray(value, where=where)
            follows = array.dtype.kind == "f" or (array.dtype.kind in "iu" and array.ndim == 0)
            value = Tensor(backend.asarray(value, dtype, where) if follows and dtype is not None else array)
        tensors.append(value)
    dtype = next((t.dtype for t in tensors if t.dtype.kind == "f"), None)
    if integers == "convert" or (integers == "promote" and dtype is not None):
        dtype = dtype or np.dtype(np.float32)
        tensors = [t if t.dtype.kind == "f" else Tensor(t.data.astype(dtype)) for t in tensors]
    if len(tensors) > 1:
        backend.same_device([tensor.data for tensor in tensors], where)
    return tensors


def _upstream(tensor: Tensor, grad: Any) -> Any:
    """The gradient a backward pass starts from."""
    if not tensor.requires_grad:
        hint = "Was it made under no_grad(), detached, or from Tensors without requires_grad=True?"
        _refuse("backward", "this Tensor depends on nothing that requires a gradient", hint=hint)
    if grad is None:
        if tensor.size != 1:
            got, hint = f"shape {tensor.shape}", "Reduce it (.sum(), .mean()) or pass the upstream gradient."
            _refuse("backward", "only a single element needs no upstream gradient", got=got, hint=hint)
        return backend.xp(tensor.data).ones_like(tensor.data)
    grad = backend.asarray(grad.data if isinstance(grad, Tensor) else grad, tensor.dtype)
    if grad.shape != tensor.shape:
        _refuse("backward", "the upstream gradient does not fit", expected=tensor.shape, got=grad.shape)
    return grad


def _add_to_leaf(leaf: Tensor, gradient: Any) -> None:
    old = leaf.grad
    leaf.grad = _wrap(gradient if old is None else backend.returned(old.data + gradient, "backward"))


def _walk(roots: Sequence, wanted: set[int] | None, deliver: Callable, retain_graph: bool) -> Iterator[Step]:
    """Walk back from `roots`, pairs (Tensor, gradient), and ``deliver(leaf or node, gradient)``.

    `wanted` holds ids of leaves and nodes; None means every leaf. A node runs only if it lies on a
    path from something wanted, and computes only the gradients on such paths.
    """
    pending: dict[int, Any] = {}  # node number -> gradient of its output, summed so far
    nodes: dict[int, Function] = {}
    for tensor, gradient in roots:
        if tensor.creator is None:
            deliver(tensor, gradient.copy())
        else:
            _collect(tensor.creator, nodes)
            _add(pending, tensor.creator.number, gradient)
    needs = _paths([nodes[number] for number in sorted(nodes)], wanted)
    for number in sorted(nodes, reverse=True):
        node, gy = nodes[number], pending.pop(number, None)
        if gy is None:
            continue
        if wanted is not None and id(node) in wanted:
            deliver(node, gy.copy())
        if not any(needs[number]):
            continue
        grads = node._run_backward(gy, needs[number])
        for edge, gx in zip(node.edges, grads, strict=True):
            if gx is not None and edge.node is not None:
                _add(pending, edge.node.number, gx)
            elif gx is not None and edge.leaf is not None:
                # What a leaf keeps must be its own: gy may flow on to others (as in addition).
                deliver(edge.leaf, gx if backend.is_own(gx, (gy, *grads)) else gx.copy())
        for observer in context.observers.get():
            observer("backward", node, {"gy": gy, "grads": grads})
        if not retain_graph:
            node._kept.release()
        yield Step(node, gy, grads)


def _collect(root: Function, nodes: dict[int, Function]) -> None:
    stack = [root]  # a stack of our own: recursion would end at 1,000 nodes
    while stack:
        node = stack.pop()
        if node.number not in nodes:
            nodes[node.number] = node
            stack.extend(edge.node for edge in node.edges if edge.node is not None)


def _paths(nodes: Sequence[Function], wanted: set[int] | None) -> dict[int, tuple[bool, ...]]:
    """For each node, oldest first, which inputs lie on a path from something wanted."""

    def leads_there(edge: Edge) -> bool:
        if edge.node is not None and any(needs[edge.node.number]):
            return True
        source = edge.leaf if edge.node is None else edge.node
        return source is not None and (source is edge.leaf if wanted is None else id(source) in wanted)

    needs: dict[int, tuple[bool, ...]] = {}
    for node in nodes:
        needs[node.number] = tuple(leads_there(edge) for edge in node.edges)
    return needs


def _add(sums: dict[int, Any], key: int, y: Any) -> None:
    sums[key] = backend.returned(sums[key] + y, "backward") if key in sums else y


def grad(outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool = False) -> Any:
    """Gradients of `outputs` with respect to `inputs`, leaving every ``.grad`` alone.

    `outputs` is a Tensor or a list of them, whose gradients are added up; `inputs` likewise, leaves or
    inner Tensors of the tape; `grad_outputs` the upstream gradients, None only for one-element outputs.
    Returns a Tensor, or a list when `inputs` is one. GradientError for an input nothing depends on.

    >>> x = Tensor([3.0], requires_grad=True)
    >>> grad(x * x, x).item()
    6.0
    """
    inputs = [inputs] if (single := isinstance(inputs, Tensor)) else list(inputs)
    sources = [tensor.creator or tensor for tensor in inputs]
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    if not isinstance(grad_outputs, list | tuple):
        grad_outputs = [grad_outputs] * len(outputs)
    if len(grad_outputs) != len(outputs):
        _refuse("grad", "grad_outputs", expected=f"a list of {len(outputs)}", got=len(grad_outputs))
    roots = [(y, _upstream(y, gy)) for y, gy in zip(outputs, grad_outputs, strict=True)]
    found: dict[int, Any] = {}
    for _ in _walk(roots, set(map(id, sources)), lambda at, gx: _add(found, id(at), gx), retain_graph):
        pass
    for number, source in enumerate(sources):
        if id(source) not in found:
            name = getattr(inputs[number], "path", None) or inputs[number].name or number
            hint = "Was it made under no_grad(), without requires_grad=True, or is it not used?"
            _refuse("grad", f"the outputs do not depend on input {name!r}", hint=hint)
    results = [_wrap(found[id(source)]) for source in sources]
    return results[0] if single else results
