"""ModelCheckpoint: keep the model, or the best one so far, in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..checks import whole
from ..errors import ArgumentError, message
from .base import Logs
from .monitor import MonitorCallback

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(MonitorCallback):
    """Save the model after every epoch, every `save_freq` batches, or whenever a value has improved.

    The file is a model, or its weights alone. To go on with an interrupted training bit for bit, use
    ``fit(…, checkpoint=path)``, which keeps the state of everything.

    Parameters
    ----------
    filepath : ``.safetensors`` file; may hold ``{epoch:02d}`` (counted from 1), ``{batch}`` and names of
        logs, as in ``"run-{epoch:02d}-{val_loss:.2f}.safetensors"``. Missing folders are made.
    monitor, mode : what to watch with `save_best_only`, see `MonitorCallback`.
    save_best_only : save only what is better than all before.
    save_weights_only : `save_weights` instead of `save`.
    save_freq : "epoch", or a number of batches.
    initial_value_threshold : what the first value must beat.
    verbose : 1 prints what is done.

    >>> ModelCheckpoint("best.safetensors", save_best_only=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, best=initial_value_threshold)
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith(".safetensors"):
            hint = f"Write {os.path.splitext(self.filepath)[0] + '.safetensors'!r}."
            got = repr(self.filepath)
            raise ArgumentError(
                message(self.where, "unknown kind of file", expected=".safetensors", got=got, hint=hint)
            )
        self.save_freq = save_freq if save_freq == "epoch" else whole(save_freq, "save_freq", self.where)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = bool(save_best_only), bool(save_weights_only)
        self._epoch = self._batches = 0

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "_epoch": self._epoch, "_batches": self._batches}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._path(epoch, batch, logs)
        if self.save_best_only and not self._is_best(epoch, logs):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved to {path}")

    def _is_best(self, epoch: int, logs: Logs) -> bool:
        """Whether the value is the best so far; a missing one is, after a warning, as in Keras."""
        current = self.value(logs)
        if current is None:
            return True
        better = self.is_better(current, self.best)
        if self.verbose:
            change = f"{'' if better else 'not '}better than {self.best}"
            print(f"Epoch {epoch + 1}: {self.monitor} {current:.5f} is {change}.")
        if better:
            self.best = current
        return better

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> Path:
        values: dict[str, Any] = dict(logs) | {"epoch": epoch + 1}
        if batch is not None:
            values["batch"] = batch + 1
        try:
            return Path(self.filepath.format(**values))
        except (KeyError, IndexError, ValueError) as error:
            expected, got = f"names among {', '.join(values)}", repr(self.filepath)
            problem = "filepath cannot be filled in"
            text = message(self.where, problem, expected=expected, got=got, hint=f"({error})")
            raise ArgumentError(text) from error
