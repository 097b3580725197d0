"""What the pictures accept, checked and brought into one form; nothing here draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import ArgumentError, ShapeError, message

__all__ = ["check_images", "class_names_for", "displayable", "one_per_image", "series_of"]


def series_of(history: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    """Return the series as float arrays, equally long, with NaN where a value is not finite."""
    where = "visualize.plot.learning_curve"
    if not isinstance(history, Mapping) or "loss" not in history:
        got = sorted(history) if isinstance(history, Mapping) else type(history).__name__
        raise ArgumentError(message(where, "history has no loss", expected="a dict with 'loss'", got=got))
    series: dict[str, np.ndarray] = {}
    for name in ["loss", *(key for key in history if key != "loss")]:
        values = history[name]
        try:
            array = np.array(values, np.float64)  # a copy, since NaN is written into it
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.ndim != 1 or array.size == 0:
            expected = "one number an epoch, at least one"
            raise ArgumentError(message(where, f"'{name}' is no series", expected=expected, got=repr(values)))
        epochs = len(series.get("loss", array))
        if len(array) != epochs:
            expected = f"{epochs} epochs as in 'loss'"
            raise ArgumentError(
                message(where, f"'{name}' has another length", expected=expected, got=len(array))
            )
        array[~np.isfinite(array)] = np.nan
        series[name] = array
    return series


def check_images(images: np.ndarray, where: str) -> np.ndarray:
    """Return the images as an array, unchanged, if that is what they are."""
    x = np.asarray(images)
    channels = x.shape[3] if x.ndim == 4 else 1
    if x.ndim not in (3, 4) or channels not in (1, 3) or 0 in x.shape[1:]:
        expected = "shape (n, h, w), (n, h, w, 1) or (n, h, w, 3)"
        raise ShapeError(message(where, "these are no images", expected=expected, got=x.shape))
    if x.dtype.kind not in "buif":
        expected = "numbers"
        raise ArgumentError(message(where, "these are no images", expected=expected, got=x.dtype))
    return x


def displayable(images: np.ndarray, where: str) -> np.ndarray:
    """Return the images as floats from 0 to 1, of shape (n, h, w) or (n, h, w, 3)."""
    x = check_images(images, where)
    low, high = 0.0, 255.0
    if x.dtype != np.uint8:
        x = x.astype(np.float64)
        finite = x[np.isfinite(x)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    x = (x - low) / (high - low or 1.0)
    return x[..., 0] if x.shape[3:] == (1,) else x  # (n, h, w, 1) -> (n, h, w)


def one_per_image(values: Sequence[float] | np.ndarray, n: int, where: str) -> np.ndarray:
    """One number for each of n images."""
    array = np.asarray(values)
    if array.shape != (n,):
        raise ShapeError(
            message(
                where,
                "labels, predictions and confidences hold one number an image",
                expected=f"shape ({n},)",
                got=array.shape,
                hint="Of class probabilities give p.argmax(axis=-1) and p.max(axis=-1).",
            )
        )
    return array


def class_names_for(
    names: Sequence[str] | None, y: np.ndarray, p: np.ndarray, where: str
) -> Sequence[str] | dict[int, str]:
    """Return what maps a class number to its name."""
    for array in (y, p):
        if array.dtype.kind not in "ui" and array.size:
            problem = "classes are not whole numbers"
            raise ArgumentError(message(where, problem, expected="integers", got=array.dtype))
    used = np.unique(np.concatenate([y, p]))
    if names is None:
        return {int(number): str(number) for number in used}
    if used.size and not 0 <= used[0] <= used[-1] < len(names):
        expected = f"classes from 0 to {len(names) - 1}, as many as class_names"
        got = f"{used[0]} to {used[-1]}"
        raise ArgumentError(message(where, "a class has no name", expected=expected, got=got))
    return names
