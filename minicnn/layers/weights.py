"""What a layer owns: Parameters, and layers inside it with Parameters of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .. import backend, initializers, regularizers
from ..autograd import Parameter, Tensor
from ..errors import ArgumentError, ShapeError, message
from .promised import promised_now

# Attributes of this class and of Layer that are lists or tuples, but never of layers that a user put there.
_OWN = frozenset(("_added", "_growing", "_nodes", "_own", "_penalties", "_sublayers"))


class HasWeights:
    """The part of `Layer` that keeps track of weights and of layers assigned to attributes."""

    name: str
    dtype: str
    built: bool

    @property
    def where(self) -> str:
        """How errors name this layer: ``Conv2D 'conv2d_1'``."""
        return f"{type(self).__name__} {self.name!r}"

    def __init__(self, trainable: bool) -> None:
        self._growing: dict[str, bool] = {}  # names of the attributes that layers may be put into, in order
        self._own: list[Parameter] = []
        self._penalties: list[tuple[Parameter, Any]] = []
        # Which run of the outermost layer the last call belonged to, and the losses added in it.
        self._pass: object = None
        self._added: tuple[object, list[Any]] = (None, [])
        self._sublayers: list[Any] = []
        self._trainable = bool(trainable)

    def __setattr__(self, name: str, value: Any) -> None:
        for layer in _layers_in(value):
            self._track(layer)
        if name not in _OWN:
            self._growing.pop(name, None)
            if _may_grow(value):
                self._growing[name] = True
        object.__setattr__(self, name, value)

    def _track(self, layer: HasWeights) -> None:
        if "_sublayers" not in vars(self):
            hint = "Call super().__init__() first."
            problem = "a layer was assigned before __init__"
            raise ArgumentError(message(type(self).__name__, problem, hint=hint))
        if all(layer is not known for known in self._sublayers):
            self._sublayers.append(layer)
            if not self._trainable:
                layer.trainable = False

    def _inner(self) -> list[Any]:
        """The layers right inside this one, also those put into its lists and dicts after assignment."""
        for name in tuple(self._growing):
            for layer in _layers_in(getattr(self, name, None)):
                self._track(layer)
        return self._sublayers

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "glorot_uniform",
        trainable: bool = True,
        name: str = "weight",
        dtype: str | None = None,
        regularizer: Any = None,
    ) -> Parameter:
        """Make a Parameter of this layer; call it in `build`. `regularizer` penalises it, see `losses`."""
        shape, dtype, promised = tuple(shape), dtype or self.dtype, promised_now.get()
        draw = initializers.get(initializer) if promised is None else promised.placeholder
        value = backend.asarray(draw(shape, dtype), dtype, where=self.where)
        if value.shape != shape:
            problem = f"the initializer of {name!r} made another shape"
            raise ShapeError(message(self.where, problem, expected=shape, got=value.shape))
        trained = trainable and self._trainable
        parameter = Parameter(value, name=name, trainable=trained, copy=promised is None)
        parameter.path = f"{self.name}/{name}"
        parameter.learnable = trainable
        self._own.append(parameter)
        if regularizer is not None:
            self._penalties.append((parameter, regularizers.get(regularizer)))
        return parameter

    def add_loss(self, loss: Any) -> None:
        """Add a scalar Tensor to what training minimises; call it in `call`, it counts for that pass."""
        if self._added[0] is not self._pass:
            self._added = (self._pass, [])
        self._added[1].append(loss)

    @property
    def losses(self) -> list[Any]:
        """Scalar Tensors that training adds to the loss, those of inner layers included.

        They are what `add_loss` and activity regularizers gave in this layer's last call, and the
        penalties of regularized weights that are trainable now.
        """
        layers = list(self._walk())
        added = [loss for layer in layers if layer._added[0] is self._pass for loss in layer._added[1]]
        pairs = [pair for layer in layers for pair in layer._penalties]
        return added + [regularizer(weight) for weight, regularizer in pairs if weight.trainable]

    @property
    def trainable(self) -> bool:
        """Whether this layer (with everything inside it) is learned; assign to freeze or unfreeze."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for parameter in self._own:
            parameter.trainable = self._trainable and parameter.learnable
        for layer in self._inner():
            layer.trainable = value

    def _walk(self) -> Iterator[HasWeights]:
        """This layer and all layers inside it, each once."""
        seen: set[int] = set()
        stack: list[HasWeights] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                stack.extend(reversed(layer._inner()))

    @property
    def weights(self) -> list[Parameter]:
        """All Parameters, those of inner layers included, in order of the layers."""
        learned_first = (sorted(layer._own, key=lambda p: not p.learnable) for layer in self._walk())
        return [parameter for own in learned_first for parameter in own]

    @property
    def trainable_weights(self) -> list[Parameter]:
        """The Parameters an optimizer updates."""
        return [parameter for parameter in self.weights if parameter.trainable]

    @property
    def non_trainable_weights(self) -> list[Parameter]:
        """The other Parameters: frozen ones and statistics."""
        return [parameter for parameter in self.weights if not parameter.trainable]

    def count_params(self) -> int:
        """Number of elements of all weights; ArgumentError before there are any."""
        if not self.built:
            hint = "Call the layer on data, or give the model an Input."
            raise ArgumentError(message(self.where, "it is not built, its weights are not known", hint=hint))
        return sum(parameter.size for parameter in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as NumPy arrays."""
        return [parameter.numpy().copy() for parameter in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights, in the order of `weights`; nothing changes if one does not fit."""
        own, where = self.weights, f"set_weights of {self.where}"
        if len(weights) != len(own):
            problem = "wrong number of arrays"
            raise ArgumentError(message(where, problem, expected=len(own), got=len(weights)))
        arrays = [w.data if isinstance(w, Tensor) else backend.asarray(w, where=where) for w in weights]
        for parameter, array in zip(own, arrays, strict=True):
            if array.shape != parameter.shape:
                problem = f"the array for {parameter.path!r} has another shape"
                raise ShapeError(message(where, problem, expected=parameter.shape, got=array.shape))
        for parameter, array in zip(own, arrays, strict=True):
            parameter.assign(array)


def _may_grow(value: Any) -> bool:
    """Whether layers can be put into it later: a list or dict, or a tuple with one inside."""
    return isinstance(value, list | dict) or (isinstance(value, tuple) and any(map(_may_grow, value)))


def _layers_in(value: Any) -> Iterator[HasWeights]:
    """A layer, or the layers in lists, tuples and dicts, however deep."""
    if isinstance(value, HasWeights):
        yield value
    elif isinstance(value, list | tuple | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _layers_in(item)
