"""The learning-rate range test on a bowl, whose stable rates are known; and everything put back after it."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Sequential, layers, optimizers, schedules, utils
from minicnn.callbacks import LearningRateRangeTest
from minicnn.errors import ArgumentError

X, Y = np.ones((200, 1)), np.full((200, 1), 3.0)
NOISY = Y + np.random.default_rng(0).normal(0, 0.2, Y.shape)  # else the bottom would be reached exactly


def bowl(optimizer) -> Sequential:
    """One weight w and the loss (w − 3)²: steps of a rate below 1 go down, others up."""
    utils.set_random_seed(0)
    dense = layers.Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))
    model = Sequential([dense])
    model.compile(optimizer, "mse")
    return model


def sweep(model, y=Y, **settings) -> LearningRateRangeTest:
    test = LearningRateRangeTest(**settings)
    model.fit(X, y, batch_size=1, epochs=1, verbose=0, callbacks=[test])
    return test


def test_rates_grow_by_one_factor_and_stop_where_the_loss_breaks():
    test = sweep(bowl("sgd"), NOISY, minimum=1e-3, maximum=100.0, steps=100, stop_factor=2.0)
    factors = np.divide(test.rates[1:], test.rates[:-1])
    np.testing.assert_allclose(factors, 1e5 ** (1 / 99))
    assert test.rates[0] == pytest.approx(1e-3)
    assert 1 < test.rates[-1] < 100, "a bowl diverges at rates above 1"
    assert 1e-2 < test.suggestion < 1


def test_the_loss_is_that_of_each_step_smoothed():
    test = sweep(bowl("sgd"), minimum=1e-3, maximum=0.1, steps=20)
    w, mean, expected = 0.0, 0.0, []
    for i, rate in enumerate(test.rates):
        mean = 0.8 * mean + 0.2 * (w - 3) ** 2
        expected.append(mean / (1 - 0.8 ** (i + 1)))
        w -= rate * 2 * (w - 3)
    np.testing.assert_allclose(test.losses, expected, rtol=1e-4)
    assert len(test.rates) == 20 and test.rates[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_everything_is_put_back(name):
    first, second = bowl(name), bowl(name)
    for model in (first, second):
        model.fit(X[:8], Y[:8], batch_size=4, epochs=1, shuffle=False, verbose=0)
    before, rate = first.get_weights(), first.optimizer.learning_rate
    sweep(first, steps=30)
    np.testing.assert_array_equal(first.get_weights()[0], before[0])
    assert first.optimizer.learning_rate == rate and first.optimizer.iterations == 2
    losses = [
        model.fit(X[:8], Y[:8], batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        for model in (first, second)
    ]
    assert losses[0] == losses[1]


def test_a_fresh_optimizer_is_fresh_again():
    first, second = bowl("adam"), bowl("adam")
    sweep(first, steps=30)
    losses = [
        model.fit(X[:8], Y[:8], batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        for model in (first, second)
    ]
    assert losses[0] == losses[1]


def test_no_suggestion_where_the_loss_never_falls():
    test = LearningRateRangeTest()
    test.rates, test.losses = list(np.geomspace(1e-5, 1, 20)), list(np.linspace(1, 2, 20))
    assert test.suggestion is None
    test.losses = [2.0] * 6 + [1.9, 1.8, 1.7] + [2.5] + [1.0] * 10  # what falls after a rise does not count
    assert test.suggestion in test.rates[6:8]
    test.rates, test.losses = [], []
    assert test.suggestion is None


def test_the_picture(tmp_path):
    test = sweep(bowl("sgd"), minimum=1e-3, maximum=10.0, steps=50)
    figure = test.plot(tmp_path / "test.png")
    assert (tmp_path / "test.png").stat().st_size > 0
    assert figure.axes[0].get_xscale() == "log" and "falls fastest" in figure.axes[0].texts[0].get_text()
    with pytest.raises(ArgumentError, match="nothing to draw"):
        LearningRateRangeTest().plot()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"minimum": 0}, "Expected 0 < minimum < maximum, got 0 and 10.0."),
        ({"minimum": 1, "maximum": 0.1}, "Expected 0 < minimum < maximum, got 1 and 0.1."),
        ({"steps": 5}, "steps. Expected an integer of at least 15, got 5."),
        ({"stop_factor": 0.5}, "stop_factor. Expected a number of at least 1"),
    ],
)
def test_refusals(settings, sentence):
    with pytest.raises(ArgumentError) as error:
        LearningRateRangeTest(**settings)
    assert sentence in str(error.value)


def test_too_few_batches_are_refused():
    with pytest.raises(ArgumentError) as error:
        bowl("sgd").fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[LearningRateRangeTest(steps=50)])
    assert str(error.value) == (
        "LearningRateRangeTest: the training has too few batches for its steps. Expected 50, got 40. "
        "Give fit more epochs, or the test fewer steps."
    )


def test_a_schedule_is_refused():
    model = bowl(optimizers.SGD(schedules.CosineDecay(0.1, decay_steps=10)))
    with pytest.raises(ArgumentError, match=r"the rate follows a schedule\. Compile with a number"):
        sweep(model)
