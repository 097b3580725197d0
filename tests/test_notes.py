"""The course notes' snippets run, with ``keras`` read as ``minicnn``, and give the notes' numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import layers, models
from minicnn.datasets import mnist
from minicnn.utils import to_categorical


@pytest.fixture
def convolutional_base() -> models.Sequential:
    """The first listing: three convolutions, the input shape given by the first layer."""
    model = models.Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(64, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(64, (3, 3), activation="relu"))
    return model


def add_classifier(model: models.Sequential) -> None:
    """The second listing: a dense classifier on top."""
    model.add(layers.Flatten())
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))


def test_summary_shows_the_notes_numbers(convolutional_base: models.Sequential, capsys) -> None:
    convolutional_base.summary()
    text = capsys.readouterr().out
    for expected in ("(None, 26, 26, 32)", "(None, 13, 13, 32)", "(None, 11, 11, 64)", "(None, 5, 5, 64)"):
        assert expected in text
    for expected in ("(None, 3, 3, 64)", " 320 ", "18,496", "36,928", "Total params: 55,744"):
        assert expected in text
    add_classifier(convolutional_base)
    convolutional_base.summary()
    text = capsys.readouterr().out
    assert "(None, 576)" in text and "Total params: 93,322" in text


def test_training_on_mnist(convolutional_base: models.Sequential, shared_data: Path) -> None:
    (train_images, train_labels), (test_images, test_labels) = mnist.load_data(shared_data / "mnist")
    assert train_images.shape == (60000, 28, 28)
    assert test_images.shape == (10000, 28, 28)
    train_images = train_images.reshape((60000, 28, 28, 1))
    train_images = train_images.astype("float32") / 255
    test_images = test_images.reshape((10000, 28, 28, 1))
    test_images = test_images.astype("float32") / 255
    train_labels = to_categorical(train_labels)
    test_labels = to_categorical(test_labels)
    minicnn.utils.set_random_seed(0)
    model = convolutional_base
    add_classifier(model)
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    few = slice(0, 1280)  # the whole of it is benchmarks/mnist_cnn.py
    history = model.fit(train_images[few], train_labels[few], epochs=5, batch_size=64, verbose=0)
    test_loss, test_acc = model.evaluate(test_images[few], test_labels[few], verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert test_loss > 0
    assert test_acc > 0.8


def test_a_model_of_all_activations(convolutional_base: models.Sequential) -> None:
    """``Model(inputs=model.input, outputs=[layer.output for layer in model.layers[:8]])``."""
    model = convolutional_base
    layer_outputs = [layer.output for layer in model.layers[:8]]
    activation_model = models.Model(inputs=model.input, outputs=layer_outputs)
    img_tensor = np.random.default_rng(0).random((1, 28, 28, 1), dtype="float32")
    activations = activation_model.predict(img_tensor)
    assert [a.shape for a in activations] == [
        (1, 26, 26, 32),
        (1, 13, 13, 32),
        (1, 11, 11, 64),
        (1, 5, 5, 64),
        (1, 3, 3, 64),
    ]
    np.testing.assert_array_equal(activations[-1], model.predict(img_tensor))


def test_gradient_of_one_filter_with_respect_to_the_image(convolutional_base: models.Sequential) -> None:
    """The filter visualisation's core: the mean of one channel, differentiated with respect to the input."""
    model = convolutional_base
    layer_output = model.get_layer(model.layers[2].name).output
    image = minicnn.Tensor(
        np.random.default_rng(0).random((1, 28, 28, 1), dtype="float32"), requires_grad=True
    )
    loss = models.Model(model.input, layer_output[:, :, :, 0])(image).mean()
    grads = minicnn.grad(loss, image)
    assert grads.shape == image.shape
    assert np.isfinite(grads.numpy()).all() and np.abs(grads.numpy()).max() > 0


def test_the_deeper_network_of_the_notes_builds() -> None:
    """conv 7×7 → pool → [conv, conv, pool]·2 → dense with dropout, as the notes write it."""
    model = models.Sequential(
        [
            layers.Conv2D(64, 7, activation="relu", padding="same", input_shape=[28, 28, 1]),
            layers.MaxPooling2D(2),
            layers.Conv2D(128, 3, activation="relu", padding="same"),
            layers.Conv2D(128, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2),
            layers.Conv2D(256, 3, activation="relu", padding="same"),
            layers.Conv2D(256, 3, activation="relu", padding="same"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    assert model.output_shape == (None, 10)
    probabilities = model.predict(np.zeros((2, 28, 28, 1), "float32"))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
