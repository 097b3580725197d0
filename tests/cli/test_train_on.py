"""minicnn train --model FILE: training goes on from the weights of a saved network."""

from __future__ import annotations

import numpy as np

from minicnn import Sequential, layers, load_model

from .conftest import run


def test_a_network_goes_on_from_its_file(trained, tmp_path):
    words = ("train", "mnist_subset", "--limit", 100, "--epochs", 1, "--seed", 1, "--quiet")
    run(*words, "--model", trained.model, "--learning-rate", 1e-30, "--save", tmp_path)
    before, after = load_model(trained.model), load_model(tmp_path / "model.safetensors")
    for a, b in zip(before.get_weights(), after.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_for_other_images_is_refused(tmp_path):
    inside = [layers.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4)]
    Sequential(inside).save(tmp_path / "m.safetensors")
    words = ("train", "mnist_subset", "--save", tmp_path / "out", "--model", tmp_path / "m.safetensors")
    assert run(*words, code=2).err == (
        f"minicnn train: the network in '{tmp_path / 'm.safetensors'}' does not fit the data set. "
        "Expected images (28, 28, 1), 10 classes, got images (8, 8, 3), 4 classes.\n"
    )


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.safetensors"
    err = run("train", "mnist_subset", "--save", tmp_path, "--model", path, code=2).err
    assert err == f"{path}: there is no such file.\n"
