"""The embedded digits: what they hold, and that they are MNIST's own, cut as NOTICE says.

`python tests/datasets/test_mnist_subset.py FOLDER` cuts them anew from MNIST's four files.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

from minicnn.datasets import idx, mnist, mnist_subset

FOLDER = Path(mnist_subset.__file__).with_name("mnist_subset")


def first_of_each_digit(y: np.ndarray, count: int) -> np.ndarray:
    """The first `count` indices of each digit, dealt out in turn: 0, 1, …, 9, 0, 1, …"""
    piles = [np.flatnonzero(y == digit)[:count] for digit in range(10)]
    return np.stack(piles, axis=1).ravel()  # (count, 10) -> (count·10,)


def cut(data_dir: Path) -> list[np.ndarray]:
    """The four arrays of the subset, in the order of `mnist.FILES`."""
    arrays = []
    for (x, y), count in zip(mnist.load_data(data_dir), (600, 100), strict=True):
        keep = first_of_each_digit(y, count)
        arrays += [x[keep], y[keep]]
    return arrays


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of uint8 as an IDX file."""
    header = bytes([0, 0, 0x08, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def write(data_dir: Path) -> None:
    """Write the subset's files; mtime 0 makes the same bytes every time."""
    for name, array in zip(mnist.FILES, cut(data_dir), strict=True):
        packed = gzip.compress(idx_bytes(array), compresslevel=9, mtime=0)
        (FOLDER / name).write_bytes(packed)


def test_sizes_and_balance():
    (x_train, y_train), (x_test, y_test) = mnist_subset.load_data()
    assert (x_train.shape, x_test.shape) == ((6000, 28, 28), (1000, 28, 28))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(np.bincount(y_train), [600] * 10)
    np.testing.assert_array_equal(np.bincount(y_test), [100] * 10)
    # Any stretch is balanced, so that cutting off the end for validation is fair.
    assert y_train[:20].tolist() == y_test[-20:].tolist() == [*range(10), *range(10)]
    # MNIST's images have ink at the centre, none at the rim.
    assert x_train[:, 0].max() == 0
    assert x_train[:, 14, 14].mean() > 100


def test_no_image_twice():
    (x_train, _), (x_test, _) = mnist_subset.load_data()
    images = np.concatenate([x_train, x_test]).reshape(7000, -1)  # (7000, 28, 28) -> (7000, 784)
    assert len(np.unique(images, axis=0)) == 7000


def test_the_arrays_are_the_callers_own():
    (x_train, _), _ = mnist_subset.load_data()
    x_train[:] = 0
    assert mnist_subset.load_data()[0][0].max() == 255


def test_notice_goes_with_the_data():
    notice = (FOLDER / "NOTICE").read_text(encoding="utf-8")
    for word in (
        "CC BY-SA 3.0",
        "Yann LeCun",
        "Corinna Cortes",
        "Christopher J.C. Burges",
        "What was changed",
    ):
        assert word in notice


def test_the_subset_is_cut_from_mnist(shared_data):
    for name, array in zip(mnist.FILES, cut(shared_data), strict=True):
        np.testing.assert_array_equal(idx.read(FOLDER / name), array, err_msg=name)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
