"""MNIST, 70,000 handwritten digits of 28 x 28 grey pixels, read from its four IDX files.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from . import idx

__all__ = ["FILES", "Split", "load_data", "load_folder"]

Split = tuple[np.ndarray, np.ndarray]

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_SOURCE = "https://storage.googleapis.com/cvdf-datasets/mnist/"


def load_data(data_dir: str | os.PathLike[str] | None = None) -> tuple[Split, Split]:
    """Load MNIST from a folder that holds its four files.

    Parameters
    ----------
    data_dir : the folder, or one with a subfolder ``mnist``; without it, the environment
        variable ``MINICNN_DATA`` names it. The files may be unpacked (no ``.gz``), and may be
        named ``train-images.idx3-ubyte`` and so on.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (60000, 28, 28) and
        (10000, 28, 28) with 0 for the background and 255 for ink, labels (60000,) and (10000,).

    Raises
    ------
    ArgumentError : when no folder is given, or a file is not in it.
    FileFormatError : when a file is damaged, or images and labels do not belong together.

    Examples
    --------
    >>> load_data("no/such/folder")
    Traceback (most recent call last):
        ...
    minicnn.errors.ArgumentError: datasets.mnist.load_data: ...
    """
    where = "datasets.mnist.load_data"
    given = data_dir if data_dir is not None else os.environ.get("MINICNN_DATA") or None
    if given is None:
        raise _missing(where, "no data folder is given", "none (data_dir is None, MINICNN_DATA is not set)")
    folder = Path(given)
    if not folder.is_dir():
        raise _missing(where, "the data folder does not exist", f"'{folder}'")
    for candidate in (folder, folder / "mnist"):
        if _find(candidate, FILES[0]) is not None:
            return load_folder(candidate, where)
    return load_folder(folder, where)


def load_folder(folder: Path, where: str) -> tuple[Split, Split]:
    """Load the four files in `folder` and check that they belong together.

    >>> (x_train, _), _ = load_folder(Path(__file__).parent / "mnist_subset", "here")
    >>> x_train.shape
    (6000, 28, 28)
    """
    found = [_find(folder, name) for name in FILES]
    absent = [name for name, path in zip(FILES, found, strict=True) if path is None]
    if absent:
        raise _missing(
            where,
            f"{len(absent)} of the 4 files not found",
            f"no {', '.join(absent)} in '{folder}'",
        )
    x_train, y_train, x_test, y_test = (path for path in found if path is not None)
    return _load_pair(x_train, y_train, where), _load_pair(x_test, y_test, where)


def _find(folder: Path, name: str) -> Path | None:
    """Return the file under any of its four usual names, or None."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    for candidate in (name, plain, f"{dotted}.gz", dotted):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def _load_pair(images: Path, labels: Path, where: str) -> Split:
    x, y = idx.read(images), idx.read(labels)
    if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != (28, 28):
        raise _wrong(where, f"'{images}' does not hold MNIST images", "uint8 of shape (n, 28, 28)", x)
    if y.dtype != np.uint8 or y.ndim != 1:
        raise _wrong(where, f"'{labels}' does not hold MNIST labels", "uint8 of shape (n,)", y)
    if len(x) != len(y):
        problem = f"'{images}' and '{labels}' do not belong together"
        raise _wrong(where, problem, f"{len(x)} labels for {len(x)} images", f"{len(y)} labels")
    if y.max() > 9:
        at = int(np.argmax(y > 9))
        raise _wrong(where, f"'{labels}' holds a label that is no digit", "0 to 9", f"{y[at]} at {at}")
    return x, y


def _wrong(where: str, problem: str, expected: str, got: np.ndarray | str) -> FileFormatError:
    if isinstance(got, np.ndarray):
        got = f"{got.dtype} of shape {got.shape}"
    hint = "Use the four files of one download."
    return FileFormatError(message(where, problem, expected=expected, got=got, hint=hint))


def _missing(where: str, problem: str, got: str) -> ArgumentError:
    return ArgumentError(
        message(
            where,
            problem,
            expected=f"a folder with {', '.join(FILES)}",
            got=got,
            hint=f"Download them from {_SOURCE} and give their folder as data_dir or in "
            "MINICNN_DATA; or use mnist_subset, 7,000 of the images that come with minicnn.",
        )
    )
