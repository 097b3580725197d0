"""Callbacks that watch one value from epoch to epoch: stop early, or take smaller steps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from ..checks import is_number, whole
from ..errors import ArgumentError, message
from .base import Callback, Logs

__all__ = ["EarlyStopping", "MonitorCallback", "ReduceLROnPlateau"]


class MonitorCallback(Callback):
    """Base: `monitor` names a value of the logs, `mode` says which direction is better.

    With ``mode="auto"`` losses go down, and metrics where they say. A value is an improvement when it is
    better than the best by more than `min_delta`.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0, best: float | None = None) -> None:
        self.where = type(self).__name__
        if mode not in ("auto", "min", "max"):
            expected = "'auto', 'min' or 'max'"
            raise ArgumentError(message(self.where, "mode", expected=expected, got=repr(mode)))
        if not is_number(min_delta):
            raise ArgumentError(message(self.where, "min_delta", expected="a number", got=repr(min_delta)))
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(float(min_delta))
        self.best = best
        self._resumed = False

    def set_state(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self._resumed = True

    def begins_anew(self) -> bool:
        """Whether a training begins, and not one that was interrupted goes on; asked in on_train_begin."""
        anew, self._resumed = not self._resumed, False
        return anew

    def value(self, logs: Logs | None) -> float | None:
        """The monitored value; None, after a warning, where the logs do not have it."""
        found = (logs or {}).get(self.monitor)
        if found is None:
            hint = f"The logs have {', '.join(logs or {}) or 'nothing'}."
            text = message(self.where, f"there is no value {self.monitor!r} to monitor", hint=hint)
            warnings.warn(text, UserWarning, stacklevel=4)
            return None
        return float(found)

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether a value is an improvement on a reference (None: anything is)."""
        if reference is None:
            return True
        up = self._goes_up()
        return value - self.min_delta > reference if up else value + self.min_delta < reference

    def _goes_up(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        known = {"loss": "down"} | self.model.metric_directions()
        if known.get(name) is None:
            hint = "Pass mode='max' or mode='min'."
            problem = f"it is not known whether {self.monitor!r} should go up or down"
            raise ArgumentError(message(self.where, problem, hint=hint))
        return known[name] == "up"


class EarlyStopping(MonitorCallback):
    """End the training when a value has not improved for `patience` epochs.

    Parameters
    ----------
    monitor, min_delta, mode : what to watch, see `MonitorCallback`.
    patience : epochs without improvement before the end.
    verbose : 1 prints what is done.
    baseline : a value that has to be beaten, too, before the patience starts afresh.
    restore_best_weights : put the weights of the best epoch back at the end.
    start_from_epoch : the first epoch to look at.

    >>> EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = whole(patience, "patience", self.where, 0)
        self.start_from_epoch = whole(start_from_epoch, "start_from_epoch", self.where, 0)
        self.verbose, self.baseline = verbose, baseline
        self.restore_best_weights = bool(restore_best_weights)
        self._start()

    def _start(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: Any = None

    def get_state(self) -> dict[str, Any]:
        names = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")
        return {name: getattr(self, name) for name in names}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.begins_anew():
            self._start()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self.is_better(current, self.best)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        if better:
            self.best, self.best_epoch = current, epoch
            if self.baseline is None or self.is_better(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print(f"The weights of epoch {self.best_epoch + 1}, the best, are put back.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a value has not improved for `patience` epochs.

    Parameters
    ----------
    monitor, min_delta, mode : what to watch, see `MonitorCallback`.
    factor : below 1. min_lr : the smallest learning rate.
    patience : epochs without improvement before a reduction.
    cooldown : epochs after a reduction in which none are counted.
    verbose : 1 prints each reduction.

    >>> ReduceLROnPlateau(factor=0.2, patience=5).factor
    0.2
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not is_number(factor) or not 0 < factor < 1:
            expected = "a number between 0 and 1"
            raise ArgumentError(message(self.where, "factor", expected=expected, got=repr(factor)))
        self.factor, self.min_lr, self.verbose = float(factor), float(min_lr), verbose
        self.patience = whole(patience, "patience", self.where, 0)
        self.cooldown = whole(cooldown, "cooldown", self.where, 0)
        self._start()

    def _start(self) -> None:
        self.wait = self.cooldown_counter = 0
        self.best: float | None = None

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("wait", "cooldown_counter", "best")}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.begins_anew():
            self._start()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if isinstance(logs, dict):
            logs["learning_rate"] = optimizer.learning_rate
        current = self.value(logs)
        if current is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(current, self.best):
            self.best, self.wait = current, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.cooldown_counter, self.wait = self.cooldown, 0
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate becomes {optimizer.learning_rate:g}.")
