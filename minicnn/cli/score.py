"""How good a model is on images it was not trained on: loss, accuracy, and a table by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import losses, no_grad
from ..errors import ArgumentError, message
from .data import image_shape, network_input

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Score", "probabilities", "score", "score_sentence", "table_by_class"]

_BATCH = 250


class Score(NamedTuple):
    """The outcome of a test: one entry an image, and the mean loss (None without a loss)."""

    labels: np.ndarray
    predictions: np.ndarray
    confidences: np.ndarray
    loss: float | None

    @property
    def correct(self) -> int:
        """Number of images classified correctly."""
        return int((self.labels == self.predictions).sum())

    @property
    def accuracy(self) -> float:
        """Share of images classified correctly."""
        return self.correct / len(self.labels)


def score(model: Any, images: np.ndarray, labels: np.ndarray, where: str) -> Score:
    """Test a model on images (n, h, w) or (n, h, w, c) uint8 with their classes (n,)."""
    h, w, c = image_shape(model, where)
    channels = 1 if images.ndim == 3 else images.shape[3]
    classes = model.output_shape[1]
    if (h, w, c) != (*images.shape[1:3], channels):
        problem, got = "the model takes other images than the data set has", f"{w} x {h}, {_channels(c)}"
        expected = f"{images.shape[2]} x {images.shape[1]}, {_channels(channels)}"
        raise ArgumentError(message(where, problem, expected=expected, got=got))
    if labels.max() >= classes:
        problem, expected = "the model has too few outputs", f"at least {labels.max() + 1} classes"
        raise ArgumentError(message(where, problem, expected=expected, got=classes))
    loss_of = model.loss
    sparse = isinstance(loss_of, losses.SparseCategoricalCrossentropy)
    targets = labels if sparse else np.eye(classes, dtype=np.float32)[labels]  # (n,) -> (n, classes)
    x, outputs, loss = network_input(images), [], 0.0
    with no_grad():
        for start in range(0, len(x), _BATCH):
            batch = slice(start, start + _BATCH)
            output = model(x[batch], training=False)
            outputs.append(output.numpy())
            if loss_of is not None:
                loss += loss_of(targets[batch], output).item() * len(x[batch])
    p = probabilities(np.concatenate(outputs))
    return Score(labels, p.argmax(axis=1), p.max(axis=1), loss / len(x) if loss_of else None)


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def probabilities(output: np.ndarray) -> np.ndarray:
    """Return outputs (n, classes) as probabilities: as they are, or through a softmax if they are logits.

    >>> probabilities(np.array([[0.25, 0.75]])), probabilities(np.array([[3.0, 3.0]]))
    (array([[0.25, 0.75]]), array([[0.5, 0.5]]))
    """
    if (output >= 0).all() and np.allclose(output.sum(axis=1), 1, atol=1e-3):
        return output
    e = np.exp(output - output.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def score_sentence(result: Score) -> str:
    """Return accuracy and loss in a sentence."""
    n = len(result.labels)
    loss = "" if result.loss is None else f", loss {result.loss:.4f}"
    return f"Test accuracy {100 * result.accuracy:.1f} % ({result.correct:,} of {n:,} images){loss}."


def table_by_class(result: Score, names: Sequence[str]) -> Table:
    """Return a table with a row for each class: how many, how many right, and what it is taken for."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("class", "images", "correct", "accuracy"):
        table.add_column(title, justify="right")
    table.add_column("most often confused with")
    for label in np.unique(result.labels):
        predictions = result.predictions[result.labels == label]
        n, correct = len(predictions), int((predictions == label).sum())
        cells = (names[label], f"{n:,}", f"{correct:,}", f"{100 * correct / n:.1f} %")
        table.add_row(*cells, _confused_with(predictions, label, names))
    return table


def _confused_with(predictions: np.ndarray, label: int, names: Sequence[str]) -> str:
    """Return the classes that wrong predictions name most often, and how often.

    >>> names = "0123456789"
    >>> _confused_with(np.array([4, 9, 4, 9, 9, 1]), 4, names), _confused_with(np.array([4, 9, 1]), 4, names)
    ('9 (3 times)', '1, 9 (once each)')
    """
    counts = np.bincount(predictions[predictions != label])
    if not counts.any():
        return "-"
    most = counts.max()
    others = [
        names[other] if other < len(names) else str(other)
        for other in np.flatnonzero(counts == most).tolist()
    ]
    times = "once" if most == 1 else f"{most:,} times"
    return f"{', '.join(others)} ({times}{' each' if len(others) > 1 else ''})"
