"""``minicnn train``: train a network on a data set, test it, and leave the results in a folder.

The test images are looked at once, after the training. What is watched during the training is
measured on a tenth of the training images, drawn at random and kept out of it. In the last quarter
of the epochs the steps are a tenth as long: full steps would leave the weights wherever the last few
batches happened to push them.
"""

from __future__ import annotations

import math
import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import backend as backends
from .. import datasets, optimizers, random, utils
from ..callbacks import Callback
from ..errors import ArgumentError, message
from ..models import load_model
from . import options as o
from . import results
from .architectures import ARCHITECTURES
from .data import Data, image_shape, load, network_input
from .score import Score, score, score_sentence, table_by_class
from .terminal import check_at_least, check_choice, command_line, console

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["train"]

EXAMPLE = "Example: minicnn train mnist_subset --epochs 12 --seed 0 --save demo"
_WHERE = "minicnn train"
_Pair = tuple[np.ndarray, np.ndarray]
CHECKPOINT = "checkpoint.safetensors"


class _ShortSteps(Callback):
    """A tenth of the learning rate in the last epochs, and the full one again after the training."""

    def __init__(self, learning_rate: float, first_epoch: int) -> None:
        self.learning_rate, self.first_epoch = learning_rate, first_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch >= self.first_epoch:
            self.model.optimizer.learning_rate = self.learning_rate / 10

    def on_train_end(self, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = self.learning_rate


def train(
    dataset: o.Dataset,
    model: o.ModelName = "notes_cnn",
    epochs: o.Epochs = 12,
    batch_size: o.BatchSize = 64,
    optimizer: o.OptimizerName = "adam",
    learning_rate: o.LearningRate = None,
    seed: o.Seed = None,
    validation_split: o.ValidationSplit = 0.1,
    limit: o.Limit = None,
    data_dir: o.DataDir = None,
    image_size: o.ImageSize = None,
    save: o.Save = Path("minicnn-run"),
    backend: o.BackendName = None,
    resume: o.Resume = False,
    quiet: o.Quiet = False,
) -> None:
    """Train a network on DATASET, test it, and write the network and pictures to a folder."""
    drawn = seed is None
    settings: dict[str, Any] = {
        "dataset": dataset,
        "model": model,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "epochs": epochs,
        "seed": secrets.randbits(32) if seed is None else seed,
        "validation_split": validation_split,
        "backend": backend or backends.current_backend(),
    }
    _check(settings, limit)
    check_at_least(image_size, 1, "--image-size", _WHERE)
    shape = None if image_size is None else (image_size, image_size, 3)
    data = load(dataset, data_dir, _WHERE, shape)
    if data.name in datasets.NAMES and image_size is not None:
        problem, hint = f"the images of {data.name} have a size of their own", "Leave --image-size out."
        raise ArgumentError(message(_WHERE, problem, hint=hint))
    x, y = data.train
    data = data._replace(train=(x[:limit], y[:limit]))
    results.prepare(save, _WHERE)
    if resume and not (save / CHECKPOINT).is_file():
        hint = "Leave --resume out to begin a new one."
        raise ArgumentError(message(_WHERE, f"no training was interrupted in '{save}'", hint=hint))
    if not resume:
        (save / CHECKPOINT).unlink(missing_ok=True)
    settings["resume"] = resume
    with backends.use_backend(settings["backend"]):
        _train(data, settings | {"dataset": data.name}, save, console(quiet), drawn)


def _check(settings: dict[str, Any], limit: int | None) -> None:
    """Refuse what cannot work, before anything is done."""
    if not settings["model"].endswith(".safetensors"):
        check_choice(settings["model"], (*ARCHITECTURES, "a .safetensors file"), "model", _WHERE)
    check_choice(settings["optimizer"], optimizers.OPTIMIZERS, "optimizer", _WHERE)
    check_choice(settings["backend"], backends.available_backends(), "backend", _WHERE)
    check_at_least(settings["epochs"], 1, "--epochs", _WHERE)
    check_at_least(settings["batch_size"], 1, "--batch-size", _WHERE)
    check_at_least(limit, 1, "--limit", _WHERE)
    check_at_least(settings["seed"], 0, "--seed", _WHERE)
    share, rate = settings["validation_split"], settings["learning_rate"]
    if not 0 <= share < 1:
        problem = "--validation-split is no share of the training images"
        raise ArgumentError(message(_WHERE, problem, expected="0 or more, below 1", got=share))
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        problem = "--learning-rate cannot be used"
        raise ArgumentError(message(_WHERE, problem, expected="a number above 0", got=rate))


def _train(data: Data, settings: dict[str, Any], folder: Path, out: Console, drawn: bool) -> None:
    """Train, test, write and report."""
    utils.set_random_seed(settings["seed"])
    fitted, held_out = _split(*data.train, settings["validation_split"])
    input_shape = network_input(data.test[0][:1]).shape[1:]
    network = _network(settings["model"], input_shape, len(data.class_names))
    network.compile(_optimizer(settings), "sparse_categorical_crossentropy", metrics=["accuracy"])
    settings |= {
        "learning_rate": network.optimizer.learning_rate,
        "epochs_of_short_steps": settings["epochs"] // 4,
        "parameters": network.count_params(),
        "training_images": len(fitted[0]),
        "validation_images": len(held_out[0]),
        "test_images": len(data.test[0]),
        "class_names": list(data.class_names),
    }
    _print_settings(out, settings, drawn)
    started = time.perf_counter()
    with np.errstate(over="ignore", invalid="ignore"):  # a training that diverges is reported below
        history = _fit(network, fitted, held_out, settings, out.quiet, folder)
        seconds = time.perf_counter() - started
        result = score(network, *data.test, _WHERE)
    results.write(folder, network, history, settings, result, data.test[0], data.class_names)
    if out.quiet:
        print(score_sentence(result))
    if not np.isfinite(history["loss"]).all():
        out.print("\nThe loss is no longer a number. Try a smaller --learning-rate.", style="bold red")
    out.print(f"\nTrained in {seconds:.1f} s.")
    _print_results(out, folder, data, result)


def _network(name: str, input_shape: Any, classes: int) -> Any:
    """A new network of that name, or the one in a file, with its weights, to go on with."""
    if name in ARCHITECTURES:
        return ARCHITECTURES[name](input_shape, classes)
    network = load_model(name, compile=False)
    found, outputs = image_shape(network, _WHERE), network.output_shape[1]
    if found != tuple(input_shape) or outputs != classes:
        problem = f"the network in '{name}' does not fit the data set"
        expected, got = f"images {input_shape}, {classes} classes", f"images {found}, {outputs} classes"
        raise ArgumentError(message(_WHERE, problem, expected=expected, got=got))
    return network


def _split(x: np.ndarray, y: np.ndarray, share: float) -> tuple[_Pair, _Pair]:
    """Images to train on, and a random share of them to validate on.

    Random, because the last images of a data set need not be like the others.
    """
    order = random.permutation(len(x), "validation split", 0)
    kept_out = int(len(x) * share)
    fitted, held_out = np.sort(order[kept_out:]), np.sort(order[:kept_out])
    return (x[fitted], y[fitted]), (x[held_out], y[held_out])


def _optimizer(settings: dict[str, Any]) -> optimizers.Optimizer:
    rate = settings["learning_rate"]
    config = {} if rate is None else {"learning_rate": rate}
    return optimizers.get({"class_name": settings["optimizer"], "config": config})


def _fit(
    network: Any, fitted: _Pair, held_out: _Pair, settings: dict[str, Any], quiet: bool, folder: Path
) -> dict[str, list[float]]:
    """Train, and return the values of every epoch."""
    validation = (network_input(held_out[0]), held_out[1]) if len(held_out[0]) else None
    epochs = settings["epochs"]
    short = _ShortSteps(settings["learning_rate"], epochs - settings["epochs_of_short_steps"])
    try:
        network.fit(
            network_input(fitted[0]),
            fitted[1],
            batch_size=settings["batch_size"],
            epochs=epochs,
            verbose=0 if quiet else 1,
            validation_data=validation,
            callbacks=[short],
            checkpoint=folder / CHECKPOINT,
            resume=folder / CHECKPOINT if settings.pop("resume") else None,
        )
    except KeyboardInterrupt as stop:
        epoch = len(network.history.epoch) + 1
        place = f"stopped by Ctrl-C in epoch {epoch} of {epochs}"
        kept = (folder / CHECKPOINT).exists()
        rest = f". `{_again(settings['seed'])}` goes on" if kept else f", nothing was written to '{folder}'"
        stop.args = (place + rest,)
        raise
    (folder / CHECKPOINT).unlink()
    return network.history.history


def _again(seed: int) -> str:
    """This command with what makes it go on: the same seed, and --resume."""
    words = [word for word in sys.argv[1:] if word != "--resume"]
    if "--seed" not in words and not any(word.startswith("--seed=") for word in words):
        words += ["--seed", str(seed)]
    return shlex.join(["minicnn", *words, "--resume"])


def _print_settings(out: Console, settings: dict[str, Any], drawn: bool) -> None:
    counts = [(settings[f"{kind}_images"], kind) for kind in ("training", "validation", "test")]
    images = ", ".join(f"{count:,} {kind}" for count, kind in counts)
    rate, last = settings["learning_rate"], settings["epochs_of_short_steps"]
    end = "last epoch" if last == 1 else f"last {last} epochs"
    steps = f"learning rate {rate:g}" + (f" ({end}: {rate / 10:g})" if last else "")
    out.print(f"Data      {settings['dataset']}: {images} images")
    out.print(f"Network   {settings['model']}: {settings['parameters']:,} parameters")
    out.print(f"Training  {settings['optimizer']}, batches of {settings['batch_size']}, {steps}")
    out.print(f"Seed      {settings['seed']}{' (drawn; --seed repeats it)' if drawn else ''}\n")


def _print_results(out: Console, folder: Path, data: Data, result: Score) -> None:
    out.print(score_sentence(result), style="bold green")
    out.print(table_by_class(result, data.class_names))
    out.print(f"Written to {folder}/", soft_wrap=True)
    files = results.files(data.name)
    for name, what in files.items():
        out.print(f"  {name:20}{what}")
    network = folder / "model.safetensors"
    out.print("\nTry next")
    for command in (
        command_line("predict", network, folder / list(files)[-1]),
        command_line("evaluate", network, data.name),
        command_line("summary", network),
    ):
        out.print(f"  {command}", soft_wrap=True)
