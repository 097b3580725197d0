"""Functional models with dicts, trained beside Keras."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from tests.tolerances import TRAINED, assert_close

pytestmark = [
    pytest.mark.crosscheck,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def model(k):
    inputs = {"b": k.layers.Input((4,), name="b"), "a": k.layers.Input((3,), name="a")}
    both = k.layers.Concatenate(name="c")([inputs["a"], inputs["b"]])
    h = k.layers.Dense(6, activation="tanh", name="h")(both)
    return k.Model(inputs, {"y": k.layers.Dense(2, name="p")(h), "x": k.layers.Dense(1, name="q")(h)})


def test_losses_and_weights(keras):
    ours, theirs = model(minicnn), model(keras)
    for layer in ours.layers:  # Keras orders layers by depth
        theirs.get_layer(layer.name).set_weights(layer.get_weights())
    rng = np.random.default_rng(0)
    x = {name: rng.standard_normal((12, n), dtype="float32") for name, n in (("a", 3), ("b", 4))}
    y = {name: rng.standard_normal((12, n), dtype="float32") for name, n in (("x", 1), ("y", 2))}
    logs = []
    for net in (ours, theirs):
        net.compile("sgd", {"x": "mse", "y": "mae"}, loss_weights={"x": 0.3, "y": 0.7})
        logs.append(net.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history)
    assert set(logs[0]) == set(logs[1])
    for name in logs[0]:
        assert_close(np.array(logs[0][name]), np.array(logs[1][name]), TRAINED)
    for layer in ours.layers:
        for mine, other in zip(layer.get_weights(), theirs.get_layer(layer.name).get_weights(), strict=True):
            assert_close(mine, other, TRAINED)
    predicted, expected = ours.predict(x, verbose=0), theirs.predict(x, verbose=0)
    for name, values in expected.items():
        assert_close(predicted[name], np.asarray(values), TRAINED)
