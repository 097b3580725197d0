"""Resizing beside Keras, and folders of images beside Keras' list of files, labels and split."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.preprocessing import resize
from tests.crosscheck.reference import MARKS
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = MARKS


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("size", [(7, 11), (20, 13), (40, 61), (64, 64)])
def test_resize(interpolation, crop, size):
    import keras

    image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    reference = keras.ops.image.resize(
        image.astype(np.float32), size, interpolation, antialias=False, crop_to_aspect_ratio=crop
    )
    result = resize(image, size, interpolation, crop_to_aspect_ratio=crop)
    assert_close(result, np.asarray(reference), CROSSCHECK)


@pytest.mark.parametrize("split", [None, 0.3])
def test_files_labels_and_classes(tmp_path, split):
    """Without shuffling: the same files in the same order, with the same labels, in the same part."""
    from keras.src.utils import dataset_utils
    from PIL import Image

    from minicnn.datasets import image_folder

    for name in ("b/10.png", "b/2.png", "b/deep/1.jpg", "B/x.bmp", "a/c.gif", "a/C.PNG", ".hidden/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (3, 3)).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").touch()
    formats = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
    paths, labels, names = dataset_utils.index_directory(
        str(tmp_path), "inferred", formats, shuffle=False, verbose=False
    )
    for subset in (None,) if split is None else ("training", "validation"):
        expected = dataset_utils.get_training_or_validation_split(paths, labels, split, subset)
        images = image_folder(
            tmp_path, shuffle=False, validation_split=split, subset=subset, image_size=3, verbose=False
        )
        assert [str(path) for path in images.file_paths] == expected[0]
        assert images.labels.tolist() == list(expected[1])
        assert list(images.class_names) == names
