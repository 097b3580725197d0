"""The `training` argument: the explicit one, else that of the enclosing call, else False."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential
from minicnn.layers import Dense, Flatten, Input, Layer

X = np.array([[1.0, -2.0], [0.5, 4.0], [0.0, 1.0]], np.float32)


class Probe(Layer):
    """Writes down the `training` it is called with."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x, training=None):
        self.seen.append(training)
        return x


class Around(Layer):
    """A layer around a Probe; `inner` is what it passes on explicitly."""

    def __init__(self, inner=None):
        super().__init__()
        self.probe, self.inner = Probe(), inner

    def call(self, x):
        return self.probe(x) if self.inner is None else self.probe(x, training=self.inner)


@pytest.mark.parametrize(
    "outer, inner, expected",
    [
        (None, None, False),
        (True, None, True),
        (False, None, False),
        (True, False, False),
        (False, True, True),
        (None, True, True),
    ],
)
def test_explicit_then_enclosing_then_false(outer, inner, expected):
    around = Around(inner)
    around(X, training=outer)
    assert around.probe.seen == [expected]
    around.probe.seen.clear()
    model = Sequential([around])  # unbuilt: nothing ran yet
    model(X, training=outer)
    assert around.probe.seen[-1] is expected


def test_training_in_a_graph():
    probe, x = Probe(), Input((2,))
    model = Model(x, probe(x))
    probe.seen.clear()
    model(X)
    model(X, training=True)
    model.predict(X)
    assert probe.seen == [False, True, False]
    model = Model(x, probe(x, training=True))
    probe.seen.clear()
    model(X, training=False)
    assert probe.seen == [True]


def test_fit_trains_and_evaluate_does_not():
    probe = Probe()
    model = Sequential([Input((2,)), probe, Dense(1)])
    model.compile("sgd", "mse")
    probe.seen.clear()
    model.fit(X, np.ones((3, 1)), verbose=0, validation_data=(X, np.ones((3, 1))))
    model.evaluate(X, np.ones((3, 1)), verbose=0)
    model.train_on_batch(X, np.ones((3, 1)))
    assert probe.seen == [True, False, False, True]


def test_training_ends_with_the_call():
    probe = Probe()

    class Failing(Layer):
        def call(self, x):
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        Failing()(X, training=True)
    probe(X)
    assert probe.seen == [False]


def test_a_layer_that_takes_no_training_may_be_told():
    np.testing.assert_array_equal(Flatten()(X, training=True).numpy(), X)
