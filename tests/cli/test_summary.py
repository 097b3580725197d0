"""minicnn summary: layers, shapes, and how the network was trained."""

from __future__ import annotations

from minicnn import Model, Sequential, layers
from minicnn.cli.architectures import notes_cnn

from .conftest import run


def test_a_trained_network(trained):
    printed = run("summary", trained.model).out
    for text in (
        'Model: "small_cnn"',
        " Trainable params: 5,258 (20.54 KB)",
        " Input shape: (None, 28, 28, 1)\n",
        " Output shape: (None, 10)\n",
        " Optimizer: Adam, learning rate 0.01, 48 steps so far\n",
        " Loss: sparse_categorical_crossentropy\n",
        " Metrics: accuracy\n",
        " File: ",
    ):
        assert text in printed


def test_the_notes_network_was_never_compiled(tmp_path):
    notes_cnn((28, 28, 1), 10).save(tmp_path / "m.safetensors")
    printed = run("summary", tmp_path / "m.safetensors").out
    for number in ("320", "18,496", "36,928", "650", "Total params: 93,322 (364.54 KB)"):
        assert number in printed
    assert " Optimizer: none, the network was not compiled\n" in printed


def test_compiled_without_loss_and_metrics(tmp_path):
    model = Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("sgd")
    model.save(tmp_path / "m.safetensors")
    printed = run("summary", tmp_path / "m.safetensors").out
    assert " Optimizer: SGD, learning rate 0.01, 0 steps so far\n Loss: none\n Metrics: none\n" in printed


def test_branches_in_a_narrow_terminal(tmp_path):
    x = layers.Input((8, 8, 1))
    model = Model(x, layers.Conv2D(2, 3)(x) + layers.Conv2D(2, 3)(x))
    model.save(tmp_path / "m.safetensors")
    lines = run("summary", tmp_path / "m.safetensors", COLUMNS="60").out.splitlines()
    assert "Connected to" in "\n".join(lines)
    assert max(map(len, lines)) <= 60


def test_no_file(tmp_path):
    path = tmp_path / "missing.safetensors"
    assert run("summary", path, code=2).err == f"{path}: there is no such file.\n"


def test_the_wide_form(tmp_path):
    inner = Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3, name="inside")], name="inner")
    Sequential([layers.Input((8, 8, 1)), inner, layers.Flatten()]).save(tmp_path / "m.safetensors")
    options = ("--wide", "--expand-nested", "--show-trainable")
    printed = run("summary", tmp_path / "m.safetensors", *options, COLUMNS="140").out
    for text in ("MACs", "648", "Trainable", "└ inside (Conv2D)", " MACs per image: 648 (2 FLOPs each)"):
        assert text in printed
