"""minicnn predict: the same answer for the same digit in any kind of file, and what it refuses."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

import minicnn
from minicnn import layers
from minicnn.cli.images import read_picture
from minicnn.datasets import mnist_subset

from .conftest import run

GREY, COLOUR = (28, 28, 1), (28, 28, 3)


@pytest.fixture(scope="module")
def digit():
    """A test image, white on black."""
    _, (x, _) = mnist_subset.load_data()
    return x[0]


def enlarged(pixels):
    return Image.fromarray(pixels).resize((280, 280), Image.Resampling.NEAREST)


def test_a_digit_on_paper(trained):
    path = trained.folder / "digit.png"
    lines = run("predict", trained.model, path).out.splitlines()
    assert lines[0] == f"{path}  (280×280 scaled to 28×28, inverted, as its background is light)"
    assert len(lines) == 4
    found = [re.fullmatch(r"    (\d)  +(\d+\.\d) %(?:  (█+))?", line).groups() for line in lines[1:]]
    assert found[0][0] == "0"
    percents = [float(percent) for _, percent, _ in found]
    assert percents == sorted(percents, reverse=True)
    assert all(
        len(bar or "") == pytest.approx(0.24 * p, abs=0.6)
        for (_, _, bar), p in zip(found, percents, strict=True)
    )


def test_the_same_preprocessing_as_in_training(trained, tmp_path):
    _, (x, _) = mnist_subset.load_data()
    paths = [tmp_path / f"{i}.png" for i in range(20)]
    for path, image in zip(paths, x, strict=False):
        Image.fromarray(image).save(path)
    records = json.loads(run("predict", trained.model, *paths, "--json").out)
    expected = minicnn.load_model(trained.model).predict(x[:20, ..., None] / np.float32(255))
    assert [record["image"] for record in records] == [str(path) for path in paths]
    for record, p in zip(records, expected, strict=True):
        assert record | {"top": None, "image": None} == {
            "image": None,
            "width": 28,
            "height": 28,
            "inverted": False,
            "top": None,
        }
        order = np.argsort(-p)[:3]
        assert [entry["class"] for entry in record["top"]] == order.tolist()
        assert [entry["probability"] for entry in record["top"]] == pytest.approx(p[order].tolist(), rel=1e-5)


def test_invert_or_not(trained):
    path = trained.folder / "digit.png"
    for option, inverted, note in (
        ((), True, ", inverted, as its background is light)"),
        (("--invert",), True, ", inverted, as its background is light)"),
        (("--no-invert",), False, "28×28)"),
    ):
        assert run("predict", trained.model, path, *option).out.splitlines()[0].endswith(note)
        (record,) = json.loads(run("predict", trained.model, path, "--json", *option).out)
        assert record["inverted"] is inverted


KINDS = {
    "grey.png": lambda d: enlarged(255 - d),
    "colour.bmp": lambda d: enlarged(255 - d).convert("RGB"),
    "palette.gif": lambda d: enlarged(255 - d).convert("P"),
    "black_on_nothing.png": lambda d: Image.merge("LA", [Image.new("L", (280, 280), 0), enlarged(d)]),
    "16_bits.png": lambda d: Image.fromarray(np.asarray(enlarged(255 - d)).astype(np.uint16) * 257),
    "floats.tiff": lambda d: Image.fromarray(np.asarray(enlarged(255 - d)).astype(np.float32) / 255),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_files(name, digit, tmp_path):
    KINDS[name](digit).save(tmp_path / name)
    picture = read_picture(tmp_path / name, GREY)
    assert picture.inverted
    assert picture.size == (280, 280)
    assert np.abs(picture.pixels[..., 0].astype(int) - digit).max() <= 1  # where 16 bits are rounded


def test_jpeg_cmyk_and_orientation(digit, tmp_path):
    turned = enlarged(255 - digit).rotate(90).convert("CMYK")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 270 degrees
    turned.save(tmp_path / "photo.jpg", quality=100, exif=exif)
    picture = read_picture(tmp_path / "photo.jpg", GREY)
    assert np.abs(picture.pixels[..., 0].astype(int) - digit).mean() < 3


def test_already_as_the_network_wants_it(digit, tmp_path):
    Image.fromarray(digit).save(tmp_path / "d.png")
    picture = read_picture(tmp_path / "d.png", GREY)
    np.testing.assert_array_equal(picture.pixels[..., 0], digit)
    assert str(picture) == "as it is"
    other = read_picture(tmp_path / "d.png", GREY, invert=True)
    np.testing.assert_array_equal(other.pixels, 255 - picture.pixels)
    assert str(other) == "inverted"


def test_proportions_are_kept_on_the_pictures_own_background(tmp_path):
    pixels = np.full((100, 40), 200, np.uint8)
    pixels[10:90, 10:30] = 0
    Image.fromarray(pixels).save(tmp_path / "tall.png")
    picture = read_picture(tmp_path / "tall.png", (20, 20, 1), invert=False).pixels[..., 0]
    expected = np.full((20, 20), 200)
    expected[2:18, 8:12] = 0  # 80 x 20 pixels, scaled by 1/5, in the middle
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (7, 5)])
def test_odd_sizes(size, tmp_path):
    Image.new("L", size, 30).save(tmp_path / "odd.png")
    pixels = read_picture(tmp_path / "odd.png", GREY).pixels
    assert pixels.shape == GREY
    assert (pixels == 30).all()


def test_a_network_for_colour_keeps_colours(tmp_path):
    model = minicnn.Sequential([layers.Input(COLOUR), layers.Flatten(), layers.Dense(4)])
    model.save(tmp_path / "m.safetensors")
    path = tmp_path / "blue.png"
    Image.new("RGB", (60, 60), (230, 240, 250)).save(path)
    picture = read_picture(path, COLOUR)
    np.testing.assert_array_equal(picture.pixels, np.broadcast_to(np.uint8([230, 240, 250]), COLOUR))
    assert not picture.inverted
    printed = run("predict", tmp_path / "m.safetensors", path).out
    assert printed.startswith(f"{path}  (60×60 scaled to 28×28)\n")
    np.testing.assert_array_equal(read_picture(path, COLOUR, invert=True).pixels[0, 0], [25, 15, 5])


def test_two_classes_have_no_third(tmp_path):
    model = minicnn.Sequential(
        [layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.save(tmp_path / "m.safetensors")
    Image.new("L", (9, 9)).save(tmp_path / "black.png")
    assert len(run("predict", tmp_path / "m.safetensors", tmp_path / "black.png").out.splitlines()) == 3


def test_images_that_cannot_be_read(trained, tmp_path):
    good = trained.folder / "digit.png"
    damaged, text = tmp_path / "damaged.png", tmp_path / "text.png"
    damaged.write_bytes(good.read_bytes()[:300])
    text.write_text("no image")
    for path, problem in (
        (tmp_path / "missing.png", "there is no such file."),
        (tmp_path, f"this is a folder, not an image. Name the images in it: {tmp_path / '*.png'}."),
        (damaged, "this is no image that can be read, or it is damaged."),
        (text, "this is no image that can be read, or it is damaged."),
    ):
        printed = run("predict", trained.model, good, path, code=2)
        assert printed.err == f"{path}: {problem}\n"
        assert printed.out == ""


def test_too_many_pixels(trained, monkeypatch):
    path = trained.folder / "digit.png"
    for limit in (1_000, 50_000):  # an error from twice the limit on, a warning below
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert run("predict", trained.model, path, code=2).err == (
            f"{path}: the image has too many pixels. Scale it down.\n"
        )


def test_wrong_arguments(trained, tmp_path):
    assert run("predict", trained.model, code=2).err == (
        "minicnn predict: Missing argument 'IMAGE'. See minicnn predict --help.\n"
    )
    model = minicnn.Sequential([layers.Input((784,)), layers.Dense(10)])
    model.save(tmp_path / "m.safetensors")
    assert run("predict", tmp_path / "m.safetensors", trained.folder / "digit.png", code=2).err == (
        "minicnn predict: the model does not take images of a fixed size. "
        "Expected one input of shape (None, height, width, 1 or 3), got (None, 784).\n"
    )
