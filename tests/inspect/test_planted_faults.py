"""Wrong gradients put in on purpose: every one is found, and blamed on the right input.

The other way round, that no correct function is called wrong, is tests/inspect/test_correct_functions.py.
"""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, layers
from minicnn import functions as F
from minicnn.autograd import Function
from minicnn.errors import GradientError
from minicnn.functions.activation import ReLUFunction, SoftmaxFunction, TanhFunction
from minicnn.functions.arithmetic import AddFunction, MultiplyFunction
from minicnn.functions.conv import Conv2DFunction
from minicnn.functions.dropout import DropoutFunction
from minicnn.functions.linear import DenseFunction, MatMulFunction
from minicnn.functions.pool import AvgPool2DFunction, MaxPool2DFunction
from minicnn.functions.reduce import MeanFunction
from minicnn.geometry import resolve_window
from minicnn.inspect import gradcheck
from minicnn.random import derive_key

G, OUT = resolve_window("test", (6, 6), (3, 3), strides=2, padding="same")
POOL, POOLED = resolve_window("test", (5, 5), (2, 2), strides=2, padding="same")
KEY = derive_key("test", 0, seed=0)


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


class ZeroSoftmax(SoftmaxFunction):
    def backward(self, gy, needs):
        return 0 * gy


class UntransposedSoftmax(SoftmaxFunction):
    def backward(self, gy, needs):
        return self.saved.y * (1 - self.saved.y) * gy  # the diagonal of the Jacobian only


class FlippedConvolution(Conv2DFunction):
    def backward(self, gy, needs):
        gx, *others = super().backward(gy, (True,) * len(needs))
        w = self.saved.w[::-1, ::-1]
        return self.kernel("conv2d_input_grad")(gy, w, gx.shape, self.g, 1), *others


class ShiftedPadding(Conv2DFunction):
    def backward(self, gy, needs):
        gx, *others = super().backward(gy, (True,) * len(needs))
        return np.roll(gx, 1, axis=1), *others


class TransposedWeights(Conv2DFunction):
    def backward(self, gy, needs):
        gx, gw, gb = super().backward(gy, (True,) * len(needs))
        return gx, gw.transpose(1, 0, 2, 3), gb


class MeanBias(Conv2DFunction):
    def backward(self, gy, needs):
        return *super().backward(gy, (True,) * len(needs))[:2], gy.mean((0, 1, 2))


class IgnoredStride(Conv2DFunction):
    def backward(self, gy, needs):
        gx, *others = super().backward(gy, (True,) * len(needs))
        wrong = np.zeros_like(gx)
        wrong[:, : gy.shape[1], : gy.shape[2]] = gy @ self.saved.w[1, 1].T
        return wrong, *others


class IdentityReLU(ReLUFunction):
    def backward(self, gy, needs):
        return gy


class TanhOfInput(TanhFunction):
    def forward(self, x):
        y = super().forward(x)
        self.save(x=x)
        return y

    def backward(self, gy, needs):
        return gy * (1 - self.saved.x**2)


class WrongSign(MultiplyFunction):
    def backward(self, gz, needs):
        gx, gy = super().backward(gz, (True,) * len(needs))
        return gx, -gy


class Swapped(MultiplyFunction):
    def backward(self, gz, needs):
        return tuple(reversed(super().backward(gz, (True,) * len(needs))))


class NoDivision(MeanFunction):
    def backward(self, gy, needs):
        return super().backward(gy, (True,) * len(needs)) * self.edges[0].shape[0]


class FirstRowOnly(AddFunction):
    def backward(self, gz, needs):
        return gz, gz[0]  # the sum over the broadcast axis is missing


class HalfOfMatMul(MatMulFunction):
    def backward(self, gz, needs):
        gx, gy = super().backward(gz, (True,) * len(needs))
        return gx * 0.5, gy


class WeightsOfDense(DenseFunction):
    def backward(self, gy, needs):
        gx, gw, gb = super().backward(gy, (True,) * len(needs))
        return gx, gw[::-1], gb


class MaximumToAll(MaxPool2DFunction):
    def backward(self, gy, needs):
        return gy.repeat(2, 1).repeat(2, 2)[:, :5, :5]


class CountedPadding(AvgPool2DFunction):
    def backward(self, gy, needs):
        return (gy / 4).repeat(2, 1).repeat(2, 2)[:, :5, :5]


class AnotherMask(DropoutFunction):
    def backward(self, gy, needs):
        return self.kernel("dropout_grad")(gy, self.rate, self.key, self.step + 1)


