"""Image files of every kind, seen as a Keras user expects them: upright, 8 bits, the channels asked for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minicnn.errors import ArgumentError, FileAccessError, FileFormatError
from minicnn.preprocessing import FORMATS, load_image, open_image, resize


@pytest.fixture
def photo():
    """A colour picture, smooth enough for JPEG."""
    y, x = np.mgrid[0:24, 0:36]
    return np.stack([7 * x, 10 * y, 255 - 4 * x - 3 * y], axis=2).clip(0, 255).astype(np.uint8)


def load(tmp_path, image, name="a.png", color_mode="rgb", **options):
    image.save(tmp_path / name, **options)
    return load_image(tmp_path / name, color_mode=color_mode)


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format(suffix, photo, tmp_path):
    image = Image.fromarray(photo)
    if suffix == ".pgm":
        image = image.convert("L")
    x = load(tmp_path, image, f"a{suffix}", "grayscale" if suffix == ".pgm" else "rgb")
    assert x.dtype == np.float32 and x.shape == (24, 36, 1 if suffix == ".pgm" else 3)
    lossy = suffix in (".gif", ".jpg", ".jpeg", ".webp")
    assert np.abs(x - np.asarray(image).reshape(x.shape)).mean() < (6 if lossy else 0.01)


def test_colour_modes(photo, tmp_path):
    grey = np.asarray(Image.fromarray(photo).convert("L"))
    for image in (Image.fromarray(photo), Image.fromarray(photo).convert("RGBA")):
        np.testing.assert_array_equal(load(tmp_path, image), photo)
        np.testing.assert_array_equal(load(tmp_path, image, color_mode="grayscale")[..., 0], grey)
        rgba = load(tmp_path, image, color_mode="rgba")
        np.testing.assert_array_equal(rgba[..., :3], photo)
        assert (rgba[..., 3] == 255).all()
    x = load(tmp_path, Image.fromarray(grey))
    np.testing.assert_array_equal(x, np.repeat(grey[..., None], 3, axis=2))


def test_alpha_is_dropped_not_mixed(photo, tmp_path):
    alpha = np.linspace(0, 255, 36).astype(np.uint8) * np.ones((24, 1), np.uint8)
    image = Image.fromarray(np.dstack([photo, alpha]))
    np.testing.assert_array_equal(load(tmp_path, image), photo)
    np.testing.assert_array_equal(load(tmp_path, image, color_mode="rgba")[..., 3], alpha)
    grey = Image.fromarray(photo).convert("L")
    grey_alpha = Image.merge("LA", [grey, Image.fromarray(alpha)])
    np.testing.assert_array_equal(
        load(tmp_path, grey_alpha, color_mode="grayscale")[..., 0], np.asarray(grey)
    )


@pytest.mark.parametrize("transparent", [False, True])
def test_palettes_are_looked_up(photo, tmp_path, transparent):
    image = Image.fromarray(photo).convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    options = {"transparency": bytes(range(0, 256, 16))} if transparent else {}
    np.testing.assert_array_equal(load(tmp_path, image, **options), np.asarray(image.convert("RGB")))


def test_one_bit_and_sixteen(tmp_path):
    one = Image.fromarray(np.arange(12).reshape(3, 4) % 2 == 1)
    np.testing.assert_array_equal(load(tmp_path, one, color_mode="grayscale")[0, :, 0], [0, 255, 0, 255])
    sixteen = Image.fromarray(np.array([[0, 257, 32_768, 65_535]], np.uint16))
    np.testing.assert_array_equal(load(tmp_path, sixteen)[0, :, 1], [0, 1, 128, 255])


def test_cmyk_and_orientation(photo, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 270 degrees
    turned = Image.fromarray(photo).rotate(90, expand=True)
    x = load(tmp_path, turned.convert("CMYK"), "a.jpg", exif=exif, quality=95)
    assert x.shape == photo.shape
    assert np.abs(x - photo).mean() < 6


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (5, 4), grey) for grey in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert (load_image(tmp_path / "a.gif", color_mode="grayscale") == 10).all()


def test_size(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "a.png")
    for options in (
        {},
        {"interpolation": "area"},
        {"crop_to_aspect_ratio": True},
        {"pad_to_aspect_ratio": True},
    ):
        x = load_image(tmp_path / "a.png", (10, 8), **options)
        np.testing.assert_array_equal(x, resize(photo, (10, 8), **options))


def test_floats(tmp_path):
    values = np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    x = load_image(tmp_path / "a.tiff", color_mode="grayscale")
    np.testing.assert_array_equal(x[0, :, 0], [0, 128, 255, 0])


def test_refusals(photo, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    Image.fromarray(photo).save(path)
    with pytest.raises(
        ArgumentError, match="no such color_mode. Expected 'grayscale' or 'rgb' or 'rgba', got 'bgr'"
    ):
        load_image(path, color_mode="bgr")
    for name, content in {
        "cut.png": path.read_bytes()[:-40],
        "text.jpg": b"no image",
        "empty.gif": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            FileFormatError, match=f"{name}: this is no image that can be read, or it is damaged."
        ):
            open_image(tmp_path / name)
    with pytest.raises(FileAccessError, match="there is no such file"):
        open_image(tmp_path / "missing.png")
    with pytest.raises(FileAccessError, match="this is a folder, not an image"):
        open_image(tmp_path)
    for limit in (400, 600):  # an error from twice the limit on, a warning below
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(FileFormatError, match="too many pixels"):
            open_image(path)
