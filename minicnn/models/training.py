"""compile, fit, evaluate, predict: one training loop for every model."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from .. import callbacks as cb
from .. import random
from ..autograd import Tensor
from ..callbacks.progress import values_text
from ..context import no_grad
from ..errors import ArgumentError, message
from . import arguments
from .batches import Source, is_iterable_of_batches, pack, source
from .checkpoint import Checkpoints
from .checkpoint import resume as resume_from
from .fitting import Fit
from .steps import Steps
from .structure import leaves, map_leaves, unpack

__all__ = ["Trainer"]


class Trainer(Steps):
    """Training methods; `minicnn.models.Model` mixes them in.

    x, y and sample_weight are arrays, or for several inputs or outputs lists, or dicts by their names.
    Instead of arrays, x may be a generator or another iterable of batches (x, y) or (x, y, sample_weight),
    or a data set that gives its batches by number (`utils.PyDataset`).
    """

    stop_training = False
    _epochs_seen = 0
    _fit: Fit | None = None
    history: cb.History

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[cb.Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        checkpoint: Any = None,
        checkpoint_every: int | None = None,
        resume: Any = None,
    ) -> cb.History:
        """Train, epoch after epoch.

        Parameters
        ----------
        x, y : samples and targets, equally many; or batches, see the class.
        batch_size : samples per step, 32 if not given (the last batch of an epoch may be smaller).
        verbose : 0 silent, 1 (or "auto") bar and a line per epoch, 2 only the line.
        validation_split : share of samples at the end that are kept for validation, unshuffled.
        validation_data : (x, y), (x, y, sample_weight) or batches to validate on.
        shuffle : draw a new order of the samples (of the batches of a data set) every epoch; it depends on
            the seed and the epoch alone. Iterables keep their order.
        class_weight : {class: factor of the loss of its samples}.
        sample_weight : factor of the loss of each sample.
        initial_epoch : number of the first epoch, to go on with an earlier training.
        steps_per_epoch, validation_steps : batches to use; with fewer than there are, the next epoch goes
            on with the others. An endless generator needs them.
        validation_batch_size : that of training if not given.
        validation_freq : validate after every n-th epoch, or after those in a list, counted from 1.
        checkpoint : ``.safetensors`` file for the state of the training, written after every epoch,
            after every `checkpoint_every` steps, and on Ctrl-C.
        resume : such a file, to go on with an interrupted training: with the same arguments it ends bit
            for bit as if it had not been interrupted. The epoch it was in is not begun a second time.

        Returns
        -------
        History : ``.history`` maps "loss", metrics and their "val_" twins to a value per epoch.
        """
        where = f"fit of {self.where}"
        self._check_compiled("fit")
        first = arguments.first_epoch(initial_epoch, epochs, self.where)
        if not isinstance(shuffle, bool | np.bool_):
            raise ArgumentError(message(where, "shuffle", expected="True or False", got=repr(shuffle)))
        arguments.is_due(0, validation_freq, where)
        data, held_out = (x, y, sample_weight), validation_data
        if held_out is None:
            data, held_out = self._split(data, validation_split, where)
        training = self._source(data, where, batch_size, steps_per_epoch, bool(shuffle))
        if class_weight is not None:
            training.class_weight = arguments.class_weights(class_weight, where)
        size = batch_size if validation_batch_size is None else validation_batch_size
        validation = self._validation(held_out, size, validation_steps)
        level = arguments.verbosity(verbose, self.where)
        params = {"epochs": epochs, "steps": training.steps, "verbose": level}
        history, bar = cb.History(), [cb.ProgressBar()] if level else []
        calls = self._calls(callbacks, params, where, bar, [history])  # the history keeps what others log
        if level and random.seed_was_drawn() and resume is None:  # resume takes up another
            seed = random.get_seed()
            print(f"Seed {seed} was drawn; utils.set_random_seed({seed}) repeats it.")
        self.stop_training, self.history = False, history
        wanted = checkpoint is not None or checkpoint_every is not None
        saved = Checkpoints(checkpoint, checkpoint_every, where) if wanted else None
        fit = Fit(self, training, validation, calls, history, first, epochs, validation_freq, saved)
        if resume is not None:
            resume_from(fit, resume)
            params["resumed_epoch"] = fit.epoch if fit.step else None
        self._run(fit)
        return history

    def _run(self, fit: Fit) -> None:
        self._fit = fit
        try:
            with nullcontext() if fit.checkpoints is None else fit.checkpoints.listening():
                fit.run()
        finally:
            self._fit = None

    def _source(self, data: Any, where: str, size: Any, steps: Any, shuffle: bool = False) -> Source:
        names = self._names("input_names")
        return source(*data, where=where, names=names, batch_size=size, steps=steps, shuffle=shuffle)

    def _split(self, data: Any, share: Any, where: str) -> tuple[Any, Any]:
        if not is_iterable_of_batches(data[0]):
            x, y, sample_weight = data
            checked = arguments.samples(x, y, sample_weight, where, self._names("input_names"))
            return arguments.split(checked, share, where)
        if share:
            hint = "Pass validation_data."
            raise ArgumentError(message(where, "validation_split needs arrays", got=type(data[0]), hint=hint))
        return data, None

    def _validation(self, data: Any, size: Any, steps: Any) -> Source | None:
        if data is None:
            if steps is not None:
                problem = "validation_steps without validation data"
                raise ArgumentError(message(f"fit of {self.where}", problem, hint="Pass validation_data."))
            return None
        where = f"validation in fit of {self.where}"
        if is_iterable_of_batches(data):
            return self._source((data,), where, None, steps)
        if not isinstance(data, list | tuple) or len(data) not in (2, 3):
            got = type(data).__name__
            expected, hint = "a pair (x, y)", "A triple (x, y, sample_weight) or batches will do, too."
            raise ArgumentError(
                message(f"fit of {self.where}", "validation_data", expected=expected, got=got, hint=hint)
            )
        return self._source(unpack(data), where, size, steps)

    def _calls(
        self,
        given: Any,
        params: Any,
        where: str,
        first: Sequence[cb.Callback] = (),
        last: Sequence[cb.Callback] = (),
    ) -> cb.CallbackList:
        if not isinstance(given, list | tuple | None):
            raise ArgumentError(message(where, "callbacks", expected="a list", got=repr(given)))
        return cb.CallbackList([*first, *(given or []), *last], self, params)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[cb.Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on test data: the loss alone, [loss, metrics …], or with `return_dict` a dict."""
        where = f"evaluate of {self.where}"
        self._check_compiled("evaluate")
        data = self._source((x, y, sample_weight), where, batch_size, steps)
        level = arguments.verbosity(verbose, self.where)
        params = {"epochs": 1, "steps": data.steps, "verbose": level}
        values = self._evaluate(data, self._calls(callbacks, params, where))
        if level:
            print(values_text(values))
        return self._as_keras(values, return_dict)

    def _evaluate(self, data: Source, calls: cb.CallbackList) -> dict[str, Any]:
        """The logs of one pass over the data; the numbers of a fit in progress stay untouched."""
        if self._fit is not None:
            with self._counting_apart():
                return self._evaluate_now(data, calls)
        return self._evaluate_now(data, calls)

    def _evaluate_now(self, data: Source, calls: cb.CallbackList) -> dict[str, Any]:
        calls.call("on_test_begin")
        self.reset_metrics()
        logs: Any = {}
        with no_grad():
            for step, batch in enumerate(data.batches(0)):
                calls.call("on_test_batch_begin", step)
                logs = self.test_step(batch)
                calls.call("on_test_batch_end", step, logs)
        if not logs:
            raise ArgumentError(message(data.where, "there is no batch"))
        values = dict(logs)
        calls.call("on_test_end", values)
        return values

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = 0,
        steps: int | None = None,
        callbacks: Sequence[cb.Callback] | None = None,
    ) -> Any:
        """Outputs for many samples, computed batch by batch, as NumPy arrays: one, a list or a dict."""
        where = f"predict of {self.where}"
        data = self._source((x,), where, batch_size, steps)
        level = arguments.verbosity(verbose, self.where)
        calls = self._calls(callbacks, {"epochs": 1, "steps": data.steps, "verbose": level}, where)
        if level:
            n = getattr(data, "samples", None)
            print(f"{self.where}: predicting" + ("" if n is None else f" {n} samples"))
        calls.call("on_predict_begin")
        parts = []
        for step, batch in enumerate(data.batches(0)):
            calls.call("on_predict_batch_begin", step)
            parts.append(self._predicted(batch))
            calls.call("on_predict_batch_end", step, {"outputs": parts[-1]})
        if not parts:
            raise ArgumentError(message(where, "there is no batch"))
        calls.call("on_predict_end")
        rows = zip(*map(leaves, parts), strict=True)
        joined = iter([np.concatenate(row) for row in rows])
        return map_leaves(lambda *_: next(joined), parts[0], "")

    def _predicted(self, batch: Any) -> Any:
        with no_grad():
            y_pred = self.predict_step(batch)
        return map_leaves(lambda value, _: value.numpy() if isinstance(value, Tensor) else value, y_pred, "")

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on one batch; returns its own loss and metrics, as `evaluate` does."""
        batch = self._one_batch("train_on_batch", x, y, sample_weight, class_weight)
        self.reset_metrics()
        return self._as_keras(self._run_train_step(batch), return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Loss and metrics of one batch, as `evaluate` returns them."""
        batch = self._one_batch("test_on_batch", x, y, sample_weight)
        self.reset_metrics()
        with no_grad():
            return self._as_keras(self.test_step(batch), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch, as `predict` returns them."""
        where = f"predict_on_batch of {self.where}"
        return self._predicted(pack(arguments.samples(x, None, None, where, self._names("input_names"))[0]))

    def _one_batch(self, method: str, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Any:
        self._check_compiled(method)
        where = f"{method} of {self.where}"
        size = len(next(leaves(arguments.samples(x, None, None, where)[0])))
        data = self._source((x, y, sample_weight), where, size, None)
        if class_weight is not None:
            data.class_weight = arguments.class_weights(class_weight, where)
        return next(data.batches(0))
