"""Activations whose derivative needs their input, which is saved: leaky ReLU, ELU, GELU, SiLU and others."""

from __future__ import annotations

from math import pi
from typing import Any

from .. import backend
from ..autograd import Function, Tensor
from ..checks import number
from .activation import tanh


class _FromInput(Function):
    """An activation of the kernel `name`, with the one setting `alpha` where it has any."""

    name = ""
    alpha: float | None = None

    def forward(self, x: Any) -> Any:
        self.save(x=x)
        out = backend.empty(x.shape, x.dtype)
        return self.kernel("activation_forward")(x, self.name, self.alpha, out=out)

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        x, out = self.saved.x, backend.empty(gy.shape, gy.dtype)
        return self.kernel("activation_input_grad")(gy, x, self.name, self.alpha, out=out)


class LeakyReLUFunction(_FromInput):
    equation, backward_equation = "y = x where x > 0, else α·x", "gx = gy where x > 0, else α·gy"
    name = "leaky_relu"

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha


class ELUFunction(_FromInput):
    equation, backward_equation = "y = x where x > 0, else α·(eˣ − 1)", "gx = gy where x > 0, else α·eˣ·gy"
    name = "elu"

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha


class SELUFunction(_FromInput):
    equation = "y = 1.0507·x where x > 0, else 1.7581·(eˣ − 1)"
    backward_equation = "gx = 1.0507·gy where x > 0, else 1.7581·eˣ·gy"
    name = "selu"


class GELUFunction(_FromInput):
    equation = "y = x·Φ(x), Φ(x) the share of a standard normal variable below x"
    backward_equation = "gx = gy·(Φ(x) + x·e^(−x²/2) / √(2π))"
    name = "gelu"


class SiLUFunction(_FromInput):
    equation, backward_equation = "y = x·σ(x), σ(x) = 1 / (1 + e⁻ˣ)", "gx = gy·σ(x)·(1 + x·(1 − σ(x)))"
    name = "silu"


class ReLU6Function(_FromInput):
    equation, backward_equation = "y = min(max(x, 0), 6)", "gx = gy where 0 < x < 6, else 0"
    name = "relu6"


class HardSigmoidFunction(_FromInput):
    equation, backward_equation = "y = min(max(x + 3, 0), 6) / 6", "gx = gy / 6 where −3 < x < 3, else 0"
    name = "hard_sigmoid"


class HardSiLUFunction(_FromInput):
    equation = "y = x·min(max(x + 3, 0), 6) / 6"
    backward_equation = "gx = gy·(2·x + 3) / 6 where −3 < x < 3, gy above, 0 below"
    name = "hard_silu"


class SoftplusFunction(_FromInput):
    equation, backward_equation = "y = ln(1 + eˣ)", "gx = gy / (1 + e⁻ˣ)"
    name = "softplus"


class SoftsignFunction(_FromInput):
    equation, backward_equation = "y = x / (1 + |x|)", "gx = gy / (1 + |x|)²"
    name = "softsign"


class PReLUFunction(Function):
    equation = "y = x where x > 0, else α·x; α is broadcast against x"
    backward_equation = "gx = gy where x > 0, else α·gy; gα = Σ gy·min(x, 0) over its broadcast axes"

    def forward(self, x: Any, alpha: Any) -> Any:
        self.save(x=x, alpha=alpha)
        return self.kernel("prelu_forward")(x, alpha, out=backend.empty(x.shape, x.dtype))

    def backward(self, gy: Any, needs: tuple[bool, ...]) -> Any:
        return self.kernel("prelu_grad")(gy, self.saved.x, self.saved.alpha)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """``y = x`` where x > 0, else ``negative_slope·x``; backward gy or ``negative_slope·gy``.

    Source: Maas et al. 2013.

    >>> leaky_relu(Tensor([-1.0, 2.0]), 0.5).numpy()
    array([-0.5,  2. ], dtype=float32)
    """
    return LeakyReLUFunction(number(negative_slope, "negative_slope", "leaky_relu"))(x)


