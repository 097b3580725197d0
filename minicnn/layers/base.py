"""Layer: a function with the Parameters it learns.

`Layer.__call__` is the one door: it casts arrays to the layer's dtype, builds the weights on first use,
settles `training`, pushes the layer's scope, and calls `call`. On graph symbols it records instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .. import backend, regularizers
from ..autograd import Tensor
from ..context import Switch, aside, scope
from ..errors import ArgumentError, ShapeError, message
from .naming import snake_case, unique_name
from .weights import HasWeights

Shape = Any  # a tuple of int | None, or a list of such tuples for several inputs


class _Call(NamedTuple):
    """What the layers inside a call are told: whether it trains, and which outermost call they are in."""

    training: bool
    outermost: object


_enclosing: ContextVar[_Call | None] = ContextVar("minicnn_call", default=None)


def resolve_training(explicit: bool | None) -> bool:
    """The explicit argument, else that of the enclosing call, else False."""
    if explicit is not None:
        return bool(explicit)
    enclosing = _enclosing.get()
    return enclosing is not None and enclosing.training


@cache
def _call_takes(function: Callable[..., Any], argument: str) -> bool:
    return argument in inspect.signature(function).parameters


class Layer(HasWeights):
    """Base of all layers; your own needs `call`, and `build` where it has weights.

    Parameters
    ----------
    name : unique in a model; made from the class name where absent.
    trainable : whether its weights are learned.
    dtype : of its weights and of what it computes, ``"float32"`` or ``"float64"``.
    input_shape : without the batch axis, for the first layer of a Sequential.
    activity_regularizer : penalty on its output, see `minicnn.regularizers`.

    Examples
    --------
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.scale = self.add_weight((input_shape[-1],), initializer="ones", name="scale")
    ...     def call(self, x):
    ...         return x * self.scale
    >>> Scale()(np.array([[1.0, 2.0]])).numpy()
    array([[1., 2.]], dtype=float32)
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        input_shape: Sequence[int | None] | None = None,
        activity_regularizer: Any = None,
        **unknown: Any,
    ) -> None:
        super().__init__(trainable)
        self._nodes: list[Any] = []  # where graphs call this layer
        self.name = unique_name(snake_case(type(self).__name__)) if name is None else str(name)
        if not self.name or "/" in self.name:
            raise ArgumentError(
                message(self.where, "a layer's name is empty or holds a slash", got=repr(name))
            )
        if unknown:
            self._refuse_arguments(unknown)
        self.dtype = self._check_dtype(dtype)
        self.batch_input_shape = None if input_shape is None else (None, *input_shape)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False

    def _check_dtype(self, dtype: Any) -> str:
        name = getattr(dtype, "__name__", str(dtype or "float32"))
        if name not in ("float32", "float64"):
            raise ArgumentError(message(self.where, "dtype", expected="float32 or float64", got=repr(dtype)))
        return name

    def _refuse_arguments(self, unknown: dict[str, Any]) -> None:
        argument = next(iter(unknown))
        hint = None
        if argument.endswith("_constraint"):
            hint = "Weight constraints are not supported; change the weights after a step instead."
        elif argument == "data_format":
            hint = "Images are channels-last here: (n, h, w, c)."
        raise ArgumentError(message(self.where, f"it takes no argument {argument!r}", hint=hint))

    def check_data_format(self, data_format: str | None) -> None:
        """Refuse channels-first images with the reason."""
        if data_format not in (None, "channels_last"):
            hint = "Convert with x.transpose(0, 2, 3, 1): kernels here read channels from adjacent memory."
            raise ArgumentError(
                message(
                    self.where, "data_format", expected="'channels_last'", got=repr(data_format), hint=hint
                )
            )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape; layers without weights need none."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no call")

    def build_for(self, input_shape: Shape) -> None:
        """`build`, once."""
        if not self.built:
            with aside():
                self.build(input_shape)
            self._built_for = input_shape  # files keep it: only calls of a model's code tell it otherwise
            self.built = True

    def __call__(self, *inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Apply the layer to Tensors or arrays (a list for several inputs), or record it on symbols."""
        for value in _flat((*inputs, *kwargs.values())):
            if hasattr(value, "record_layer"):
                if training is not None:
                    kwargs["training"] = training
                return value.record_layer(self, inputs, kwargs)
        return self.run(self.call, inputs, training, kwargs)

    def run(self, call: Callable[..., Any], inputs: Sequence[Any], training: Any, kwargs: Any) -> Any:
        """Run `call`, this layer's own or one that does more at once, as a call of this layer."""
        tensors = tuple(self._take(value) for value in inputs)
        self.build_for(shape_of(tensors[0]) if tensors else ())
        training = resolve_training(training)
        if _call_takes(type(self).call, "training"):
            kwargs["training"] = training
        enclosing = _enclosing.get()
        self._pass = object() if enclosing is None else enclosing.outermost
        with scope(self.name), Switch(_enclosing, _Call(training, self._pass)):
            result = call(*tensors, **kwargs)
            if self.activity_regularizer is not None:
                for output in _flat([result]):  # its mean over the samples, as in Keras
                    samples = max(len(output), 1) if output.ndim else 1
                    self.add_loss(self.activity_regularizer(output) / samples)
        return result

    def _take(self, value: Any) -> Any:
        """Arrays become Tensors of this layer's dtype; Tensors stay as they are."""
        if isinstance(value, Tensor):
            return value
        if isinstance(value, list | tuple) and any(isinstance(item, Tensor | np.ndarray) for item in value):
            return [self._take(item) for item in value]
        return Tensor(backend.asarray(value, self.dtype, where=self.where))

    # -- graphs and files ------------------------------------------------------------------------------

    @property
    def output(self) -> Any:
        """The symbol this layer produced in its first call in a graph."""
        return self._first_node().output

    @property
    def input(self) -> Any:
        """The symbol (or list) this layer was first called on in a graph."""
        inputs = self._first_node().input_symbols
        return inputs[0] if len(inputs) == 1 else list(inputs)

    def _first_node(self) -> Any:
        if not self._nodes:
            hint = "Give the model an Input, or call it on data once."
            raise ArgumentError(message(self.where, "it has not been called in a graph yet", hint=hint))
        return self._nodes[0]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data; ``type(layer)(**config)`` makes an equal layer."""
        config = {"name": self.name, "trainable": self._trainable, "dtype": self.dtype}
        if self.batch_input_shape is not None:
            config["input_shape"] = list(self.batch_input_shape[1:])
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer, self.where)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from what `get_config` gave."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{self.where}{'' if self.built else ', not built'}>"


def check_sizes(where: str, problem: str, sizes: Sequence[Any], own: Sequence[Any]) -> None:
    """ShapeError unless the sizes, None where one is unknown, are those that weights were made for."""
    if len(sizes) != len(own) or any(a not in (None, b) for a, b in zip(sizes, own, strict=True)):
        raise ShapeError(message(where, problem, expected=tuple(own), got=tuple(sizes)))


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def shape_of(value: Any) -> Shape:
    """The shape of a Tensor, or a list of those of several."""
    return [shape_of(item) for item in value] if isinstance(value, list) else tuple(value.shape)
