"""Folders of images, one folder a class, as batches for `fit`: Keras' `image_dataset_from_directory`.

The order of an epoch is a permutation drawn from the seed and the number of the epoch, before any image
is read; the thread that reads them in advance only decodes, so that it cannot change what comes out.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import random
from ..checks import is_number, whole
from ..errors import ArgumentError, FileAccessError, FileFormatError, message
from ..preprocessing.image import COLOR_MODES, FORMATS, load_image
from ..preprocessing.prefetch import prefetch
from ..preprocessing.resize import check_interpolation, check_size

__all__ = ["ImageFolder", "image_folder"]

_WHERE = "datasets.image_folder"
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_LABEL_MODES = ("int", "categorical", "binary", None)
_NAMED = 5  # how many broken files a warning names


class ImageFolder:
    """Image files and their labels, read batch by batch; made by `image_folder`.

    Attributes
    ----------
    file_paths, labels : list of paths and ndarray (n,) int32 (None without labels), in the order of
        `as_arrays`.
    class_names : tuple of the folders' names; a label is a place in it.
    skipped : list of the broken files that were left out.
    image_shape : (height, width, channels).
    epoch : the number of the next pass, from 0, which decides its order; set it to repeat a pass.
    """

    def __init__(
        self,
        file_paths: list[Path],
        labels: np.ndarray | None,
        class_names: tuple[str, ...],
        skipped: list[Path],
        settings: dict[str, Any],
    ) -> None:
        self.file_paths, self.labels, self.class_names, self.skipped = (
            file_paths,
            labels,
            class_names,
            skipped,
        )
        self.batch_size: int = settings["batch_size"]
        self.image_shape: tuple[int, int, int] = (*settings["image_size"], _CHANNELS[settings["color_mode"]])
        self.epoch = 0
        self._settings = settings

    def __len__(self) -> int:
        """The number of batches in a pass; the last one may be smaller."""
        return -(-len(self.file_paths) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One pass: batches ``(x, y)``, or ``x`` without labels; x (n, height, width, channels) float32."""
        n, settings = len(self.file_paths), self._settings
        order = np.arange(n)
        if settings["shuffle"]:
            order = random.permutation(n, "image folder", 0, self.epoch, settings["seed"])
        self.epoch += 1
        return prefetch(lambda i: self._batch(order, i), len(self), settings["prefetch"])

    def as_arrays(self, dtype: str = "float32") -> Any:
        """All images and labels as two arrays ``(x, y)``, or ``x``, in the order of `file_paths`.

        Parameters
        ----------
        dtype : "float32", or "uint8" for a quarter of the memory, rounded.
        """
        if dtype not in ("float32", "uint8"):
            expected, got = "'float32' or 'uint8'", repr(dtype)
            raise ArgumentError(
                message(f"{_WHERE}.as_arrays", "this dtype is not made", expected=expected, got=got)
            )
        x = np.empty((len(self.file_paths), *self.image_shape), dtype)
        for number, image in enumerate(prefetch(self._image, len(x), 2 * self._settings["prefetch"])):
            x[number] = image if dtype == "float32" else np.rint(image).clip(0, 255)
        return x if self.labels is None else (x, self._targets(np.arange(len(x))))

    def _batch(self, order: np.ndarray, number: int) -> Any:
        chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
        x = np.stack([self._image(i) for i in chosen])
        return x if self.labels is None else (x, self._targets(chosen))

    def _image(self, number: int) -> np.ndarray:
        return _load(self.file_paths[number], self._settings)

    def _targets(self, chosen: np.ndarray) -> np.ndarray:
        """Labels in the form of the label mode: (n,) int32, (n, classes) float32 or (n, 1) float32."""
        y = self.labels[chosen]  # type: ignore[index]
        if self._settings["label_mode"] == "categorical":
            return np.eye(len(self.class_names), dtype=np.float32)[y]  # (n,) -> (n, classes)
        return y.astype(np.float32)[:, None] if self._settings["label_mode"] == "binary" else y


