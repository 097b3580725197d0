"""Mistakes with a pattern are explained; an upstream gradient of ones would have missed some of them."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Tensor
from minicnn.autograd import Function
from minicnn.functions.activation import SoftmaxFunction
from minicnn.functions.arithmetic import AddFunction, MultiplyFunction
from minicnn.functions.conv import Conv2DFunction, Im2ColFunction
from minicnn.functions.reduce import MeanFunction, SumFunction
from minicnn.functions.shape import ConcatenateFunction, TransposeFunction
from minicnn.geometry import Window
from minicnn.inspect import gradcheck
from minicnn.inspect.verdict import recognise
from tests.tolerances import DERIVATIVE, relative_error

G = Window((1, 1), ((1, 1), (1, 1)))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# -- faults whose gradient is the right one, moved, scaled or mixed up ---------------------------------


class ZeroSoftmax(SoftmaxFunction):
    def backward(self, gy, needs):
        return np.zeros_like(gy)


class FlippedSign(AddFunction):
    def backward(self, gz, needs):
        gx, gy = super().backward(gz, needs)
        return gx, -gy


class TwiceTheHalf(Function):
    """y = x², backward 4·x·gy."""

    def forward(self, x):
        self.save(x=x)
        return x * x

    def backward(self, gy, needs):
        return 4 * self.saved.x * gy


class NoDivision(MeanFunction):
    def backward(self, gy, needs):
        return np.broadcast_to(self.spread(gy), self.edges[0].shape)


class MeanOfBias(Conv2DFunction):
    def backward(self, gy, needs):
        gx, gw, gb = super().backward(gy, (True, True, True))
        return gx, gw, gb / gy[..., 0].size


class OddFactor(SumFunction):
    def backward(self, gy, needs):
        return -1.25 * super().backward(gy, needs)


class Swapped(MultiplyFunction):
    def backward(self, gz, needs):
        return super().backward(gz, (True, True))[::-1]


class Transposed(TransposeFunction):
    def backward(self, gy, needs):
        return gy


class FlippedWeights(Conv2DFunction):
    def backward(self, gy, needs):
        gx, gw, *rest = super().backward(gy, (True,) * len(needs))
        return gx, gw[::-1, ::-1], *rest


class PassedOn(TwiceTheHalf):
    def backward(self, gy, needs):
        return gy


class Rolled(Function):
    """A shift that wraps around, with a backward that shifts back by one too few."""

    def forward(self, x):
        return np.roll(x, 2, axis=1)

    def backward(self, gy, needs):
        return np.roll(gy, -1, axis=1)


class CroppedOneOff(Function):
    """Zero padding of the second axis whose backward cuts out the wrong part."""

    def forward(self, x):
        return np.pad(x, ((0, 0), (2, 2)))

    def backward(self, gy, needs):
        return gy[:, 1:-3]


class WrongParts(ConcatenateFunction):
    def backward(self, gy, needs):
        return super().backward(gy, needs)[::-1]


class NoStride(Im2ColFunction):
    def backward(self, gy, needs):
        return self.kernel("col2im")(gy, self.edges[0].shape, self.g._replace(stride=(1, 1)))


class FirstRow(AddFunction):
    def backward(self, gz, needs):
        return gz, gz[0]


EXPLAINED = {
    "zero": (
        ZeroSoftmax(),
        [numbers(3, 4)],
        "input 0",
        "It is zero everywhere: backward forgot this input, or its history was lost on the way.",
    ),
    "sign": (FlippedSign(), [numbers(3), numbers(3)], "input 1", "The sign is flipped."),
    "factor 2": (
        TwiceTheHalf(),
        [numbers(3, 4)],
        "input 0",
        "It is 2 times too large everywhere. A factor of 2 belongs to squares and to halves.",
    ),
    "no division": (
        NoDivision(1),
        [numbers(3, 5)],
        "input 0",
        "It is 5 times too large everywhere. A division by 5 (of a mean?) is missing.",
    ),
    "mean instead of sum": (
        MeanOfBias(G, 1, (4, 3), "auto"),
        [numbers(2, 4, 3, 2), numbers(3, 3, 2, 2), numbers(2)],
        "input 2",
        "It is 24 times too small everywhere. Something was divided by 24 (a mean where a sum belongs?).",
    ),
    "odd factor": (
        OddFactor(0),
        [numbers(3, 2)],
        "input 0",
        "The sign is flipped, and: It is 1.25 times the right one everywhere.",
    ),
    "swapped": (
        Swapped(),
        [numbers(3, 4), numbers(3, 4, seed=1)],
        "input 0",
        "For input 0: It is the gradient of input 1: they are swapped. "
        "For input 1: It is the gradient of input 0: they are swapped.",
    ),
    "transposed": (
        Transposed((1, 0)),
        [numbers(3, 3)],
        "input 0",
        "It is transposed: right after .transpose(1, 0).",
    ),
    "flipped": (
        FlippedWeights(G, 1, (4, 4), "auto"),
        [numbers(2, 4, 4, 2), numbers(3, 3, 2, 2)],
        "input 1",
        "It is flipped along axes (0, 1), as if correlation and convolution were mixed up.",
    ),
    "passed on": (
        PassedOn(),
        [numbers(3, 4)],
        "input 0",
        "It is the upstream gradient itself, passed on unchanged.",
    ),
    "one off": (
        Rolled(),
        [numbers(3, 4)],
        "input 0",
        "It is shifted by one along axis 1: an offset (padding?) is one off.",
    ),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_mistake_is_explained(name):
    function, inputs, blamed, explanation = EXPLAINED[name]
    for seed in range(3):
        result = gradcheck(function, inputs, seed=seed)
        assert result.verdict == "wrong gradient"
        assert result.blamed == ((blamed,) if name != "swapped" else ("input 0", "input 1"))
        assert result.message.endswith(explanation), result.message


def test_other_mistakes_are_located():
    """A sum over the broadcast axis that took the first row only: wrong in all three places."""
    result = gradcheck(FirstRow(), [numbers(4, 3), numbers(3)])
    assert (result.verdict, result.blamed) == ("wrong gradient", ("input 1",))
    assert "3 of 3 elements are wrong, the worst at [" in result.message
    assert result.message.endswith(
        "This input was broadcast: its gradient is the sum over the broadcast axes."
    )
    no_stride = NoStride((2, 2), Window((2, 2), ((0, 0), (0, 0))), (2, 2))
    result = gradcheck(no_stride, [numbers(1, 5, 5, 1)])
    assert (result.verdict, result.blamed) == ("wrong gradient", ("input 0",))
    assert " of 25 elements are wrong, the worst at [0, " in result.message


def test_a_large_input_is_not_explained_but_blamed():
    result = gradcheck(TwiceTheHalf(), [numbers(50, 50)])
    assert (result.verdict, result.blamed) == ("wrong gradient", ("input 0",))
    assert result.message.endswith("for input 0.")


class HalfPrecision(MultiplyFunction):
    """gz loses its last digits before it is multiplied."""

    def backward(self, gz, needs):
        gz = gz.astype(np.float32).astype(np.float64)
        return gz * self.saved.y, gz * self.saved.x


def test_float32_in_backward_is_called_by_its_name():
    verdicts = set()
    for seed in range(10):
        result = gradcheck(HalfPrecision(), [numbers(3, seed=seed), numbers(3, seed=seed + 50)], seed=seed)
        verdicts.add(result.verdict)
        if result.verdict == "precision too low":
            assert "the same only as far as float32 goes. Look for casts" in result.message
    assert "precision too low" in verdicts and "wrong gradient" not in verdicts


@pytest.mark.parametrize(
    "analytic, numeric, gy, others, text",
    [
        ([0.0, 0.0], [1.0, 2.0], [1.0], {}, "It is zero everywhere"),
        ([-1.0, -2.0], [1.0, 2.0], [1.0], {}, "The sign is flipped."),
        ([3.0, 6.0], [1.0, 2.0], [1.0], {}, "It is 3 times too large everywhere."),
        ([0.25, 0.5], [1.0, 2.0], [1.0], {}, "It is 4 times too small everywhere."),
        ([1.5, 3.0], [1.0, 2.0], [1.0], {}, "It is 1.5 times the right one everywhere."),
        ([5.0, 1.0], [1.0, 2.0], [1.0], {"w": [5.0, 1.0]}, "It is the gradient of w: they are swapped."),
        ([5.0, 1.0], [1.0, 2.0], [5.0, 1.0], {}, "It is the upstream gradient itself"),
        ([2.0, 1.0], [1.0, 2.0], [1.0], {}, "It is flipped along axes (0,)"),
        ([1.0, 2.0, 5.0], [5.0, 1.0, 2.0], [1.0], {}, "It is shifted by one along axis 0"),
        (
            [1.0, 9.0],
            [1.0, 2.0],
            [1.0],
            {},
            "1 of 2 elements are wrong, the worst at [1]: 2 by differences, 9 by",
        ),
        (
            [7.0],
            [2.0],
            [1.0],
            {},
            "1 of 1 elements are wrong, the worst at [0]: 2 by differences, 7 by backward.",
        ),
        ([7.0, 1.0], [0.0, 0.0], [1.0], {}, "2 of 2 elements are wrong"),
    ],
)
def test_recognise_by_hand(analytic, numeric, gy, others, text):
    arrays = {name: np.array(value) for name, value in others.items()}
    assert recognise(np.array(analytic), np.array(numeric), np.array(gy), arrays).startswith(text)


# -- why the upstream gradient is random ---------------------------------------------------------------


def passes_with_ones(function, inputs):
    """The check that many frameworks make: every element, but an upstream gradient of ones."""
    leaves = [Tensor(x, requires_grad=True) for x in inputs]
    function(*leaves).sum().backward()
    for number, x in enumerate(inputs):
        numeric = np.zeros(x.shape)
        for element in np.ndindex(x.shape):
            sums = []
            for step in (1e-6, -1e-6):
                moved = [y.copy() for y in inputs]
                moved[number][element] += step
                sums.append(function(*map(Tensor, moved)).numpy().sum())
            numeric[element] = (sums[0] - sums[1]) / 2e-6
        gradient = leaves[number].grad.numpy()
        nothing = max(abs(gradient).max(), abs(numeric).max()) < DERIVATIVE
        if not nothing and relative_error(gradient, numeric) > DERIVATIVE:
            return False
    return True


MISSED = {
    "zero softmax": (ZeroSoftmax(), [numbers(3, 4)]),
    "transposed": (Transposed((1, 0)), [numbers(3, 3)]),
    "padding one off": (CroppedOneOff(), [numbers(3, 5)]),
    "wrong parts": (WrongParts(1), [numbers(2, 3), numbers(2, 3, seed=1)]),
    "shift one off": (Rolled(), [numbers(3, 4)]),
}
SEEN = {
    "sign": EXPLAINED["sign"][:2],
    "factor 2": EXPLAINED["factor 2"][:2],
    "swapped": EXPLAINED["swapped"][:2],
}


@pytest.mark.parametrize("name", MISSED)
def test_ones_as_upstream_gradient_miss_it(name):
    function, inputs = MISSED[name]
    assert passes_with_ones(function, inputs)
    result = gradcheck(function, inputs)
    assert result.verdict == "wrong gradient"
    assert not gradcheck(function, inputs, mode="elementwise")


@pytest.mark.parametrize("name", SEEN)
def test_ones_as_upstream_gradient_see_others(name):
    assert not passes_with_ones(*SEEN[name])
