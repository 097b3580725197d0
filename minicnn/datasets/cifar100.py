"""CIFAR-100, 60,000 colour photos of 32 x 32 pixels in a hundred classes, which form twenty groups.

Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import os

import numpy as np

from ..errors import ArgumentError, FileFormatError, message
from . import cifar
from .download import File, Source
from .mnist_files import Split

__all__ = ["CLASS_NAMES", "COARSE_CLASS_NAMES", "SOURCE", "load_data"]

# Both kinds of labels number the names in alphabetical order.
_GROUPS = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}
COARSE_CLASS_NAMES = tuple(_GROUPS)
CLASS_NAMES = tuple(sorted(" ".join(_GROUPS.values()).split()))
_GROUP_OF = np.array([[name in group.split() for group in _GROUPS.values()] for name in CLASS_NAMES]).argmax(
    1
)

SOURCE = Source(
    "cifar100",
    (
        File(
            "cifar-100-binary.tar.gz",
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            168_513_733,
        ),
    ),
    ("https://www.cs.toronto.edu/~kriz/",),
)
_LAYOUT = cifar.Layout(
    SOURCE,
    "cifar-100-binary",
    ("train.bin",),
    ("test.bin",),
    (len(COARSE_CLASS_NAMES), len(CLASS_NAMES)),
    50_000,
)


def load_data(
    label_mode: str = "fine", data_dir: str | os.PathLike[str] | None = None
) -> tuple[Split, Split]:
    """Load CIFAR-100; the first time it is downloaded (169 MB).

    Parameters
    ----------
    label_mode : "fine" for the hundred classes of `CLASS_NAMES`, "coarse" for the twenty groups of
        `COARSE_CLASS_NAMES`.
    data_dir : a folder with ``cifar-100-binary.tar.gz`` or with what it unpacks to, or one with a
        subfolder ``cifar100``; without it, one that the environment variable ``MINICNN_DATA`` names, or
        the cache.

    Returns
    -------
    tuple : ``(x_train, y_train), (x_test, y_test)``, all uint8; images (50000, 32, 32, 3) and
        (10000, 32, 32, 3), labels (50000, 1) and (10000, 1).

    Raises
    ------
    ArgumentError : for another label mode; when the folder does not exist, or a file is not in it.
    FileFormatError : when a file is damaged or hostile, or a class is in another group than its own.
    FileAccessError : when the files can neither be found nor downloaded.

    Examples
    --------
    >>> load_data(label_mode="rough")
    Traceback (most recent call last):
        ...
    minicnn.errors.ArgumentError: ...label_mode. Expected 'fine' or 'coarse', got 'rough'.
    """
    where = "datasets.cifar100.load_data"
    if label_mode not in ("fine", "coarse"):
        expected, got = "'fine' or 'coarse'", repr(label_mode)
        raise ArgumentError(message(where, "there is no such label_mode", expected=expected, got=got))
    train, test = cifar.load(_LAYOUT, data_dir, where)
    column = 1 if label_mode == "fine" else 0
    return _checked(train, column, where), _checked(test, column, where)


def _checked(split: Split, column: int, where: str) -> Split:
    """The images with one column of their labels, if both columns agree with each other."""
    x, y = split
    wrong = y[:, 0] != _GROUP_OF[y[:, 1]]
    if wrong.any():
        at = int(np.argmax(wrong))
        coarse, fine = y[at]
        raise FileFormatError(
            message(
                where,
                "the coarse and the fine label of an image contradict each other",
                expected=f"{COARSE_CLASS_NAMES[_GROUP_OF[fine]]!r} for {CLASS_NAMES[fine]!r}",
                got=f"{COARSE_CLASS_NAMES[coarse]!r} in image {at}",
                hint="Get the file again: it may be a broken download.",
            )
        )
    return x, np.ascontiguousarray(y[:, column : column + 1])