def image_folder(
    directory: str | os.PathLike[str],
    labels: str | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    verbose: bool = True,
    *,
    on_error: str = "raise",
    prefetch: int = 2,
) -> Any:
    """Read images from a folder that has a folder for each class.

    Parameters
    ----------
    directory : the folder.
    labels : "inferred" from the folders' names in alphabetical order; None takes all images below without.
    label_mode : "int" (labels (n,) int32), "categorical" (one-hot, (n, classes) float32), "binary" ((n, 1)
        float32, for two classes) or None (images only).
    class_names : the classes in another order, or only some of them.
    color_mode : "grayscale", "rgb" or "rgba".
    batch_size, image_size : images a batch, and (height, width) in pixels to which each is resized.
    shuffle : draw the order of the files, and a new one for every pass. Without it the files are sorted, and
        the last share of a split has the last classes only.
    seed : what the orders are drawn from; None takes the seed of `utils.set_random_seed`.
    validation_split, subset : the share that is kept for validation, and which part to return: "training",
        "validation", or "both" as a pair. Validation images are not drawn anew in every pass.
    interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio : as in `preprocessing.resize`.
    follow_links : whether to go into folders that are symbolic links.
    verbose : print how many files and classes were found.
    on_error : "raise" when an image cannot be read; "skip" reads all of them once in advance, warns with the
        names of the broken ones and leaves them out.
    prefetch : how many batches a thread decodes in advance; 0 for no thread.

    Returns
    -------
    ImageFolder : to iterate over again and again, with a length; two of them for subset="both".

    Raises
    ------
    ArgumentError : for an argument outside what is described, or a folder without images.
    FileAccessError, FileFormatError : for a broken image, when it is its turn.

    Examples
    --------
    >>> from PIL import Image
    >>> for name in ("cats", "dogs"):
    ...     Path("pets", name).mkdir(parents=True)
    ...     Image.new("RGB", (8, 6), "red").save(f"pets/{name}/1.png")
    >>> pets = image_folder("pets", image_size=(4, 4), batch_size=2, seed=0)
    Found 2 files belonging to 2 classes.
    >>> [(x.shape, y.dtype.name) for x, y in pets], pets.class_names
    ([((2, 4, 4, 3), 'int32')], ('cats', 'dogs'))
    """
    settings: dict[str, Any] = {
        "label_mode": label_mode,
        "color_mode": color_mode,
        "batch_size": whole(batch_size, "batch_size", _WHERE),
        "image_size": check_size(image_size, _WHERE),
        "shuffle": shuffle,
        "seed": random.get_seed() if seed is None else random.check_seed(seed, _WHERE),
        "interpolation": interpolation,
        "crop_to_aspect_ratio": crop_to_aspect_ratio,
        "pad_to_aspect_ratio": pad_to_aspect_ratio,
        "prefetch": whole(prefetch, "prefetch", _WHERE, minimum=0),
    }
    _check(settings, labels, on_error)
    _check_split(validation_split, subset, shuffle and seed is None)
    root = Path(directory)
    if not root.is_dir():
        raise ArgumentError(message(_WHERE, "there is no such folder", got=f"'{root}'"))
    paths, y, names = _found(root, labels, class_names, follow_links)
    if label_mode == "binary" and len(names) != 2:
        problem, got = "label_mode='binary' needs two classes", f"{len(names)} ({', '.join(names)})"
        raise ArgumentError(message(_WHERE, problem, expected=2, got=got))
    if verbose:
        classes = "." if labels is None else f" belonging to {len(names)} classes."
        print(f"Found {len(paths)} files{classes}")
    good, skipped = _readable(paths, settings) if on_error == "skip" else (np.arange(len(paths)), [])
    if shuffle:
        good = good[random.permutation(len(good), "image folder files", 0, 0, settings["seed"])]
    return _parts(paths, y if label_mode else None, names, skipped, good, validation_split, subset, settings)


def _parts(
    paths: list[Path],
    y: np.ndarray | None,
    names: tuple[str, ...],
    skipped: list[Path],
    order: np.ndarray,
    split: float | None,
    subset: str | None,
    settings: dict[str, Any],
) -> Any:
    """The training files, the last ones for validation, or both."""
    kept = int((split or 0) * len(order))
    parts = []
    for name, part in (("training", order[: len(order) - kept]), ("validation", order[len(order) - kept :])):
        if subset in (name, "both") or (subset is None and name == "training"):
            if len(part) == 0:
                problem = f"there is no image for {name}" if subset else "there is no image"
                raise ArgumentError(
                    message(_WHERE, problem, expected=f"files ending in {', '.join(FORMATS)}")
                )
            chosen = [paths[i] for i in part]
            own = settings | {"shuffle": settings["shuffle"] and name == "training"}
            parts.append(ImageFolder(chosen, None if y is None else y[part], names, skipped, own))
    return tuple(parts) if subset == "both" else parts[0]


