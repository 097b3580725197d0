"""BatchNormalization, LayerNormalization and GroupNormalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import initializers, regularizers
from ..checks import is_integer, number
from ..context import is_aside
from ..errors import ArgumentError, ShapeError, message
from ..functions.fused import Folded, batch_norm_activation
from ..functions.norm import batch_norm, batch_norm_inference, group_norm, layer_norm
from ..functions.shape import resolve_axes
from .base import Layer, Shape, check_sizes


class _Normalization(Layer):
    """What the three share: γ and β along an axis, and ε."""

    axis: Any

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.epsilon = number(epsilon, "epsilon", self.where, 0)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def _one_axis(self, axis: Any) -> int:
        if not is_integer(axis):
            raise ArgumentError(message(self.where, "axis", expected="an integer", got=repr(axis)))
        return int(axis)

    def build(self, input_shape: Shape) -> None:
        self._sizes = self._sizes_in(input_shape)
        if None in self._sizes:
            expected, got = f"known sizes along axis {self.axis}", tuple(input_shape)
            raise ShapeError(message(self.where, "unusable input", expected=expected, got=got))
        self.gamma = self.beta = None
        if self.scale:
            initializer, regularizer = self.gamma_initializer, self.gamma_regularizer
            self.gamma = self.add_weight(self._sizes, initializer, name="gamma", regularizer=regularizer)
        if self.center:
            initializer, regularizer = self.beta_initializer, self.beta_regularizer
            self.beta = self.add_weight(self._sizes, initializer, name="beta", regularizer=regularizer)

    def _axes(self, ndim: int) -> tuple[int, ...]:
        axes = tuple(sorted(resolve_axes(self.axis, ndim, self.where)))
        if 0 in axes:
            expected, got = "axes behind the batch axis", f"axis {self.axis} of {ndim} axes"
            raise ArgumentError(message(self.where, "axis", expected=expected, got=got))
        return axes

    def _sizes_in(self, shape: Shape) -> tuple[Any, ...]:
        """The sizes of γ and β for inputs of this shape; ShapeError where those that exist do not fit."""
        sizes = tuple(shape[axis] for axis in self._axes(len(shape)))
        if self.built:
            problem = f"axis {self.axis} of the input does not fit the weights"
            check_sizes(self.where, problem, sizes, self._sizes)
        return sizes

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input shape."""
        self._sizes_in(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer, self.where),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer, self.where),
        }


