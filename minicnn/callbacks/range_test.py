"""A learning-rate range test: one sweep from small to large rates shows where learning begins and breaks.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks" (2015), section 3.3.
"""

from __future__ import annotations

import math
from typing import Any

from ..checks import number, whole
from ..errors import ArgumentError, message
from .base import Callback, Logs

__all__ = ["LearningRateRangeTest"]

_SMOOTHING = 0.8  # share of the mean so far that a new loss leaves
_FEW = 5  # points at either end that no suggestion is made from


class LearningRateRangeTest(Callback):
    """Raise the learning rate from step to step, note the loss, and put the model back as it was.

    Step i of `steps` has the rate ``minimum·(maximum / minimum)^(i / (steps − 1))``. The test ends after
    `steps`, where the smoothed loss exceeds `stop_factor` times its best, or is no number; then training
    ends, and weights, optimizer and rate are what they were.

    After it: `rates`, `losses` (smoothed, one for each rate), and `suggestion`, the rate at which the
    smoothed loss falls fastest over the logarithm of the rate, before it first rises by a third; None where
    it never falls.

    >>> from minicnn import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> test = LearningRateRangeTest(1e-4, 1.0, steps=20)
    >>> history = model.fit([[1.0, 2.0]] * 20, [[3.0]] * 20, batch_size=1, verbose=0, callbacks=[test])
    >>> len(test.rates) <= 20 and model.optimizer.learning_rate
    0.01
    """

    def __init__(
        self, minimum: float = 1e-7, maximum: float = 10.0, steps: int = 100, stop_factor: float = 4.0
    ) -> None:
        where = "LearningRateRangeTest"
        self.minimum, self.maximum = number(minimum, "minimum", where), number(maximum, "maximum", where)
        if not 0 < self.minimum < self.maximum:
            expected, got = "0 < minimum < maximum", f"{minimum} and {maximum}"
            raise ArgumentError(message(where, "the range of rates", expected=expected, got=got))
        self.steps = whole(steps, "steps", where, 3 * _FEW)
        self.stop_factor = number(stop_factor, "stop_factor", where, 1)
        self.rates: list[float] = []
        self.losses: list[float] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        model, optimizer = self.model, self.model.optimizer
        if not isinstance(optimizer.get_config()["learning_rate"], float | int):
            hint = "Compile with a number for the test."
            raise ArgumentError(message("LearningRateRangeTest", "the rate follows a schedule", hint=hint))
        batches = (self.params.get("steps") or math.inf) * self.params.get("epochs", 1)
        if batches < self.steps:
            hint = "Give fit more epochs, or the test fewer steps."
            where, problem = "LearningRateRangeTest", "the training has too few batches for its steps"
            raise ArgumentError(message(where, problem, expected=self.steps, got=batches, hint=hint))
        self.rates, self.losses, self._mean = [], [], 0.0
        self._weights, self._rate = model.get_weights(), optimizer.learning_rate
        self._iterations = optimizer.iterations
        state = optimizer.state_arrays(model.trainable_weights)
        self._state = {name: array.copy() for name, array in state.items()}

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if len(self.rates) < self.steps:
            share = len(self.rates) / (self.steps - 1)
            self.model.optimizer.learning_rate = self.minimum * (self.maximum / self.minimum) ** share
            self.model.reset_metrics()  # the loss of this batch alone

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = float((logs or {})["loss"])
        self._mean = _SMOOTHING * self._mean + (1 - _SMOOTHING) * loss
        smoothed = self._mean / (1 - _SMOOTHING ** (len(self.losses) + 1))  # as if it had begun at the first
        if math.isfinite(smoothed):
            self.rates.append(self.model.optimizer.learning_rate)
            self.losses.append(smoothed)
        broken = not math.isfinite(smoothed) or smoothed > self.stop_factor * min(self.losses)
        if broken or len(self.rates) == self.steps:
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        self.model.set_weights(self._weights)
        optimizer.learning_rate, optimizer.iterations = self._rate, self._iterations
        weights = self.model.trainable_weights
        for name, array in optimizer.state_arrays(weights).items():
            array[...] = self._state.get(name, optimizer.initial)

    @property
    def suggestion(self) -> float | None:
        """The rate at which the smoothed loss falls fastest."""
        slopes, lowest = {}, math.inf
        for i in range(_FEW, len(self.rates) - _FEW):
            lowest = min(lowest, self.losses[i])
            if self.losses[i] > 4 / 3 * lowest:
                break
            slopes[i] = self.losses[i + 1] - self.losses[i - 1]
        best = min(slopes, key=lambda i: slopes[i], default=None)
        return None if best is None or slopes[best] >= 0 else self.rates[best]

    def plot(self, path: Any = None) -> Any:
        """Draw the loss over the rate; with `path`, save it as a picture."""
        from ..visualize.plot import range_test  # upward on purpose: a convenience

        return range_test(self.rates, self.losses, self.suggestion, path=path)
