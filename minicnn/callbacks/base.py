"""The base of all callbacks: what `fit`, `evaluate` and `predict` call around their epochs and batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ArgumentError, message

__all__ = ["Callback", "CallbackList", "Logs"]

Logs = Mapping[str, float]


class Callback:
    """Base: override what you need. `model` and `params` (epochs, steps, verbose) are set by `fit`.

    Epochs and batches are counted from 0. `logs` maps names to values; during an epoch they are means so
    far, computed when somebody reads them. A callback that remembers something over several epochs gives
    it in `get_state` and takes it in `set_state`: so a training that was interrupted goes on as if it
    never had been.
    """

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Say whose training this is."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Say how many epochs and steps there will be."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this callback: numbers, strings, lists, dicts and NumPy arrays."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `get_state` gave."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch; also when training was interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch; `logs` has the epoch's loss, metrics and their ``val_`` twins."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of training."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of training; `logs` has the means over the epoch so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, also the validation after an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After an evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of an evaluation; `logs` has the means so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of a prediction; ``logs["outputs"]`` has what the model gave."""


class CallbackList:
    """Calls the same method of several callbacks."""

    def __init__(self, callbacks: Sequence[Callback], model: Any, params: Mapping[str, Any]) -> None:
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                got, hint = repr(callback), "Derive it from minicnn.callbacks.Callback and pass an object."
                raise ArgumentError(
                    message("callbacks", "not a callback", expected="a Callback", got=got, hint=hint)
                )
            callback.set_model(model)
            callback.set_params(params)

    def call(self, method: str, *args: Any) -> None:
        """``callback.method(*args)`` for each."""
        for callback in self.callbacks:
            getattr(callback, method)(*args)
