"""The files that a training leaves in its output folder."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileAccessError, message
from .score import Score

__all__ = ["FILES", "files", "prepare", "write"]

FILES = {
    "model.safetensors": "the trained network",
    "learning_curve.png": "loss and accuracy after every epoch",
    "misclassified.png": "the test images it gets wrong",
    "history.json": "these numbers and all settings",
    "digit.png": "an enlarged test image for predict",
}
_DIGITS = ("mnist", "mnist_subset")
_ENLARGED = 10


def files(dataset: str) -> dict[str, str]:
    """What is written for a data set: `FILES`, where only a digit is called one.

    >>> list(files("cifar10"))[-1], list(files("mnist"))[-1]
    ('image.png', 'digit.png')
    """
    names = {"digit.png": "digit.png" if dataset in _DIGITS else "image.png"}
    return {names.get(name, name): what for name, what in FILES.items()}


def prepare(folder: Path, where: str) -> None:
    """Make the folder and see that files can be written there; before the training, not after it."""
    hint = "Choose another folder with --save."
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        for name in FILES:
            if (folder / name).exists():
                (folder / name).open("r+b").close()
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        problem = f"the results cannot be written to '{folder}' ({reason})"
        raise FileAccessError(message(where, problem, hint=hint)) from error


def write(
    folder: Path,
    model: Any,
    history: Mapping[str, list[float]],
    settings: Mapping[str, Any],
    result: Score,
    images: np.ndarray,
    class_names: Sequence[str],
) -> None:
    """Write all of `files`, the network first; `images` are those that `result` is about."""
    from PIL import Image

    from ..visualize import plot

    model.save(folder / "model.safetensors")
    content = dict(settings) | {
        "test_accuracy": result.accuracy,
        "test_loss": result.loss,
        "history": {name: list(values) for name, values in history.items()},
    }
    text = json.dumps(_valid_json(content), indent=2, allow_nan=False)
    (folder / "history.json").write_text(text + "\n", encoding="utf-8")
    title = f"{settings['model']} on {settings['dataset']}, seed {settings['seed']}"
    plot.learning_curve(history, folder / "learning_curve.png", title)
    curves = (result.labels, result.predictions, result.confidences)
    plot.misclassified(images, *curves, path=folder / "misclassified.png", class_names=class_names)
    example = 255 - images[0] if settings["dataset"] in _DIGITS else images[0]  # a digit as on paper
    enlarged = example.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)  # (h, w) -> (10·h, 10·w)
    Image.fromarray(enlarged).save(folder / list(files(settings["dataset"]))[-1])


def _valid_json(value: Any) -> Any:
    """Replace numbers that are not finite, which JSON cannot hold, by None.

    >>> _valid_json({"loss": [0.5, math.nan]})
    {'loss': [0.5, None]}
    """
    if isinstance(value, dict):
        return {key: _valid_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_valid_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
