"""Sequential, functional and subclassed forms of one network: the same numbers from one seed, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, fusion, layers, utils


def plain():
    return [layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]


def normalized():
    return [
        layers.Conv2D(4, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.Dropout(0.3),
        layers.Flatten(),
        layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
    ]


def separable():
    return [
        layers.SeparableConv2D(6, 3, padding="same", activation="gelu"),
        layers.SpatialDropout2D(0.2),
        layers.Conv2DTranspose(4, 3, strides=2),
        layers.GroupNormalization(2),
        layers.PReLU(shared_axes=(1, 2)),
        layers.GaussianNoise(0.1),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, activation="softmax"),
    ]


class Subclass(Model):
    """The layers one after the other, in code."""

    def __init__(self, stack):
        super().__init__()
        self.stack = stack

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return x


def sequential(stack):
    return Sequential([layers.Input((8, 8, 2)), *stack])


def built_by_data(stack):
    return Sequential(stack)


def functional(stack):
    x = inputs = layers.Input((8, 8, 2))
    for layer in stack:
        x = layer(x)
    return Model(inputs, x)


def nested(stack):
    inner = Sequential(stack[:2])
    return Sequential([layers.Input((8, 8, 2)), inner, *stack[2:]])


FORMS = [sequential, built_by_data, functional, Subclass, nested]


def numbers(form, make):
    """Weights, losses and predictions of five training steps from one seed."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 8, 8, 2), dtype="float32"), rng.integers(0, 3, 20)
    utils.set_random_seed(1)
    model = form(make())
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model(x[:1])
    found = {"first weights": model.get_weights(), "first prediction": [model.predict(x, verbose=0)]}
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
    found |= {name: [np.asarray(values)] for name, values in history.items()}
    found |= {"weights": model.get_weights(), "prediction": [model.predict(x, verbose=0)]}
    return found | {"evaluation": [np.asarray(model.evaluate(x, y, verbose=0))]}


@pytest.mark.parametrize("make", [plain, normalized, separable])
@pytest.mark.parametrize("form", FORMS[1:])
def test_the_same_numbers(form, make):
    with fusion(form is not Subclass):  # whose layers nobody can look through, to fold a normalization
        found = numbers(form, make)
        expected = numbers(FORMS[0], make)
    assert list(found) == list(expected)
    for name, arrays in expected.items():
        assert len(found[name]) == len(arrays)
        for ours, theirs in zip(found[name], arrays, strict=True):
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


def test_another_seed_gives_other_numbers():
    """So that the comparison above can fail."""
    utils.set_random_seed(1)
    first = sequential(plain()).get_weights()[0]
    utils.set_random_seed(2)
    assert (sequential(plain()).get_weights()[0] != first).any()
