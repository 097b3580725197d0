"""Activations: by name, as functions, and as layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import functions as F
from ..checks import is_integer, is_number
from ..errors import ArgumentError, message
from .base import Layer, Shape


def linear(x: Any) -> Any:
    """No activation: y = x."""
    return x


ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "linear": linear,
    "relu": F.relu,
    "sigmoid": F.sigmoid,
    "softmax": F.softmax,
    "tanh": F.tanh,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An activation function from its name, None (linear) or itself.

    >>> get("relu") is F.relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if isinstance(identifier, str) and identifier in ACTIVATIONS:
        return ACTIVATIONS[identifier]
    expected = f"one of {', '.join(ACTIVATIONS)} or a function"
    raise ArgumentError(message("activation", "it is not known", expected=expected, got=repr(identifier)))


def serialize(function: Callable[..., Any], where: str) -> str:
    """The name of an activation, for files; a function of the user's own has none."""
    for name, known in ACTIVATIONS.items():
        if function is known:
            return name
    hint = "Put it into a Layer of your own with a get_config."
    got = getattr(function, "__name__", repr(function))
    raise ArgumentError(message(where, "its activation cannot be written to a file", got=got, hint=hint))


class _Elementwise(Layer):
    """A layer without weights whose output has its input's shape."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape


class Activation(_Elementwise):
    """Apply an activation by name or function: ``Activation("relu")``.

    >>> import numpy as np
    >>> Activation("relu")(np.array([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = get(activation)

    def call(self, x: Any) -> Any:
        return self.activation(x)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": serialize(self.activation, self.where)}


class ReLU(_Elementwise):
    """Rectified linear unit with Keras' options.

    ``y = max_value`` where x ≥ max_value, x where threshold ≤ x < max_value, and
    ``negative_slope·(x − threshold)`` below. Backward: 0, gy and ``negative_slope·gy`` there.

    >>> import numpy as np
    >>> ReLU(max_value=6)(np.array([-1.0, 3.0, 9.0])).numpy()
    array([0., 3., 6.], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        limits: Any = ("max_value", max_value), ("negative_slope", negative_slope), ("threshold", threshold)
        for name, value in limits:
            if value is None and name == "max_value":
                continue
            if not is_number(value) or not value >= 0:
                raise ArgumentError(
                    message(self.where, name, expected="a number of at least 0", got=repr(value))
                )
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, x: Any) -> Any:
        y: Any = F.relu(x) if self.threshold == 0 else x * F.astype(x > self.threshold, x.dtype)
        if self.max_value is not None:
            y = F.clip(y, 0, self.max_value)
        if self.negative_slope:
            y = y - self.negative_slope * F.relu(self.threshold - x)
        return y

    def get_config(self) -> dict[str, Any]:
        own = {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
        return super().get_config() | own


class Softmax(_Elementwise):
    """Probabilities along an axis, ``yᵢ = e^xᵢ / Σⱼ e^xⱼ``; backward ``gxᵢ = yᵢ·(gyᵢ − Σⱼ gyⱼ·yⱼ)``.

    >>> import numpy as np
    >>> Softmax()(np.array([[0.0, 0.0]])).numpy()
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not is_integer(axis):
            raise ArgumentError(message(self.where, "axis", expected="an integer", got=repr(axis)))
        self.axis = axis

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        ndim = len(input_shape)
        if not -ndim <= self.axis < ndim:
            expected = f"an axis of its {ndim}-dimensional input"
            problem = "there is no such axis"
            raise ArgumentError(message(self.where, problem, expected=expected, got=self.axis))
        return input_shape

    def call(self, x: Any) -> Any:
        self.compute_output_shape(x.shape)
        return F.softmax(x, self.axis)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
