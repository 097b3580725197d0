"""No correct function is called wrong, however its inputs are scaled, shaped or placed beside kinks.

And the random cases are no free pass: the same ones fail as soon as a factor is planted in them.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minicnn import functions as F
from minicnn.autograd import Function
from minicnn.inspect import gradcheck
from tests.inspect.random_cases import CASES, FILLS, random_case

each_function = pytest.mark.parametrize("name", CASES)
each_fill = pytest.mark.parametrize("fill", FILLS)


def test_every_public_function_is_tried():
    arithmetic = {"add", "subtract", "multiply", "divide", "negative", "whole power"}
    no_functions = {"FUNCTIONS", "attach", "logits_of"}
    assert set(CASES) - arithmetic == set(F.__all__) - no_functions


@each_function
@each_fill
def test_random_cases_pass(name, fill):
    """Every function, 5 kinds of numbers, 5 cases."""
    for seed in range(5):
        function, inputs = random_case(name, fill, seed)
        result = gradcheck(function, inputs, seed=seed)
        assert result, (seed, result)


@each_function
def test_random_cases_pass_by_elements(name):
    for seed in range(5, 7):
        function, inputs = random_case(name, "normal", seed)
        if sum(x.size for x in inputs) <= 60:
            assert gradcheck(function, inputs, seed=seed, mode="elementwise")


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(sorted(CASES)), st.sampled_from(sorted(FILLS)), st.integers(0, 2**32 - 1))
def test_any_case_passes(name, fill, seed):
    function, inputs = random_case(name, fill, seed)
    result = gradcheck(function, inputs, seed=seed % 1000)
    assert result, result


class Factor(Function):
    """y = x, with a gradient that is `factor` times the right one."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        return x * 1.0

    def backward(self, gy, needs):
        return gy * self.factor


@each_function
@pytest.mark.parametrize("factor", [-1.0, 0.0, 2.0, 1.001])
def test_a_planted_factor_is_found_in_the_same_cases(name, factor):
    """In every case that has a slope at all; the message then names no other input."""
    for seed in range(5):
        function, inputs = random_case(name, "normal", seed)
        number = seed % len(inputs)

        def planted(*tensors, function=function, number=number):
            changed = [Factor(factor)(x) if i == number else x for i, x in enumerate(tensors)]
            return function(*changed)

        row = gradcheck(function, inputs, seed=seed).rows[number]
        result = gradcheck(planted, inputs, seed=seed)
        if row.tells:
            assert (result.verdict, result.blamed) == ("wrong gradient", (f"input {number}",)), (seed, result)
        else:
            assert result


# -- kinks -------------------------------------------------------------------------------------------

KINKED = {
    "relu(x - 1)": lambda x: F.relu(x - 1.0),
    "clip": lambda x: F.clip(x, -1.0, 1.0),
    "max": lambda x: F.max(x, axis=-1),
    "maximum by relu": lambda x: x[:, 0] + F.relu(x[:, 1] - x[:, 0]),
    "abs": lambda x: F.relu(x - 1.0) + F.relu(1.0 - x),
    "sum of relu": lambda x: F.relu(x - 1.0).sum(),
    "network": lambda x: F.softmax(F.relu(F.matmul(x - 1.0, np.eye(2) + 0.5))),
    "max_pool2d": lambda x: F.max_pool2d(x.reshape(1, 4, 2, 1), 2),
}


@pytest.mark.parametrize("name", KINKED)
@pytest.mark.parametrize("distance", [0.0, 1e-14, 1e-11, 1e-9, 1e-7, 1e-5, 1e-3, 0.3])
def test_beside_a_kink_nothing_is_called_wrong(name, distance):
    """All elements `distance` from 1 and from each other."""
    for seed in range(4):
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(4, 2))
        x = 1.0 + distance * signs * np.arange(1.0, 9.0).reshape(4, 2)
        result = gradcheck(KINKED[name], x, seed=seed)
        assert result or result.verdict == "kink crossed", (seed, result)
        if distance >= 1e-9:
            assert result, (seed, result)
        by_elements = gradcheck(KINKED[name], x, seed=seed, mode="elementwise")
        assert by_elements or by_elements.verdict == "kink crossed", (seed, by_elements)


