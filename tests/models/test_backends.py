"""A network trains alike on every backend: same seed, same batches, same losses up to rounding."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from minicnn import layers
from tests.tolerances import TRAINED, assert_close


def train(backend, optimizer):
    with minicnn.use_backend(backend):
        minicnn.utils.set_random_seed(0)
        model = minicnn.Sequential(
            [
                layers.Input((12, 12, 3)),
                layers.Conv2D(20, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(8, 1, activation="relu"),
                layers.Conv2D(16, 3, strides=2),
                layers.Flatten(),
                layers.Dense(10, activation="relu"),
                layers.Dense(4, activation="softmax"),
            ]
        )
        model.compile(optimizer, "sparse_categorical_crossentropy")
        rng = np.random.default_rng(1)
        x, y = rng.random((64, 12, 12, 3), np.float32), rng.integers(0, 4, 64)
        history = model.fit(x, y, batch_size=16, epochs=3, verbose=0)
        return history.history["loss"], model.predict(x, verbose=0)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam", "sgd"])
def test_the_same_losses(optimizer):
    losses, predictions = train("numba", optimizer)
    expected, expected_predictions = train("numpy", optimizer)
    assert_close(losses, expected, TRAINED)
    assert_close(predictions, expected_predictions, TRAINED)
    again, _ = train("numba", optimizer)
    assert again == losses
