"""Pictures: what is drawn (read back from the Figure), what is written, and what is refused."""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn.errors import ArgumentError, ShapeError
from minicnn.visualize import plot

HISTORY = {
    "loss": [0.9, 0.4, 0.2],
    "accuracy": [0.6, 0.8, 0.9],
    "val_loss": [0.8, 0.5, 0.45],
    "val_accuracy": [0.7, 0.75, 0.8],
}


def panel_titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def captions(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_images()]


def heading(figure):
    return figure.get_suptitle()


# learning curves


def test_loss_left_accuracy_right():
    figure = plot.learning_curve(HISTORY, title="three epochs")
    assert panel_titles(figure) == ["loss", "accuracy"]
    assert heading(figure) == "three epochs"
    assert figure.axes[0].get_position().x1 <= figure.axes[1].get_position().x0
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        train, validation = axes.get_lines()
        assert list(train.get_xdata()) == list(validation.get_xdata()) == [1, 2, 3]
        assert list(train.get_ydata()) == HISTORY[name]
        assert list(validation.get_ydata()) == HISTORY[f"val_{name}"]
        assert train.get_color() != validation.get_color()
        assert list(axes.get_xticks()) == [1, 2, 3]


def test_lines_are_named_at_their_end():
    loss, accuracy = plot.learning_curve(HISTORY).axes
    assert [text.get_text() for text in loss.texts] == ["train\n0.2", "validation\n0.45"]
    assert [text.get_text() for text in accuracy.texts] == [
        "validation\n80.0 %",
        "train\n90.0 %",
    ]


def test_names_of_close_lines_do_not_overlap():
    figure = plot.learning_curve({"loss": [1.0, 0.31], "val_loss": [0.9, 0.30]})
    figure.savefig(io.BytesIO())  # lays the figure out
    lower, upper = (text.get_window_extent() for text in figure.axes[0].texts)
    assert lower.y1 <= upper.y0


def test_without_validation_and_without_accuracy():
    figure = plot.learning_curve({"loss": [0.5]})
    assert panel_titles(figure) == ["loss"]
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.5"]
    figure = plot.learning_curve({"learning_rate": [0.1], "val_loss": [2.0], "loss": [0.5]})
    assert panel_titles(figure) == ["loss", "learning rate"]


def test_values_that_are_not_finite_leave_a_gap():
    history = {"loss": [1.0, math.nan, math.inf, 0.5], "accuracy": [math.nan] * 4}
    loss, accuracy = plot.learning_curve(history).axes
    assert np.isnan(loss.get_lines()[0].get_ydata()).tolist() == [False, True, True, False]
    assert [text.get_text() for text in accuracy.texts] == ["no finite value"]
    assert history["loss"][2] == math.inf


@pytest.mark.parametrize("epochs", [1, 2, 12, 13, 60, 61, 1000, 12345])
def test_epoch_ticks(epochs):
    axes = plot.learning_curve({"loss": np.linspace(1, 0.1, epochs)}).axes[0]
    ticks = list(axes.get_xticks())
    assert ticks[0] == 1 and ticks[-1] <= epochs and len(ticks) <= 13
    assert all(tick == int(tick) for tick in ticks)


BAD_HISTORIES = {
    "no loss": (
        {"accuracy": [1.0]},
        r"history has no loss\. Expected a dict .* got \['accuracy'\]",
    ),
    "no dict": ([0.1, 0.2], "history has no loss.* got list"),
    "empty": ({"loss": []}, "'loss' is no series"),
    "text": ({"loss": ["high"]}, "'loss' is no series"),
    "nested": ({"loss": [[1.0, 2.0]]}, "'loss' is no series"),
    "lengths": ({"val_loss": [1.0, 2.0], "loss": [1.0]}, "'val_loss' has another length.*got 2"),
}


@pytest.mark.parametrize("case", BAD_HISTORIES)
def test_bad_histories(case):
    history, text = BAD_HISTORIES[case]
    with pytest.raises(ArgumentError, match=text):
        plot.learning_curve(history)


# files and notebooks


