"""Drawing with matplotlib: learning curves and grids of images.

This is the only file that imports matplotlib. It builds Figures without pyplot, so it needs no
display and leaves no state behind; a notebook shows a returned Figure by itself.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import ArgumentError, ShapeError, message
from .checks import (
    check_images,
    class_names_for,
    displayable,
    one_per_image,
    series_of,
)

__all__ = ["Picture", "image_grid", "learning_curve", "misclassified", "range_test"]

WIDTH = 9.0  # inches: 900 pixels in a notebook, 1,350 in a file
_DPI_SCREEN, _DPI_FILE = 100, 150
_INK, _FAINT = "#222222", "#d9d9d9"
# Two colours of Okabe and Ito's palette, told apart under every kind of colour blindness.
_COLOURS = {"train": "#0072B2", "validation": "#D55E00"}

PathLike = str | os.PathLike[str]


class Picture(Figure):
    """A Figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_DPI_SCREEN)
        return buffer.getvalue()


def learning_curve(
    history: Mapping[str, Sequence[float]],
    path: PathLike | None = None,
    title: str = "Learning curve",
) -> Figure:
    """Draw loss and metrics over the epochs, training beside validation.

    Parameters
    ----------
    history : one value an epoch for "loss", for each metric, and for "val_" + name if there was
        validation, as `History.history` holds them. Values that are not finite leave a gap.
    path : where to write the picture; its ending picks the format (.png, .pdf, .svg).
    title : the line above it.

    Returns
    -------
    Figure : one panel for the loss, then one for each metric, two in a row.

    Raises
    ------
    ArgumentError : when there is no loss, or the series are not equally long lists of numbers.

    Examples
    --------
    >>> figure = learning_curve({"loss": [0.9, 0.4], "val_loss": [0.8, 0.5]})
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['loss']
    """
    series = series_of(history)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in series))
    columns = min(len(names), 2)
    rows = math.ceil(len(names) / columns)
    figure = Picture(figsize=(WIDTH, 3.3 * rows + 0.4), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=14, fontweight="bold")
    for axes, name in zip(figure.subplots(rows, columns, squeeze=False).flat, names, strict=False):
        _draw_panel(axes, name, series)
    for axes in figure.axes[len(names) :]:
        axes.remove()
    return _saved(figure, path)


