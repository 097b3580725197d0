"""MNIST's four files: found under their usual names, checked against each other."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from minicnn import datasets
from minicnn.datasets import fashion_mnist, mnist, mnist_subset
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError

from .conftest import source_of, whole

SMALL = {
    mnist.FILES[0]: np.arange(3 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(3, 28, 28),
    mnist.FILES[1]: np.array([5, 0, 9], np.uint8),
    mnist.FILES[2]: np.full((2, 28, 28), 7, np.uint8),
    mnist.FILES[3]: np.array([1, 2], np.uint8),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a tiny MNIST."""
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    for name, array in SMALL.items():
        write(tmp_path / name, array)
    return tmp_path


def write(path, array):
    path.write_bytes(gzip.compress(idx_bytes(array)))


def idx_bytes(array):
    code = {np.dtype(np.uint8): 8, np.dtype(np.int8): 9}[array.dtype]
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def check(loaded):
    (x_train, y_train), (x_test, y_test) = loaded
    for got, expected in zip((x_train, y_train, x_test, y_test), SMALL.values(), strict=True):
        np.testing.assert_array_equal(got, expected)
        assert got.dtype == np.uint8


def test_argument_and_environment(folder, monkeypatch):
    check(mnist.load_data(folder))
    check(mnist.load_data(str(folder)))
    check(datasets.load("mnist", folder))
    monkeypatch.setenv("MINICNN_DATA", str(folder))
    check(mnist.load_data())
    check(datasets.load("mnist"))


def test_a_subfolder_named_mnist(folder, tmp_path_factory):
    above = tmp_path_factory.mktemp("data")
    folder.rename(above / "mnist")
    check(mnist.load_data(above))


def test_other_usual_names(folder):
    for name in mnist.FILES:
        packed = folder / name
        plain = name.removesuffix(".gz")
        (folder / plain.replace("-idx", ".idx")).write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    check(mnist.load_data(folder))


def test_the_real_files(shared_data):
    (x_train, y_train), (x_test, y_test) = mnist.load_data(shared_data)
    assert (x_train.shape, y_train.shape) == ((60000, 28, 28), (60000,))
    assert (x_test.shape, y_test.shape) == ((10000, 28, 28), (10000,))
    # Published counts of the ten digits.
    assert np.bincount(y_train).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def served(server, monkeypatch, module):
    """The tiny files on a server, which the data set takes for its mirror."""
    contents = {name: gzip.compress(idx_bytes(array)) for name, array in SMALL.items()}
    source = source_of(contents, server.url, name=module.SOURCE.name)
    monkeypatch.setattr(module, "SOURCE", source._replace(own_folder=module.SOURCE.own_folder))
    server.replies |= {f"/{name}": whole(content) for name, content in contents.items()}


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_download_and_cache(module, server, cache, monkeypatch):
    served(server, monkeypatch, module)
    check(module.load_data())
    server.replies.clear()
    check(module.load_data())
    assert len(server.asked) == 4


def test_offline_the_subset_stands_in_and_says_so(cache):
    with pytest.warns(mnist.SubsetWarning) as caught:
        loaded = mnist.load_data()
    assert str(caught[0].message) == (
        "datasets.mnist.load_data: train-images-idx3-ubyte.gz could not be downloaded (MINICNN_OFFLINE is "
        "set). Download train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, "
        "t10k-labels-idx1-ubyte.gz from https://storage.googleapis.com/cvdf-datasets/mnist/ by hand into "
        f"'{cache.with_name('mnist')}', or name a folder that has the files of this data set as data_dir. "
        "For now you get mnist_subset, 6,000 training and 1,000 test images."
    )
    np.testing.assert_array_equal(loaded[1][0], mnist_subset.load_data()[1][0])


def test_fashion_mnist_offline_says_what_to_do(cache):
    with pytest.raises(FileAccessError) as caught:
        fashion_mnist.load_data()
    for part in (*mnist.FILES, "https://github.com/zalandoresearch/", str(cache.with_name("fashion_mnist"))):
        assert part in str(caught.value)


def test_fashion_mnist_is_not_mistaken_for_mnist(folder, cache, monkeypatch):
    """Its files have the same names: MINICNN_DATA, which is for all data sets, must have a folder for it."""
    monkeypatch.setenv("MINICNN_DATA", str(folder))
    check(mnist.load_data())
    with pytest.raises(FileAccessError):
        fashion_mnist.load_data()
    check(fashion_mnist.load_data(folder))
    own = folder / "fashion-mnist"
    own.mkdir()
    for name in mnist.FILES:
        (folder / name).rename(own / name)
    check(fashion_mnist.load_data())


def test_missing_folder_and_missing_files(folder):
    with pytest.raises(ArgumentError, match="the data folder does not exist.*nowhere"):
        mnist.load_data(folder / "nowhere")
    (folder / mnist.FILES[3]).unlink()
    hint = "They can be had from https://storage"
    with pytest.raises(ArgumentError, match=hint):
        mnist.load_data(folder)
    with pytest.raises(ArgumentError, match="1 of the 4 files not found.*no t10k-labels"):
        mnist.load_data(folder)


WRONG = {
    "counts differ": (
        1,
        np.array([5, 0], np.uint8),
        "Expected 3 labels for 3 images, got 2 labels",
    ),
    "no digit": (1, np.array([5, 0, 10], np.uint8), "Expected 0 to 9, got 10 at 2"),
    "labels where images belong": (0, np.array([5, 0, 9], np.uint8), r"got uint8 of shape \(3,\)"),
    "other size": (
        2,
        np.zeros((2, 32, 32), np.uint8),
        r"\(n, 28, 28\), got uint8 of shape \(2, 32, 32\)",
    ),
    "other type": (3, np.array([1, 2], np.int8), r"shape \(n,\), got int8 of shape \(2,\)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_that_do_not_belong_together(folder, case):
    which, array, text = WRONG[case]
    write(folder / mnist.FILES[which], array)
    with pytest.raises(FileFormatError, match=text) as caught:
        mnist.load_data(folder)
    assert mnist.FILES[which] in str(caught.value)


def test_a_damaged_file_is_named(folder):
    path = folder / mnist.FILES[2]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match="t10k-images-idx3-ubyte.gz': the gzip data are damaged"):
        mnist.load_data(folder)


def test_load_by_name(folder):
    np.testing.assert_array_equal(datasets.load("mnist_subset")[1][1], mnist_subset.load_data()[1][1])
    with pytest.raises(ArgumentError, match="'cifar100' or 'mnist_subset', got 'minst'"):
        datasets.load("minst")
    with pytest.raises(ArgumentError, match="'mnist_subset' comes with minicnn.*Expected no data_dir"):
        datasets.load("mnist_subset", folder)