def test_the_file_is_readable_at_900_pixels(tmp_path):
    plot.learning_curve(HISTORY, tmp_path / "curve.png")
    plot.misclassified(np.zeros((3, 8, 8)), [0, 1, 2], [1, 1, 1], path=str(tmp_path / "wrong.png"))
    for name in ("curve.png", "wrong.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width == 1350
            assert np.asarray(picture.convert("L")).std() > 1  # something is drawn


def test_a_notebook_shows_the_figure():
    with Image.open(io.BytesIO(plot.learning_curve(HISTORY)._repr_png_())) as picture:
        assert picture.format == "PNG" and picture.width == 900


def test_no_pyplot_and_no_display():
    code = (
        "import sys; from minicnn import visualize; assert 'matplotlib' not in sys.modules;"
        "figure = visualize.plot.learning_curve({'loss': [1.0]}); figure._repr_png_();"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=root)


# wrong examples


def test_wrong_examples_most_confident_first():
    images = np.arange(5)[:, None, None] * np.ones((5, 4, 4))
    figure = plot.misclassified(images, [4, 1, 7, 3, 2], [9, 1, 2, 5, 2], [0.7, 0.9, 0.968, 0.7, 1.0])
    assert captions(figure) == [
        "true 7, got 2 (97 %)",
        "true 4, got 9 (70 %)",
        "true 3, got 5 (70 %)",
    ]
    assert heading(figure) == "3 of 5 wrong, the most confident first"
    # images 2, 0, 3, from the smallest (0) to the largest (3) of those shown
    shown = [axes.get_images()[0].get_array()[0, 0] for axes in figure.axes if axes.get_images()]
    np.testing.assert_allclose(shown, [2 / 3, 0, 1])


def test_without_confidences_in_the_images_order_with_names():
    figure = plot.misclassified(
        np.zeros((3, 4, 4, 1), np.uint8), [0, 1, 1], [1, 1, 0], class_names=["cat", "dog"]
    )
    assert captions(figure) == ["true cat, got dog", "true dog, got cat"]
    assert heading(figure) == "2 of 3 wrong"


def test_long_names_take_two_lines_and_the_limit_holds():
    names = ["automobile", "airplane"]
    figure = plot.misclassified(
        np.zeros((50, 4, 4, 3)), [0] * 50, [1] * 50, [0.5] * 50, class_names=names, limit=7
    )
    assert captions(figure) == ["true automobile\ngot airplane (50 %)"] * 7
    assert heading(figure) == "50 of 50 wrong, the most confident first; 7 shown"


def test_none_wrong_is_a_sentence():
    figure = plot.misclassified(np.zeros((2, 4, 4)), [3, 1], [3, 1])
    assert [text.get_text() for text in figure.texts] == ["All 2 images are classified correctly."]
    assert figure.axes == []


IMAGES = np.zeros((2, 4, 4))
BAD_EXAMPLES = {
    "images": (ShapeError, (IMAGES[0], [1], [2]), r"no images.*got \(4, 4\)"),
    "channels": (ShapeError, (np.zeros((2, 4, 4, 2)), [1, 2], [2, 1]), "no images"),
    "text": (ArgumentError, (np.full((2, 4, 4), "x"), [1, 2], [2, 1]), "Expected numbers"),
    "labels": (ShapeError, (IMAGES, [1], [2, 1]), r"Expected shape \(2,\), got \(1,\)"),
    "probabilities": (ShapeError, (IMAGES, [1, 0], np.eye(2)), r"give p.argmax\(axis=-1\)"),
    "confidences": (ShapeError, (IMAGES, [1, 0], [0, 0], [0.5]), r"Expected shape \(2,\)"),
    "fractions": (ArgumentError, (IMAGES, [1, 0], [0.5, 0.5]), "not whole numbers.*got float64"),
    "names": (
        ArgumentError,
        (IMAGES, [1, 0], [2, 0], None, None, ["a", "b"]),
        "a class has no name. Expected classes from 0 to 1.* got 0 to 2",
    ),
    "limit": (ArgumentError, (IMAGES, [1, 0], [0, 0], None, None, None, 0), "limit is too small"),
}


@pytest.mark.parametrize("case", BAD_EXAMPLES)
def test_bad_examples(case):
    error, arguments, text = BAD_EXAMPLES[case]
    with pytest.raises(error, match=text):
        plot.misclassified(*arguments)


# grids


def test_grid_of_colour_images():
    images = np.zeros((3, 2, 2, 3), np.uint8)
    images[1, 0, 0] = [255, 51, 0]
    figure = plot.image_grid(images, columns=2)
    drawn = [axes for axes in figure.axes if axes.get_images()]
    assert len(drawn) == 3
    np.testing.assert_allclose(drawn[1].get_images()[0].get_array()[0, 0], [1, 0.2, 0])


def test_grid_takes_values_that_are_not_finite_and_constant_images(tmp_path):
    images = np.array([[[np.nan, 2.0]], [[np.inf, 2.0]]])
    plot.image_grid(images, ["a", "b"], tmp_path / "grid.png")
    assert (tmp_path / "grid.png").stat().st_size > 0


def test_bad_grids():
    with pytest.raises(ShapeError, match="Expected 2 titles, got 1"):
        plot.image_grid(IMAGES, ["a"])
    with pytest.raises(ArgumentError, match="Expected at least 1, got 0"):
        plot.image_grid(IMAGES, columns=0)
    assert plot.image_grid(IMAGES[:0]).texts[0].get_text() == "No images."
