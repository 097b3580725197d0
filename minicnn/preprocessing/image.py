"""Opening image files: whatever is in them becomes 8-bit pixels, the right way up."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError, FileAccessError, FileFormatError, message
from .resize import check_size, resize

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["COLOR_MODES", "FORMATS", "load_image", "open_image"]

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
COLOR_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}  # Keras' names and Pillow's


def open_image(path: str | os.PathLike[str]) -> Image:
    """Decode an image file with Pillow: its first frame, turned as its EXIF orientation says.

    Returns
    -------
    PIL.Image.Image : 8 bits a channel; 16 bits are scaled down, floats to their largest.

    Raises
    ------
    FileAccessError : when there is no such file, or it cannot be read.
    FileFormatError : when it is no image, damaged, or has too many pixels (`PIL.Image.MAX_IMAGE_PIXELS`).

    Examples
    --------
    >>> open_image("no/such.png")
    Traceback (most recent call last):
        ...
    minicnn.errors.FileAccessError: no/such.png: there is no such file.
    """
    from PIL import Image, ImageOps

    where = os.fspath(path)
    if os.path.isdir(path):
        hint = f"Name the images in it: {Path(path) / '*.png'}."
        raise FileAccessError(message(where, "this is a folder, not an image", hint=hint))
    if not os.path.exists(path):
        raise FileAccessError(message(where, "there is no such file"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # remarks on odd but readable files
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                image = ImageOps.exif_transpose(file)
                image.load()
    except PermissionError as error:
        raise FileAccessError(message(where, f"it cannot be read ({error.strerror})")) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise FileFormatError(
            message(where, "the image has too many pixels", hint="Scale it down.")
        ) from error
    except Exception as error:  # a decoder raises whatever a damaged file leads it into
        raise FileFormatError(
            message(where, "this is no image that can be read, or it is damaged")
        ) from error
    if image.mode.startswith(("I", "F")):  # 16 bits a pixel, or floats: convert("L") would cut them at 255
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0.0, neginf=0.0)
        white = 65535.0 if image.mode.startswith("I") else max(float(values.max()), 1e-30)
        return Image.fromarray((255 * values / white).clip(0, 255).round().astype(np.uint8))
    return image


def load_image(
    path: str | os.PathLike[str],
    image_size: tuple[int, int] | None = None,
    color_mode: str = "rgb",
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
) -> np.ndarray:
    """Load an image file as an array, as Keras' `image_dataset_from_directory` does.

    Parameters
    ----------
    path : the file.
    image_size : (height, width) in pixels; None leaves the size as it is.
    color_mode : "grayscale" (1 channel), "rgb" (3) or "rgba" (4). A transparent image loses its alpha
        channel in the first two, a grey one gets three equal channels in "rgb".
    interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio : as in `resize`.

    Returns
    -------
    ndarray : (height, width, channels), float32, from 0 to 255.

    Raises
    ------
    ArgumentError : for an unknown colour mode, or what `resize` refuses.
    FileAccessError, FileFormatError : as `open_image`.

    Notes
    -----
    Keras leaves photos as the camera held them; here they are turned upright, as every viewer shows them.

    Examples
    --------
    >>> from PIL import Image
    >>> Image.new("L", (9, 6), 51).save("grey.png")
    >>> x = load_image("grey.png", (2, 3))
    >>> x.shape, x.max()
    ((2, 3, 3), np.float32(51.0))
    """
    if color_mode not in COLOR_MODES:
        expected, got = " or ".join(map(repr, COLOR_MODES)), repr(color_mode)
        raise ArgumentError(message("load_image", "there is no such color_mode", expected=expected, got=got))
    image = open_image(path)
    pixels = np.asarray(_as_mode(image, COLOR_MODES[color_mode]))
    x = pixels.reshape(*pixels.shape[:2], -1)  # (h, w) or (h, w, c) -> (h, w, c)
    if image_size is None:
        return x.astype(np.float32)
    size = check_size(image_size, "load_image")
    return resize(x, size, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio)


def _as_mode(image: Image, mode: str) -> Image:
    """Convert to the channels that are asked for; a palette goes by its colours first."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns when a palette with transparent colours loses them
    return image if image.mode == mode else image.convert(mode)
