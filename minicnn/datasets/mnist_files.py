"""The four IDX files that MNIST and Fashion-MNIST consist of: found, read, and checked against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from . import idx

__all__ = ["FILES", "Split", "holds", "load_folder"]

Split = tuple[np.ndarray, np.ndarray]

FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def holds(folder: Path) -> bool:
    """True when any of the four files is in the folder."""
    return any(_find(folder, name) for name in FILES)


def load_folder(folder: Path, where: str, hint: str = "") -> tuple[Split, Split]:
    """Load the four files in `folder` and check that they belong together.

    >>> (x_train, _), _ = load_folder(Path(__file__).parent / "mnist_subset", "here")
    >>> x_train.shape
    (6000, 28, 28)
    """
    found = [_find(folder, name) for name in FILES]
    absent = [name for name, path in zip(FILES, found, strict=True) if path is None]
    if absent:
        raise ArgumentError(
            message(
                where,
                f"{len(absent)} of the 4 files not found",
                expected=f"a folder with {', '.join(FILES)}",
                got=f"no {', '.join(absent)} in '{folder}'",
                hint=hint,
            )
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
        raise _wrong(where, f"'{images}' does not hold images", "uint8 of shape (n, 28, 28)", x)
    if y.dtype != np.uint8 or y.ndim != 1:
        raise _wrong(where, f"'{labels}' does not hold labels", "uint8 of shape (n,)", y)
    if len(x) != len(y):
        problem = f"'{images}' and '{labels}' do not belong together"
        raise _wrong(where, problem, f"{len(x)} labels for {len(x)} images", f"{len(y)} labels")
    if y.max() > 9:
        at = int(np.argmax(y > 9))
        problem = f"'{labels}' holds a label that is none of the ten"
        raise _wrong(where, problem, "0 to 9", f"{y[at]} at {at}")
    return x, y


def _wrong(where: str, problem: str, expected: str, got: np.ndarray | str) -> FileFormatError:
    if isinstance(got, np.ndarray):
        got = f"{got.dtype} of shape {got.shape}"
    hint = "Use the four files of one download."
    return FileFormatError(message(where, problem, expected=expected, got=got, hint=hint))
