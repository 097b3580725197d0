"""Activations whose derivative follows from their output, softmax, and the way back to the logits."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..errors import ArgumentError, message
from .shape import transpose


class _FromOutput(Function):
    """An activation of which only the output is saved; the next operation saves it anyway."""

    name = ""

    def forward(self, x: Any) -> Any:
        out = backend.empty(x.shape, x.dtype)
        y = self.kernel("bias_activation_forward")(x, None, self.name, out=out)
        self.save(y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        y = self.saved.y
        return self.kernel("activation_grad")(gy, y, self.name, out=backend.empty(y.shape, y.dtype))


class ReLUFunction(_FromOutput):
    equation, backward_equation = "y = max(x, 0)", "gx = gy where y > 0, else 0"
    name = "relu"


class SigmoidFunction(_FromOutput):
    equation, backward_equation = "y = 1 / (1 + e⁻ˣ)", "gx = gy·y·(1 − y)"
    name = "sigmoid"


class TanhFunction(_FromOutput):
    equation, backward_equation = "y = tanh x", "gx = gy·(1 − y²)"
    name = "tanh"


class SoftmaxFunction(Function):
    equation, backward_equation = "yᵢ = e^xᵢ / Σⱼ e^xⱼ", "gxᵢ = yᵢ·(gyᵢ − Σⱼ gyⱼ·yⱼ)"

    def forward(self, x: Any) -> Any:
        y = self.kernel("softmax_forward")(x)
        self.save(y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("softmax_grad")(gy, self.saved.y)


def _with_logits(function: Function, x: Any, name: str) -> Any:
    """Apply a function whose output keeps its input and the function's name as `logits`."""
    x = Tensor(x) if not isinstance(x, Tensor) and not hasattr(x, "record_function") else x
    y = function(x)
    if isinstance(y, Tensor):
        y.logits = (x, name)
    return y


def relu(x: Any) -> Tensor:
    """Rectified linear unit, ``y = max(x, 0)``; backward ``gx = gy`` where y > 0, else 0.

    >>> relu(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """
    return ReLUFunction()(x)


def sigmoid(x: Any) -> Tensor:
    """Logistic function, ``y = 1 / (1 + e⁻ˣ)``; backward ``gx = gy·y·(1 − y)``.

    >>> sigmoid(Tensor([0.0])).item()
    0.5
    """
    return _with_logits(SigmoidFunction(), x, "sigmoid")


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent; backward ``gx = gy·(1 − y²)``.

    >>> tanh(Tensor([0.0])).item()
    0.0
    """
    return TanhFunction()(x)


def softmax(x: Any, axis: int = -1) -> Tensor:
    """Probabilities from logits, ``yᵢ = e^xᵢ / Σⱼ e^xⱼ`` along an axis.

    Backward: ``gxᵢ = yᵢ·(gyᵢ − Σⱼ gyⱼ·yⱼ)``. Computed with the largest logit subtracted, so that it
    never overflows.

    >>> softmax(Tensor([0.0, 0.0])).numpy()
    array([0.5, 0.5], dtype=float32)
    """
    ndim = len(x.shape) if hasattr(x, "shape") else 1
    if not -ndim <= axis < ndim:
        expected = f"an axis from {-ndim} to {ndim - 1}"
        raise ArgumentError(message("softmax", "there is no such axis", expected=expected, got=axis))
    if axis in (-1, ndim - 1):
        return _with_logits(SoftmaxFunction(), x, "softmax")
    order = list(range(ndim))
    order[axis], order[-1] = order[-1], order[axis]
    return transpose(SoftmaxFunction()(transpose(x, order)), order)


def logits_of(output: Tensor) -> Tensor:
    """What a softmax or sigmoid output was computed from; any other Tensor itself.

    Losses and visualizers work on logits: a saturated probability has lost its gradient.

    >>> x = Tensor([1.0, 2.0])
    >>> logits_of(softmax(x)) is x
    True
    """
    while output.logits is not None:
        output = output.logits[0]
    return output
