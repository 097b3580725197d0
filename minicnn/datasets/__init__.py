"""Data sets as NumPy arrays: one module each with `load_data()`, and `load` to pick one by name."""

from __future__ import annotations

import os

from ..errors import ArgumentError, message
from . import idx, mnist, mnist_subset
from .mnist import Split

__all__ = ["NAMES", "idx", "load", "mnist", "mnist_subset"]

NAMES = ("mnist", "mnist_subset")


def load(name: str, data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load a data set by its name, as the command line does.

    Parameters
    ----------
    name : one of `NAMES`.
    data_dir : the folder with the files of "mnist"; "mnist_subset" takes none.

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
    if name == "mnist":
        return mnist.load_data(data_dir)
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
