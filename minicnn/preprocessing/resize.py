"""Resizing an image, with the sampling points and weights that TensorFlow and Keras use.

An output pixel i of n lies at the input position s = (i + ½)·m/n − ½, and is the weighted mean of the
input pixels around it: y[i] = Σ_k w(s − k)·x[k] / Σ_k w(s − k), over those k that exist. Rows and columns
are done one after the other. Unlike Pillow's filters, these do not widen when an image shrinks.
Source of the cubic: R. G. Keys, "Cubic convolution interpolation for digital image processing", 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..checks import is_integer
from ..errors import ArgumentError, message

__all__ = ["INTERPOLATIONS", "check_interpolation", "check_size", "resize"]


def _triangle(d: np.ndarray) -> np.ndarray:
    return np.maximum(0.0, 1 - d)


def _keys_cubic(d: np.ndarray) -> np.ndarray:
    near = (1.5 * d - 2.5) * d * d + 1
    far = ((-0.5 * d + 2.5) * d - 4) * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda d: np.where(d < radius, np.sinc(d) * np.sinc(d / radius), 0.0)


# The weight of a pixel at distance d from the sampling point, and the distance from which on it is 0.
_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_keys_cubic, 2),
    "lanczos3": (_lanczos(3), 3),
    "lanczos5": (_lanczos(5), 5),
}
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")


def resize(
    image: np.ndarray,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
) -> np.ndarray:
    """Resize one image to (height, width).

    Parameters
    ----------
    image : (h, w, c), of any number type.
    size : (height, width) in pixels.
    interpolation : one of `INTERPOLATIONS`. "area" is the mean over the pixel's share of the input: the
        one to take for shrinking photos a lot.
    crop_to_aspect_ratio : keep the proportions and cut off what is too much, at both ends alike.
    pad_to_aspect_ratio : keep the proportions and fill up with zeros, at both ends alike.

    Returns
    -------
    ndarray : (height, width, c), float32.

    Raises
    ------
    ArgumentError : for an unknown interpolation, a size that is none, or both ways to keep proportions.

    Examples
    --------
    >>> resize(np.array([[[0.0], [4.0]]]), (1, 4))[0, :, 0].tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    check_interpolation(interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio, "resize")
    height, width = check_size(size, "resize")
    h, w = image.shape[:2]
    if crop_to_aspect_ratio:
        kept_h = max(1, min(h, int(w * height / width)))
        kept_w = max(1, min(w, int(h * width / height)))
        top, left = (h - kept_h) // 2, (w - kept_w) // 2
        image = image[top : top + kept_h, left : left + kept_w]
    elif pad_to_aspect_ratio:
        ratio = max(w / width, h / height)
        inner = (max(1, int(h / ratio)), max(1, int(w / ratio)))
        top, left = int((height - h / ratio) / 2), int((width - w / ratio) / 2)
        padded = np.zeros((height, width, image.shape[2]), np.float32)
        padded[top : top + inner[0], left : left + inner[1]] = resize(image, inner, interpolation)
        return padded
    rows = _along_first_axis(image, height, interpolation)  # (h, w, c) -> (height, w, c)
    columns = _along_first_axis(rows.swapaxes(0, 1), width, interpolation)  # -> (width, height, c)
    return np.ascontiguousarray(columns.swapaxes(0, 1))


def check_size(size: int | Sequence[int], where: str) -> tuple[int, int]:
    """(height, width) as given, or twice the same number, in Python's integers.

    >>> check_size(64, "here"), check_size([48, 64], "here")
    ((64, 64), (48, 64))
    """
    pair = (size, size) if is_integer(size) else tuple(size) if isinstance(size, list | tuple) else ()
    if len(pair) != 2 or not all(is_integer(n) and n >= 1 for n in pair):
        expected = "(height, width), both at least 1"
        raise ArgumentError(message(where, "the image size is unusable", expected=expected, got=repr(size)))
    return int(pair[0]), int(pair[1])


def check_interpolation(interpolation: str, crop: bool, pad: bool, where: str) -> None:
    """ArgumentError for an unknown interpolation, or two contradicting ways to keep proportions."""
    if interpolation not in INTERPOLATIONS:
        expected, got = " or ".join(map(repr, INTERPOLATIONS)), repr(interpolation)
        raise ArgumentError(message(where, "there is no such interpolation", expected=expected, got=got))
    if crop and pad:
        problem = "crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other"
        raise ArgumentError(message(where, problem, hint="Choose one of them."))


def _along_first_axis(x: np.ndarray, n: int, interpolation: str) -> np.ndarray:
    """Resize the first axis to n, with the taps of every output pixel added up one after the other."""
    if len(x) == n:
        return x.astype(np.float32)
    indices, weights = _taps(len(x), n, interpolation)
    weights = weights.astype(np.float32)[:, :, None, None]  # (n, taps) -> (n, taps, 1, 1)
    y = weights[:, 0] * x[indices[:, 0]].astype(np.float32)
    for tap in range(1, indices.shape[1]):
        y += weights[:, tap] * x[indices[:, tap]].astype(np.float32)
    return y


def _taps(m: int, n: int, interpolation: str) -> tuple[np.ndarray, np.ndarray]:
    """Which of m input pixels an output pixel takes, and how much of each: both (n, taps)."""
    scale = m / n
    i = np.arange(n)
    if interpolation == "nearest":
        return np.minimum(((i + 0.5) * scale).astype(int), m - 1)[:, None], np.ones((n, 1))
    if interpolation == "area":
        start, end = i * scale, (i + 1) * scale
        k = np.floor(start).astype(int)[:, None] + np.arange(int(np.ceil(scale)) + 1)  # (n, taps)
        weights = np.minimum(k + 1, end[:, None]) - np.maximum(k, start[:, None])
        weights = np.maximum(weights, 0.0)
    else:
        of_distance, radius = _FILTERS[interpolation]
        at = (i + 0.5) * scale - 0.5
        k = np.floor(at).astype(int)[:, None] + np.arange(1 - radius, radius + 1)  # (n, 2·radius)
        weights = of_distance(np.abs(at[:, None] - k))
    weights = np.where((k >= 0) & (k < m), weights, 0.0)
    return k.clip(0, m - 1), weights / weights.sum(axis=1, keepdims=True)