def _check(settings: dict[str, Any], labels: str | None, on_error: str) -> None:
    """Refuse names that do not exist."""
    for name, value, known in (
        ("labels", labels, ("inferred", None)),
        ("label_mode", settings["label_mode"], _LABEL_MODES),
        ("color_mode", settings["color_mode"], tuple(COLOR_MODES)),
        ("on_error", on_error, ("raise", "skip")),
    ):
        if value not in known:
            expected = " or ".join(map(repr, known))
            raise ArgumentError(
                message(_WHERE, f"there is no such {name}", expected=expected, got=repr(value))
            )
    if labels is None and settings["label_mode"] is not None:
        problem, hint = "labels=None leaves nothing for label_mode", "Pass label_mode=None, too."
        raise ArgumentError(message(_WHERE, problem, got=repr(settings["label_mode"]), hint=hint))
    crop, pad = settings["crop_to_aspect_ratio"], settings["pad_to_aspect_ratio"]
    check_interpolation(settings["interpolation"], crop, pad, _WHERE)


def _check_split(split: float | None, subset: str | None, seedless: bool) -> None:
    """Refuse a split without a subset, the reverse, and two subsets that may overlap."""
    if subset not in ("training", "validation", "both", None):
        expected, got = "'training', 'validation', 'both' or None", repr(subset)
        raise ArgumentError(message(_WHERE, "there is no such subset", expected=expected, got=got))
    if split is not None and not (is_number(split) and 0 < split < 1):
        expected = "above 0, below 1"
        raise ArgumentError(
            message(_WHERE, "validation_split is no share", expected=expected, got=repr(split))
        )
    if (split is None) != (subset is None):
        problem, hint = "validation_split and subset go together", "Give both or none."
        raise ArgumentError(message(_WHERE, problem, got=f"{split!r} and {subset!r}", hint=hint))
    if seedless and subset in ("training", "validation"):
        problem = "without a seed the training and the validation images may overlap"
        hint = "Pass the same seed to both calls, or subset='both' to get both at once."
        raise ArgumentError(message(_WHERE, problem, hint=hint))


def _found(
    root: Path, labels: str | None, class_names: Sequence[str] | None, follow_links: bool
) -> tuple[list[Path], np.ndarray, tuple[str, ...]]:
    """All image files in order of class and name, their labels, and the names of the classes."""
    if labels is None:
        paths = _images_below(root, follow_links)
        return paths, np.zeros(len(paths), np.int32), ()
    folders = sorted(item.name for item in root.iterdir() if item.is_dir() and not item.name.startswith("."))
    names = tuple(folders if class_names is None else class_names)
    if not names or not set(names) <= set(folders) or len(set(names)) < len(names):
        expected = "a folder for each class" if class_names is None else f"some of {folders}, each once"
        got = f"none in '{root}'" if class_names is None else list(names)
        raise ArgumentError(message(_WHERE, "the class folders are not there", expected=expected, got=got))
    found = [_images_below(root / name, follow_links) for name in names]
    y = np.repeat(np.arange(len(names), dtype=np.int32), [len(paths) for paths in found])
    return [path for paths in found for path in paths], y, names


def _images_below(folder: Path, follow_links: bool) -> list[Path]:
    """The image files in a folder and the folders in it, sorted; other files are passed over."""
    found = sorted(os.walk(folder, followlinks=follow_links))
    return [
        Path(top, name) for top, _, names in found for name in sorted(names) if name.lower().endswith(FORMATS)
    ]


def _load(path: Path, settings: dict[str, Any]) -> np.ndarray:
    keys = ("image_size", "color_mode", "interpolation", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    return load_image(path, **{key: settings[key] for key in keys})


def _readable(paths: list[Path], settings: dict[str, Any]) -> tuple[np.ndarray, list[Path]]:
    """The numbers of the files that can be read, and the files that cannot, of which a warning tells."""

    def attempt(number: int) -> str | None:
        try:
            _load(paths[number], settings)
        except (FileAccessError, FileFormatError) as error:
            return str(error)
        return None

    reasons = list(prefetch(attempt, len(paths), 2 * settings["prefetch"]))
    broken = [reason for reason in reasons if reason]
    if broken:
        more = f" (and {len(broken) - _NAMED} more)" if len(broken) > _NAMED else ""
        text = f"{_WHERE}: left out {len(broken)} of {len(paths)} images: {' '.join(broken[:_NAMED])}{more}"
        warnings.warn(text, stacklevel=3)
    good = np.array([number for number, reason in enumerate(reasons) if not reason], dtype=int)
    return good, [path for path, reason in zip(paths, reasons, strict=True) if reason]