class Identity(Function):
    """relu(x − 1) with the gradient of the identity."""

    def forward(self, x):
        return np.maximum(x - 1.0, 0)

    def backward(self, gy, needs):
        return gy


@pytest.mark.parametrize("distance", [1e-9, 1e-7, 1e-3, 0.3])
def test_beside_a_kink_a_wrong_gradient_is_still_found(distance):
    x = 1.0 - distance * np.array([1.0, 2.0, 3.0])
    assert gradcheck(Identity(), x).verdict == "wrong gradient"
    assert gradcheck(Identity(), x, mode="elementwise").verdict == "wrong gradient"
    assert gradcheck(Identity(), 2.0 - x).verdict == "passed"


# -- float32 inside ----------------------------------------------------------------------------------


def cast(x):
    return F.astype(F.astype(x, "float32"), "float64")


CASTS = {
    "at the start": lambda x: F.exp(cast(x)),
    "in the middle": lambda x: cast(x * np.pi) * np.e,
    "at the end": lambda x: cast(F.tanh(x)),
    "beside the input": lambda x: x * cast(x),
    "of a sum": lambda x: cast(x.sum()) * np.pi,
    "before a sum": lambda x: (cast(x) * np.pi).sum(),
    "before a softmax": lambda x: F.softmax(cast(x)),
    "far from 0": lambda x: cast(x + 1000.0) * np.pi,
    "float16": lambda x: F.astype(F.astype(x, "float16"), "float64") * np.pi,
}


@pytest.mark.parametrize("name", CASTS)
@pytest.mark.parametrize("size", [1, 3, 100, 2000])
def test_float32_inside_is_found(name, size):
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=size)
        found = gradcheck(CASTS[name], x, seed=seed)
        if (name, size) == ("before a softmax", 1):
            assert found  # it is 1 whatever x is
        else:
            assert found.verdict == "precision too low", (seed, found)


def test_losing_digits_in_float64_is_no_fault():
    """x + 10⁶ − 10⁶ is correct, though it keeps 10 digits only."""
    verdicts = Counter()
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=5)
        verdicts[gradcheck(lambda x: x + 1e6 - 1e6, x, seed=seed).verdict] += 1
    assert verdicts == {"passed": 20}


# -- numbers at their limits -------------------------------------------------------------------------


class FlatClip(Function):
    """clip(x, −1e-9, 1e-9) with the gradient of what is seen from afar: nothing."""

    def forward(self, x):
        return np.clip(x, -1e-9, 1e-9)

    def backward(self, gy, needs):
        return 0 * gy


def test_a_function_may_do_everything_in_a_tiny_interval():
    """From afar flat, and without a bend: only the finest steps know."""
    x = np.array([0.0, 0.0])
    assert gradcheck(lambda x: F.clip(x, -1e-9, 1e-9), x)
    assert gradcheck(lambda x: F.tanh(x * 1e8), x)
    assert gradcheck(FlatClip(), x).verdict == "wrong gradient"


def test_a_slope_too_small_for_the_numbers_inside():
    """The loss −ln(1 − 1e-26) is 0 in float64, its gradient is not."""
    assert gradcheck(lambda z: F.softmax_cross_entropy(z, np.array([0])), np.array([[60.0, 0.0]]))


def test_far_from_0_numbers_are_far_apart():
    """Beside 1e10 the next one is 2e-6 away, and a softmax changes within 1."""
    for seed in range(10):
        x = 1e10 + np.random.default_rng(seed).normal(size=(2, 3))
        assert gradcheck(F.softmax, x, seed=seed)
        assert gradcheck(F.softmax, x, seed=seed, mode="elementwise")
