"""The progress of `fit`: a bar in a terminal, and a line for every epoch."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

from .base import Callback, Logs

__all__ = ["ProgressBar", "values_text"]

_REDRAW = 0.1  # seconds between two readings of the values for the bar


class ProgressBar(Callback):
    """A bar while an epoch runs (in a terminal), and a line when it is done."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        from rich.console import Console

        self._console = Console(file=sys.stdout, highlight=False)
        self._bars = self.params["verbose"] == 1 and self._console.is_terminal
        self._bar: Any = None
        if self.params.get("resumed_epoch") is not None:  # its beginning was before the interruption
            self.on_epoch_begin(self.params["resumed_epoch"])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._started = time.perf_counter()
        if not self._bars:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
        )
        title = TextColumn(f"Epoch {epoch + 1}/{self.params['epochs']}")
        self._bar = Progress(title, *columns, console=self._console, transient=True, auto_refresh=False)
        self._task = self._bar.add_task("", total=self.params["steps"], values="")
        self._drawn = 0.0
        self._bar.start()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        now = time.perf_counter()
        if self._bar is not None and now - self._drawn >= _REDRAW:
            self._drawn = now
            self._bar.update(self._task, completed=batch + 1, values=values_text(logs or {}), refresh=True)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._stop()
        seconds = time.perf_counter() - self._started
        head = f"Epoch {epoch + 1}/{self.params['epochs']}  {seconds:.1f} s"
        self._console.print(f"{head}  {_with_validation(logs or {})}", soft_wrap=True)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _with_validation(logs: Logs) -> str:
    """``loss: 0.0119 (val 0.0574)`` for every value, short enough for a line of 80 characters."""
    parts = []
    for name, value in logs.items():
        if not name.startswith("val_"):
            twin = logs.get(f"val_{name}")
            parts.append(f"{name}: {_shown(value)}" + ("" if twin is None else f" (val {_shown(twin)})"))
    return "  ".join(parts)


def values_text(logs: Logs) -> str:
    """``loss: 0.0119  accuracy: 0.9970``."""
    return "  ".join(f"{name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    """Four decimals; numbers of a metric that has several stand in brackets, in one line."""
    if np.ndim(value) == 0:
        return f"{value:.4f}"
    return np.array2string(np.asarray(value), precision=4, separator=", ", threshold=20).replace("\n", "")