class BatchNormalization(_Normalization):
    """Normalize each channel over the batch and all pixels: ``y = γ·(x − mean)/√(var + ε) + β``.

    While training, mean and var are those of the batch (var divided by the number of values), and moving
    averages follow them: ``moving = momentum·moving + (1 − momentum)·found``. Otherwise, and always with
    ``trainable=False``, mean and var are these moving averages. Backward: see
    `minicnn.functions.batch_norm` and `minicnn.functions.batch_norm_inference`.

    Parameters
    ----------
    axis : that of the channels.
    momentum : share of the moving averages that a step keeps, 0 … 1.
    epsilon : added to the variance.
    center, scale : whether there are β and γ.
    beta_initializer, … : names or objects.

    Weights: ``gamma``, ``beta``, and not learned ``moving_mean``, ``moving_variance``, all (c,).
    Input and output (n, …, c). Source: Ioffe & Szegedy 2015.

    >>> import numpy as np
    >>> layer = BatchNormalization()
    >>> layer(np.array([[1.0], [3.0]]), training=True).numpy().round(2).ravel()
    array([-1.,  1.], dtype=float32)
    >>> layer.moving_mean.numpy()
    array([0.02], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        given = (epsilon, center, scale, beta_initializer, gamma_initializer)
        super().__init__(*given, beta_regularizer, gamma_regularizer, **kwargs)
        self.axis = self._one_axis(axis)
        self.momentum = number(momentum, "momentum", self.where, 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self.add_weight(self._sizes, mean, trainable=False, name="moving_mean")
        self.moving_variance = self.add_weight(self._sizes, variance, trainable=False, name="moving_variance")

    def call_relu(self, x: Any, training: bool = False) -> Any:
        """``relu(self(x))`` at once while training; None where that cannot be."""
        if not (training and self.trainable and self.axis in (-1, len(x.shape) - 1)):
            return None
        self._sizes_in(x.shape)
        return batch_norm_activation(x, self.gamma, self.beta, self.epsilon, self._follow)

    def folded(self) -> Folded:
        """What it does while predicting, to be folded into the filters in front of it."""
        statistics = self.moving_mean.data, self.moving_variance.data
        return Folded(*statistics, self.gamma, self.beta, self.epsilon)

    def call(self, x: Any, training: bool = False) -> Any:
        self._sizes_in(x.shape)
        settings: dict[str, Any] = {"epsilon": self.epsilon, "axis": self.axis, "where": self.where}
        if training and self.trainable:
            return batch_norm(x, self.gamma, self.beta, on_statistics=self._follow, **settings)
        moving = self.moving_mean, self.moving_variance
        return batch_norm_inference(x, *moving, self.gamma, self.beta, **settings)

    def _follow(self, mean: Any, rstd: Any) -> None:
        """Let the moving averages follow the statistics of a batch."""
        if is_aside():  # the batch is made up, to find out a shape
            return
        variance = (1 / rstd.astype("float64") ** 2 - self.epsilon).clip(0)  # not −1e-10 by rounding
        for moving, found in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * moving.data + (1 - self.momentum) * found)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
        }


class LayerNormalization(_Normalization):
    """Normalize each sample over one or several axes: ``y = γ·(x − mean)/√(var + ε) + β``.

    Backward: see `minicnn.functions.layer_norm`. `axis` is an integer or a list of them; the rest as in
    `BatchNormalization`. Weights: ``gamma`` and ``beta``, of the sizes of these axes from the first to the
    last. Input and output (n, …). Source: Ba et al. 2016.

    >>> import numpy as np
    >>> LayerNormalization()(np.array([[1.0, 3.0]])).numpy().round(2)
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        given = (epsilon, center, scale, beta_initializer, gamma_initializer)
        super().__init__(*given, beta_regularizer, gamma_regularizer, **kwargs)
        several = isinstance(axis, list | tuple) and len(axis) > 0
        self.axis = list(map(self._one_axis, axis)) if several else self._one_axis(axis)  # type: ignore[arg-type]
        if several and min(self.axis) < 0 <= max(self.axis):  # Keras would order its weights by these numbers
            expected, got = "axes counted from one end", repr(axis)
            raise ArgumentError(message(self.where, "axis", expected=expected, got=got))

    def call(self, x: Any) -> Any:
        self._sizes_in(x.shape)
        axes = self._axes(len(x.shape))
        return layer_norm(x, self.gamma, self.beta, axes, self.epsilon, where=self.where)


class GroupNormalization(_Normalization):
    """Normalize each sample's groups of channels over all pixels: ``y = γ·(x − mean)/√(var + ε) + β``.

    Backward: see `minicnn.functions.group_norm`. `groups` divides the channels, which lie along `axis`; −1
    makes every channel a group of its own (instance normalization). The rest as in `BatchNormalization`.
    Weights: ``gamma`` and ``beta`` (c,). Input and output (n, …, c). Source: Wu & He 2018.

    >>> import numpy as np
    >>> GroupNormalization(groups=2)(np.array([[1.0, 3.0, 7.0, 7.0]])).numpy().round(2)
    array([[-1.,  1.,  0.,  0.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        given = (epsilon, center, scale, beta_initializer, gamma_initializer)
        super().__init__(*given, beta_regularizer, gamma_regularizer, **kwargs)
        self.axis = self._one_axis(axis)
        if not is_integer(groups) or (groups < 1 and groups != -1):
            expected = "a positive integer, or -1 for as many as channels"
            raise ArgumentError(message(self.where, "groups", expected=expected, got=repr(groups)))
        self.groups = int(groups)

    def _sizes_in(self, shape: Shape) -> tuple[Any, ...]:
        (channels,) = super()._sizes_in(shape)
        if channels is not None and channels % self.groups:
            problem = "the channels cannot be cut into equal groups"
            expected = f"a divisor of the {channels} channels, or -1"
            raise ShapeError(message(self.where, problem, expected=expected, got=self.groups))
        return (channels,)

    def call(self, x: Any) -> Any:
        (channels,) = self._sizes_in(x.shape)
        groups = channels if self.groups == -1 else self.groups
        settings = (self.gamma, self.beta, self.axis, self.epsilon)
        return group_norm(x, groups, *settings, where=self.where)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"groups": self.groups}
