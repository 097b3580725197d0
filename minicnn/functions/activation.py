"""Activations whose derivative follows from their output, softmax, and the way back to the logits.

`activation_from_input.py` holds the others.
"""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from .arithmetic import clip
from .shape import astype, on_last_axes, resolve_axes


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


class LogSoftmaxFunction(Function):
    equation, backward_equation = "yᵢ = xᵢ − ln Σⱼ e^xⱼ", "gxᵢ = gyᵢ − e^yᵢ·Σⱼ gyⱼ"

    def forward(self, x: Any) -> Any:
        y = self.kernel("log_softmax_forward")(x)
        self.save(y=y)
        return y

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("log_softmax_grad")(gy, self.saved.y)


def _tensor(x: Any) -> Any:
    """Lists and arrays as Tensors; Tensors and symbols as they are."""
    return x if isinstance(x, Tensor) or hasattr(x, "record_function") else Tensor(x)


def _with_logits(function: Function, x: Any, name: str) -> Any:
    """Apply a function whose output keeps its input and the function's name as `logits`."""
    x = _tensor(x)
    y = function(x)
    if isinstance(y, Tensor):
        y.logits = (x, name)
    return y


def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Rectified linear unit, ``y = max(x, 0)``; backward ``gx = gy`` where y > 0, else 0.

    With Keras' options: ``y = max_value`` where x ≥ max_value, x where threshold ≤ x < max_value, and
    ``negative_slope·(x − threshold)`` below; backward 0, gy and ``negative_slope·gy`` there.

    >>> relu(Tensor([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """
    y: Any = ReLUFunction()(x) if threshold == 0 else x * astype(x > threshold, x.dtype)
    if max_value is not None:
        y = clip(y, 0, max_value)
    if negative_slope:
        y = y - negative_slope * ReLUFunction()(threshold - x)
    return y


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
    x = _tensor(x)
    axes = resolve_axes(axis, len(x.shape), "softmax")
    return on_last_axes(lambda x: _with_logits(SoftmaxFunction(), x, "softmax"), x, axes)


def log_softmax(x: Any, axis: int = -1) -> Tensor:
    """Logarithms of the probabilities, ``yᵢ = xᵢ − ln Σⱼ e^xⱼ``, without their underflow.

    Backward: ``gxᵢ = gyᵢ − e^yᵢ·Σⱼ gyⱼ``.

    >>> log_softmax(Tensor([0.0, -1000.0])).numpy()
    array([    0., -1000.], dtype=float32)
    """
    x = _tensor(x)
    return on_last_axes(LogSoftmaxFunction(), x, resolve_axes(axis, len(x.shape), "log_softmax"))


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
