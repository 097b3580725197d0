"""minicnn evaluate: the same numbers as after the training, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Sequential, layers
from minicnn.cli.score import Score, probabilities, score, table_by_class
from minicnn.datasets import mnist_subset

from .conftest import run


def saved(path, *stack, loss=None):
    model = Sequential([*stack])
    if loss is not None:
        model.compile("sgd", loss)
    model.save(path)
    return path


@pytest.fixture(scope="module")
def images():
    _, (x, y) = mnist_subset.load_data()
    return x[:60], y[:60]


def test_the_same_as_after_the_training(trained):
    printed = run("evaluate", trained.model, "mnist_subset").out
    start = trained.out.index("Test accuracy")
    assert printed == trained.out[start : trained.out.index("Written to")]


def test_another_data_set(trained, small_mnist):
    assert " of 12 images), loss " in run("evaluate", trained.model, "mnist", "--data-dir", small_mnist).out


def test_nothing_is_wider_than_the_terminal(trained):
    lines = run("evaluate", trained.model, "mnist_subset", COLUMNS="60").out.splitlines()
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy", "mse"])
def test_the_loss_is_the_models_own(images, loss):
    x, y = images
    model = Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("sgd", loss)
    targets = y if loss.startswith("sparse") else np.eye(10)[y]
    expected = model.evaluate(x[..., None] / np.float32(255), targets, batch_size=60, verbose=0)
    assert score(model, x, y, "test").loss == pytest.approx(expected, rel=1e-6)


def test_a_network_that_was_not_compiled(tmp_path):
    path = saved(tmp_path / "m.safetensors", layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10))
    printed = run("evaluate", path, "mnist_subset").out
    assert " of 1,000 images)." in printed
    assert "loss" not in printed


def test_logits_become_probabilities():
    logits = np.array([[0.0, np.log(3.0)], [5.0, 5.0]])
    np.testing.assert_allclose(probabilities(logits), [[0.25, 0.75], [0.5, 0.5]])
    p = np.array([[0.25, 0.75], [1.0, 0.0]])
    assert probabilities(p) is p


def test_the_table_by_hand():
    labels = np.array([0, 0, 0, 0, 1, 1, 3])
    predictions = np.array([0, 2, 2, 3, 1, 1, 0])
    table = table_by_class(Score(labels, predictions, np.ones(7), None), ["ant", "bee", "cat", "dog"])
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows == [
        ("ant", "4", "1", "25.0 %", "cat (2 times)"),
        ("bee", "2", "2", "100.0 %", "-"),
        ("dog", "1", "0", "0.0 %", "ant (once)"),
    ]


@pytest.mark.parametrize(
    ("stack", "sentence"),
    [
        (
            [layers.Input((784,)), layers.Dense(10)],
            "the model does not take images of a fixed size. "
            "Expected one input of shape (None, height, width, 1 or 3), got (None, 784).",
        ),
        (
            [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(1)],
            "the model does not tell classes apart. "
            "Expected one output of shape (None, 2 classes or more), got (None, 1).",
        ),
        (
            [layers.Input((32, 20, 3)), layers.Flatten(), layers.Dense(10)],
            "the model takes other images than the data set has. "
            "Expected 28 x 28, 1 channel, got 20 x 32, 3 channels.",
        ),
        (
            [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(4)],
            "the model has too few outputs. Expected at least 10 classes, got 4.",
        ),
    ],
)
def test_models_that_do_not_fit(stack, sentence, tmp_path):
    path = saved(tmp_path / "m.safetensors", *stack)
    assert run("evaluate", path, "mnist_subset", code=2).err == f"minicnn evaluate: {sentence}\n"


def test_files_that_are_no_models(tmp_path):
    missing, broken = tmp_path / "missing.safetensors", tmp_path / "broken.safetensors"
    assert run("evaluate", missing, "mnist_subset", code=2).err == f"{missing}: there is no such file.\n"
    broken.write_bytes(b"nothing of the kind")
    error = run("evaluate", broken, "mnist_subset", code=2).err
    assert error.startswith(f"{broken}: it is no valid .safetensors file.")
    assert error.count("\n") == 1


def test_wrong_arguments(trained):
    assert (
        run("evaluate", code=2).err
        == "minicnn evaluate: Missing argument 'MODEL'. See minicnn evaluate --help.\n"
    )
    assert run("evaluate", trained.model, "letters", code=2).err == (
        "minicnn evaluate: there is no such data set. Expected mnist, fashion_mnist, cifar10, cifar100, "
        "mnist_subset or a folder of class folders, got 'letters'.\n"
    )
