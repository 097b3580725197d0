"""Optimizers: steps by hand, state, settings, sentences. The formulas are tested in kernels/."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Parameter, Tensor, grad, optimizers
from minicnn.errors import ArgumentError, GradientError
from minicnn.optimizers import SGD, Adam, RMSprop


def parameter(*values, dtype="float64", name="w"):
    made = Parameter(np.array(values, dtype), name=name)
    made.path = name
    return made


def run(optimizer, start, gradients):
    """The weight after each step, for one number and the gradients of its steps."""
    w, found = parameter(start), []
    for g in gradients:
        optimizer.apply([Tensor(np.array([g]))], [w])
        found.append(w.item())
    return found


# -- by hand -------------------------------------------------------------------------------------------


def test_sgd_by_hand():
    assert run(SGD(0.5), 1.0, [2.0, -4.0]) == [0.0, 2.0]
    # v = −1, then −0.5 + 2 = 1.5
    assert run(SGD(0.5, momentum=0.5), 1.0, [2.0, -4.0]) == [0.0, 1.5]
    # looking ahead: w + 0.5·v − 0.5·g
    assert run(SGD(0.5, momentum=0.5, nesterov=True), 1.0, [2.0, -4.0]) == [-0.5, 2.25]


def test_the_first_steps_of_adam_and_rmsprop_do_not_depend_on_the_gradients_size():
    for g in (1.0, 100.0, 1e4):
        assert run(Adam(0.1), 0.0, [g])[0] == pytest.approx(-0.1, rel=1e-3)
        assert run(RMSprop(0.1, rho=0.75), 0.0, [-g])[0] == pytest.approx(0.2, rel=1e-3)


# -- what every optimizer does -------------------------------------------------------------------------


VARIANTS = {
    "sgd": lambda lr=0.05: SGD(lr),
    "momentum": lambda lr=0.05: SGD(lr, momentum=0.9),
    "nesterov": lambda lr=0.05: SGD(lr, momentum=0.9, nesterov=True),
    "rmsprop": lambda lr=0.05: RMSprop(lr),
    "rmsprop, all": lambda lr=0.05: RMSprop(lr, momentum=0.5, centered=True),
    "adam": lambda lr=0.05: Adam(lr),
    "amsgrad": lambda lr=0.05: Adam(lr, amsgrad=True),
}
each_variant = pytest.mark.parametrize("make", VARIANTS.values(), ids=VARIANTS.keys())


@each_variant
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_one_finds_a_minimum(make, dtype):
    """(w − 3)², from far off; in place, dtype kept, versions raised."""
    optimizer, w = make(), parameter(1.0, 5.0, dtype=dtype)
    memory = w.data
    for step in range(1, 301):
        loss = ((w - 3.0) ** 2).sum()
        optimizer.apply([grad(loss, w)], [w])
        assert (optimizer.iterations, w._version[0]) == (step, step)
    assert w.data is memory and w.dtype == dtype
    assert abs(w.numpy() - 3).max() < 0.1


@each_variant
def test_each_parameter_has_its_own_state(make):
    together, apart = make(), [make(), make()]
    rng = np.random.default_rng(0)
    a, b, c, d = (parameter(*values) for values in ([1.0], [2.0, 3.0], [1.0], [2.0, 3.0]))
    for _ in range(5):
        ga, gb = Tensor(rng.normal(size=1)), Tensor(rng.normal(size=2))
        together.apply([ga, gb], [a, b])
        apart[0].apply([ga], [c])
        apart[1].apply([gb], [d])
    np.testing.assert_array_equal(a.numpy(), c.numpy())
    np.testing.assert_array_equal(b.numpy(), d.numpy())


@each_variant
def test_state_can_be_taken_out_and_put_back(make):
    rng = np.random.default_rng(0)
    gradients = [[Tensor(rng.normal(size=2)), Tensor(rng.normal(size=3))] for _ in range(6)]
    weights = [parameter(1.0, 2.0, name="a"), parameter(1.0, 2.0, 3.0, name="b")]
    optimizer = make()
    for g in gradients[:3]:
        optimizer.apply(g, weights)
    copies = [parameter(*w.numpy(), name=w.name) for w in weights]
    other = type(optimizer)(**optimizer.get_config())
    state = {key: array.copy() for key, array in optimizer.state_arrays(weights).items()}
    assert len(state) == 2 * len(optimizer.slots)
    other.load_state_arrays(copies, state)
    other.iterations = optimizer.iterations
    for g in gradients[3:]:
        optimizer.apply(g, weights)
        other.apply(g, copies)
    for w, copy in zip(weights, copies, strict=True):
        np.testing.assert_array_equal(w.numpy(), copy.numpy())


def test_state_of_another_shape_is_refused():
    w = parameter(1.0, 2.0)
    with pytest.raises(ArgumentError) as error:
        Adam().load_state_arrays([w], {"0/m": np.zeros(1)})
    assert str(error.value) == "m of 'w': the shape differs. Expected (2,), got (1,)."


@each_variant
def test_config_round_trip(make):
    optimizer = make(0.25)
    again = optimizers.get({"class_name": type(optimizer).__name__, "config": optimizer.get_config()})
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    assert again.learning_rate == 0.25 and again.slots == optimizer.slots


def test_the_learning_rate_can_be_changed():
    optimizer, w = SGD(0.5), parameter(1.0)
    optimizer.learning_rate = 0.25
    optimizer.apply([Tensor(np.array([2.0]))], [w])
    assert w.item() == 0.5
    assert type(SGD(np.float32(0.5)).learning_rate) is float
    with pytest.raises(ArgumentError, match="SGD: learning_rate. Expected a number from 0 to inf, got -1"):
        optimizer.learning_rate = -1


def test_keras_defaults():
    expected = {
        "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
        "rmsprop": {
            "learning_rate": 0.001,
            "rho": 0.9,
            "momentum": 0.0,
            "epsilon": 1e-7,
            "centered": False,
        },
        "adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    }
    for name, config in expected.items():
        found = optimizers.get(name).get_config()
        assert found.pop("name")
        assert found == config
    assert type(optimizers.get("RMSprop")) is RMSprop
    optimizer = Adam()
    assert optimizers.get(optimizer) is optimizer


# -- sentences -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SGD(-0.1), "SGD: learning_rate. Expected a number from 0 to inf, got -0.1."),
        (lambda: SGD("fast"), "SGD: learning_rate. Expected a number from 0 to inf, got 'fast'."),
        (lambda: SGD(float("nan")), "SGD: learning_rate. Expected a number from 0 to inf, got nan."),
        (lambda: SGD(True), "SGD: learning_rate. Expected a number from 0 to inf, got True."),
        (lambda: SGD(momentum=1.5), "SGD: momentum. Expected a number from 0 to 1, got 1.5."),
        (lambda: RMSprop(rho=-1), "RMSprop: rho. Expected a number from 0 to 1, got -1."),
        (lambda: RMSprop(epsilon=None), "RMSprop: epsilon. Expected a number from 0 to 1, got None."),
        (lambda: Adam(beta_1=1), "Adam: beta_1. Expected a number from 0 to below 1, got 1."),
        (lambda: Adam(beta_2=2.0), "Adam: beta_2. Expected a number from 0 to below 1, got 2.0."),
        (
            lambda: optimizers.get("adamw"),
            "optimizer: it is not known. Expected one of sgd, rmsprop, adam or an Optimizer, got 'adamw'.",
        ),
        (
            lambda: optimizers.get(None),
            "optimizer: it is not known. Expected one of sgd, rmsprop, adam or an Optimizer, got None.",
        ),
    ],
)
def test_settings_that_cannot_be(make, text):
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value) == text


def test_a_gradient_of_another_shape_changes_nothing():
    a, b = parameter(1.0, name="a"), parameter(2.0, 3.0, name="dense/bias")
    optimizer = SGD(0.5)
    with pytest.raises(GradientError) as error:
        optimizer.apply([Tensor(np.ones(1)), Tensor(np.ones(1))], [a, b])
    assert str(error.value) == (
        "SGD on 'dense/bias': the gradient has another shape. Expected (2,), got (1,)."
    )
    assert a.item() == 1.0 and optimizer.iterations == 0


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Optimizer has no update"):
        optimizers.Optimizer(0.1, "mine").apply([Tensor(np.ones(1))], [parameter(1.0)])
