"""minicnn datasets, and training and testing on data sets in colour and on folders of images."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import datasets
from minicnn.datasets import fashion_mnist
from tests.datasets.conftest import source_of

from .conftest import run

TINY = ("--model", "small_cnn", "--epochs", 1, "--validation-split", 0)


def test_the_list(tmp_path, monkeypatch):
    source = source_of({"a.gz": b"12345"}, "https://mirror/", name="fashion_mnist")
    monkeypatch.setitem(datasets.SOURCES, "fashion_mnist", source)
    home = {"MINICNN_HOME": str(tmp_path), "COLUMNS": "160"}
    printed = run("datasets", **home).out
    rows = [re.split(r"\s{2,}", line.strip()) for line in printed.splitlines() if line.strip()]
    assert rows[0] == ["name", "what", "size", "where"]
    assert [row[0] for row in rows[2:]] == list(datasets.NAMES)
    assert rows[2][1:3] == ["70,000 handwritten digits, 28 × 28, grey", "12 MB"]
    assert rows[4][2] == "170 MB" and rows[4][3].endswith("datasets download cifar10")
    assert rows[6][3] == "comes with minicnn"
    folder = tmp_path / "datasets" / "fashion_mnist"
    folder.mkdir(parents=True)
    (folder / "a.gz").write_bytes(b"12345")
    assert str(folder) in run("datasets", **home).out.replace("\n", "")


def test_download(tmp_path, monkeypatch):
    source = source_of({"a.gz": b"12345"}, "https://mirror/", name="fashion_mnist")
    monkeypatch.setitem(datasets.SOURCES, "fashion_mnist", source)
    folder = tmp_path / "datasets" / "fashion_mnist"
    error = run("datasets", "download", "fashion_mnist", code=2, MINICNN_HOME=str(tmp_path)).err
    assert error == (
        "minicnn datasets download: a.gz could not be downloaded (MINICNN_OFFLINE is set). "
        f"Download a.gz from https://mirror/ by hand into '{folder}', or name a folder that has "
        "the files of this data set as data_dir.\n"
    )
    folder.mkdir(parents=True)
    (folder / "a.gz").write_bytes(b"12345")
    printed = run("datasets", "download", "fashion_mnist", MINICNN_HOME=str(tmp_path)).out
    assert printed == f"fashion_mnist is in {folder}/\n"
    assert run("datasets", "download", "letters", code=2).err == (
        "minicnn datasets download: there is no such data set to download. Expected mnist, fashion_mnist, "
        "cifar10 or cifar100, got 'letters'.\n"
    )
    assert run("datasets", "download", code=2).err == (
        "minicnn datasets download: Missing argument 'NAME'. See minicnn datasets download --help.\n"
    )


def test_offline_mnist_becomes_its_subset_and_says_so(tmp_path):
    home = {"MINICNN_HOME": str(tmp_path / "home"), "MINICNN_DATA": ""}
    words = ("train", "mnist", *TINY, "--limit", 20, "--save", tmp_path / "run")
    printed = run(*words, **home)
    assert "Data      mnist_subset: 20 training" in printed.out
    assert printed.err.startswith(
        "datasets.mnist.load_data: train-images-idx3-ubyte.gz could not be downloaded"
    )
    assert printed.err.endswith("For now you get mnist_subset, 6,000 training and 1,000 test images.\n")
    assert json.loads((tmp_path / "run" / "history.json").read_text())["dataset"] == "mnist_subset"


def test_fashion_mnist(small_mnist, tmp_path):
    printed = run("train", "fashion_mnist", "--data-dir", small_mnist, *TINY, "--save", tmp_path).out
    assert "Data      fashion_mnist: 60 training, 0 validation, 12 test images" in printed
    assert all(f" {name} " in printed for name in fashion_mnist.CLASS_NAMES)
    assert "image.png" in printed and "digit.png" not in printed
    words = ("evaluate", tmp_path / "model.safetensors", "fashion_mnist", "--data-dir", small_mnist)
    assert " of 12 images), loss " in run(*words).out


@pytest.fixture(scope="module")
def cifar(tmp_path_factory) -> Path:
    """A folder with CIFAR-10's files, 4 images in each."""
    folder = tmp_path_factory.mktemp("cifar")
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        (folder / name).write_bytes(b"".join(bytes([label]) + rng.bytes(3072) for label in range(4)))
    return folder


