"""Callbacks of a few lines: functions of your own, a learning rate by epoch, a table in a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..checks import is_number
from ..errors import ArgumentError, FileAccessError, message
from .base import Callback, Logs

__all__ = ["CSVLogger", "LambdaCallback", "LearningRateScheduler"]


class LambdaCallback(Callback):
    """A callback made of functions: ``LambdaCallback(on_epoch_end=lambda epoch, logs: print(logs))``.

    Any method of `Callback` that begins with ``on_`` may be given by name.
    """

    def __init__(self, **functions: Callable[..., Any]) -> None:
        for name, function in functions.items():
            if not name.startswith("on_") or not hasattr(Callback, name):
                known = ", ".join(item for item in dir(Callback) if item.startswith("on_"))
                text = message("LambdaCallback", "no such moment", expected=f"one of {known}", got=name)
                raise ArgumentError(text)
            if not callable(function):
                got = repr(function)
                raise ArgumentError(message("LambdaCallback", name, expected="a function", got=got))
        vars(self).update(functions)


class LearningRateScheduler(Callback):
    """Set the learning rate before every epoch to ``schedule(epoch)`` or ``schedule(epoch, rate)``.

    `schedule` gets the epoch, counted from 0, and the rate in use. `verbose` 1 prints each rate.

    >>> LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch)).schedule(1)
    0.05
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            expected = "a function of the epoch"
            raise ArgumentError(
                message("LearningRateScheduler", "schedule", expected=expected, got=repr(schedule))
            )
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        try:
            rate = self.schedule(epoch, optimizer.learning_rate)
        except TypeError:  # a function of the epoch alone
            rate = self.schedule(epoch)
        if not is_number(rate):
            raise ArgumentError(
                message("LearningRateScheduler", "schedule", expected="a number back", got=repr(rate))
            )
        optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {float(rate):g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if isinstance(logs, dict):
            logs["learning_rate"] = self.model.optimizer.learning_rate


class CSVLogger(Callback):
    """Write the values of every epoch as a row of a table.

    Parameters
    ----------
    filename : the file; its folder must exist.
    separator : between two values.
    append : go on with an existing file instead of replacing it.

    A training that is resumed goes on with the file, without the rows that came after its checkpoint.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        self.filename, self.separator, self.append = Path(os.fspath(filename)), separator, bool(append)
        self._keys: list[str] | None = None
        self._length: int | None = None  # bytes of the file that a resumed training keeps

    def get_state(self) -> dict[str, Any]:
        length = self.filename.stat().st_size if self.filename.exists() else 0
        return {"keys": self._keys, "length": length}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self._keys, self._length = state["keys"], state["length"]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        length, self._length = self._length, None
        try:
            if length is not None:
                os.truncate(self.filename, min(length, self.filename.stat().st_size))
                return
            self._keys = None
            if not self.append:
                self.filename.write_text("")
        except OSError as error:
            raise self._refused(error) from error

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        values = dict(logs or {})
        if self._keys is None:
            self._keys = sorted(values)
            if not any(key.startswith("val_") for key in values):  # room for validation in a later epoch
                self._keys += [f"val_{key}" for key in self._keys]
        try:
            with self.filename.open("a", newline="") as file:
                writer = csv.writer(file, delimiter=self.separator)
                if file.tell() == 0:
                    writer.writerow(["epoch", *self._keys])
                writer.writerow([epoch, *(values.get(key, "NA") for key in self._keys)])
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> FileAccessError:
        problem = f"{self.filename} cannot be written ({error.strerror or error})"
        return FileAccessError(message("CSVLogger", problem))
