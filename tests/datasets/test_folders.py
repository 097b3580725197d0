"""Folders of images: labels, splits, orders, label modes, broken files, and `fit` on top of it."""

from __future__ import annotations

import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import layers
from minicnn.datasets import ImageFolder, image_folder
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError
from minicnn.preprocessing import load_image

SMALL = {"image_size": (4, 5), "verbose": False}
NAMES = {"ants": ("1.png", "10.png", "2.JPG"), "bees": ("a.gif",), "cats": ("deep/1.bmp", "z.png")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six images in three classes, each of its own grey, and files that are none."""
    root = tmp_path_factory.mktemp("animals")
    grey = 10
    for name, files in NAMES.items():
        for file in files:
            (root / name / file).parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (grey, 30), grey).save(root / name / file)
            grey += 40
        (root / name / "Thumbs.db").write_bytes(b"\0")
    (root / ".git").mkdir()
    (root / "readme.txt").write_text("no class")
    return root


def greys(x: np.ndarray) -> list[int]:
    """The grey of each image, which tells which one it is."""
    return [round(float(value)) for value in x.reshape(len(x), -1).mean(axis=1)]


def one_pass(images) -> list[int]:
    return [grey for x, _ in images for grey in greys(x)]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("minicnn")]


def test_labels_from_sorted_folders(folder, capsys):
    images = image_folder(folder, image_size=(4, 5), shuffle=False, batch_size=4)
    assert capsys.readouterr().out == "Found 6 files belonging to 3 classes.\n"
    assert isinstance(images, ImageFolder)
    assert images.class_names == ("ants", "bees", "cats")
    assert [str(path.relative_to(folder)) for path in images.file_paths] == [
        "ants/1.png",
        "ants/10.png",
        "ants/2.JPG",
        "bees/a.gif",
        "cats/z.png",
        "cats/deep/1.bmp",
    ]
    assert images.labels.tolist() == [0, 0, 0, 1, 2, 2]
    assert images.image_shape == (4, 5, 3)
    assert len(images) == 2
    (x, y), (x_last, y_last) = images
    assert x.shape == (4, 4, 5, 3) and x.dtype == np.float32 and y.dtype == np.int32
    assert greys(np.concatenate([x, x_last])) == [10, 50, 90, 130, 210, 170]
    assert y.tolist() + y_last.tolist() == [0, 0, 0, 1, 2, 2]


def test_all_as_arrays(folder):
    images = image_folder(folder, seed=1, **SMALL)
    x, y = images.as_arrays()
    assert x.dtype == np.float32 and x.shape == (6, 4, 5, 3)
    for image, label, path in zip(x, y, images.file_paths, strict=True):
        np.testing.assert_array_equal(image, load_image(path, (4, 5)))
        assert images.class_names[label] in path.parts
    rounded, _ = images.as_arrays("uint8")
    assert rounded.dtype == np.uint8
    np.testing.assert_array_equal(rounded, np.rint(x))
    with pytest.raises(
        ArgumentError, match="this dtype is not made. Expected 'float32' or 'uint8', got 'float16'"
    ):
        images.as_arrays("float16")


@pytest.mark.parametrize(
    ("label_mode", "names", "expected"),
    [
        ("int", ["cats", "bees"], np.array([0, 0, 1], np.int32)),
        ("categorical", ["cats", "bees"], np.array([[1, 0], [1, 0], [0, 1]], np.float32)),
        ("binary", ["cats", "bees"], np.array([[0], [0], [1]], np.float32)),
    ],
)
def test_label_modes_and_class_names(folder, label_mode, names, expected):
    images = image_folder(folder, label_mode=label_mode, class_names=names, shuffle=False, **SMALL)
    assert images.class_names == tuple(names)
    ((x, y),) = images
    assert greys(x) == [210, 170, 130]
    np.testing.assert_array_equal(y, expected)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(images.as_arrays()[1], expected)


def test_without_labels(folder, capsys):
    images = image_folder(
        folder, labels=None, label_mode=None, image_size=(4, 5), shuffle=False, batch_size=6
    )
    assert capsys.readouterr().out == "Found 6 files.\n"
    (x,) = images
    assert x.shape == (6, 4, 5, 3) and sorted(greys(x)) == [10, 50, 90, 130, 170, 210]
    assert images.labels is None and images.class_names == ()
    np.testing.assert_array_equal(images.as_arrays(), x)
    (x,) = image_folder(folder, label_mode=None, shuffle=False, **SMALL)
    assert greys(x) == [10, 50, 90, 130, 210, 170]


@pytest.mark.parametrize(("color_mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
def test_colour_modes(folder, color_mode, channels):
    images = image_folder(folder, color_mode=color_mode, **SMALL)
    assert images.image_shape == (4, 5, channels)
    assert next(iter(images))[0].shape == (6, 4, 5, channels)


def test_every_pass_has_an_order_of_its_own_from_the_seed(folder):
    images = image_folder(folder, seed=3, batch_size=4, **SMALL)
    passes = [one_pass(images) for _ in range(4)]
    assert all(sorted(order) == [10, 50, 90, 130, 170, 210] for order in passes)
    assert len({tuple(order) for order in passes}) > 2
    again = image_folder(folder, seed=3, batch_size=4, **SMALL)
    assert [one_pass(again) for _ in range(4)] == passes
    assert images.epoch == 4
    images.epoch = 1
    assert one_pass(images) == passes[1], "a pass can be repeated"
    other = image_folder(folder, seed=4, batch_size=4, **SMALL)
    assert [one_pass(other) for _ in range(4)] != passes
    fixed = image_folder(folder, shuffle=False, batch_size=4, **SMALL)
    assert one_pass(fixed) == one_pass(fixed) == [10, 50, 90, 130, 210, 170]


def test_the_seed_of_the_process(folder):
    passes = []
    for seed in (5, 5, 6):
        minicnn.utils.set_random_seed(seed)
        images = image_folder(folder, **SMALL)
        passes.append([one_pass(images) for _ in range(3)])
    assert passes[0] == passes[1] != passes[2]


@pytest.mark.parametrize("ahead", [1, 2, 7])
def test_prefetching_changes_nothing(folder, ahead):
    plain = image_folder(folder, seed=3, batch_size=2, prefetch=0, **SMALL)
    ahead = image_folder(folder, seed=3, batch_size=2, prefetch=ahead, **SMALL)
    for _ in range(2):
        for (x, y), (x_ahead, y_ahead) in zip(plain, ahead, strict=True):
            assert x.tobytes() == x_ahead.tobytes() and y.tobytes() == y_ahead.tobytes()
    assert plain.as_arrays()[0].tobytes() == ahead.as_arrays()[0].tobytes()
    assert threads() == []


def test_two_passes_at_once_do_not_disturb_each_other(folder):
    images = image_folder(folder, seed=3, batch_size=2, **SMALL)
    one_after_the_other = [one_pass(images), one_pass(images)]
    images.epoch = 0
    both = list(zip(images, images, strict=True))
    assert [[grey for batch in both for grey in greys(batch[i][0])] for i in (0, 1)] == one_after_the_other


def test_leaving_a_pass_early_leaves_no_thread(folder):
    images = image_folder(folder, batch_size=1, **SMALL)
    for _ in images:
        break
    assert threads() == []


def test_validation_split(folder):
    options = {"validation_split": 0.34, "seed": 1, "batch_size": 2} | SMALL
    training = image_folder(folder, subset="training", **options)
    validation = image_folder(folder, subset="validation", **options)
    both = image_folder(folder, subset="both", **options)
    assert isinstance(both, tuple)
    assert [part.file_paths for part in both] == [training.file_paths, validation.file_paths]
    assert len(validation.file_paths) == 2
    assert sorted(training.file_paths + validation.file_paths) == sorted(
        image_folder(folder, **SMALL).file_paths
    )
    assert one_pass(validation) == one_pass(validation), "validation images keep their order"
    assert one_pass(training) != one_pass(training) or one_pass(training) != one_pass(training)
    last = image_folder(folder, validation_split=0.34, subset="validation", shuffle=False, **SMALL)
    assert last.labels.tolist() == [2, 2]
    minicnn.utils.set_random_seed(0)
    image_folder(folder, validation_split=0.5, subset="both", **SMALL)  # needs no seed


def test_options_reach_the_images(folder):
    for options in ({"interpolation": "area"}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
        images = image_folder(folder, shuffle=False, **SMALL, **options)
        for image, path in zip(images.as_arrays()[0], images.file_paths, strict=True):
            np.testing.assert_array_equal(image, load_image(path, (4, 5), **options))


def test_links(folder, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "more").symlink_to(folder / "ants")
    with pytest.raises(ArgumentError, match="there is no image. Expected files ending in .bmp, .gif"):
        image_folder(tmp_path, **SMALL)
    assert len(image_folder(tmp_path, follow_links=True, **SMALL).file_paths) == 3


@pytest.fixture
def damaged(folder, tmp_path) -> Path:
    """Three good images and three broken ones."""
    for name, content in {
        "a/1.png": (folder / "ants" / "1.png").read_bytes(),
        "a/cut.png": (folder / "ants" / "1.png").read_bytes()[:-30],
        "b/2.png": (folder / "cats" / "z.png").read_bytes(),
        "b/empty.jpg": b"",
        "b/text.gif": b"no image",
        "b/9.png": (folder / "cats" / "z.png").read_bytes(),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_broken_image_is_named(damaged, prefetch):
    images = image_folder(damaged, shuffle=False, batch_size=1, prefetch=prefetch, **SMALL)
    passed = []
    with pytest.raises(FileFormatError) as caught:
        for x, _ in images:
            passed += greys(x)
    assert str(caught.value) == (
        f"{damaged / 'a' / 'cut.png'}: this is no image that can be read, or it is damaged."
    )
    assert passed == [10]
    with pytest.raises(FileFormatError, match="cut.png"):
        images.as_arrays()
    assert threads() == []


@pytest.mark.parametrize("prefetch", [0, 2])
def test_broken_images_are_skipped_and_named(damaged, prefetch):
    options = {"batch_size": 2, "prefetch": prefetch, **SMALL}
    with pytest.warns(UserWarning) as caught:
        images = image_folder(damaged, on_error="skip", shuffle=False, **options)
    text = str(caught[0].message)
    assert text.startswith("datasets.image_folder: left out 3 of 6 images: ")
    assert all(name in text for name in ("cut.png", "empty.jpg", "text.gif"))
    assert [path.name for path in images.skipped] == ["cut.png", "empty.jpg", "text.gif"]
    assert [path.name for path in images.file_paths] == ["1.png", "2.png", "9.png"]
    assert images.labels.tolist() == [0, 1, 1]
    assert len(images) == len(list(images)) == 2


def test_skipping_equals_the_folder_without_them(damaged):
    """The same orders and splits as if the broken files had never been there."""
    with pytest.warns(UserWarning):
        skipping = image_folder(damaged, on_error="skip", seed=2, **SMALL)
    for path in skipping.skipped:
        path.unlink()
    clean = image_folder(damaged, on_error="skip", seed=2, **SMALL)
    assert clean.skipped == []
    assert [one_pass(clean) for _ in range(3)] == [one_pass(skipping) for _ in range(3)]


def test_an_image_that_vanishes(damaged):
    images = image_folder(damaged, shuffle=False, class_names=["b"], **SMALL)
    (damaged / "b" / "2.png").unlink()
    with pytest.raises(FileAccessError, match="2.png: there is no such file"):
        next(iter(images))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"labels": "folders"}, "no such labels. Expected 'inferred' or None, got 'folders'"),
        (
            {"label_mode": "one_hot"},
            "no such label_mode. Expected 'int' or 'categorical' or 'binary' or None",
        ),
        (
            {"label_mode": "binary"},
            r"label_mode='binary' needs two classes. Expected 2, got 3 \(ants, bees, cats\)",
        ),
        ({"labels": None}, "labels=None leaves nothing for label_mode. Got 'int'. Pass label_mode=None"),
        ({"color_mode": "bgr"}, "no such color_mode. Expected 'grayscale' or 'rgb' or 'rgba', got 'bgr'"),
        ({"on_error": "ignore"}, "no such on_error. Expected 'raise' or 'skip', got 'ignore'"),
        ({"interpolation": "cubic"}, "no such interpolation"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "exclude each other"),
        ({"batch_size": 0}, "batch_size. Expected a positive integer, got 0"),
        ({"prefetch": -1}, "prefetch. Expected an integer of at least 0, got -1"),
        ({"image_size": (0, 3)}, "datasets.image_folder: the image size is unusable"),
        ({"seed": -1}, "the seed is unusable"),
        (
            {"class_names": ["ants", "dogs"]},
            r"not there. Expected some of \['ants', 'bees', 'cats'\], each once",
        ),
        ({"class_names": ["ants", "ants"]}, "each once, got"),
        ({"validation_split": 0.2}, "validation_split and subset go together. Got 0.2 and None"),
        ({"subset": "both"}, "validation_split and subset go together. Got None and 'both'"),
        (
            {"subset": "test", "validation_split": 0.2},
            "no such subset. Expected 'training', 'validation', 'both'",
        ),
        ({"subset": "both", "validation_split": 1}, "is no share. Expected above 0, below 1, got 1"),
        ({"subset": "both", "validation_split": 0.01}, "there is no image for validation"),
        (
            {"subset": "training", "validation_split": 0.2},
            "without a seed the training and the validation images",
        ),
    ],
)
def test_refusals(folder, options, text):
    with pytest.raises(ArgumentError, match=text):
        image_folder(folder, **(SMALL | options))


def test_folders_that_are_none(folder, tmp_path):
    with pytest.raises(ArgumentError, match="there is no such folder. Got '.*nowhere'"):
        image_folder(tmp_path / "nowhere", **SMALL)
    with pytest.raises(
        ArgumentError, match="class folders are not there. Expected a folder for each class, got none"
    ):
        image_folder(tmp_path, **SMALL)


def test_prefetching_launches_no_kernels(folder):
    """One Python thread computes; the other decodes, shuffles and cuts."""
    called: dict[str, set[str]] = {"main": set(), "ahead": set()}

    def note(frame, kind, _):
        name = threading.current_thread().name
        called["ahead" if name.startswith("minicnn-prefetch") else "main"].add(frame.f_code.co_filename)

    images = image_folder(folder, label_mode="categorical", prefetch=2, seed=3, batch_size=2, **SMALL)
    model = minicnn.Sequential(
        [layers.Input((4, 5, 3)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]
    )
    model.compile("sgd", "mse")
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        with minicnn.use_backend("numba"):
            model.fit(Scaled(images), epochs=2, verbose=0)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    kernels = {
        who: {
            name
            for name in files
            if Path(name).parts[-2:] == ("compiled", "scratch.py") or "numba_cpu" in name
        }
        for who, files in called.items()
    }
    assert any(Path(name).name == "image.py" for name in called["ahead"]), "it did decode"
    assert kernels["main"] != set() == kernels["ahead"]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_fit_takes_it_again_and_again(folder, prefetch):
    """Three epochs from batches give the same weights as three passes by hand."""
    options = {"seed": 3, "batch_size": 4, "prefetch": prefetch} | SMALL
    weights = []
    for by_hand in (False, True):
        minicnn.utils.set_random_seed(0)
        model = minicnn.Sequential([layers.Input((4, 5, 3)), layers.Flatten(), layers.Dense(3)])
        model.compile("sgd", "mse")
        images = image_folder(folder, label_mode="categorical", **options)
        for _ in range(3) if by_hand else ():
            for x, y in images:
                model.train_on_batch(x / 255, y)
        if not by_hand:
            model.fit(Scaled(images), epochs=3, verbose=0)
        assert images.epoch == 3 and threads() == []
        weights.append(model.get_weights())
    for fitted, expected in zip(*weights, strict=True):
        np.testing.assert_array_equal(fitted, expected)


class Scaled:
    """The batches of a folder with pixels from 0 to 1."""

    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __iter__(self):
        return ((x / 255, y) for x, y in self.images)


def test_photos_of_ants_and_bees(shared_data):
    """Real photos of many sizes: a net of one layer learns something about the training ones."""
    options = {"image_size": 32, "interpolation": "area", "seed": 0, "verbose": False}
    root = shared_data / "hymenoptera_160" / "train"
    training, validation = image_folder(root, validation_split=0.2, subset="both", **options)
    assert training.class_names == ("ants", "bees")
    assert len(training.file_paths) + len(validation.file_paths) == 243
    x, y = training.as_arrays()
    assert x.shape == (195, 32, 32, 3) and 60 < x.mean() < 160 and 0.3 < y.mean() < 0.7
    minicnn.utils.set_random_seed(0)
    model = minicnn.Sequential([layers.Input((32, 32, 3)), layers.Flatten(), layers.Dense(2)])
    model.compile(
        minicnn.optimizers.SGD(1e-7), minicnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    before = model.evaluate(x, y, verbose=0)
    history = model.fit(training, epochs=2, validation_data=validation, verbose=0)
    assert training.epoch == 2 and len(history.history["val_loss"]) == 2
    assert model.evaluate(x, y, verbose=0) < before


def test_cifar_as_jpeg_files(shared_data, tmp_path):
    with tarfile.open(shared_data / "cifar10_jpeg" / "test_dev_5000.tar.gz") as archive:
        wanted = [member for member in archive if member.name.endswith(("0.jpg",))]
        archive.extractall(tmp_path, wanted, filter="data")
    images = image_folder(tmp_path / "test", image_size=(32, 32), shuffle=False, verbose=False)
    x, y = images.as_arrays("uint8")
    assert x.shape == (500, 32, 32, 3) and np.bincount(y).tolist() == [50] * 10
    assert images.class_names == minicnn.datasets.cifar10.CLASS_NAMES
    np.testing.assert_array_equal(x[7], np.asarray(Image.open(images.file_paths[7])))
