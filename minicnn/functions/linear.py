"""Matrix products: `matmul` for any two Tensors, `dense` for a layer."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..errors import ShapeError, message
from .arithmetic import sum_to


class MatMulFunction(Function):
    equation, backward_equation = "z = x @ y", "gx = gz @ yᵀ, gy = xᵀ @ gz"

    def forward(self, x: Any, y: Any) -> Any:
        if x.ndim < 1 or y.ndim < 1 or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
            expected, got = "(…, m, k) @ (…, k, n)", f"{x.shape} @ {y.shape}"
            raise ShapeError(message("matmul", "the inner sizes differ", expected=expected, got=got))
        self.save(x=x, y=y)
        try:
            return self.xp.asarray(x @ y)
        except ValueError:
            got, hint = f"{x.shape} @ {y.shape}", "All axes but the last two must be equal or 1."
            raise ShapeError(message("matmul", "the batch axes do not fit", got=got, hint=hint)) from None

    def backward(self, gz: Any, needs: tuple[bool, ...]) -> Any:
        x, y = self.saved.x, self.saved.y
        # Vectors become matrices with one row (x) or one column (y), as @ itself reads them.
        x2 = x[None, :] if x.ndim == 1 else x
        y2 = y[:, None] if y.ndim == 1 else y
        g = gz[..., None, :] if x.ndim == 1 and y.ndim > 1 else gz
        g = g[..., None] if y.ndim == 1 and x.ndim > 1 else g
        g = g.reshape(1, 1) if x.ndim == y.ndim == 1 else g
        gx = gy = None
        if needs[0]:
            gx = sum_to(g @ y2.swapaxes(-1, -2), x2.shape).reshape(x.shape)  # (m, n) @ (n, k) -> (m, k)
        if needs[1]:
            gy = sum_to(x2.swapaxes(-1, -2) @ g, y2.shape).reshape(y.shape)  # (k, m) @ (m, n) -> (k, n)
        return gx, gy


class DenseFunction(Function):
    equation = "y = x @ w + b"
    backward_equation = "gx = gy @ wᵀ, gw = xᵀ @ gy, gb = Σ gy over all but the last axis"

    def forward(self, x: Any, w: Any, b: Any = None) -> Any:
        self.save(x=x, w=w)
        y = backend.empty((*x.shape[:-1], w.shape[-1]), x.dtype)
        run = None if b is None else backend.fused("dense_bias_activation_forward", self.backend)
        if run is not None:
            return run(x, w, b, "linear", out=y)
        y = self.kernel("dense_forward")(x, w, out=y)  # (…, in) @ (in, out) -> (…, out)
        return y if b is None else self.kernel("bias_activation_forward")(y, b, "linear", out=y)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        gx, gw = self.input_grads(gy, needs)
        if len(needs) == 2:
            return gx, gw
        return gx, gw, self.kernel("bias_grad")(gy) if needs[2] else None

    def input_grads(self, gy: Any, needs: tuple[bool, ...]) -> tuple[Any, Any]:
        """The gradients of x and w."""
        x, w = self.saved.x, self.saved.w
        gx = self.kernel("dense_input_grad")(gy, w) if needs[0] else None
        return gx, self.kernel("dense_weight_grad")(x, gy) if needs[1] else None


def matmul(x: Any, y: Any) -> Tensor:
    """Matrix product over the last two axes, leading axes broadcast: ``x @ y``.

    >>> matmul(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]])).numpy()
    array([[11.]], dtype=float32)
    """
    return MatMulFunction()(x, y)


def dense(x: Any, w: Any, b: Any = None, where: str = "dense") -> Tensor:
    """Fully connected: every output is a weighted sum of all inputs, ``y = x @ w + b``.

    Backward: ``gx = gy @ wᵀ``, ``gw = xᵀ @ gy``, ``gb = Σ gy``.

    `x` is (…, in), `w` (in, out), `b` (out,) or None; returns (…, out). ShapeError where they do not fit.

    >>> dense(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]), Tensor([0.5])).numpy()
    array([[11.5]], dtype=float32)
    """
    check_inputs(where, x.shape, w.shape)
    return DenseFunction()(x, w) if b is None else DenseFunction()(x, w, b)


def check_inputs(where: str, x_shape: Any, w_shape: Any) -> None:
    """ShapeError unless x (…, in) can be multiplied by w (in, out)."""
    if len(w_shape) != 2 or not x_shape or x_shape[-1] != w_shape[0]:
        expected, got = f"{w_shape[0]} inputs for w {tuple(w_shape)}", x_shape[-1] if x_shape else "none"
        raise ShapeError(message(where, "the last axis does not fit the weights", expected=expected, got=got))
