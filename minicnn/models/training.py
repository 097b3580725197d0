"""compile, fit, evaluate, predict: one training loop for every model."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from .. import callbacks as cb
from .. import losses, metrics, optimizers, random
from ..autograd import Tensor, grad
from ..checks import whole
from ..context import frame, no_grad
from ..errors import ArgumentError, ShapeError, message
from . import arguments


class _Logs(Mapping[str, float]):
    """The means so far, computed when somebody reads them."""

    def __init__(self, trackers: Sequence[metrics.Metric]) -> None:
        self._trackers = {tracker.name: tracker for tracker in trackers}

    def __getitem__(self, name: str) -> float:
        return self._trackers[name].result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._trackers)

    def __len__(self) -> int:
        return len(self._trackers)


class Trainer:
    """Training methods; `minicnn.models.Model` mixes them in."""

    optimizer: optimizers.Optimizer | None = None
    loss: losses.Loss | None = None
    stop_training = False
    _several_inputs = False
    _metric_arguments: Sequence[Any] = ()
    _metrics: list[metrics.Metric] | None = None
    _epochs_seen = 0
    where: str
    trainable_weights: list[Any]

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, metrics: Sequence[Any] | None = None
    ) -> None:
        """Choose what to train with.

        Parameters
        ----------
        optimizer : name or Optimizer. loss : name, Loss or ``fn(y_true, y_pred)``.
        metrics : names or Metrics to report beside the loss.
        """
        if metrics is not None and not isinstance(metrics, list | tuple):
            hint = f"Write metrics=[{metrics!r}]."
            got = repr(metrics)
            raise ArgumentError(
                message(f"compile of {self.where}", "metrics", expected="a list", got=got, hint=hint)
            )
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self._metric_arguments, self._metrics = list(metrics or []), None
        if self._metric_arguments:
            self._resolve_metrics((None, None))  # refuse an unknown name now, not at the first batch
            self._metrics = None

    def _resolve_metrics(self, output_shape: Any) -> list[metrics.Metric]:
        if self._metrics is None:
            # Copies: training and evaluation must not add up in one and the same Metric.
            own = copy.deepcopy(self._metric_arguments)
            found = [metrics.get(item, self.loss, output_shape) for item in own]
            names = ["loss", *(metric.name for metric in found)]
            if len(set(names)) < len(names):
                raise ArgumentError(message(self.where, "two metrics have one name", got=", ".join(names)))
            self._metrics = [metrics.Mean("loss"), *found]
            _reset(self._metrics)
        return self._metrics

    def _check_compiled(self, method: str) -> tuple[optimizers.Optimizer, losses.Loss]:
        if self.optimizer is None or self.loss is None:
            hint = 'Call compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"]).'
            raise ArgumentError(
                message(f"{method} of {self.where}", "there is no loss or optimizer", hint=hint)
            )
        if self._several_inputs:
            hint = "Call grad() on a loss of your own."
            raise ArgumentError(message(f"{method} of {self.where}", "it takes several inputs", hint=hint))
        return self.optimizer, self.loss

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[cb.Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> cb.History:
        """Train on arrays, epoch after epoch.

        Parameters
        ----------
        x, y : samples and targets, equally many.
        batch_size : samples per step (the last batch of an epoch may be smaller).
        verbose : 0 silent, 1 (or "auto") bar and a line per epoch, 2 only the line.
        validation_split : share of samples at the end that are kept for validation, unshuffled.
        validation_data : (x, y) to validate on after every epoch.
        shuffle : draw a new order every epoch; it depends on the seed and the epoch alone.
        initial_epoch : number of the first epoch, to go on with an earlier training.

        Returns
        -------
        History : ``.history`` maps "loss", metrics and their "val_" twins to a value per epoch.
        """
        self._check_compiled("fit")
        x, y = arguments.arrays(x, y, f"fit of {self.where}")
        x, y, validation_data = arguments.split(x, y, validation_split, validation_data, self.where)
        size = whole(batch_size, "batch_size", self.where)
        first = whole(initial_epoch, "initial_epoch", self.where, 0)
        if first > whole(epochs, "epochs", self.where, 0):
            got = f"epochs={epochs}, initial_epoch={initial_epoch}"
            raise ArgumentError(message(f"fit of {self.where}", "epochs end before they begin", got=got))
        level = arguments.verbosity(verbose, self.where)
        n = len(x)
        params = {"epochs": epochs, "steps": -(-n // size), "verbose": level}
        history, calls = self._callbacks(callbacks, params)
        if level and random.seed_was_drawn():
            print(
                f"Seed {random.get_seed()} was drawn; utils.set_random_seed({random.get_seed()}) repeats it."
            )
        self.stop_training = False
        self.history = history
        with ExitStack() as stack:
            calls.call("on_train_begin")
            stack.callback(calls.call, "on_train_end")
            for epoch in range(first, epochs):
                calls.call("on_epoch_begin", epoch)
                order = random.permutation(n, "shuffle", 0, self._epochs_seen) if shuffle else np.arange(n)
                logs = self._fit_epoch(x, y, order, size, calls)
                self._epochs_seen += 1
                if validation_data is not None:
                    x_val, y_val = validation_data
                    values = self.evaluate(x_val, y_val, batch_size=size, verbose=0, return_dict=True)
                    logs |= {f"val_{name}": value for name, value in values.items()}
                calls.call("on_epoch_end", epoch, logs)
                if self.stop_training:
                    break
        return history

    def _callbacks(self, given: Any, params: dict[str, Any]) -> tuple[cb.History, cb.CallbackList]:
        """A new History, and all callbacks of a training: it, the bar, and those given."""
        if not isinstance(given, list | tuple | None):
            got = repr(given)
            raise ArgumentError(message(f"fit of {self.where}", "callbacks", expected="a list", got=got))
        history, bar = cb.History(), [cb.ProgressBar()] if params["verbose"] else []
        return history, cb.CallbackList([history, *bar, *(given or [])], self, params)

    def _fit_epoch(self, x: Any, y: Any, order: Any, size: int, calls: cb.CallbackList) -> dict[str, float]:
        if self._metrics is not None:
            _reset(self._metrics)
        for batch, start in enumerate(range(0, len(order), size)):
            calls.call("on_train_batch_begin", batch)
            chosen = order[start : start + size]
            trackers = self._train_step(x[chosen], y[chosen])
            calls.call("on_train_batch_end", batch, _Logs(trackers))
        return dict(_Logs(trackers))

    def _train_step(self, x: Any, y: Any) -> list[metrics.Metric]:
        """Forward, backward, update; returns the trackers with this batch counted in."""
        optimizer, loss_of = self._check_compiled("training")
        with frame(), random.at_step(optimizer.iterations):
            prediction = self(x, training=True)  # type: ignore[operator]
            loss = loss_of(y, self._one_output(prediction))
        parameters = self.trainable_weights
        if parameters:
            optimizer.apply(grad(loss, parameters), parameters)
        return self._count(loss, y, prediction)

    def _count(self, loss: Tensor, y: Any, prediction: Tensor) -> list[metrics.Metric]:
        trackers = self._resolve_metrics(prediction.shape)
        trackers[0].add(loss.item(), len(prediction))  # type: ignore[attr-defined]
        for metric in trackers[1:]:
            metric.update_state(y, prediction.numpy())
        return trackers

    def _one_output(self, prediction: Any) -> Tensor:
        if isinstance(prediction, Tensor):
            return prediction
        hint = "Train a Model of one output, or call grad() on a loss of your own."
        raise ArgumentError(message(self.where, "training needs one output", got=len(prediction), hint=hint))

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        verbose: int | str = "auto",
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on test data: the loss alone, [loss, metrics …], or with `return_dict` a dict."""
        _, loss_of = self._check_compiled("evaluate")
        x, y = arguments.arrays(x, y, f"evaluate of {self.where}")
        size = whole(batch_size, "batch_size", self.where)
        level = arguments.verbosity(verbose, self.where)
        own, self._metrics = self._metrics, None  # the numbers of an epoch in progress stay untouched
        try:
            with no_grad():
                for start in range(0, len(x), size):
                    target = y[start : start + size]
                    prediction = self._one_output(self(x[start : start + size], training=False))  # type: ignore[operator]
                    trackers = self._count(loss_of(target, prediction), target, prediction)
        finally:
            self._metrics = own
        values = dict(_Logs(trackers))
        if level:
            print("  ".join(f"{name}: {value:.4f}" for name, value in values.items()))
        return _as_keras(values, return_dict)

    def predict(self, x: Any, batch_size: int = 32, verbose: int | str = 0) -> Any:
        """Outputs for many samples, computed batch by batch, as NumPy arrays."""
        where = f"predict of {self.where}"
        several = isinstance(x, list | tuple) and any(isinstance(item, np.ndarray | Tensor) for item in x)
        inputs = [arguments.array(item, "x", where) for item in (x if several else [x])]
        size, n = whole(batch_size, "batch_size", self.where), len(inputs[0])
        if n == 0:
            raise ArgumentError(message(where, "there is no sample"))
        if any(len(item) != n for item in inputs):
            got = [len(item) for item in inputs]
            raise ShapeError(message(where, "the inputs differ in length", got=got))
        if arguments.verbosity(verbose, self.where):
            print(f"{self.where}: predicting {n} samples")
        parts = []
        with no_grad():
            for start in range(0, n, size):
                batch = [item[start : start + size] for item in inputs]
                result = self(batch if several else batch[0], training=False)  # type: ignore[operator]
                parts.append([t.numpy() for t in result] if isinstance(result, list) else result.numpy())
        if isinstance(parts[0], list):
            return [np.concatenate(part) for part in zip(*parts, strict=True)]
        return np.concatenate(parts)

    def train_on_batch(self, x: Any, y: Any, return_dict: bool = False) -> Any:
        """One training step on one batch; returns its own loss and metrics, as `evaluate` does."""
        self._check_compiled("train_on_batch")
        x, y = arguments.arrays(x, y, f"train_on_batch of {self.where}")
        if self._metrics is not None:
            _reset(self._metrics)
        return _as_keras(dict(_Logs(self._train_step(x, y))), return_dict)


def _reset(trackers: Sequence[metrics.Metric]) -> None:
    for tracker in trackers:
        tracker.reset_state()


def _as_keras(values: dict[str, float], return_dict: bool) -> Any:
    """A dict, one number, or a list: what Keras returns."""
    return values if return_dict else values["loss"] if len(values) == 1 else list(values.values())


__all__ = ["Trainer"]
