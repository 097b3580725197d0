"""Optimizers against the real Keras: equal gradients for ten steps give equal weights."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from minicnn import Parameter, Tensor, optimizers
from tests.crosscheck.reference import MARKS
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = MARKS

CASES = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.3}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.5, "nesterov": True, "learning_rate": 0.2}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"momentum": 1.0}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.02, "rho": 0.7, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.6, "rho": 0.99}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"amsgrad": True, "beta_2": 0.5}),
    ("Adam", {"beta_1": 0}),
]


def test_by_hand(keras):
    """w = 1, g = 2, lr = 0.1 and momentum 0.5, twice: 1 − 0.2 − (0.1 + 0.2) = 0.5."""
    ours, theirs = Parameter([1.0]), keras.Variable([1.0])
    for optimizer, w, g in (
        (optimizers.SGD(0.1, momentum=0.5), ours, Tensor([2.0])),
        (keras.optimizers.SGD(0.1, momentum=0.5), theirs, np.array([2.0], np.float32)),
    ):
        for _ in range(2):
            optimizer.apply([g], [w])
    assert_close(ours.numpy(), [0.5], CROSSCHECK)
    assert_close(theirs.value, [0.5], CROSSCHECK)


@pytest.mark.parametrize("name, kwargs", CASES, ids=str)
def test_ten_steps(keras, name, kwargs):
    rng = np.random.default_rng(7)
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 5), (4,))]
    ours, theirs = [Parameter(w.copy()) for w in start], [keras.Variable(w) for w in start]
    optimizer, reference = getattr(optimizers, name)(**kwargs), getattr(keras.optimizers, name)(**kwargs)
    for step in range(10):
        # gradients of very different size, and some that are 0, as behind a ReLU
        grads = [rng.normal(scale=10.0 ** (step % 5 - 3), size=w.shape).astype(np.float32) for w in start]
        grads = [g * (rng.uniform(size=g.shape) > 0.2) for g in grads]
        optimizer.apply([Tensor(g) for g in grads], ours)
        reference.apply(grads, theirs)
        for w, expected in zip(ours, theirs, strict=True):
            assert_close(w.numpy(), expected.value, CROSSCHECK)
    assert optimizer.iterations == int(reference.iterations)


def test_learning_rate_may_be_assigned(keras):
    ours, theirs = Parameter([1.0]), keras.Variable([1.0])
    optimizer, reference = optimizers.Adam(), keras.optimizers.Adam()
    for rate in (0.1, 0.01):
        optimizer.learning_rate = reference.learning_rate = rate
        optimizer.apply([Tensor([3.0])], [ours])
        reference.apply([np.array([3.0], np.float32)], [theirs])
    assert_close(ours.numpy(), theirs.value, CROSSCHECK)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam"])
def test_arguments_defaults_and_config(keras, name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (optimizers, keras.optimizers))
    for position, (argument, parameter) in enumerate(ours.items()):
        if argument != "name":  # before it stand weight_decay, clipnorm …, which do not exist here
            assert parameter.default == theirs[argument].default, argument
            assert list(theirs)[position] == argument
    config = getattr(optimizers, name)().get_config()
    expected = getattr(keras.optimizers, name)().get_config()
    assert config.keys() <= expected.keys()
    for key, value in config.items() - {("name", config["name"])}:  # Keras numbers them: sgd_1
        assert value == (pytest.approx(expected[key]) if isinstance(value, float) else expected[key])
    for spelling in (name, name.lower()):
        assert (
            type(optimizers.get(spelling)).__name__ == type(keras.optimizers.get(spelling)).__name__ == name
        )
