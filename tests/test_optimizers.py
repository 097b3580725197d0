"""Optimizers: steps by hand, state, settings, sentences. The formulas are tested in kernels/."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Parameter, Tensor, grad, optimizers
from minicnn.errors import ArgumentError, GradientError
from minicnn.optimizers import SGD, Adam, AdamW, RMSprop
from minicnn.schedules import ExponentialDecay
from tests.tolerances import KERNEL, assert_close


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
    limits = dict.fromkeys(("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"))
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
        assert found == config | limits
    assert type(optimizers.get("RMSprop")) is RMSprop
    optimizer = Adam()
    assert optimizers.get(optimizer) is optimizer


# -- limits of gradients -------------------------------------------------------------------------------


def test_gradients_are_limited_and_stay_as_they_were():
    for limit, expected in (
        ({"clipnorm": 1.0}, [0.6, 0.8, 1.0]),
        ({"global_clipnorm": 6.5}, [1.5, 2.0, 6.0]),
        ({"clipvalue": 3.5}, [3.0, 3.5, 3.5]),
        ({"clipnorm": 100.0}, [3.0, 4.0, 12.0]),
    ):
        a, b = parameter(0.0, 0.0), parameter(0.0)
        grads = [Tensor(np.array([3.0, 4.0])), Tensor(np.array([12.0]))]
        SGD(1.0, **limit).apply(grads, [a, b])
        assert_close(-np.concatenate([a.numpy(), b.numpy()]), expected, KERNEL[a.dtype])
        assert grads[0].numpy().tolist() == [3.0, 4.0]


def test_a_limit_hides_no_nan():
    for limit in ("clipnorm", "global_clipnorm"):
        for value in (np.nan, np.inf):
            w = parameter(1.0, 2.0)
            SGD(1.0, **{limit: 1.0}).apply([Tensor(np.array([value, 1.0]))], [w])
            assert np.isnan(w.numpy()).any()


def stepped():
    optimizer = SGD(0.1)
    optimizer.apply([Tensor(np.ones(1))], [parameter(1.0)])
    return optimizer


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
            lambda: optimizers.get("adamx"),
            "optimizer: it is not known. Expected one of sgd, rmsprop, adam, adamw, adagrad or an "
            "Optimizer, got 'adamx'.",
        ),
        (
            lambda: SGD(clipnorm=1.0, clipvalue=2.0),
            "SGD: two ways to clip gradients. Expected at most one, got clipnorm=1.0, clipvalue=2.0.",
        ),
        (lambda: SGD(weight_decay=-1), "SGD: weight_decay. Expected a number from 0 to inf, got -1."),
        (
            lambda: Adam(use_ema=True),
            "Adam: use_ema. Expected False, got True. Keep an average of the weights in a callback of your "
            "own.",
        ),
        (
            lambda: Adam(loss_scale_factor=2.0),
            "Adam: loss_scale_factor. Got 2.0. Gradients are float32 or float64 here, which "
            "need no scaled loss.",
        ),
        (lambda: SGD(decay=0.1), "SGD: there is no such argument. Got decay."),
        (lambda: AdamW(weight_decay=None), "AdamW: weight_decay. Expected a number."),
        (
            lambda: setattr(SGD(ExponentialDecay(0.1, 5, 0.5)), "learning_rate", 0.2),
            "SGD: its learning rate follows a schedule and cannot be set. Got 0.2. Give the optimizer a "
            "number "
            "at first, or assign another schedule.",
        ),
        (
            lambda: stepped().exclude_from_weight_decay(var_names=["bias"]),
            "SGD: steps were taken already. Call exclude_from_weight_decay before the first.",
        ),
        (
            lambda: optimizers.get(None),
            "optimizer: it is not known. Expected one of sgd, rmsprop, adam, adamw, adagrad or an "
            "Optimizer, got None.",
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
