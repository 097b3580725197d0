"""Data sets: MNIST and its like as NumPy arrays, one module each with `load_data()`; folders of images.

What is downloaded is kept in a cache (MINICNN_HOME moves it), compared with its published SHA-256, and
never again asked for. MINICNN_DATA can name a folder of one's own files, MINICNN_OFFLINE=1 forbids
downloads.
"""

from __future__ import annotations

import os

from ..errors import ArgumentError, message
from . import cifar10, cifar100, download, fashion_mnist, idx, mnist, mnist_subset
from .folders import ImageFolder, image_folder
from .mnist_files import Split

__all__ = [
    "CLASS_NAMES",
    "NAMES",
    "SOURCES",
    "ImageFolder",
    "Split",
    "cifar10",
    "cifar100",
    "download",
    "fashion_mnist",
    "idx",
    "image_folder",
    "load",
    "mnist",
    "mnist_subset",
]

_MODULES = {"mnist": mnist, "fashion_mnist": fashion_mnist, "cifar10": cifar10, "cifar100": cifar100}
SOURCES = {name: module.SOURCE for name, module in _MODULES.items()}
NAMES = (*_MODULES, "mnist_subset")
CLASS_NAMES = {name: module.CLASS_NAMES for name, module in _MODULES.items()}
CLASS_NAMES["mnist_subset"] = mnist.CLASS_NAMES


def load(name: str, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load a data set by its name, as the command line does.

    Parameters
    ----------
    name : one of `NAMES`.
    data_dir : a folder with the data set's files; "mnist_subset" takes none.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)`` as the data set's own `load_data` gives them.

    Raises
    ------
    ArgumentError : for an unknown name, or a folder that is not needed.

    Examples
    --------
    >>> _, (x_test, y_test) = load("mnist_subset")
    >>> x_test.shape
    (1000, 28, 28)
    """
    if name in _MODULES:
        return _MODULES[name].load_data(data_dir=data_dir)
    if name != "mnist_subset":
        names = " or ".join(repr(known) for known in NAMES)
        raise ArgumentError(
            message("datasets.load", "there is no such data set", expected=names, got=repr(name))
        )
    if data_dir is not None:
        raise ArgumentError(
            message(
                "datasets.load",
                "'mnist_subset' comes with minicnn and is read from no other folder",
                expected="no data_dir",
                got=f"'{data_dir}'",
                hint="Use 'mnist' to read MNIST's files from a folder.",
            )
        )
    return mnist_subset.load_data()
