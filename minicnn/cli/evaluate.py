"""``minicnn evaluate``: test a saved network on the test images of a data set."""

from __future__ import annotations

from ..models import load_model
from .data import image_shape, load
from .options import DataDir, Dataset, ModelFile
from .score import score, score_sentence, table_by_class
from .terminal import console

__all__ = ["evaluate"]

EXAMPLE = "Example: minicnn evaluate demo/model.safetensors mnist_subset"
_WHERE = "minicnn evaluate"


def evaluate(model: ModelFile, dataset: Dataset, data_dir: DataDir = None) -> None:
    """Test the network in the file MODEL on the test images of DATASET."""
    network = load_model(model)
    data = load(dataset, data_dir, _WHERE, image_shape(network, _WHERE))
    result = score(network, *data.test, _WHERE)
    out = console()
    out.print(score_sentence(result), style="bold green")
    out.print(table_by_class(result, data.class_names))
