"""Softmax and cross-entropy in one operation, stable for any logits."""

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
        if needs[1]:
            hint = "Detach it: target.detach()."
            where = "backward of softmax_cross_entropy"
            raise GradientError(message(where, "the target has no gradient here", hint=hint))
        return self.kernel("softmax_cross_entropy_grad")(gloss, self.saved.p, self.saved.t), None


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
    return SoftmaxCrossEntropyFunction()(z, t)
