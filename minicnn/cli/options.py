"""The arguments and options of all commands: their names, and what --help says about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import backend, optimizers
from .architectures import ARCHITECTURES


def _argument(metavar: str, text: str) -> Any:
    return typer.Argument(metavar=metavar, help=text, show_default=False)


def _option(name: str, metavar: str, text: str, *, default: bool = False) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=default)


Dataset = Annotated[
    str,
    _argument(
        "DATASET",
        "A name that minicnn datasets lists, such as mnist_subset (7,000 digits, comes with minicnn), or a "
        "folder with a folder of images for each class.",
    ),
]
ModelFile = Annotated[
    Path, _argument("MODEL", "A network's .safetensors file, from minicnn train or model.save.")
]
ImageFiles = Annotated[list[Path], _argument("IMAGE", "Image files of any kind and size.")]

DataDir = Annotated[
    Path | None,
    _option("--data-dir", "DIR", "Folder with the data set's files; MINICNN_DATA can name it too."),
]
BackendName = Annotated[
    str | None, _option("--backend", "NAME", f"One of {', '.join(backend.available_backends())}.")
]

ModelName = Annotated[
    str,
    _option(
        "--model",
        "NAME",
        f"One of {', '.join(ARCHITECTURES)}, or a .safetensors file to go on with.",
        default=True,
    ),
]
Epochs = Annotated[int, _option("--epochs", "N", "How often every training image is seen.", default=True)]
BatchSize = Annotated[int, _option("--batch-size", "N", "Images per step.", default=True)]
OptimizerName = Annotated[
    str, _option("--optimizer", "NAME", f"One of {', '.join(optimizers.OPTIMIZERS)}.", default=True)
]
LearningRate = Annotated[
    float | None,
    _option(
        "--learning-rate",
        "RATE",
        "Step size, a tenth of it in the last quarter of the epochs; without it, the optimizer's own.",
    ),
]
Seed = Annotated[
    int | None,
    _option("--seed", "N", "The same seed gives the same network; without it, one is drawn."),
]
ValidationSplit = Annotated[
    float,
    _option("--validation-split", "SHARE", "Share of the training images kept for validation.", default=True),
]
Limit = Annotated[
    int | None, _option("--limit", "N", "Use only the first N training images, for a quick try.")
]
ImageSize = Annotated[
    int | None,
    _option("--image-size", "N", "Height and width that the images of a folder get; without it, 64."),
]
Save = Annotated[
    Path,
    _option(
        "--save",
        "DIR",
        "Folder for network and pictures; those of an earlier run are replaced.",
        default=True,
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a training that Ctrl-C or a crash ended in --save.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but the test result.")]

Invert = Annotated[
    bool | None,
    typer.Option(
        "--invert/--no-invert",
        help="Swap dark and light; without either, grey images with a light background are inverted.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
