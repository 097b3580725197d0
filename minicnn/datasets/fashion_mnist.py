"""Fashion-MNIST, 70,000 pictures of clothes of 28 x 28 grey pixels, in MNIST's format.

Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
learning algorithms", 2017.
"""

from __future__ import annotations

import os

from . import mnist_files
from .download import File, Source, folder_of
from .mnist_files import FILES, Split

__all__ = ["CLASS_NAMES", "SOURCE", "load_data"]

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SOURCE = Source(
    "fashion_mnist",
    (
        File(FILES[0], "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26_421_880),
        File(FILES[1], "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29_515),
        File(FILES[2], "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4_422_102),
        File(FILES[3], "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5_148),
    ),
    (
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    own_folder=True,
)


def load_data(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load Fashion-MNIST; the first time it is downloaded (31 MB).

    Parameters
    ----------
    data_dir : a folder with the four files, named as MNIST's, or one with a subfolder ``fashion_mnist``
        or ``fashion-mnist``; without it, such a subfolder of the one that the environment variable
        ``MINICNN_DATA`` names, or the cache.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (60000, 28, 28) and
        (10000, 28, 28), labels (60000,) and (10000,), which `CLASS_NAMES` spells out.

    Raises
    ------
    ArgumentError : when the folder does not exist, or a file is not in it.
    FileFormatError : when a file is damaged, or images and labels do not belong together.
    FileAccessError : when the files can neither be found nor downloaded.

    Examples
    --------
    >>> load_data("no/such/folder")
    Traceback (most recent call last):
        ...
    minicnn.errors.ArgumentError: datasets.fashion_mnist.load_data: ...
    """
    where = "datasets.fashion_mnist.load_data"
    folder = folder_of(SOURCE, data_dir, where, mnist_files.holds)
    return mnist_files.load_folder(folder, where, f"They can be had from {SOURCE.mirrors[0]}")
