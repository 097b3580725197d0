"""A training in progress: its place, and the loop over epochs and steps."""

from __future__ import annotations

import warnings
from typing import Any

from ..callbacks import CallbackList, History
from ..errors import message
from .arguments import is_due
from .batches import Source
from .checkpoint import Checkpoints

__all__ = ["Fit"]


class Fit:
    """What `fit` runs.

    Where it is, and so all that changes from step to step, is in these: `epoch` and `step` (the next to
    run), `first` (the first epoch), the model's weights, ``_epochs_seen``, `stop_training` and metrics
    (the sums of this epoch), the optimizer with its iterations, the callbacks (History among them), and
    the seed of `random`. `run` goes on from there.
    """

    def __init__(
        self,
        model: Any,
        source: Source,
        validation: Source | None,
        calls: CallbackList,
        history: History,
        first: int,
        epochs: int,
        validation_freq: Any = 1,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.model, self.source, self.validation = model, source, validation
        self.calls, self.history = calls, history
        self.first, self.epochs, self.validation_freq = first, epochs, validation_freq
        self.epoch, self.step = first, 0
        self.checkpoints = checkpoints
        self.logs: Any = {}
        self.source.seen = model._epochs_seen

    def run(self) -> None:
        """All epochs that are left."""
        self.calls.call("on_train_begin")
        try:
            while self.epoch < self.epochs and not self.model.stop_training:
                if not self.source.ready():
                    self._warn("the data ran out", f"Training ends after {self.epoch - self.first} epochs.")
                    break
                self.run_epoch()
        finally:
            self.calls.call("on_train_end", dict(self.logs))

    def run_epoch(self) -> None:
        """The steps of this epoch that are left, from `step` on, and what comes after them."""
        model, calls = self.model, self.calls
        if self.step == 0:
            model.reset_metrics()
            calls.call("on_epoch_begin", self.epoch)
            self.logs = {}
        for data in self.source.batches(self.epoch - self.first, self.step):
            calls.call("on_train_batch_begin", self.step)
            self.logs = model._run_train_step(data)
            calls.call("on_train_batch_end", self.step, self.logs)
            self.step += 1
            if self.checkpoints is not None:
                self.checkpoints.after_step(self)
            if model.stop_training:
                break
        self.logs = dict(self.logs)
        model._epochs_seen += 1
        self._validate()
        calls.call("on_epoch_end", self.epoch, self.logs)
        self.epoch, self.step = self.epoch + 1, 0
        if self.checkpoints is not None:
            self.checkpoints.after_epoch(self)

    def _validate(self) -> None:
        if self.validation is None or not is_due(self.epoch, self.validation_freq, self.source.where):
            return
        if not self.validation.ready():
            self._warn("the validation data ran out", "Give validation_steps, or data that can start again.")
            return
        values = self.model._evaluate(self.validation, self.calls)
        self.logs |= {f"val_{name}": value for name, value in values.items()}

    def _warn(self, problem: str, hint: str) -> None:
        warnings.warn(message(self.source.where, problem, hint=hint), UserWarning, stacklevel=4)
