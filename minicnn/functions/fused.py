"""Operations that run as one node of the tape where that is faster and nobody can tell the difference.

Each function here answers None where its operations have to run one by one: the backend cannot do them at
once, ``fusion(False)`` is in force, an observer listens, one of their kernels is overridden, or the inputs
are symbols of a graph.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import backend, context
from ..autograd import Function, Tensor
from ..geometry import Window
from .conv import Conv2DFunction, window_of
from .linear import DenseFunction, check_inputs
from .norm import BatchNormFunction

__all__ = ["Folded", "add_activation", "batch_norm_activation", "conv2d_activation", "dense_activation"]

_HALVES = (2, 2), ((2, 2), ((0, 0), (0, 0)), (1, 1))  # the one pooling that is done inside a convolution


class Folded(NamedTuple):
    """A batch normalization by known statistics, to be folded into the filters in front of it."""

    mean: Any
    var: Any
    gamma: Any
    beta: Any
    epsilon: float


class FusedConv2DFunction(Conv2DFunction):
    equation = "y = activation(x ⊛ w + b)"
    backward_equation = "gz = gy where y > 0 (relu), gx = gz spread back through w, gw = Σ x·gz, gb = Σ gz"

    def __init__(
        self, g: Window, groups: int, out_hw: tuple[int, int], algorithm: str, activation: str
    ) -> None:
        super().__init__(g, groups, out_hw, algorithm)
        self.activation = activation

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        run: Any = backend.fused("conv2d_bias_activation_forward", self.backend)
        y = backend.empty((x.shape[0], *self.out_hw, w.shape[3]), x.dtype)
        y = run(x, w, b, self.g, self.groups, self.out_hw, self.activation, self.algorithm, out=y)
        self.save(x=x, w=w, y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        gz, gb = through_activation(self, gy, self.saved.y, self.activation, needs[2:] == (True,))
        return (*self.input_grads(gz, needs), *([gb] if len(needs) == 3 else []))


class FusedConv2DPoolFunction(FusedConv2DFunction):
    equation = "y = the largest of 2×2 pixels of activation(x ⊛ w + b)"
    backward_equation = "gz = gy where y > 0 (relu), at the pixel that was largest; gx, gw, gb as of conv2d"

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        run: Any = backend.fused("conv2d_bias_activation_max_pool2d_forward", self.backend)
        y, argmax = run(x, w, b, self.g, self.groups, self.out_hw, self.activation, self.algorithm)
        self.save(x=x, w=w, y=y, argmax=argmax)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        y, argmax = self.saved.y, self.saved.argmax
        n, h, w, f = y.shape
        gz = backend.empty((n, 2 * h, 2 * w, f), y.dtype)
        run = backend.fused("max_pool2d_bias_activation_grad", self.backend)
        if run is not None:
            gz, gb = run(gy, y, argmax, self.activation, out=gz)
        else:
            gy = self.kernel("activation_grad")(gy, y, self.activation)
            gz = self.kernel("max_pool2d_input_grad")(gy, argmax, gz.shape, *_HALVES, out=gz)
            gb = self.kernel("bias_grad")(gz)
        return (*self.input_grads(gz, needs), *([gb] if len(needs) == 3 else []))


class FusedDenseFunction(DenseFunction):
    equation = "y = activation(x @ w + b)"
    backward_equation = "gz = gy where y > 0 (relu), gx = gz @ wᵀ, gw = xᵀ @ gz, gb = Σ gz"

    def __init__(self, activation: str) -> None:
        self.activation = activation

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        run: Any = backend.fused("dense_bias_activation_forward", self.backend)
        y = run(x, w, b, self.activation, out=backend.empty((*x.shape[:-1], w.shape[-1]), x.dtype))
        self.save(x=x, w=w, y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        gz, gb = through_activation(self, gy, self.saved.y, self.activation, needs[2:] == (True,))
        return (*self.input_grads(gz, needs), *([gb] if len(needs) == 3 else []))


class FusedBatchNormFunction(BatchNormFunction):
    equation = "y = activation(γ·x̂ + β), x̂ = (x − mean)·rstd over all axes but the last"
    backward_equation = "gz = gy where y > 0 (relu), then gx, gγ, gβ as of batch_norm"
    activation = "relu"

    def forward(self, x: Any, *affine: Any) -> Any:
        gamma, beta = self.gamma_beta(affine)
        run: Any = backend.fused("batch_norm_activation_forward", self.backend)
        out = backend.empty(x.shape, x.dtype)
        y, mean, rstd = run(x, gamma, beta, self.epsilon, self.activation, out=out)
        if self.on_statistics is not None:
            self.on_statistics(mean, rstd)
        # y, which the next operation keeps anyway, is for the case that the gradient has to run in two steps
        self.save(x=x, y=y, mean=mean, rstd=rstd, **_named(gamma=gamma, beta=beta))
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        s = self.saved
        gamma, beta = getattr(s, "gamma", None), getattr(s, "beta", None)
        run = backend.fused("batch_norm_activation_grad", self.backend)
        out = backend.empty(gy.shape, gy.dtype)
        if run is not None:
            return self.grads(*run(gy, s.x, gamma, beta, s.mean, s.rstd, self.activation, out=out))
        gz = self.kernel("activation_grad")(gy, s.y, self.activation, out=out)
        return self.grads(*self.kernel("batch_norm_grad")(gz, s.x, gamma, s.mean, s.rstd))


class AddActivationFunction(Function):
    equation, backward_equation = "z = activation(x + y)", "gx = gy = gz where z > 0 (relu)"
    activation = "relu"

    def forward(self, x: Any, y: Any) -> Any:
        run: Any = backend.fused("add_activation_forward", self.backend)
        z = run(x, y, self.activation, out=backend.empty(x.shape, x.dtype))
        self.save(z=z)
        return z

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        z = self.saved.z
        g = self.kernel("activation_grad")(gz, z, self.activation, out=backend.empty(z.shape, z.dtype))
        return g, g


def _named(**arrays: Any) -> dict[str, Any]:
    return {name: array for name, array in arrays.items() if array is not None}


def through_activation(node: Any, gy: Any, y: Any, activation: str, biased: bool) -> tuple[Any, Any]:
    """The gradient in front of activation and bias, and that of the bias (None unless `biased`)."""
    gz = backend.empty(y.shape, y.dtype)
    run = backend.fused("bias_activation_grad", node.backend) if biased else None
    if run is not None:
        return run(gy, y, activation, out=gz)
    gz = node.kernel("activation_grad")(gy, y, activation, out=gz)
    return gz, node.kernel("bias_grad")(gz) if biased else None


def conv2d_activation(
    x: Any,
    w: Any,
    b: Any,
    window: tuple[Any, ...],
    activation: str,
    algorithm: str,
    where: str,
    pooled: bool = False,
    folded: Folded | None = None,
) -> Tensor | None:
    """``activation(conv2d(x, w, b, *window))`` at once; `pooled`, then ``max_pool2d(…, 2)``; or None.

    `folded` is a normalization between convolution and activation; no gradient flows through that.
    """
    op = "conv2d_bias_activation_max_pool2d_forward" if pooled else "conv2d_bias_activation_forward"
    if hasattr(x, "record_function") or backend.fused(op) is None:
        return None
    g, groups, out_hw = window_of(x, w, window, where)
    if pooled and not _may_pool(x, w, out_hw):
        return None
    if folded is not None:
        return _with_folded(x, w, b, g, groups, out_hw, activation, algorithm, pooled, folded)
    function = (FusedConv2DPoolFunction if pooled else FusedConv2DFunction)(
        g, groups, out_hw, algorithm, activation
    )
    return function(x, w) if b is None else function(x, w, b)


def _may_pool(x: Any, w: Any, out_hw: tuple[int, int]) -> bool:
    """Whether pooling inside a convolution leaves every bit of the gradients as it would be without."""
    if min(out_hw) < 2:
        return False
    # Sums over the batch are cut elsewhere, and so rounded otherwise, where there are fewer images than
    # threads, or where windows of one pixel no longer see the whole image.
    cut = max(out_hw[0] % 2, out_hw[1] % 2) and w.shape[:2] == (1, 1)
    return not context.recording.get() or not (cut or x.shape[0] < backend.threads())


def _with_folded(
    x: Any,
    w: Any,
    b: Any,
    g: Window,
    groups: int,
    out_hw: tuple[int, int],
    activation: str,
    algorithm: str,
    pooled: bool,
    norm: Folded,
) -> Tensor:
    """``(x ⊛ w + b − mean)·s + beta = x ⊛ (w·s) + (b − mean)·s + beta``, with ``s = gamma/√(var + ε)``."""
    s = (norm.var + norm.epsilon) ** -0.5
    s = s if norm.gamma is None else s * norm.gamma.data
    bias = -norm.mean * s if b is None else (b.data - norm.mean) * s
    bias = bias if norm.beta is None else bias + norm.beta.data
    op = "conv2d_bias_activation_max_pool2d_forward" if pooled else "conv2d_bias_activation_forward"
    run: Any = backend.fused(op)
    arguments = (x.data, w.data, bias, g, groups, out_hw, activation, algorithm)
    if pooled:
        return Tensor(run(*arguments, scale=s)[0])
    y = backend.empty((x.shape[0], *out_hw, w.shape[3]), x.dtype)
    return Tensor(run(*arguments, out=y, scale=s))


def dense_activation(x: Any, w: Any, b: Any, activation: str, where: str) -> Tensor | None:
    """``activation(dense(x, w, b))`` at once, or None."""
    if hasattr(x, "record_function") or backend.fused("dense_bias_activation_forward") is None:
        return None
    check_inputs(where, x.shape, w.shape)
    function = FusedDenseFunction(activation)
    return function(x, w) if b is None else function(x, w, b)


def batch_norm_activation(x: Any, gamma: Any, beta: Any, epsilon: float, on_statistics: Any) -> Tensor | None:
    """``relu(batch_norm(x, gamma, beta, epsilon))`` over all axes but the last, at once, or None."""
    if hasattr(x, "record_function") or backend.fused("batch_norm_activation_forward") is None:
        return None
    function = FusedBatchNormFunction(gamma is not None, beta is not None, epsilon)
    function.on_statistics = on_statistics
    return function(x, *_named(gamma=gamma, beta=beta).values())


def add_activation(x: Any, y: Any) -> Tensor | None:
    """``relu(x + y)`` of two Tensors of one shape, at once, or None."""
    if x.shape != y.shape or x.dtype != y.dtype or backend.fused("add_activation_forward") is None:
        return None
    return AddActivationFunction()(x, y)
