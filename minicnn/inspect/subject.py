"""The function under a gradient check, in float64: a point to stand on, and ways to run it from there.

Every run starts from fresh copies of the point, so a function that changes its inputs (or a layer that
changes its statistics) is the same function in the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .. import backend
from ..autograd import Function, Parameter, Tensor
from ..context import Switch, no_grad, recording
from ..errors import ArgumentError, message
from ..layers.base import Layer


class _Slot(NamedTuple):
    """The place of a float input among the arguments of the function."""

    number: int


class Subject:
    """A function with its point: the float inputs, then the Parameters, each with a name."""

    def __init__(self, function: Any, inputs: Any, parameters: Sequence[Parameter] | None) -> None:
        if not callable(function):
            expected = "a function, Function, Layer or Model"
            raise ArgumentError(message("gradcheck", "function", expected=expected, got=repr(function)))
        self.function, self.where = function, f"gradcheck of {_name(function)}"
        self.names: list[str] = []
        self.point: list[np.ndarray] = []
        inputs = inputs if isinstance(inputs, list | tuple) else [inputs]
        self._arguments = [self._take(value, f"input {i}") for i, value in enumerate(inputs)]
        self._n_inputs = len(self.point)
        own = self._built_weights() if isinstance(function, Layer) else []
        self._parameters = [p for p in own if p.trainable] if parameters is None else list(parameters)
        for parameter in self._parameters:
            if not isinstance(parameter, Parameter):
                got = type(parameter).__name__
                raise ArgumentError(message(self.where, "parameters", expected="Parameters", got=got))
        checked = set(map(id, self._parameters))
        self._fixed = [(p, _float64(p.data)) for p in own if id(p) not in checked]
        for i, parameter in enumerate(self._parameters):
            self.names.append(parameter.path or f"parameter {i}")
            self.point.append(_float64(parameter.data))
        if not self.names:
            hint = "Give at least one input of floats; integers have no gradient."
            raise ArgumentError(message(self.where, "there is nothing to differentiate by", hint=hint))

    def _take(self, value: Any, name: str) -> Any:
        """Replace floats by a slot; leave everything else as it is."""
        if isinstance(value, list | tuple) and any(isinstance(item, Tensor | np.ndarray) for item in value):
            return [self._take(item, f"{name}[{i}]") for i, item in enumerate(value)]
        array = _array(value)
        if array is not None and array.dtype.kind == "f":
            self.names.append(name)
            self.point.append(np.array(array, np.float64))
            return _Slot(len(self.point) - 1)
        # A layer would cast an integer array to its own float dtype; a Tensor it leaves alone.
        return Tensor(value) if isinstance(value, np.ndarray) and isinstance(self.function, Layer) else value

    def _built_weights(self) -> list[Parameter]:
        """The weights of the layer, which are made on its first call."""
        if not self.function.built:
            with no_grad():
                values = [Tensor(value.astype(self.function.dtype)) for value in self.point]
                self.function(*_fill(self._arguments, values))
        return self.function.weights

    @contextmanager
    def in_float64(self) -> Iterator[None]:
        """Let `run` put its own float64 arrays into the Parameters; afterwards they are as before."""
        parameters = [*self._parameters, *(parameter for parameter, _ in self._fixed)]
        before = [(p, p.data, p.grad, p.requires_grad) for p in parameters]
        try:
            with Switch(recording, True), np.errstate(all="ignore"):
                yield
        finally:
            for parameter, data, grad, requires_grad in before:
                parameter.data, parameter.grad, parameter.requires_grad = data, grad, requires_grad

    def run(self, point: Sequence[Any], wanted: Collection[int]) -> tuple[list[Tensor], list[Tensor]]:
        """The outputs at a point, and the leaves; those numbered in `wanted` require a gradient."""
        inputs = point[: self._n_inputs]
        leaves = [Tensor(np.array(x), requires_grad=number in wanted) for number, x in enumerate(inputs)]
        for number, parameter in enumerate(self._parameters, start=self._n_inputs):
            parameter.data = backend.asarray(np.array(point[number]))
            parameter.grad, parameter.requires_grad = None, number in wanted
            leaves.append(parameter)
        for parameter, value in self._fixed:
            parameter.data, parameter.requires_grad = backend.asarray(value.copy()), False
        result = self.function(*_fill(self._arguments, leaves))
        outputs = list(result) if isinstance(result, list | tuple) else [result]
        for output in outputs:
            if not isinstance(output, Tensor) or output.dtype.kind != "f":
                got = f"dtype {output.dtype}" if isinstance(output, Tensor) else type(output).__name__
                problem = "the function does not return a Tensor of floats"
                raise ArgumentError(message(self.where, problem, got=got))
        return outputs, leaves

    def evaluate(self, number: int, value: Any) -> np.ndarray:
        """All outputs in one row, with source `number` moved to `value`."""
        point = [*self.point[:number], value, *self.point[number + 1 :]]
        with no_grad():
            return flat(self.run(point, ())[0])


def backpropagate(outputs: Sequence[Tensor], leaves: Sequence[Tensor], gy: np.ndarray) -> list[np.ndarray]:
    """The gradient of every leaf for an upstream gradient in one row; zeros where none arrived."""
    start, last = 0, max((i for i, y in enumerate(outputs) if y.requires_grad), default=0)
    for i, output in enumerate(outputs):
        part = gy[start : start + output.size].reshape(output.shape)
        start += output.size
        if output.requires_grad:
            output.backward(part, retain_graph=i != last)
    return [np.zeros(x.shape) if x.grad is None else np.array(x.grad.numpy()) for x in leaves]


def flat(outputs: Sequence[Tensor]) -> np.ndarray:
    """All elements of all outputs in one row."""
    return np.concatenate([output.numpy().ravel() for output in outputs])


def _fill(arguments: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """The arguments with values in their slots."""
    filled: list[Any] = []
    for argument in arguments:
        if isinstance(argument, _Slot):
            filled.append(values[argument.number])
        else:
            filled.append(_fill(argument, values) if _holds_slots(argument) else argument)
    return filled


def _holds_slots(argument: Any) -> bool:
    nested = isinstance(argument, list)
    return nested and any(isinstance(item, _Slot) or _holds_slots(item) for item in argument)


def _array(value: Any) -> np.ndarray | None:
    """An argument as an array, or None where it is none."""
    if isinstance(value, Tensor):
        return value.numpy()
    if not isinstance(value, np.ndarray | np.generic | float | list | tuple):
        return None
    try:
        return np.asarray(value)
    except ValueError:  # a ragged list; the function will say what it thinks of it
        return None


def _float64(array: Any) -> np.ndarray:
    return np.array(backend.to_numpy(array), np.float64)


def _name(function: Any) -> str:
    if isinstance(function, Layer):
        return function.where
    if isinstance(function, Function):
        return type(function).__name__
    name = getattr(function, "__name__", type(function).__name__)
    return "a function" if name == "<lambda>" else name
