"""CIFAR-10, 60,000 colour photos of 32 x 32 pixels in ten classes.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import os

from . import cifar
from .download import File, Source
from .mnist_files import Split

__all__ = ["CLASS_NAMES", "SOURCE", "load_data"]

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SOURCE = Source(
    "cifar10",
    (
        File(
            "cifar-10-binary.tar.gz",
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            170_052_171,
        ),
    ),
    ("https://www.cs.toronto.edu/~kriz/",),
)
_LAYOUT = cifar.Layout(
    SOURCE,
    "cifar-10-batches-bin",
    tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    ("test_batch.bin",),
    (len(CLASS_NAMES),),
    10_000,
)


def load_data(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load CIFAR-10; the first time it is downloaded (170 MB).

    Parameters
    ----------
    data_dir : a folder with ``cifar-10-binary.tar.gz`` or with what it unpacks to, or one with a
        subfolder ``cifar10``; without it, one that the environment variable ``MINICNN_DATA`` names, or
        the cache.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (50000, 32, 32, 3) and
        (10000, 32, 32, 3), labels (50000, 1) and (10000, 1), which `CLASS_NAMES` spells out.

    Raises
    ------
    ArgumentError : when the folder does not exist, or a file is not in it.
    FileFormatError : when a file is damaged or hostile.
    FileAccessError : when the files can neither be found nor downloaded.

    Examples
    --------
    >>> load_data("no/such/folder")
    Traceback (most recent call last):
        ...
    minicnn.errors.ArgumentError: datasets.cifar10.load_data: ...
    """
    return cifar.load(_LAYOUT, data_dir, "datasets.cifar10.load_data")
