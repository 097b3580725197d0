"""Normalization: shift and scale values to mean 0 and variance 1, then by what was learned.

The three differ in the values that share a mean and a variance: all of one channel (batch), one sample's
last axes (layer), one sample's channels of one group (group).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import Function, Tensor
from ..checks import number, whole
from .shape import on_last_axes, resolve_axes

_EQUATION = "y = γ·x̂ + β, x̂ = (x − mean)·rstd, rstd = 1/√(var + ε); mean and var "
_BACKWARD = "gx = rstd·(gx̂ − mean gx̂ − x̂·mean(gx̂·x̂)), gx̂ = γ·gy; gγ = Σ gy·x̂, gβ = Σ gy"


class _Affine(Function):
    """Inputs x, then γ and β, each only if it is there."""

    def __init__(self, scale: bool, center: bool, epsilon: float) -> None:
        self.scale, self.center, self.epsilon = scale, center, epsilon

    def gamma_beta(self, given: Sequence[Any]) -> tuple[Any, Any]:
        gamma = given[0] if self.scale else None
        return gamma, given[int(self.scale)] if self.center else None

    def grads(self, gx: Any, ggamma: Any, gbeta: Any) -> tuple[Any, ...]:
        return (gx, *([ggamma] if self.scale else []), *([gbeta] if self.center else []))


class _Normalization(_Affine):
    """By the mean and variance of x itself; kernels of the name `op` do it, with `options` of their own."""

    op = ""
    options: tuple[Any, ...] = ()
    on_statistics: Callable[[Any, Any], None] | None = None

    def forward(self, x: Any, *affine: Any) -> Any:
        gamma, beta = self.gamma_beta(affine)
        y, mean, rstd = self.kernel(f"{self.op}_forward")(x, gamma, beta, *self.options, self.epsilon)
        if self.on_statistics is not None:
            self.on_statistics(mean, rstd)
        self.save(x=x, mean=mean, rstd=rstd, **({"gamma": gamma} if self.scale else {}))
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        s = self.saved
        gamma = s.gamma if self.scale else None
        return self.grads(*self.kernel(f"{self.op}_grad")(gy, s.x, gamma, s.mean, s.rstd))


class BatchNormFunction(_Normalization):
    equation, backward_equation = _EQUATION + "over all axes but the last", _BACKWARD
    op = "batch_norm"


class LayerNormFunction(_Normalization):
    equation, backward_equation = _EQUATION + "of each sample over the last axes", _BACKWARD
    op = "layer_norm"

    def __init__(self, scale: bool, center: bool, epsilon: float, axes: int) -> None:
        super().__init__(scale, center, epsilon)
        self.options = (tuple(range(-axes, 0)),)


class GroupNormFunction(_Normalization):
    equation, backward_equation = (
        _EQUATION + "of each sample and group of channels over all pixels",
        _BACKWARD,
    )
    op = "group_norm"

    def __init__(self, scale: bool, center: bool, epsilon: float, groups: int) -> None:
        super().__init__(scale, center, epsilon)
        self.options = (groups,)


class BatchNormInferenceFunction(_Affine):
    equation = "y = γ·x̂ + β, x̂ = (x − mean)·rstd, rstd = 1/√(var + ε), with mean and var given"
    backward_equation = "gx = γ·rstd·gy, gγ = Σ gy·x̂, gβ = Σ gy, gmean = −γ·rstd·gβ, gvar = −½·γ·rstd²·gγ"

    def forward(self, x: Any, mean: Any, var: Any, *affine: Any) -> Any:
        gamma, beta = self.gamma_beta(affine)
        # Copies: while this waits for backward, a layer may move its averages on.
        self.save(x=x, mean=mean.copy(), var=var.copy(), **({"gamma": gamma} if self.scale else {}))
        return self.kernel("batch_norm_inference")(x, gamma, beta, mean, var, self.epsilon)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        s, run, xp = self.saved, self.kernel("batch_norm_inference"), self.xp
        gamma = s.gamma if self.scale else None
        gx = run(gy, gamma, None, xp.zeros_like(s.mean), s.var, self.epsilon)
        if not any(needs[1:]):
            return (gx, *[None] * (len(needs) - 1))
        xhat = run(s.x, None, None, s.mean, s.var, self.epsilon)
        ggamma, gbeta = self.kernel("bias_grad")(gy * xhat), self.kernel("bias_grad")(gy)
        rstd = 1 / xp.sqrt(s.var + self.epsilon)
        slope = rstd if gamma is None else gamma * rstd
        gx, *affine = self.grads(gx, ggamma, gbeta)
        return (gx, -slope * gbeta, -0.5 * slope * rstd * ggamma, *affine)


def _given(*optional: Any) -> list[Any]:
    return [value for value in optional if value is not None]


def batch_norm(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    epsilon: float = 1e-3,
    axis: int = -1,
    on_statistics: Callable[[Any, Any], None] | None = None,
    where: str = "batch_norm",
) -> Tensor:
    """Normalize each channel by the mean and variance of this batch: ``y = γ·(x − mean)/√(var + ε) + β``.

    Backward: ``gx = γ·rstd·(gy − (gβ + x̂·gγ)/N)``, ``gγ = Σ gy·x̂``, ``gβ = Σ gy``; N values a channel.

    `x` is (…, c); `axis` is that of the channels; `gamma` and `beta` (c,) or None for 1 and 0; `epsilon`
    is added to the variance. ``on_statistics(mean, rstd)``, both arrays (c,) with ``rstd = 1/√(var + ε)``,
    is called in every forward. Source: Ioffe & Szegedy 2015.

    >>> batch_norm(Tensor([[1.0], [3.0]]), epsilon=0.0).numpy().ravel()
    array([-1.,  1.], dtype=float32)
    """
    function = BatchNormFunction(gamma is not None, beta is not None, number(epsilon, "epsilon", where, 0))
    if on_statistics is not None:
        function.on_statistics = on_statistics
    axes = resolve_axes(axis, len(x.shape), where)
    return on_last_axes(lambda x: function(x, *_given(gamma, beta)), x, axes)


def batch_norm_inference(
    x: Any,
    mean: Any,
    variance: Any,
    gamma: Any = None,
    beta: Any = None,
    epsilon: float = 1e-3,
    axis: int = -1,
    where: str = "batch_norm_inference",
) -> Tensor:
    """Normalize each channel by a given mean and variance: ``y = γ·(x − mean)/√(var + ε) + β``.

    Backward: ``gx = γ·gy/√(var + ε)``, ``gγ = Σ gy·x̂``, ``gβ = Σ gy``.

    `x` is (…, c), all others (c,); as in `batch_norm`.

    >>> batch_norm_inference(Tensor([[5.0]]), Tensor([1.0]), Tensor([4.0]), epsilon=0.0).item()
    2.0
    """
    function = BatchNormInferenceFunction(
        gamma is not None, beta is not None, number(epsilon, "epsilon", where, 0)
    )
    axes = resolve_axes(axis, len(x.shape), where)
    return on_last_axes(lambda x: function(x, mean, variance, *_given(gamma, beta)), x, axes)


def layer_norm(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
    where: str = "layer_norm",
) -> Tensor:
    """Normalize each sample over one or several axes: ``y = γ·(x − mean)/√(var + ε) + β``.

    Backward: ``gx = rstd·(gx̂ − mean gx̂ − x̂·mean(gx̂·x̂))`` with ``gx̂ = γ·gy``.

    `gamma` and `beta` have the sizes of `axis`, in its order; None for 1 and 0. Source: Ba et al. 2016.

    >>> layer_norm(Tensor([[1.0, 3.0]]), epsilon=0.0).numpy()
    array([[-1.,  1.]], dtype=float32)
    """
    axes = resolve_axes(axis, len(x.shape), where)
    epsilon = number(epsilon, "epsilon", where, 0)
    function = LayerNormFunction(gamma is not None, beta is not None, epsilon, len(axes))
    return on_last_axes(lambda x: function(x, *_given(gamma, beta)), x, axes)


def group_norm(
    x: Any,
    groups: int,
    gamma: Any = None,
    beta: Any = None,
    axis: int = -1,
    epsilon: float = 1e-3,
    where: str = "group_norm",
) -> Tensor:
    """Cut the channels into `groups` equal runs and normalize each run of each sample over all pixels.

    ``y = γ·(x − mean)/√(var + ε) + β``; backward: as in `layer_norm`.

    `x` is (n, …, c); `axis` is that of the channels; `gamma` and `beta` (c,) or None for 1 and 0.
    Source: Wu & He 2018.

    >>> group_norm(Tensor([[1.0, 3.0, 7.0, 7.0]]), 2, epsilon=0.0001).numpy().round(2)
    array([[-1.,  1.,  0.,  0.]], dtype=float32)
    """
    groups, epsilon = whole(groups, "groups", where), number(epsilon, "epsilon", where, 0)
    function = GroupNormFunction(gamma is not None, beta is not None, epsilon, groups)
    axes = resolve_axes(axis, len(x.shape), where)
    return on_last_axes(lambda x: function(x, *_given(gamma, beta)), x, axes)