def prelu(x: Any, alpha: Any) -> Tensor:
    """A leaky ReLU with a learned slope: ``y = x`` where x > 0, else ``α·x``.

    Backward: ``gx = gy`` or ``α·gy``, ``gα = Σ gy·min(x, 0)``. `alpha` broadcasts against x.
    Source: He et al. 2015.

    >>> prelu(Tensor([-1.0, -2.0]), Tensor([0.5, 0.25])).numpy()
    array([-0.5, -0.5], dtype=float32)
    """
    return PReLUFunction()(x, alpha)


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """``y = x`` where x > 0, else ``α·(eˣ − 1)``; backward gy or ``α·eˣ·gy``. Source: Clevert et al. 2016.

    >>> elu(Tensor([0.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """
    return ELUFunction(number(alpha, "alpha", "elu"))(x)


def selu(x: Any) -> Tensor:
    """An ELU scaled so that mean 0 and variance 1 persist through layers. Source: Klambauer et al. 2017.

    ``y = λ·elu(x, α)`` with λ = 1.0507 and α = 1.67326.

    >>> selu(Tensor([0.0, 1.0])).numpy().round(4)
    array([0.    , 1.0507], dtype=float32)
    """
    return SELUFunction()(x)


def gelu(x: Any, approximate: bool = False) -> Tensor:
    """``y = x·Φ(x)`` with the normal distribution Φ; backward ``gx = gy·(Φ(x) + x·e^(−x²/2) / √(2π))``.

    `approximate` computes ``x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))``. Source: Hendrycks & Gimpel 2016.

    >>> gelu(Tensor([0.0, 1.0])).numpy().round(4)
    array([0.    , 0.8413], dtype=float32)
    """
    if approximate:
        return 0.5 * x * (1.0 + tanh((2 / pi) ** 0.5 * (x + 0.044715 * (x * x * x))))
    return GELUFunction()(x)


def silu(x: Any) -> Tensor:
    """Also called swish: ``y = x / (1 + e⁻ˣ)``; backward ``gx = gy·σ(x)·(1 + x·(1 − σ(x)))``.

    >>> silu(Tensor([0.0, 1.0])).numpy().round(4)
    array([0.    , 0.7311], dtype=float32)
    """
    return SiLUFunction()(x)


def relu6(x: Any) -> Tensor:
    """``y = min(max(x, 0), 6)``; backward gy where 0 < x < 6, else 0.

    >>> relu6(Tensor([-1.0, 2.0, 9.0])).numpy()
    array([0., 2., 6.], dtype=float32)
    """
    return ReLU6Function()(x)


def hard_sigmoid(x: Any) -> Tensor:
    """A sigmoid of three straight lines, ``y = relu6(x + 3) / 6``; backward ``gy / 6`` where −3 < x < 3.

    >>> hard_sigmoid(Tensor([-4.0, 0.0, 4.0])).numpy()
    array([0. , 0.5, 1. ], dtype=float32)
    """
    return HardSigmoidFunction()(x)


def hard_silu(x: Any) -> Tensor:
    """Also called hard swish: ``y = x·hard_sigmoid(x)``; backward ``gy·(2·x + 3) / 6`` where −3 < x < 3.

    Source: Howard et al. 2019.

    >>> hard_silu(Tensor([1.5, 4.0])).numpy()
    array([1.125, 4.   ], dtype=float32)
    """
    return HardSiLUFunction()(x)


def softplus(x: Any) -> Tensor:
    """A smooth ReLU, ``y = ln(1 + eˣ)``; backward ``gx = gy / (1 + e⁻ˣ)``.

    >>> softplus(Tensor([0.0])).numpy().round(4)
    array([0.6931], dtype=float32)
    """
    return SoftplusFunction()(x)


def softsign(x: Any) -> Tensor:
    """``y = x / (1 + |x|)``; backward ``gx = gy / (1 + |x|)²``.

    >>> softsign(Tensor([-1.0, 3.0])).numpy()
    array([-0.5 ,  0.75], dtype=float32)
    """
    return SoftsignFunction()(x)
