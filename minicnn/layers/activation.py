"""Activations as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functions as F
from .. import initializers, regularizers
from ..activations import get, serialize
from ..checks import is_integer, number
from ..errors import ArgumentError, ShapeError, message
from .base import Layer, Shape, check_sizes


class Elementwise(Layer):
    """A layer without weights whose output has its input's shape."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        return input_shape


class Activation(Elementwise):
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


class ReLU(Elementwise):
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
        self.max_value = None if max_value is None else number(max_value, "max_value", self.where, 0)
        self.negative_slope = number(negative_slope, "negative_slope", self.where, 0)
        self.threshold = number(threshold, "threshold", self.where, 0)

    def call(self, x: Any) -> Any:
        return F.relu(x, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        own = {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
        return super().get_config() | own


class LeakyReLU(Elementwise):
    """``y = x`` where x > 0, else ``negative_slope·x``; backward gy or ``negative_slope·gy``.

    Source: Maas et al. 2013.

    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([-1.0, 2.0])).numpy()
    array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = number(negative_slope, "negative_slope", self.where, 0)

    def call(self, x: Any) -> Any:
        return F.leaky_relu(x, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"negative_slope": self.negative_slope}


class ELU(Elementwise):
    """``y = x`` where x > 0, else ``α·(eˣ − 1)``; backward gy or ``α·eˣ·gy``. Source: Clevert et al. 2016.

    >>> import numpy as np
    >>> ELU()(np.array([0.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha", self.where)

    def call(self, x: Any) -> Any:
        return F.elu(x, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"alpha": self.alpha}


class PReLU(Elementwise):
    """A leaky ReLU that learns its slope: ``y = x`` where x > 0, else ``α·x``.

    Backward: ``gx = gy`` or ``α·gy``, ``gα = Σ gy·min(x, 0)``. Weight: ``alpha``, of the input's shape
    without the batch and with size 1 along `shared_axes`: for images, [1, 2] gives one slope a channel.
    Source: He et al. 2015.

    >>> import numpy as np
    >>> PReLU(shared_axes=[1, 2])(np.zeros((2, 5, 5, 3))).shape
    (2, 5, 5, 3)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        *,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        axes: Any = shared_axes if isinstance(shared_axes, list | tuple | None) else [shared_axes]
        if not all(is_integer(axis) and axis >= 1 for axis in axes or []):
            expected = "axes counted from 1, the first behind the batch"
            raise ArgumentError(message(self.where, "shared_axes", expected=expected, got=repr(shared_axes)))
        self.shared_axes = None if axes is None else [int(axis) for axis in axes]

    def _alpha_shape(self, shape: Shape) -> tuple[Any, ...]:
        """ShapeError where the input has no such axis or does not fit the alpha that exists."""
        shared = self.shared_axes or []
        if max(shared, default=0) >= len(shape):
            problem, expected = "shared_axes names an axis that is not there", f"axes below {len(shape)}"
            raise ShapeError(message(self.where, problem, expected=expected, got=shared))
        sizes = tuple(1 if axis in shared else shape[axis] for axis in range(1, len(shape)))
        if self.built:
            check_sizes(self.where, "the input does not fit alpha", sizes, self.alpha.shape)
        return sizes

    def build(self, input_shape: Shape) -> None:
        shape = self._alpha_shape(input_shape)
        if None in shape:
            hint = "Share the axes of unknown size: shared_axes=[1, 2]."
            got = tuple(input_shape)
            raise ShapeError(message(self.where, "a size of its alpha is unknown", got=got, hint=hint))
        regularizer = self.alpha_regularizer
        self.alpha = self.add_weight(shape, self.alpha_initializer, name="alpha", regularizer=regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        self._alpha_shape(input_shape)
        return input_shape

    def call(self, x: Any) -> Any:
        self._alpha_shape(x.shape)
        return F.prelu(x, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "alpha_initializer": initializers.serialize(self.alpha_initializer),
            "alpha_regularizer": regularizers.serialize(self.alpha_regularizer, self.where),
            "shared_axes": self.shared_axes,
        }


class Softmax(Elementwise):
    """Probabilities along an axis, ``yᵢ = e^xᵢ / Σⱼ e^xⱼ``; backward ``gxᵢ = yᵢ·(gyᵢ − Σⱼ gyⱼ·yⱼ)``.

    Called with a `mask`, which broadcasts against x, it computes as if the elements where the mask is
    false (or at most 0.5) were not there, and gives 0 for them.

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

    def call(self, x: Any, mask: Any = None) -> Any:
        self.compute_output_shape(x.shape)
        if mask is None:
            return F.softmax(x, self.axis)
        mask = mask if hasattr(mask, "shape") else np.asarray(mask)
        fits = zip(mask.shape[::-1], x.shape[::-1], strict=False)
        if len(mask.shape) > len(x.shape) or any(size not in (1, wanted) for size, wanted in fits):
            expected = f"sizes of 1 or as in {tuple(x.shape)}"
            raise ShapeError(
                message(self.where, "the mask does not fit", expected=expected, got=tuple(mask.shape))
            )
        keep = mask > 0.5
        # Not −∞: where nothing is kept, ∞ − ∞ would be NaN.
        return F.where(keep, F.softmax(F.where(keep, x, -1e9), self.axis), 0.0)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
