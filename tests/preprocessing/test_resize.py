"""Resizing: by hand, against plain loops, invariants, and proportions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from minicnn.errors import ArgumentError
from minicnn.preprocessing import INTERPOLATIONS, resize
from tests.tolerances import KERNEL, assert_close

TOLERANCE = KERNEL[np.dtype(np.float32)]


def weight(interpolation: str, d: float) -> float:
    """The weight at distance d, written down once more from the formulas."""
    d = abs(d)
    if interpolation == "bilinear":
        return max(0.0, 1 - d)
    if interpolation == "bicubic":  # Keys with a = -1/2
        if d <= 1:
            return 1.5 * d**3 - 2.5 * d**2 + 1
        return -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0.0
    radius = int(interpolation[-1])
    if d == 0:
        return 1.0
    if d >= radius:
        return 0.0
    return radius * math.sin(math.pi * d) * math.sin(math.pi * d / radius) / (math.pi * d) ** 2


def row(x: list[float], n: int, interpolation: str) -> list[float]:
    """One row resized, one output after the other."""
    m = len(x)
    result = []
    for i in range(n):
        if interpolation == "nearest":
            result.append(x[math.floor((i + 0.5) * m / n)])
            continue
        if interpolation == "area":
            weights = [max(0.0, min(k + 1, (i + 1) * m / n) - max(k, i * m / n)) for k in range(m)]
        else:
            at = (i + 0.5) * m / n - 0.5
            weights = [weight(interpolation, at - k) for k in range(m)]
        result.append(sum(w * v for w, v in zip(weights, x, strict=True)) / sum(weights))
    return result


def looped(image: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    columns = np.apply_along_axis(lambda x: row(list(x), size[0], interpolation), 0, image.astype(float))
    return np.apply_along_axis(lambda x: row(list(x), size[1], interpolation), 1, columns)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("size", [(7, 11), (3, 2), (1, 1), (16, 5), (9, 30)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_against_loops(interpolation, size, dtype):
    image = np.random.default_rng(0).integers(0, 256, (9, 10, 3)).astype(dtype)
    result = resize(image, size, interpolation)
    assert result.shape == (*size, 3) and result.dtype == np.float32
    assert_close(result, looped(image, size, interpolation), TOLERANCE)


def test_by_hand():
    x = np.array([[[0.0], [4.0]]])
    assert resize(x, (1, 4), "nearest")[0, :, 0].tolist() == [0, 0, 4, 4]
    assert resize(x, (1, 1), "bilinear")[0, :, 0].tolist() == [2]
    thin = np.arange(9.0).reshape(1, 9, 1)
    assert resize(thin, (1, 3), "bilinear")[0, :, 0].tolist() == [1, 4, 7], "only the pixels at the point"
    assert resize(np.array([[[0.0], [3.0], [9.0]]]), (1, 2), "area")[0, :, 0].tolist() == [1, 7]


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_what_stays(interpolation):
    image = np.random.default_rng(1).integers(0, 256, (5, 6, 2), dtype=np.uint8)
    before = image.copy()
    np.testing.assert_array_equal(resize(image, (5, 6), interpolation), image)
    flat = np.full((4, 9, 1), 77.0)
    assert_close(resize(flat, (13, 3), interpolation), np.full((13, 3, 1), 77.0), TOLERANCE)
    turned = resize(image[::-1, ::-1], (10, 3), interpolation)[::-1, ::-1]
    if interpolation != "nearest":  # which rounds ties to one side
        assert_close(turned, resize(image, (10, 3), interpolation), TOLERANCE)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(("shape", "size"), [((20, 10), (5, 5)), ((10, 21), (4, 6)), ((7, 7), (9, 3))])
def test_cropping_keeps_the_middle(shape, size):
    image = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    h, w = shape
    kept_h, kept_w = min(h, w * size[0] // size[1]), min(w, h * size[1] // size[0])
    top, left = (h - kept_h) // 2, (w - kept_w) // 2
    expected = resize(image[top : top + kept_h, left : left + kept_w], size)
    np.testing.assert_array_equal(resize(image, size, crop_to_aspect_ratio=True), expected)


def test_padding_keeps_everything():
    image = np.full((20, 10, 3), 50, np.uint8)
    result = resize(image, (8, 8), pad_to_aspect_ratio=True)
    expected = np.zeros((8, 8, 3))
    expected[:, 2:6] = 50
    np.testing.assert_array_equal(result, expected)
    wide = resize(image.swapaxes(0, 1), (8, 8), pad_to_aspect_ratio=True)
    np.testing.assert_array_equal(wide, expected.swapaxes(0, 1))


@pytest.mark.parametrize("keep", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_extreme_proportions(keep):
    for shape in ((1, 3000), (3000, 1)):
        result = resize(np.full((*shape, 1), 9, np.uint8), (4, 5), **{keep: True})
        assert result.shape == (4, 5, 1) and result.max() == 9


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"interpolation": "cubic"},
            "resize: there is no such interpolation. Expected 'bilinear' or 'nearest' or",
        ),
        (
            {"size": (0, 4)},
            r"the image size is unusable. Expected \(height, width\), both at least 1, got \(0, 4\)",
        ),
        ({"size": (4, 4, 3)}, "the image size is unusable"),
        ({"size": "64"}, "the image size is unusable"),
        (
            {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
            "exclude each other. Choose one of them",
        ),
    ],
)
def test_refusals(arguments, text):
    with pytest.raises(ArgumentError, match=text):
        resize(np.zeros((3, 3, 1)), **({"size": (2, 2)} | arguments))
