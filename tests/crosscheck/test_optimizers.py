"""Optimizers against the real Keras: equal gradients for ten steps give equal weights."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from minicnn import Parameter, Tensor, optimizers, schedules
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
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.3, "amsgrad": True, "learning_rate": 0.1}),
    ("Adagrad", {}),
    ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("SGD", {"weight_decay": 0.2, "momentum": 0.9, "learning_rate": 0.1}),
    ("SGD", {"clipnorm": 0.7}),
    ("SGD", {"clipvalue": 0.3}),
    ("RMSprop", {"global_clipnorm": 0.9}),
    ("Adam", {"clipnorm": 1e-3, "weight_decay": 0.5}),
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


@pytest.mark.usefixtures("each_backend")
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


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW", "Adagrad"])
def test_arguments_defaults_and_config(keras, name):
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (optimizers, keras.optimizers))
    own = [(n, p.default) for n, p in ours.items() if n not in ("name", "refused")]
    expected = [(n, p.default) for n, p in theirs.items() if n in ours and n != "name"]
    assert own == expected
    config = getattr(optimizers, name)().get_config()
    expected = getattr(keras.optimizers, name)().get_config()
    assert config.keys() <= expected.keys()
    for key, value in config.items() - {("name", config["name"])}:  # Keras numbers them: sgd_1
        assert value == (pytest.approx(expected[key]) if isinstance(value, float) else expected[key])
    for spelling in (name, name.lower()):
        assert (
            type(optimizers.get(spelling)).__name__ == type(keras.optimizers.get(spelling)).__name__ == name
        )


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 2, "staircase": True},
    ),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "alpha": 0.2}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 9, "warmup_target": 0.5, "warmup_steps": 4},
    ),
    ("PiecewiseConstantDecay", {"boundaries": [3, 8], "values": [0.1, 0.01, 0.001]}),
]


@pytest.mark.parametrize("name, kwargs", SCHEDULES, ids=str)
def test_schedules(keras, name, kwargs):
    ours, theirs = getattr(schedules, name)(**kwargs), getattr(keras.optimizers.schedules, name)(**kwargs)
    for step in range(25):
        assert_close(ours(step), float(theirs(step)), CROSSCHECK)
    assert ours.get_config() == theirs.get_config()
    signatures = [inspect.signature(type(s)).parameters for s in (ours, theirs)]
    assert [(n, p.default) for n, p in signatures[0].items()] == [
        (n, p.default) for n, p in signatures[1].items()
    ]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_steps_of_a_schedule(keras, name):
    ours, theirs = Parameter([10.0]), keras.Variable([10.0])  # Keras takes its powers of beta in float32
    arguments = {"initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.5}
    optimizer = getattr(optimizers, name)(schedules.ExponentialDecay(**arguments))
    reference = getattr(keras.optimizers, name)(keras.optimizers.schedules.ExponentialDecay(**arguments))
    for _ in range(4):
        optimizer.apply([Tensor([3.0])], [ours])
        reference.apply([np.array([3.0], np.float32)], [theirs])
        assert_close(ours.numpy(), theirs.value, CROSSCHECK)
        assert_close(optimizer.learning_rate, float(reference.learning_rate), CROSSCHECK)


def test_what_does_not_decay(keras):
    ours, theirs = (
        [make([1.0], name=n) for n in ("kernel", "bias", "gamma")] for make in (Parameter, keras.Variable)
    )
    for module, weights in ((optimizers, ours), (keras.optimizers, theirs)):
        optimizer = module.AdamW(0.1, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(var_list=[weights[2]], var_names=["bias"])
        grads = [np.zeros(1, np.float32)] * 3
        optimizer.apply([Tensor(g) for g in grads] if module is optimizers else grads, weights)
    assert_close([w.item() for w in ours], [float(w.value[0]) for w in theirs], CROSSCHECK)
    assert_close([w.item() for w in ours], [0.95, 1, 1], CROSSCHECK)