def range_test(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestion: float | None = None,
    path: PathLike | None = None,
) -> Figure:
    """Draw the loss over the learning rate of a `callbacks.LearningRateRangeTest`, its suggestion marked.

    >>> range_test([0.001, 0.01, 0.1], [2.3, 1.9, 2.5], 0.01).axes[0].get_xscale()
    'log'
    """
    if not len(rates) or len(rates) != len(losses):
        expected, got = "as many losses as rates, and at least one", f"{len(rates)} and {len(losses)}"
        raise ArgumentError(message("range_test", "nothing to draw", expected=expected, got=got))
    figure = Picture(figsize=(WIDTH, 3.4), layout="constrained")
    figure.suptitle("Learning-rate range test", x=0.01, ha="left", color=_INK, fontsize=14, fontweight="bold")
    axes = figure.subplots()
    axes.plot(rates, losses, color=_COLOURS["train"], linewidth=2)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate", color=_INK)
    axes.set_title("loss", loc="left", color=_INK)
    axes.grid(axis="y", color=_FAINT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if suggestion is not None:
        axes.axvline(suggestion, color=_COLOURS["validation"], linestyle="--")
        words = f" falls fastest at {suggestion:.1e}"
        axes.annotate(words, (suggestion, max(losses)), color=_COLOURS["validation"], va="top")
    return _saved(figure, path)


def image_grid(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    path: PathLike | None = None,
    columns: int = 6,
    title: str = "",
) -> Figure:
    """Draw images side by side, each under its own caption.

    Parameters
    ----------
    images : (n, h, w), (n, h, w, 1) grey or (n, h, w, 3) colour. uint8 is drawn from 0 to 255,
        anything else from the smallest to the largest value of all images.
    titles : n captions.
    path : where to write the picture.
    columns : images in a row.
    title : the line above all.

    Returns
    -------
    Figure

    Raises
    ------
    ShapeError : when `images` are not images, or there are not as many titles.

    Examples
    --------
    >>> figure = image_grid(np.eye(8).reshape(1, 8, 8), ["a diagonal"])
    >>> figure.axes[0].get_title()
    'a diagonal'
    """
    where = "visualize.plot.image_grid"
    shown = displayable(images, where)
    n = len(shown)
    if titles is not None and len(titles) != n:
        raise ShapeError(
            message(where, "titles do not match images", expected=f"{n} titles", got=len(titles))
        )
    if columns < 1:
        raise ArgumentError(message(where, "no columns", expected="at least 1", got=columns))
    if n == 0:
        return _sentence("No images.", path)
    lines = max(1 + caption.count("\n") for caption in titles) if titles else 0
    rows = math.ceil(n / columns)
    cell = WIDTH / columns
    aspect = shown.shape[1] / shown.shape[2]
    height = rows * (cell * 0.92 * aspect + 0.19 * lines + 0.08) + (0.45 if title else 0.1)
    figure = Picture(figsize=(WIDTH, height), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=13, fontweight="bold")
    for i, axes in enumerate(figure.subplots(rows, columns, squeeze=False).ravel()):
        axes.set_axis_off()
        if i < n:
            axes.imshow(shown[i], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axes.set_title(titles[i] if titles else "", fontsize=9, color=_INK, pad=3)
    return _saved(figure, path)


def misclassified(
    images: np.ndarray,
    labels: Sequence[int] | np.ndarray,
    predictions: Sequence[int] | np.ndarray,
    confidences: Sequence[float] | np.ndarray | None = None,
    path: PathLike | None = None,
    class_names: Sequence[str] | None = None,
    limit: int = 36,
) -> Figure:
    """Draw the images a network got wrong, the most confident ones first.

    Parameters
    ----------
    images : (n, h, w), (n, h, w, 1) or (n, h, w, 3), all images that were classified.
    labels, predictions : (n,) class numbers.
    confidences : (n,) probability of the predicted class; without it the order is the images'.
    path : where to write the picture.
    class_names : the name of each class, in place of its number.
    limit : how many to draw at most.

    Returns
    -------
    Figure : the grid; a sentence where nothing is wrong.

    Raises
    ------
    ShapeError : when the arrays do not go together.
    ArgumentError : for a class without a name, or a limit below 1.

    Examples
    --------
    >>> figure = misclassified(np.zeros((2, 4, 4)), [4, 1], [9, 1], confidences=[0.97, 0.8])
    >>> figure.axes[0].get_title()
    'true 4, got 9 (97 %)'
    """
    where = "visualize.plot.misclassified"
    images = check_images(images, where)
    y, p = (one_per_image(a, len(images), where) for a in (labels, predictions))
    names = class_names_for(class_names, y, p, where)
    if limit < 1:
        raise ArgumentError(message(where, "limit is too small", expected="at least 1", got=limit))
    wrong = np.flatnonzero(y != p)
    if len(wrong) == 0:
        text = f"All {len(y):,} images are classified correctly." if len(y) else "No images."
        return _sentence(text, path)
    percent = [""] * len(y)
    order = ""
    if confidences is not None:
        sure = one_per_image(confidences, len(images), where)
        wrong = wrong[np.argsort(-sure[wrong], kind="stable")]
        percent = [f" ({100 * c:.0f} %)" for c in sure]
        order = ", the most confident first"
    title = f"{len(wrong):,} of {len(y):,} wrong{order}"
    if len(wrong) > limit:
        title += f"; {limit} shown"
    wrong = wrong[:limit]
    captions = [f"true {names[y[i]]}, got {names[p[i]]}{percent[i]}" for i in wrong]
    if max(map(len, captions)) > 22:  # too wide for one of six columns
        captions = [caption.replace(", got ", "\ngot ", 1) for caption in captions]
    return image_grid(images[wrong], captions, path, title=title)


def _draw_panel(axes: Axes, name: str, series: Mapping[str, np.ndarray]) -> None:
    """Draw one metric, each line named at its end where the reader's eye arrives."""
    lines = {"train": series.get(name), "validation": series.get(f"val_{name}")}
    drawn = {who: line for who, line in lines.items() if line is not None}
    epochs = np.arange(1, len(series["loss"]) + 1)
    share = "accuracy" in name
    for who, line in drawn.items():
        marker = "o" if len(epochs) <= 30 else None
        axes.plot(epochs, line, color=_COLOURS[who], lw=2, marker=marker, ms=4.5, clip_on=False)
    axes.set_title(name.replace("_", " "), loc="left", fontsize=12, color=_INK)
    axes.set_xlabel("epoch", fontsize=11, color=_INK)
    axes.set_xticks(_epoch_ticks(len(epochs)))
    axes.set_xlim(min(1, len(epochs) - 1), len(epochs))  # a single epoch stands at the right end
    axes.grid(axis="y", color=_FAINT, lw=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(labelsize=10, length=0, colors=_INK)
    if share:
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g} %")
    _name_ends(axes, drawn, share)


def _name_ends(axes: Axes, drawn: Mapping[str, np.ndarray], share: bool) -> None:
    """Write the last value right of each line, and of two lines the names, never overlapping."""
    bottom, top = axes.get_ylim()
    ends = []
    for who, line in drawn.items():
        finite = line[np.isfinite(line)]
        if finite.size:
            ends.append([(finite[-1] - bottom) / (top - bottom), finite[-1], who])
    if not ends:
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", color=_INK)
        axes.set_yticks([])
    ends.sort()
    if len(ends) == 2 and ends[1][0] - ends[0][0] < 0.15:
        middle = (ends[0][0] + ends[1][0]) / 2
        ends[0][0], ends[1][0] = middle - 0.075, middle + 0.075
    lift = max(0.0, 0.09 - ends[0][0]) if ends else 0.0  # clear of the last epoch's number below the axis
    for height, value, who in ends:
        number = f"{100 * value:.1f} %" if share else f"{value:.3g}"
        axes.annotate(
            f"{who}\n{number}" if len(drawn) == 2 else number,
            (1, height + lift),
            xytext=(8, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=_COLOURS[who],
            fontsize=10,
            linespacing=1.1,
        )


def _epoch_ticks(epochs: int) -> list[int]:
    """Return every epoch up to 12, else 1 and at most 12 round numbers.

    >>> _epoch_ticks(3), _epoch_ticks(20), _epoch_ticks(130)
    ([1, 2, 3], [1, 5, 10, 15, 20], [1, 50, 100])
    """
    step = 1
    while epochs > 12 * step:
        step *= 5 if str(step)[0] == "1" else 2
    return sorted({1, *range(step, epochs + 1, step)})


def _sentence(text: str, path: PathLike | None) -> Figure:
    """Return a picture of one sentence."""
    figure = Picture(figsize=(WIDTH, 1.6))
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=14, color=_INK)
    return _saved(figure, path)


def _saved(figure: Figure, path: PathLike | None) -> Figure:
    if path is not None:
        figure.savefig(path, dpi=_DPI_FILE)
    return figure
