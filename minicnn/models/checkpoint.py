"""Checkpoints: a training that was interrupted ends, once resumed, bit for bit as if it never had been.

A checkpoint is a file as `Model.save` writes it, which `load_model` reads too, and beside it everything
that changes from step to step: where the training is, what its metrics have summed up, what its callbacks
remember, the state of the optimizer and the seed. Which samples a batch holds and which units dropout drops
need not be stored: they depend on the seed, the epoch and the step alone.
"""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .. import random
from ..checks import whole
from ..errors import ArgumentError, FileFormatError, MinicnnError, message
from .files import checked_path, read_file, write_file
from .saving import put_weights, restore_layers, state_description, weight_arrays, whole_description

__all__ = ["Checkpoints", "resume"]


class Checkpoints:
    """Writes the state of a `Fit` to `path` every `every` steps, at the end of every epoch, and on Ctrl-C."""

    def __init__(self, path: Any, every: int | None, where: str) -> None:
        if path is None:
            hint = "Pass checkpoint='run.safetensors', too."
            raise ArgumentError(message(where, "checkpoint_every without a checkpoint", hint=hint))
        self.path = checked_path(path, where)
        self.every = None if every is None else whole(every, "checkpoint_every", where)
        self.interrupted = False

    def after_step(self, fit: Any) -> None:
        """Called when a step is done; the checkpoint says that `fit.step` is the next."""
        done = fit.model.optimizer.iterations
        if self.interrupted or (self.every is not None and done % self.every == 0):
            self._write(fit)

    def after_epoch(self, fit: Any) -> None:
        """Called when an epoch is done, with its validation and callbacks."""
        self._write(fit)

    def _write(self, fit: Any) -> None:
        write_file(self.path, weight_arrays(fit.model), _description(fit))
        if self.interrupted:
            raise KeyboardInterrupt(f"fit(…, resume={str(self.path)!r}) goes on from here")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Inside, a first Ctrl-C waits for the end of the step, a second one does not.

        Python delivers signals to its main thread only; in another, Ctrl-C stays what it was.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _description(fit: Any) -> dict[str, Any]:
    model, optimizer = fit.model, fit.model.optimizer
    trackers = {} if model._objective is None else model._objective.trackers
    training = {
        "place": {
            "epoch": fit.epoch,
            "step": fit.step,
            "first": fit.first,
            "seen": fit.source.seen,
            "epochs_seen": model._epochs_seen,
            "stopped": bool(model.stop_training),
        },
        "logs": dict(fit.logs) if fit.step else {},
        "metrics": {name: metric.get_state() for name, metric in trackers.items()},
        "own_metrics": [metric.get_state() for metric in model.metrics[len(trackers) :]],
        "callbacks": {
            name: state
            for name, callback in _by_name(fit.calls.callbacks).items()
            if (state := callback.get_state())
        },
        "optimizer": {
            "class_name": type(optimizer).__name__,
            "iterations": optimizer.iterations,
            "learning_rate": optimizer.get_config()["learning_rate"],
        },
        "data": {"facts": fit.source.facts(), "state": fit.source.get_state()},
        "seed": [random.get_seed(), random.seed_was_drawn()],
    }
    try:
        description = whole_description(model, "checkpoint")
    except ArgumentError:  # only code says how it computes; the code that resumes will have it
        description = state_description(model)
    return description | {"training": training}


def _by_name(callbacks: Any) -> dict[str, Any]:
    """Callbacks by class and number: "EarlyStopping 1"."""
    counts: Counter[str] = Counter()
    found = {}
    for callback in callbacks:
        name = type(callback).__name__
        counts[name] += 1
        found[f"{name} {counts[name]}"] = callback
    return found


def resume(fit: Any, path: Any) -> None:
    """Put a `Fit` that is about to begin where the checkpoint at `path` says.

    FileAccessError or FileFormatError for a file that is no checkpoint or does not fit the model,
    ArgumentError for data, an optimizer or callbacks other than those of the interrupted training.
    """
    where = f"resume from {str(path)!r}"
    arrays, description = read_file(path)
    training = description.get("training")
    if not isinstance(training, dict):
        hint = "load_model reads it."
        raise FileFormatError(message(where, "it holds a model but no training in progress", hint=hint))
    try:
        _check(fit, training, where)
        restore_layers(fit.model, description["layers"], where)
        put_weights(fit.model, arrays, description, where)
        _restore(fit, training, description["optimizer"], where)
    except MinicnnError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        hint = f"({type(error).__name__}: {error})"
        raise FileFormatError(message(where, "its training state is damaged", hint=hint)) from error


def _check(fit: Any, training: dict[str, Any], where: str) -> None:
    """Refuse a training that is not the one that was interrupted, before anything is changed."""
    facts, own = training["data"]["facts"], fit.source.facts()
    if facts != own:
        problem = "the data or how it is cut into batches is not that of the interrupted training"
        raise ArgumentError(message(where, problem, expected=_listed(facts), got=_listed(own)))
    saved, kind = training["optimizer"]["class_name"], type(fit.model.optimizer).__name__
    if saved != kind:
        problem = "the interrupted training had another optimizer"
        raise ArgumentError(message(where, problem, expected=saved, got=kind))
    missing = [name for name in training["callbacks"] if name not in _by_name(fit.calls.callbacks)]
    if missing:
        problem = f"the interrupted training had the callback {missing[0].split(' ')[0]}"
        hint = "Pass the callbacks it had, in the same order."
        raise ArgumentError(message(where, problem, hint=hint))


def _listed(facts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def _restore(fit: Any, training: dict[str, Any], slots: dict[str, Any], where: str) -> None:
    model, optimizer, place = fit.model, fit.model.optimizer, training["place"]
    optimizer.build(model.trainable_weights)
    if set(optimizer.state_arrays(model.trainable_weights)) != set(slots):
        problem = "the optimizer's state is for other weights, or its settings differ"
        raise ArgumentError(message(where, problem, hint="Freeze and compile the model as it was."))
    optimizer.load_state_arrays(model.trainable_weights, slots)
    optimizer.iterations = training["optimizer"]["iterations"]
    rate = training["optimizer"]["learning_rate"]
    if not isinstance(rate, dict):  # a schedule follows the iterations
        optimizer.learning_rate = rate
    random.restore_seed(*training["seed"])
    fit.source.seen = place["seen"]
    fit.source.set_state(training["data"]["state"])
    fit.epoch, fit.step, fit.first = place["epoch"], place["step"], place["first"]
    fit.logs, model._epochs_seen = dict(training["logs"]), place["epochs_seen"]
    model.stop_training = place["stopped"]
    if model._objective is not None:
        model._objective.set_state(training["metrics"])
    own = model.metrics[len(model.metrics) - len(training["own_metrics"]) :]
    for metric, state in zip(own, training["own_metrics"], strict=True):
        metric.set_state(state)
    callbacks = _by_name(fit.calls.callbacks)
    for name, state in training["callbacks"].items():
        callbacks[name].set_state(state)
