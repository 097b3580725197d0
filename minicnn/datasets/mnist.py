"""MNIST, 70,000 handwritten digits of 28 x 28 grey pixels.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import os
import warnings

from . import mnist_files, mnist_subset
from .download import DownloadError, File, Source, folder_of
from .mnist_files import FILES, Split

__all__ = ["CLASS_NAMES", "FILES", "SOURCE", "SubsetWarning", "load_data"]

CLASS_NAMES = tuple(str(digit) for digit in range(10))
SOURCE = Source(
    "mnist",
    (
        File(FILES[0], "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
        File(FILES[1], "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
        File(FILES[2], "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
        File(FILES[3], "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
    ("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
)


class SubsetWarning(UserWarning):
    """MNIST cannot be had, so the 7,000 digits that come with minicnn stand in for it."""


def load_data(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load MNIST; the first time it is downloaded (12 MB), and offline `mnist_subset` stands in for it.

    Parameters
    ----------
    data_dir : a folder with the four files, or one with a subfolder ``mnist``; without it, one that the
        environment variable ``MINICNN_DATA`` names, or the cache. The files may be unpacked (no
        ``.gz``), and may be named ``train-images.idx3-ubyte`` and so on.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (60000, 28, 28) and
        (10000, 28, 28) with 0 for the background and 255 for ink, labels (60000,) and (10000,).

    Raises
    ------
    ArgumentError : when the folder does not exist, or a file is not in it.
    FileFormatError : when a file is damaged, or images and labels do not belong together.
    FileAccessError : when the cache cannot be written.

    Warns
    -----
    SubsetWarning : when nothing is in the cache and no mirror can be reached.

    Examples
    --------
    >>> load_data("no/such/folder")
    Traceback (most recent call last):
        ...
    minicnn.errors.ArgumentError: datasets.mnist.load_data: ...
    """
    where = "datasets.mnist.load_data"
    try:
        folder = folder_of(SOURCE, data_dir, where, mnist_files.holds)
    except DownloadError as error:
        text = f"{error} For now you get mnist_subset, 6,000 training and 1,000 test images."
        warnings.warn(text, SubsetWarning, stacklevel=2)
        return mnist_subset.load_data()
    return mnist_files.load_folder(folder, where, f"They can be had from {SOURCE.mirrors[0]}")
