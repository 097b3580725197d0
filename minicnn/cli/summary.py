"""``minicnn summary``: show what is in a network's file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..models import load_model
from ..models.summary import readable_size
from .options import ModelFile
from .terminal import console

EXAMPLE = "Example: minicnn summary demo/model.safetensors"
_WIDTH = 78


def summary(
    model: ModelFile,
    wide: Annotated[bool, typer.Option("--wide", help="With MACs, memory and receptive field.")] = False,
    expand_nested: Annotated[
        bool, typer.Option("--expand-nested", help="With the layers of models inside.")
    ] = False,
    show_trainable: Annotated[
        bool, typer.Option("--show-trainable", help="With a column that says what is trained.")
    ] = False,
) -> None:
    """Print the layers of the network in the file MODEL, its input and output, and how it was trained."""
    network = load_model(model)
    width = min(console().width, _WIDTH + 40 * wide + 12 * show_trainable)
    network.summary(width, None, print, expand_nested, show_trainable, None, wide)
    facts = {
        "Input shape": network.input_shape,
        "Output shape": network.output_shape,
        **_training(network),
        "File": readable_size(model.stat().st_size),
    }
    for name, value in facts.items():
        print(f" {name}: {value}")


def _training(network: Any) -> dict[str, str]:
    """Return what a network was compiled with."""
    step = network.optimizer
    if step is None:
        return {"Optimizer": "none, the network was not compiled"}
    rate = f"learning rate {step.learning_rate:g}"
    return {
        "Optimizer": f"{type(step).__name__}, {rate}, {step.iterations:,} steps so far",
        "Loss": _names(network.loss),
        "Metrics": _names([*_flat(network._metric_arguments), *_flat(network._weighted_arguments)]),
    }


def _names(given: Any) -> str:
    """The names of losses or metrics, as the user gave them."""
    names = [item if isinstance(item, str) else getattr(item, "name", str(item)) for item in _flat(given)]
    return ", ".join(names) or "none"


def _flat(given: Any) -> list[Any]:
    """What is in lists and dicts, however deep."""
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list | tuple):
        return [one for item in given for one in _flat(item)]
    return [] if given is None else [given]
