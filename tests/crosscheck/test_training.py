"""Whole networks, trained step by step beside the real Keras from the same weights on the same batches."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from tests.crosscheck.reference import MARKS
from tests.layer_table import Draw
from tests.tolerances import TRAINED, assert_close

pytestmark = MARKS

OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.003}),
    ("RMSprop", {"learning_rate": 0.003, "momentum": 0.5, "centered": True, "epsilon": 1e-3}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
]
# Loss, its arguments, activation of the output, whether the target is one-hot.
LOSSES = [
    ("CategoricalCrossentropy", {}, "softmax", True),
    ("SparseCategoricalCrossentropy", {}, "softmax", False),
    ("CategoricalCrossentropy", {"from_logits": True}, None, True),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, None, False),
    ("MeanSquaredError", {}, "sigmoid", True),
]
CLASSES = 4


def draw_net(number):
    """A small random CNN as [(layer, arguments)], and the shape of its images."""
    d = Draw("net", number)
    found = []
    for _ in range(d.integer(1, 2)):
        conv = {"filters": d.integer(2, 6), "kernel_size": d.pair(1, 3), "padding": d.choice("valid", "same")}
        conv |= d.some(activation=d.choice("relu", "tanh", "sigmoid"), strides=d.choice(1, 2), use_bias=False)
        found.append(("Conv2D", conv))
        found += d.choice(
            [], [("ReLU", {"max_value": 6, "negative_slope": 0.1})], [("Activation", {"activation": "tanh"})]
        )
        pool = {"pool_size": 2, "padding": "same"} | d.some(strides=d.choice(1, 2))
        found += d.choice([], [("MaxPooling2D", pool)], [("AveragePooling2D", pool)])
    found += [*d.choice([], [("Dropout", {"rate": 0})]), ("Flatten", {})]
    found += d.choice([], [("Dense", {"units": d.integer(3, 8), "activation": d.choice("relu", "tanh")})])
    return found, (d.integer(8, 11), d.integer(8, 11), d.integer(1, 3))


def build(package, net, shape, output):
    made = [getattr(package.layers, name)(**kwargs) for name, kwargs in net]
    end = package.layers.Dense(CLASSES, activation=output)
    return package.Sequential([package.layers.Input(shape), *made, end])


def targets(rng, n, one_hot):
    classes = rng.integers(CLASSES, size=n)
    return np.eye(CLASSES, dtype=np.float32)[classes] if one_hot else classes


def test_by_hand(keras):
    """w = 1, x = 2, target 0: loss (wx)² = 4, its gradient 2·wx·x = 8, and w becomes 1 − 0.1·8 = 0.2."""
    for package in (minicnn, keras):
        model = package.Sequential([package.layers.Input((1,)), package.layers.Dense(1, use_bias=False)])
        model.set_weights([np.ones((1, 1), np.float32)])
        model.compile(package.optimizers.SGD(0.1), "mse")
        assert_close(model.train_on_batch(np.array([[2.0]]), np.array([[0.0]])), 4, TRAINED)
        assert_close(model.get_weights()[0], [[0.2]], TRAINED)


@pytest.mark.parametrize("number", range(15))
def test_five_steps(keras, number):
    net, shape = draw_net(number)
    name, kwargs = OPTIMIZERS[number % len(OPTIMIZERS)]
    loss, loss_kwargs, output, one_hot = LOSSES[number % len(LOSSES)]
    models = [build(package, net, shape, output) for package in (minicnn, keras)]
    rng = np.random.default_rng(number)
    weights = [rng.normal(scale=0.3, size=w.shape).astype(np.float32) for w in models[0].weights]
    for package, model in zip((minicnn, keras), models, strict=True):
        model.set_weights(weights)
        optimizer = getattr(package.optimizers, name)(**kwargs)
        model.compile(optimizer, getattr(package.losses, loss)(**loss_kwargs), metrics=["accuracy"])
    ours, theirs = models
    for _ in range(5):
        x = rng.normal(size=(6, *shape)).astype(np.float32)
        y = targets(rng, 6, one_hot)
        theirs.reset_metrics()  # Keras goes on counting from step to step
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), TRAINED)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)
    changed = [not np.array_equal(w, before) for w, before in zip(ours.get_weights(), weights, strict=True)]
    assert all(changed)
    assert_close(ours.predict(x), theirs.predict(x, verbose=0), TRAINED)


def test_frozen_layers_stay(keras):
    net = [("Conv2D", {"filters": 3, "kernel_size": 3, "trainable": False}), ("Flatten", {})]
    models = [build(package, net, (6, 6, 1), "softmax") for package in (minicnn, keras)]
    models[0].set_weights(models[1].get_weights())
    before = models[0].get_weights()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 6, 6, 1)).astype(np.float32), targets(rng, 4, False)
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(x, y)
    ours, theirs = (model.get_weights() for model in models)
    np.testing.assert_array_equal(ours[0], before[0])
    for w, expected in zip(ours, theirs, strict=True):
        assert_close(w, expected, TRAINED)
    assert not np.array_equal(ours[2], before[2])


@pytest.mark.parametrize("number", range(3))
def test_five_steps_with_normalization(keras, number):
    """Losses, weights and moving averages; then, with these, what both predict."""
    name, kwargs = OPTIMIZERS[2 * number]
    net = [
        ("Conv2D", {"filters": 4, "kernel_size": 3, "use_bias": False}),
        ("BatchNormalization", {"momentum": 0.8, "scale": number != 1, "trainable": number != 2}),
        ("PReLU", {"shared_axes": [1, 2]}),
        ("Conv2D", {"filters": 4, "kernel_size": 2, "strides": 2, "activation": "gelu"}),
        ("GroupNormalization", {"groups": 2}),
        ("LeakyReLU", {}),
        ("Flatten", {}),
        ("LayerNormalization", {}),
    ]
    ours, theirs = models = [build(package, net, (8, 8, 2), "softmax") for package in (minicnn, keras)]
    ours.set_weights(theirs.get_weights())
    for package, model in zip((minicnn, keras), models, strict=True):
        model.compile(getattr(package.optimizers, name)(**kwargs), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(number)
    for _ in range(5):
        x, y = rng.normal(1, 2, size=(6, 8, 8, 2)).astype(np.float32), targets(rng, 6, False)
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), TRAINED)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)
    assert_close(ours.predict(x), theirs.predict(x, verbose=0), TRAINED)
