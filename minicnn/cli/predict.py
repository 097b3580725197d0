"""``minicnn predict``: ask a saved network what it sees in image files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, message
from ..models import load_model
from .data import image_shape, network_input
from .images import Picture, read_picture
from .options import AsJson, ImageFiles, Invert, ModelFile
from .score import probabilities
from .terminal import console

EXAMPLE = "Example: minicnn predict demo/model.safetensors demo/digit.png"
_WHERE = "minicnn predict"
_TOP = 3
_BAR = 24


def predict(model: ModelFile, images: ImageFiles, invert: Invert = None, as_json: AsJson = False) -> None:
    """Print the three classes that the network in MODEL holds most likely for each IMAGE.

    An image is made grey if the network takes grey images, and scaled to the network's size.
    """
    network = load_model(model)
    shape = image_shape(network, _WHERE)
    pictures = [read_picture(path, shape, invert) for path in images]
    x = network_input(np.stack([picture.pixels for picture in pictures]))
    output = network.predict(x)
    if not np.isfinite(output).all():
        problem, hint = (
            "what the network computes is not a number",
            "Train it with a smaller --learning-rate.",
        )
        raise ArgumentError(message(_WHERE, problem, hint=hint))
    best = [_best(p) for p in probabilities(output)]
    if as_json:
        print(json.dumps([_record(*item) for item in zip(images, pictures, best, strict=True)], indent=2))
        return
    out = console()
    for path, picture, classes in zip(images, pictures, best, strict=True):
        out.print(f"{path}  ({picture})", soft_wrap=True)
        for rank, (number, p) in enumerate(classes):
            line = f"  {number:>3}  {100 * p:5.1f} %  {'█' * round(_BAR * p)}".rstrip()
            out.print(line, style="bold green" if rank == 0 else None)


def _best(p: np.ndarray) -> list[tuple[int, float]]:
    """Return the classes of highest probability, with it.

    >>> _best(np.array([0.25, 0.0, 0.625, 0.125]))
    [(2, 0.625), (0, 0.25), (3, 0.125)]
    """
    order = np.argsort(-p, kind="stable")[:_TOP]
    return [(int(number), float(p[number])) for number in order]


def _record(path: Path, picture: Picture, classes: list[tuple[int, float]]) -> dict[str, Any]:
    return {
        "image": str(path),
        "width": picture.size[0],
        "height": picture.size[1],
        "inverted": picture.inverted,
        "top": [{"class": number, "probability": p} for number, p in classes],
    }
