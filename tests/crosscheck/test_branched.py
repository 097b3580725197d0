"""Random branched networks, trained for five steps beside the real Keras from the same weights."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from tests.crosscheck.branched_nets import batch, build, draw_net
from tests.crosscheck.reference import MARKS, backends
from tests.tolerances import TRAINED, assert_close

pytestmark = MARKS

# Rounding in a gradient near 0 grows to a whole step where it is divided by its own size; a larger epsilon
# keeps the comparison about the formulas.
OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "clipnorm": 1.0}),
    ("SGD", {"learning_rate": 0.02, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("RMSprop", {"learning_rate": 0.003, "epsilon": 1e-2}),
    (
        "RMSprop",
        {"learning_rate": 0.003, "momentum": 0.5, "centered": True, "epsilon": 1e-2, "clipvalue": 0.1},
    ),
    ("Adam", {"learning_rate": 0.01, "epsilon": 1e-2}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True, "epsilon": 1e-2, "global_clipnorm": 1.0}),
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.02, "epsilon": 1e-2}),
    ("Adagrad", {"learning_rate": 0.05, "epsilon": 1e-2}),
]


@pytest.mark.parametrize("number", range(60))
def test_five_steps(keras, number):
    net = draw_net(number)
    name, kwargs = OPTIMIZERS[number % len(OPTIMIZERS)]
    rng = np.random.default_rng(number)
    packages = (*(minicnn for _ in backends()), keras)  # a model for every backend
    models, layers = zip(*(build(package, net) for package in packages), strict=True)
    assert list(layers[0]) == list(layers[-1])
    for key in layers[0]:
        weights = [start(rng, w) for w in layers[0][key].get_weights()]
        for made in layers:
            made[key].set_weights(weights)
    loss_weights = {key: float(rng.uniform(0.5, 2)) for key in net.losses}
    for package, model in zip(packages, models, strict=True):
        losses = {key: getattr(package.losses, loss)(**kw) for key, (loss, kw, _) in net.losses.items()}
        optimizer = getattr(package.optimizers, name)(**kwargs)
        if len(losses) > 1:
            model.compile(optimizer, losses, loss_weights=loss_weights)
        else:
            model.compile(optimizer, next(iter(losses.values())))
    *ours, theirs = models
    before = ours[0].get_weights()
    for _ in range(5):
        x, y = batch(net, rng, 4)
        theirs.reset_metrics()  # Keras goes on counting from step to step
        expected = theirs.train_on_batch(x, y)
        for _, model in zip(backends(), ours, strict=True):
            assert_close(model.train_on_batch(x, y), expected, TRAINED)
    for own in layers[:-1]:
        for key in own:
            for w, expected in zip(own[key].get_weights(), layers[-1][key].get_weights(), strict=True):
                assert_close(w, expected, TRAINED)
    assert any(not np.array_equal(w, old) for w, old in zip(ours[0].get_weights(), before, strict=True))


def start(rng, w):
    """A weight of the same shape, positive where it was (the moving variance must be)."""
    return (w + rng.uniform(0.05, 0.2, size=w.shape)).astype(np.float32) if w.ndim < 2 else w
