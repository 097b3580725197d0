"""Softmax or sigmoid and its cross-entropy in one operation, stable for any logits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Function, Tensor
from ..errors import GradientError, ShapeError, message


class SoftmaxCrossEntropyFunction(Function):
    equation = "loss = −Σᵢ tᵢ·ln pᵢ with p = softmax(z)"
    backward_equation = "gz = gloss·(p·Σᵢ tᵢ − t)"
    integers = "keep"  # class indices stay integers

    def forward(self, z: Any, t: Any) -> Any:
        loss, p = self.kernel("softmax_cross_entropy_forward")(z, t)
        self.save(p=p, t=t)
        return loss

    def backward(self, gloss: Any, needs: tuple[bool, ...]) -> Any:
        _no_target_gradient("softmax_cross_entropy", needs)
        return self.kernel("softmax_cross_entropy_grad")(gloss, self.saved.p, self.saved.t), None


class SigmoidCrossEntropyFunction(Function):
    equation = "loss = −t·ln p − (1 − t)·ln(1 − p) with p = sigmoid(z)"
    backward_equation = "gz = gloss·(p − t)"

    def forward(self, z: Any, t: Any) -> Any:
        self.save(p=self.kernel("bias_activation_forward")(z, None, "sigmoid"), t=t)
        # −ln p = ln(e⁰ + e⁻ᶻ) and −ln(1 − p) = ln(e⁰ + eᶻ), neither of which overflows in logaddexp
        return t * self.xp.logaddexp(0, -z) + (1 - t) * self.xp.logaddexp(0, z)

    def backward(self, gloss: Any, needs: tuple[bool, ...]) -> Any:
        _no_target_gradient("sigmoid_cross_entropy", needs)
        return gloss * (self.saved.p - self.saved.t), None


def _no_target_gradient(name: str, needs: tuple[bool, ...]) -> None:
    if needs[1]:
        hint = "Detach it: target.detach()."
        raise GradientError(message(f"backward of {name}", "the target has no gradient here", hint=hint))


def sigmoid_cross_entropy(z: Any, t: Any) -> Tensor:
    """Cross-entropy between yes-or-no targets and sigmoid(z): one loss for each element.

    ``loss = −t·ln p − (1 − t)·ln(1 − p)`` with p = sigmoid(z); backward ``gz = gloss·(p − t)``.

    Parameters
    ----------
    z : logits of any shape. t : targets from 0 to 1, of the same shape.

    Returns
    -------
    Losses in the shape of z. ShapeError where t has another.

    >>> round(sigmoid_cross_entropy(Tensor([0.0]), [1.0]).item(), 4)
    0.6931
    """
    t = t if isinstance(t, Tensor) else np.asarray(t, float)
    if tuple(t.shape) != tuple(z.shape):
        where, problem = "sigmoid_cross_entropy", "the target does not fit"
        raise ShapeError(message(where, problem, expected=tuple(z.shape), got=tuple(t.shape)))
    return SigmoidCrossEntropyFunction()(z, t)


def softmax_cross_entropy(z: Any, t: Any) -> Tensor:
    """Cross-entropy between a target and softmax(z): one loss for each sample.

    ``loss = −Σᵢ tᵢ·ln softmax(z)ᵢ``; backward ``gz = gloss·(p·Σᵢ tᵢ − t)``.

    Parameters
    ----------
    z : logits (…, k).
    t : class indices (…), integers; or distributions (…, k), floats.

    Returns
    -------
    Losses (…). ShapeError where t fits neither form; ArgumentError for a class outside 0 … k − 1.

    >>> import numpy as np
    >>> round(softmax_cross_entropy(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
    0.6931
    """
    t = t.data if isinstance(t, Tensor) and t.dtype.kind != "f" else t
    t = t if isinstance(t, Tensor) else np.asarray(t)
    expected_shape = tuple(z.shape) if t.dtype.kind == "f" else tuple(z.shape[:-1])
    if tuple(t.shape) != expected_shape:
        hint = "Integers are class indices, floats are probabilities of every class."
        got = f"{tuple(t.shape)} of dtype {t.dtype}"
        raise ShapeError(
            message(
                "softmax_cross_entropy",
                "the target does not fit",
                expected=expected_shape,
                got=got,
                hint=hint,
            )
        )
    return SoftmaxCrossEntropyFunction()(z, t if t.dtype.kind == "f" else Tensor(t))
