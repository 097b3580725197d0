"""minicnn train: what it prints and writes, that a seed repeats it, and what it refuses."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn.cli import train as command
from minicnn.cli.architectures import ARCHITECTURES
from minicnn.cli.results import FILES
from minicnn.cli.train import _split
from minicnn.datasets import mnist_subset

from .conftest import run


def history(folder):
    return json.loads((folder / "history.json").read_text(encoding="utf-8"))


def tiny(small_mnist, folder, *more, **environment):
    """Train the smallest network for a moment."""
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "small_cnn", "--epochs", 1)
    return run(*words, "--save", folder, *more, **environment)


def test_it_says_what_it_does(trained):
    for line in (
        "Data      mnist_subset: 720 training, 80 validation, 1,000 test images",
        "Network   small_cnn: 5,258 parameters",
        "Training  adam, batches of 64, learning rate 0.01 (last epoch: 0.001)",
        "Seed      5\n",
        "Epoch 4/4  ",
        " (val ",
        "Trained in ",
        f"Written to {trained.folder}/",
        "Try next",
        f"minicnn predict {trained.model} {trained.folder / 'digit.png'}",
        f"minicnn evaluate {trained.model} mnist_subset",
        f"minicnn summary {trained.model}",
    ):
        assert line in trained.out
    assert trained.err == ""


def test_it_learns_and_the_table_adds_up(trained):
    percent, correct = re.search(
        r"Test accuracy (\S+) % \((\d+) of 1,000 images\), loss", trained.out
    ).groups()
    rows = re.findall(r"^ +(\d) +(\d+) +(\d+) +(\S+) %   (.*?) *$", trained.out, re.MULTILINE)
    assert [row[0] for row in rows] == list("0123456789")
    assert all(row[1] == "100" for row in rows)
    assert sum(int(row[2]) for row in rows) == int(correct) == 10 * float(percent)
    assert float(percent) > 75
    assert all(float(row[3]) == int(row[2]) for row in rows)
    assert all(re.fullmatch(r"-|\d(, \d)* \((once|\d+ times)( each)?\)", row[4]) for row in rows)


def test_it_writes_every_file(trained):
    assert {file.name for file in trained.folder.iterdir()} == set(FILES)
    for name in ("learning_curve.png", "misclassified.png"):
        with Image.open(trained.folder / name) as picture:
            assert picture.width > 1000
            assert len(picture.convert("L").getcolors()) > 10
    with Image.open(trained.folder / "digit.png") as picture:
        _, (x_test, _) = mnist_subset.load_data()
        np.testing.assert_array_equal(255 - np.asarray(picture)[5::10, 5::10], x_test[0])


def test_history_holds_the_numbers_and_all_settings(trained):
    content = history(trained.folder)
    values = content.pop("history")
    assert list(values) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(series) == 4 for series in values.values())
    accuracy, loss = content.pop("test_accuracy"), content.pop("test_loss")
    assert (
        f"Test accuracy {100 * accuracy:.1f} % ({1000 * accuracy:.0f} of 1,000 images), loss {loss:.4f}."
        in trained.out
    )
    assert content == {
        "dataset": "mnist_subset",
        "model": "small_cnn",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "epochs_of_short_steps": 1,
        "batch_size": 64,
        "epochs": 4,
        "seed": 5,
        "validation_split": 0.1,
        "backend": "numba",
        "parameters": 5258,
        "training_images": 720,
        "validation_images": 80,
        "test_images": 1000,
        "class_names": list("0123456789"),
    }


def test_the_file_holds_the_network_that_was_tested(trained):
    network = minicnn.load_model(trained.model)
    _, (x, y) = mnist_subset.load_data()
    loss, accuracy = network.evaluate(x[..., None] / np.float32(255), y, batch_size=250, verbose=0)
    content = history(trained.folder)
    assert accuracy == content["test_accuracy"]
    assert loss == pytest.approx(content["test_loss"], rel=1e-6)
    assert network.optimizer.iterations == 4 * 12
    assert network.optimizer.learning_rate == 0.01, "the short steps are over"


def test_short_steps_in_the_last_quarter(small_mnist, tmp_path, monkeypatch):
    rates = []
    train_step = minicnn.Sequential.train_step

    def watched(self, data):
        rates.append(self.optimizer.learning_rate)
        return train_step(self, data)

    monkeypatch.setattr(minicnn.Sequential, "train_step", watched)
    tiny(small_mnist, tmp_path, "--epochs", 9, "--optimizer", "sgd", "--learning-rate", 0.5)
    assert rates == [0.5] * 7 + [0.05] * 2


def test_the_same_seed_repeats_everything(small_mnist, tmp_path):
    printed = tiny(small_mnist, tmp_path / "a").out
    seed = re.search(r"Seed +(\d+) \(drawn; --seed repeats it\)", printed).group(1)
    again = tiny(small_mnist, tmp_path / "b", "--seed", seed).out
    assert re.search(rf"Seed +{seed}$", again, re.MULTILINE)
    tiny(small_mnist, tmp_path / "c")
    first, second, other = (history(tmp_path / name) for name in "abc")
    assert first == second
    assert first["seed"] != other["seed"], "one in 2³² is a coincidence"
    assert first["history"] != other["history"]


def test_quiet_prints_one_line(small_mnist, tmp_path):
    printed = tiny(small_mnist, tmp_path, "--quiet").out
    assert re.fullmatch(r"Test accuracy \S+ % \(\d+ of 12 images\), loss \S+\.\n", printed)
    assert {file.name for file in tmp_path.iterdir()} == set(FILES)


def test_options_reach_the_training(small_mnist, tmp_path):
    tiny(
        small_mnist,
        tmp_path,
        "--limit",
        40,
        "--validation-split",
        0.25,
        "--batch-size",
        7,
        "--optimizer",
        "rmsprop",
    )
    content = history(tmp_path)
    assert (content["training_images"], content["validation_images"], content["test_images"]) == (30, 10, 12)
    assert (content["batch_size"], content["optimizer"], content["learning_rate"]) == (7, "rmsprop", 0.001)
    network = minicnn.load_model(tmp_path / "model.safetensors")
    assert network.optimizer.iterations == 5  # ⌈30 / 7⌉
    assert type(network.optimizer).__name__ == "RMSprop"


def test_no_validation(small_mnist, tmp_path):
    printed = tiny(small_mnist, tmp_path, "--validation-split", 0).out
    assert "60 training, 0 validation, 12 test images" in printed
    assert "val_" not in printed
    assert list(history(tmp_path)["history"]) == ["loss", "accuracy"]


def test_every_network(small_mnist, tmp_path):
    for name in ARCHITECTURES:
        printed = tiny(small_mnist, tmp_path, "--model", name, "--limit", 10).out
        assert f"Network   {name}: " in printed
        assert minicnn.load_model(tmp_path / "model.safetensors").name == name


def test_the_split_is_random_complete_and_disjoint():
    (_, y), _ = mnist_subset.load_data()
    minicnn.utils.set_random_seed(3)
    numbers = np.arange(6000)
    (fitted, y_fitted), (held_out, y_held_out) = _split(numbers, y, 0.1)
    assert len(held_out) == 600
    np.testing.assert_array_equal(np.sort(np.concatenate([fitted, held_out])), numbers)
    np.testing.assert_array_equal(y[held_out], y_held_out)
    np.testing.assert_array_equal(y[fitted], y_fitted)
    assert np.bincount(y_held_out, minlength=10).min() > 30


def test_a_training_that_diverges(small_mnist, tmp_path):
    printed = tiny(small_mnist, tmp_path, "--optimizer", "sgd", "--learning-rate", 1e30, "--batch-size", 10)
    assert "The loss is no longer a number. Try a smaller --learning-rate." in printed.out
    assert printed.err == ""
    assert history(tmp_path)["test_loss"] is None
    digit = tmp_path / "digit.png"
    assert run("predict", tmp_path / "model.safetensors", digit, code=2).err == (
        "minicnn predict: what the network computes is not a number. "
        "Train it with a smaller --learning-rate.\n"
    )


def test_ctrl_c_says_where_it_stopped(small_mnist, tmp_path, monkeypatch):
    steps = iter(range(3))  # two epochs of one step, then Ctrl-C in the third
    train_step = minicnn.Sequential.train_step

    def interrupted(self, data):
        if next(steps) == 2:
            raise KeyboardInterrupt
        return train_step(self, data)

    monkeypatch.setattr(minicnn.Sequential, "train_step", interrupted)
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "mlp", "--save", tmp_path)
    error = run(*words, code=130).err
    assert error.startswith("minicnn train: stopped by Ctrl-C in epoch 3 of 12. `minicnn ")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    steps = iter([2])  # and now in the first
    sentence = f"minicnn train: stopped by Ctrl-C in epoch 1 of 12, nothing was written to '{tmp_path}'.\n"
    assert run(*words, code=130).err == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "letters",
            "there is no such data set. Expected mnist, fashion_mnist, cifar10, cifar100, mnist_subset or a "
            "folder of class folders, got 'letters'.",
        ),
        ("mnist_subset --image-size 0", "--image-size is too small. Expected at least 1, got 0."),
        (
            "mnist_subset --image-size 28",
            "the images of mnist_subset have a size of their own. Leave --image-size out.",
        ),
        (
            "mnist_subset --model vgg",
            "there is no such model. Expected notes_cnn, small_cnn, mlp, vgg_small or a .safetensors file, "
            "got 'vgg'.",
        ),
        (
            "mnist_subset --optimizer ada",
            "there is no such optimizer. Expected sgd, rmsprop, adam, adamw or adagrad, got 'ada'.",
        ),
        ("mnist_subset --epochs 0", "--epochs is too small. Expected at least 1, got 0."),
        ("mnist_subset --batch-size -3", "--batch-size is too small. Expected at least 1, got -3."),
        ("mnist_subset --limit 0", "--limit is too small. Expected at least 1, got 0."),
        ("mnist_subset --seed -1", "--seed is too small. Expected at least 0, got -1."),
        (
            "mnist_subset --learning-rate 0",
            "--learning-rate cannot be used. Expected a number above 0, got 0.0.",
        ),
        (
            "mnist_subset --learning-rate nan",
            "--learning-rate cannot be used. Expected a number above 0, got nan.",
        ),
        (
            "mnist_subset --validation-split 1",
            "--validation-split is no share of the training images. Expected 0 or more, below 1, got 1.0.",
        ),
        (
            "mnist_subset --data-dir here",
            "mnist_subset comes with minicnn and takes no --data-dir. Got 'here'. "
            "Leave it out, or use mnist.",
        ),
        ("", "Missing argument 'DATASET'. See minicnn train --help."),
    ],
)
def test_wrong_arguments(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    printed = run("train", *words.split(), code=2)
    assert printed.err == f"minicnn train: {sentence}\n"
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == [], "nothing is made for a run that cannot start"


def test_errors_of_the_library_come_as_they_are(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert run("train", "mnist", "--data-dir", folder, "--save", tmp_path, code=2).err.startswith(
        "datasets.mnist.load_data: 4 of the 4 files not found. Expected a folder with train-images-idx3"
    )
    seed = ("--seed", 2**64, "--save", tmp_path)
    assert run("train", "mnist_subset", *seed, code=2).err == (
        f"set_random_seed: the seed is unusable. Expected an integer from 0 to 2⁶⁴ − 1, got {2**64}.\n"
    )


def test_unknown_backend(tmp_path):
    error = run("train", "mnist_subset", "--backend", "abacus", code=2).err
    assert error.startswith("minicnn train: there is no such backend. Expected ")
    assert error.endswith(", got 'abacus'.\n")
    assert "got 'abacus'" in run("train", "mnist_subset", code=2, MINICNN_BACKEND="abacus").err


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_train", None)  # it would be called
    file = tmp_path / "file"
    file.touch()
    for folder, reason in ((file, f"{file}: File exists"), (file / "in", f"{file / 'in'}: Not a directory")):
        assert run("train", "mnist_subset", "--save", folder, code=2).err == (
            f"minicnn train: the results cannot be written to '{folder}' ({reason}). "
            "Choose another folder with --save.\n"
        )
    folder = tmp_path / "history.json"
    folder.mkdir()
    assert run("train", "mnist_subset", "--save", tmp_path, code=2).err == (
        f"minicnn train: the results cannot be written to '{tmp_path}' ({folder}: Is a directory). "
        "Choose another folder with --save.\n"
    )


def test_an_earlier_run_is_replaced(small_mnist, tmp_path):
    for seed in (1, 2):
        tiny(small_mnist, tmp_path, "--seed", seed)
    assert history(tmp_path)["seed"] == 2
    assert {file.name for file in tmp_path.iterdir()} == set(FILES)