def test_a_vgg_style_network_on_cifar10(cifar, tmp_path):
    words = ("--model", "vgg_small", "--epochs", 1, "--validation-split", 0, "--save", tmp_path)
    printed = run("train", "cifar10", "--data-dir", cifar, *words).out
    assert "Network   vgg_small: 289,642 parameters" in printed
    assert minicnn.load_model(tmp_path / "model.safetensors").input_shape == (None, 32, 32, 3)


def test_cifar10(cifar, tmp_path):
    printed = run("train", "cifar10", "--data-dir", cifar, *TINY, "--save", tmp_path).out
    assert "Data      cifar10: 20 training, 0 validation, 4 test images" in printed
    assert " automobile " in printed
    network = minicnn.load_model(tmp_path / "model.safetensors")
    assert network.input_shape == (None, 32, 32, 3) and network.output_shape == (None, 10)
    with Image.open(tmp_path / "image.png") as picture:
        _, (x_test, _) = datasets.cifar10.load_data(cifar)
        np.testing.assert_array_equal(np.asarray(picture)[5::10, 5::10], x_test[0])
    run("predict", tmp_path / "model.safetensors", tmp_path / "image.png")
    error = run("evaluate", tmp_path / "model.safetensors", "mnist_subset", code=2).err
    assert "Expected 28 x 28, 1 channel, got 32 x 32, 3 channels." in error


@pytest.fixture(scope="module")
def colours(tmp_path_factory) -> Path:
    """Ten red and ten blue pictures, each kind in a folder."""
    folder = tmp_path_factory.mktemp("colours")
    for name in ("blue", "red"):
        (folder / name).mkdir()
        for number in range(10):
            Image.new("RGB", (20 + number, 17), name).save(folder / name / f"{number}.png")
    return folder


def test_a_folder_of_class_folders(colours, tmp_path):
    words = ("train", colours, "--image-size", 12, "--model", "mlp", "--epochs", 10, "--save", tmp_path)
    printed = run(*words, "--validation-split", 0, "--seed", 1).out
    assert f"Data      {colours}: 16 training, 0 validation, 4 test images" in printed
    assert "Test accuracy 100.0 % (4 of 4 images)" in printed
    content = json.loads((tmp_path / "history.json").read_text())
    assert content["dataset"] == str(colours) and content["class_names"] == ["blue", "red"]
    network = tmp_path / "model.safetensors"
    assert minicnn.load_model(network).input_shape == (None, 12, 12, 3)
    again = run("evaluate", network, colours).out  # the same test images, in the network's size
    start = printed.index("Test accuracy")
    assert again == printed[start : printed.index("Written to")]


def test_folders_for_training_and_testing(colours, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train").symlink_to(colours)
    test = tmp_path / "data" / "val"
    (test / "red").mkdir(parents=True)
    (test / "blue").mkdir()
    Image.new("RGB", (9, 9), "red").save(test / "red" / "1.png")
    words = ("train", tmp_path / "data", *TINY, "--image-size", 12, "--save", tmp_path / "run")
    printed = run(*words, COLUMNS="200").out
    assert "20 training, 0 validation, 1 test images" in printed


def test_folders_that_cannot_be_used(colours, tmp_path):
    assert run("train", colours, "--data-dir", tmp_path, code=2).err == (
        f"minicnn train: '{colours}' is a folder of images and takes no --data-dir. Got '{tmp_path}'. "
        "Leave it out.\n"
    )
    error = run("train", tmp_path, "--save", tmp_path / "run", code=2).err
    assert error.startswith("datasets.image_folder: the class folders are not there.")
