"""What goes into a network: data sets and images, brought into one form for every command."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .. import datasets
from ..datasets import Split
from ..datasets.mnist import SubsetWarning
from ..errors import ArgumentError, message
from .terminal import check_choice

__all__ = ["Data", "image_shape", "load", "network_input"]

_TEST_FOLDERS = ("test", "validation", "valid", "val")
_TEST_SHARE = 0.2
_FOLDER_SHAPE = (64, 64, 3)


class Data(NamedTuple):
    """A data set: images uint8 (n, h, w) or (n, h, w, c), labels (n,), and what the labels mean."""

    name: str
    train: Split
    test: Split
    class_names: tuple[str, ...]


def load(name: str, data_dir: Path | None, where: str, shape: tuple[int, int, int] | None = None) -> Data:
    """Load a data set by name, or a folder of class folders.

    A folder may hold ``train`` and ``test`` (or ``validation``, ``valid``, ``val``); of one without, a fifth
    of the images, the same ones every time, is kept for testing.

    Parameters
    ----------
    name : of the data set, or the path of a folder.
    data_dir : where the files of a data set are.
    where : the command that error messages name.
    shape : (height, width, channels) that the images of a folder get; without it (64, 64, 3).
    """
    if name not in datasets.NAMES and Path(name).is_dir():
        if data_dir is not None:
            problem, hint = f"'{name}' is a folder of images and takes no --data-dir", "Leave it out."
            raise ArgumentError(message(where, problem, got=f"'{data_dir}'", hint=hint))
        return _load_folder(Path(name), shape or _FOLDER_SHAPE)
    check_choice(name, (*datasets.NAMES, "a folder of class folders"), "data set", where)
    if name == "mnist_subset" and data_dir is not None:
        problem, hint = f"{name} comes with minicnn and takes no --data-dir", "Leave it out, or use mnist."
        raise ArgumentError(message(where, problem, got=f"'{data_dir}'", hint=hint))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SubsetWarning)
        (x, y), (x_test, y_test) = datasets.load(name, data_dir)
    for warning in caught:
        print(warning.message, file=sys.stderr)
        name = "mnist_subset"
    return Data(name, (x, y.ravel()), (x_test, y_test.ravel()), datasets.CLASS_NAMES[name])


def _load_folder(folder: Path, shape: tuple[int, int, int]) -> Data:
    size, color_mode = shape[:2], "rgb" if shape[2] == 3 else "grayscale"
    options: dict[str, Any] = {"image_size": size, "color_mode": color_mode, "seed": 0, "verbose": False}
    tests = [folder / name for name in _TEST_FOLDERS if (folder / name).is_dir()]
    if tests and (folder / "train").is_dir():
        train = datasets.image_folder(folder / "train", **options)
        test = datasets.image_folder(tests[0], class_names=train.class_names, **options)
    else:
        options |= {"validation_split": _TEST_SHARE, "subset": "both"}
        train, test = datasets.image_folder(folder, **options)
    return Data(str(folder), train.as_arrays("uint8"), test.as_arrays("uint8"), train.class_names)


def network_input(images: np.ndarray) -> np.ndarray:
    """Turn pixels from 0 to 255 into what the networks take: float32 from 0 to 1, with a channel axis.

    Parameters
    ----------
    images : uint8, (n, h, w) grey or (n, h, w, c).

    Returns
    -------
    ndarray : (n, h, w, 1) or (n, h, w, c).

    Examples
    --------
    >>> network_input(np.full((1, 2, 2), 51, np.uint8))[0, 0, 0]
    array([0.2], dtype=float32)
    """
    x = images[..., None] if images.ndim == 3 else images  # (n, h, w) -> (n, h, w, 1)
    return x.astype(np.float32) / np.float32(255)


def image_shape(model: Any, where: str) -> tuple[int, int, int]:
    """Return (h, w, c) of the images a model takes; ArgumentError if it is no classifier of images."""
    shape, outputs = model.input_shape, model.output_shape
    if isinstance(shape, list) or len(shape) != 4 or None in shape[1:] or shape[3] not in (1, 3):
        problem = "the model does not take images of a fixed size"
        expected = "one input of shape (None, height, width, 1 or 3)"
        raise ArgumentError(message(where, problem, expected=expected, got=shape))
    if isinstance(outputs, list) or len(outputs) != 2 or outputs[1] is None or outputs[1] < 2:
        problem = "the model does not tell classes apart"
        expected = "one output of shape (None, 2 classes or more)"
        raise ArgumentError(message(where, problem, expected=expected, got=outputs))
    return shape[1:]