CONV = (G, 1, OUT, "auto")
IMAGES, KERNEL, BIAS = numbers(2, 6, 6, 2), numbers(3, 3, 2, 3), numbers(3)
WINDOW = ((2, 2), POOL, POOLED)
APART = np.random.default_rng(0).permutation(np.linspace(-2, 2, 50)).reshape(1, 5, 5, 2)
FAULTS = [
    (ZeroSoftmax(), [numbers(3, 4)], "input 0"),
    (UntransposedSoftmax(), [numbers(3, 4)], "input 0"),
    (FlippedConvolution(*CONV), [IMAGES, KERNEL, BIAS], "input 0"),
    (ShiftedPadding(*CONV), [IMAGES, KERNEL, BIAS], "input 0"),
    (TransposedWeights(*CONV), [IMAGES, KERNEL, BIAS], "input 1"),
    (MeanBias(*CONV), [IMAGES, KERNEL, BIAS], "input 2"),
    (IgnoredStride(*CONV), [IMAGES, KERNEL, BIAS], "input 0"),
    (IdentityReLU(), [numbers(4, 5)], "input 0"),
    (TanhOfInput(), [numbers(4, 5)], "input 0"),
    (WrongSign(), [numbers(3), numbers(2, 3)], "input 1"),
    (Swapped(), [numbers(3, 2), numbers(3, 2) + 1], "input 0"),
    (NoDivision(0), [numbers(3, 2)], "input 0"),
    (FirstRowOnly(), [numbers(3, 2), numbers(2)], "input 1"),
    (HalfOfMatMul(), [numbers(2, 3), numbers(3, 2)], "input 0"),
    (WeightsOfDense(), [numbers(2, 3), numbers(3, 2), numbers(2)], "input 1"),
    (MaximumToAll(*WINDOW), [APART], "input 0"),
    (CountedPadding(*WINDOW), [APART], "input 0"),
    (AnotherMask(0.5, KEY, 0), [numbers(6, 6)], "input 0"),
]


@pytest.mark.parametrize("mode", ["directional", "elementwise"])
@pytest.mark.parametrize("fault, inputs, blamed", FAULTS, ids=lambda value: type(value).__name__)
def test_a_wrong_gradient_is_found(fault: Function, inputs: list, blamed: str, mode: str) -> None:
    result = gradcheck(fault, inputs, mode=mode)
    assert not result
    assert result.verdict == "wrong gradient"
    assert blamed in result.blamed
    if not isinstance(fault, Swapped):
        assert result.blamed == (blamed,)
    assert blamed in result.message


@pytest.mark.parametrize("fault, inputs, blamed", FAULTS, ids=lambda value: type(value).__name__)
def test_the_function_it_was_planted_in_is_right(fault: Function, inputs: list, blamed: str) -> None:
    correct = object.__new__(type(fault).__mro__[1])
    vars(correct).update(vars(fault))
    assert gradcheck(correct, inputs)


def test_an_upstream_gradient_of_ones_would_miss_it() -> None:
    """Why the upstream gradient is random: Σ softmax is constant, so its true gradient is zero too."""
    gradients = []
    for function in (ZeroSoftmax(), SoftmaxFunction()):
        x = Tensor(numbers(3, 4), requires_grad=True)
        function(x).sum().backward()
        gradients.append(x.grad.numpy())
    np.testing.assert_allclose(*gradients, atol=1e-15)


class Overwrites(Function):
    def forward(self, x):
        x *= 2
        return x + 0

    def backward(self, gy, needs):
        return 2 * gy


class InFloat32(Function):
    def forward(self, x):
        self.save(x=x)
        return (x.astype("float32") ** 3).astype(x.dtype)

    def backward(self, gy, needs):
        return 3 * self.saved.x**2 * gy


class IgnoresNeeds(MultiplyFunction):
    def backward(self, gz, needs):
        factor = 1 if all(needs) else 2
        return tuple(None if g is None else factor * g for g in super().backward(gz, needs))


class Refuses(Function):
    def forward(self, x):
        return x * 1

    def backward(self, gy, needs):
        raise GradientError("no derivative is known")


@pytest.mark.parametrize(
    "function, inputs, verdict",
    [
        (Overwrites(), [numbers(3)], "input changed"),
        (InFloat32(), [numbers(3)], "precision too low"),
        (IgnoresNeeds(), [numbers(3), numbers(3) + 1], "needs ignored"),
        (Refuses(), [numbers(3)], "backward failed"),
        (F.log, [np.array([-1.0, 2.0])], "not finite"),
        (lambda x: layers.Dropout(0.5)(x, training=True), [numbers(4, 4)], "random operation"),
        (F.relu, [np.array([1.0, 0.0, -1.0])], "kink crossed"),
        (lambda x: F.max_pool2d(x, 2), [np.ones((1, 2, 2, 1))], "kink crossed"),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_other_troubles_have_names_of_their_own(function, inputs, verdict: str) -> None:
    result = gradcheck(function, inputs)
    assert not result
    assert result.verdict == verdict
    assert verdict in str(result)


def test_a_random_operation_can_be_frozen() -> None:
    dropout = layers.Dropout(0.5)

    def frozen(x):
        with minicnn.context.frame(), minicnn.random.at_step(0):
            return dropout(x, training=True)

    assert gradcheck(frozen, numbers(4, 4))


def test_layers_and_models_are_checked_with_their_weights() -> None:
    model = minicnn.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(2, 3, activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    before = model.get_weights()
    result = gradcheck(model, numbers(2, 6, 6, 1))
    assert result, result
    for parameter, old in zip(model.weights, before, strict=True):
        assert parameter.dtype == np.float32
        np.testing.assert_array_equal(parameter.numpy(), old)


def test_a_wrong_layer_is_blamed_by_the_name_of_its_weight() -> None:
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

        def call(self, x):
            return WrongSign()(x, self.scale)

    result = gradcheck(Scale(name="mine"), numbers(4, 3))
    assert result.verdict == "wrong gradient"
    assert result.blamed == ("mine/scale",)
