"""CIFAR's binary format: records of one or two label bytes, then 32 x 32 pixels plane by plane.

The Python version of the files is made of pickles, which run code when they are loaded; this one is only
bytes, and every label byte is checked.
Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from .archives import read_members, read_stream
from .download import Source, folder_of

__all__ = ["Layout", "load", "records"]

_SIZE, _CHANNELS = 32, 3
_PIXELS = _SIZE * _SIZE * _CHANNELS


class Layout(NamedTuple):
    """What tells CIFAR-10 from CIFAR-100.

    `labels` are the numbers of classes of the label bytes that a record starts with, `folder` what the
    archive unpacks to, `images` the most there can be in one file.
    """

    source: Source
    folder: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    labels: tuple[int, ...]
    images: int

    @property
    def files(self) -> tuple[str, ...]:
        """All files with records."""
        return self.train + self.test

    @property
    def most(self) -> int:
        """The size of the largest file, in bytes."""
        return self.images * (len(self.labels) + _PIXELS)


def load(
    layout: Layout, data_dir: str | os.PathLike[str] | None, where: str
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load training and test images (n, 32, 32, 3) with all their labels (n, label bytes), uint8."""

    def holds(folder: Path) -> bool:
        return _archive(layout, folder) is not None or _unpacked(layout, folder) is not None

    folder = folder_of(layout.source, data_dir, where, holds)
    archive, unpacked = _archive(layout, folder), _unpacked(layout, folder)
    if archive is not None:
        contents = read_members(archive, layout.files, layout.most, where)
        place = archive
    elif unpacked is not None:
        contents = {
            name: _read(unpacked / name, layout.most, where)
            for name in layout.files
            if (unpacked / name).is_file()
        }
        place = unpacked
    else:
        raise _missing(layout, folder, layout.files, where)
    absent = tuple(name for name in layout.files if name not in contents)
    if absent:
        raise _missing(layout, place, absent, where)
    train, test = (
        [records(contents.pop(name), layout.labels, f"{where} '{place / name}'") for name in names]
        for names in (layout.train, layout.test)
    )
    return _joined(train), _joined(test)


def records(content: bytes | bytearray, labels: tuple[int, ...], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Read images and labels out of the bytes of one file.

    Parameters
    ----------
    content : the file's bytes.
    labels : how many classes each label byte of a record tells apart.
    where : the file that error messages name.

    Returns
    -------
    tuple : images (n, 32, 32, 3) and labels (n, label bytes), uint8.

    Raises
    ------
    FileFormatError : when these are not whole records, or a label is too large.

    Examples
    --------
    >>> x, y = records(bytes([7]) + bytes(range(256)) * 12, (10,), "here")
    >>> x.shape, y.tolist(), x[0, 0, :3, 0].tolist()
    ((1, 32, 32, 3), [[7]], [0, 1, 2])
    """
    length = len(labels) + _PIXELS
    hint = "Get the file again: it may be a broken download or another kind of file."
    if not content or len(content) % length:
        problem, expected = "the file does not hold whole images", f"a multiple of {length:,} bytes"
        raise FileFormatError(message(where, problem, expected=expected, got=f"{len(content):,}", hint=hint))
    table = np.frombuffer(content, np.uint8).reshape(-1, length)  # (n·length,) -> (n, length)
    y = table[:, : len(labels)].copy()
    for column, classes in enumerate(labels):
        if y[:, column].max() >= classes:
            at = int(np.argmax(y[:, column] >= classes))
            expected, got = f"0 to {classes - 1}", f"{y[at, column]} in image {at}"
            raise FileFormatError(
                message(where, "there is no such class", expected=expected, got=got, hint=hint)
            )
    planes = table[:, len(labels) :].reshape(-1, _CHANNELS, _SIZE, _SIZE)  # (n, 3072) -> (n, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), y  # (n, 32, 32, 3)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _archive(layout: Layout, folder: Path) -> Path | None:
    """The archive in the folder, packed or unpacked by gunzip, or None."""
    name = layout.source.files[0].name
    for candidate in (name, name.removesuffix(".gz"), name.replace(".tar.gz", ".tgz")):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def _unpacked(layout: Layout, folder: Path) -> Path | None:
    """The folder with the files of records, or None."""
    for candidate in (folder, folder / layout.folder):
        if any((candidate / name).is_file() for name in layout.files):
            return candidate
    return None


def _read(path: Path, most: int, where: str) -> bytearray:
    with path.open("rb") as file:
        content = read_stream(file, most + 1)
    if len(content) > most:
        raise FileFormatError(message(f"{where} '{path}'", f"the file is longer than {most:,} bytes"))
    return content


def _missing(layout: Layout, place: Path, absent: tuple[str, ...], where: str) -> ArgumentError:
    file = layout.source.files[0].name
    return ArgumentError(
        message(
            where,
            f"{len(absent)} of the {len(layout.files)} files not found",
            expected=f"{file}, or the folder {layout.folder} out of it",
            got=f"no {', '.join(absent)} in '{place}'",
            hint=f"Get the binary version, {layout.source.mirrors[0]}{file}; the Python version is made of "
            "pickles, which minicnn does not load.",
        )
    )
