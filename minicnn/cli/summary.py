"""``minicnn summary``: show what is in a network's file."""

from __future__ import annotations

from typing import Any

from ..models import load_model
from ..models.summary import readable_size
from .options import ModelFile
from .terminal import console

EXAMPLE = "Example: minicnn summary demo/model.safetensors"
_WIDTH = 78


def summary(model: ModelFile) -> None:
    """Print the layers of the network in the file MODEL, its input and output, and how it was trained."""
    network = load_model(model)
    width = min(console().width, _WIDTH)
    network.summary(line_length=width)
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
    names = [item if isinstance(item, str) else item.name for item in network._metric_arguments]
    rate = f"learning rate {step.learning_rate:g}"
    return {
        "Optimizer": f"{type(step).__name__}, {rate}, {step.iterations:,} steps so far",
        "Loss": network.loss.name if network.loss else "none",
        "Metrics": ", ".join(names) or "none",
    }
