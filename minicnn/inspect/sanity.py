"""Is this model worth training? The checks one does by hand before a long run, with the answers in words.

The list is Andrej Karpathy's, "A recipe for training neural networks" (2019): look at the data, compare the
first loss with that of guessing, overfit a few samples, check gradients, look for what is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import losses, optimizers
from ..context import no_grad
from ..errors import ArgumentError, MinicnnError, message
from ..models import arguments
from . import trial
from .gradcheck import gradcheck

__all__ = ["Check", "Sanity", "sanity"]

_SAMPLES = 20  # to be learned by heart
_LARGE = 30.0  # of inputs: standardised values stay below 10, pixels do not
_LEARNED = 0.5  # of the loss of guessing, is what must be left of it
_NORMALIZING = {"Rescaling", "Normalization", "BatchNormalization", "LayerNormalization", "Embedding"}
_WRONG = {"wrong gradient", "input changed", "needs ignored", "backward failed", "not finite"}
_GUESSES = (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy)


@dataclass(frozen=True)
class Check:
    """One question: its name, whether the answer is as it should be, and the answer."""

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, repr=False)
class Sanity:
    """The result of `sanity`: true when all is well, and printing it says what was found."""

    where: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check is."""
        return all(check.ok for check in self.checks)

    @property
    def problems(self) -> tuple[Check, ...]:
        """The checks that found something."""
        return tuple(check for check in self.checks if not check.ok)

    def __getitem__(self, name: str) -> Check:
        return next(check for check in self.checks if check.name == name)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        found = (
            "nothing wrong found" if self.ok else f"{len(self.problems)} of {len(self.checks)} checks fail"
        )
        lines = (f"  {'ok   ' if c.ok else 'WRONG'}  {c.name}: {c.message}" for c in self.checks)
        return "\n".join([f"{self.where}: {found}.", *lines])


def sanity(model: Any, x: Any, y: Any) -> Sanity:
    """Check a compiled model with its data before training it; afterwards it is as it was, bit for bit.

    Looks at the inputs, the targets, whether loss and last activation fit, the loss beside that of guessing
    (ln k for a cross-entropy of k classes, else the best constant), whether 20 samples can be learned by
    heart and the optimizer gets anywhere, the gradients in float64, and weights that get no gradient.

    >>> from minicnn import Sequential, layers
    >>> model = Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> x = np.arange(120.0).reshape(30, 4) % 7 - 3
    >>> model.sanity(255 * x, np.arange(30) % 3).ok
    False
    """
    model._check_compiled("sanity", loss=True)
    where = f"sanity of {model.where}"
    x, y = arguments.arrays(x, y, where)
    if not isinstance(model.loss, losses.Loss):
        raise ArgumentError(message(where, "it takes one loss", got=f"{len(model.loss)} losses"))
    if not model.built:
        model(x[:1])
    with trial.untouched(model), np.errstate(all="ignore"):
        return Sanity(model.where, tuple(_Checks(model, x, y).run()))


class _Checks:
    """The checks of one model; each returns None where it is well, or what is wrong."""

    def __init__(self, model: Any, x: np.ndarray, y: np.ndarray) -> None:
        self.model, self.y_all = model, y
        few = np.unique(np.linspace(0, len(x) - 1, min(len(x), 200)).astype(int))
        self.x_all, self.x, self.y = x, x[few], y[few]
        count = min(_SAMPLES, len(x), max(2, model.count_params() // 8))
        some = np.unique(np.linspace(0, len(x) - 1, count).astype(int))
        self.x_some, self.y_some = x[some], y[some]

    def run(self) -> list[Check]:
        """All of them; those that run the model only if it runs at all."""
        found = [self._ask("inputs", self._inputs), self._ask("targets", self._targets)]
        try:
            self.loss, prediction = trial.total_loss(self.model, self.x, self.y, training=False)
        except MinicnnError as error:
            return [*found, Check("run", False, str(error))]
        self.prediction = prediction
        questions = {
            "loss and output": self._fit_of_loss,
            "first loss": self._first_loss,
            "gradients": self._gradients,
            "optimizer": self._optimizer,
            "learning by heart": self._by_heart,
            "dead weights": self._dead,
        }
        return found + [self._ask(name, question) for name, question in questions.items()]

    @staticmethod
    def _ask(name: str, question: Callable[[], tuple[bool, str]]) -> Check:
        return Check(name, *question())

    def _inputs(self) -> tuple[bool, str]:
        x = self.x_all.astype(np.float64)
        low, high = float(x.min()), float(x.max())
        spread = f"values from {low:.4g} to {high:.4g}"
        if not np.isfinite(x).all():
            return False, "some values are not finite numbers."
        if low == high:
            return False, f"every value is {low:.4g}; there is nothing to learn from."
        if max(-low, high) > _LARGE and not self._normalizes():
            return False, f"{spread}. Scale them to about -1 … 1, for pixels x / 255."
        return True, f"{spread}."

    def _normalizes(self) -> bool:
        for layer in self.model._walk():
            if type(layer).__name__ in _NORMALIZING:
                return True
            if layer._own:
                return False
        return False

    def _classes(self) -> np.ndarray | None:
        """Class indices, where the loss is about classes."""
        if isinstance(self.model.loss, losses.SparseCategoricalCrossentropy):
            return self.y_all.reshape(len(self.y_all), -1)
        if isinstance(self.model.loss, losses.CategoricalCrossentropy) and self.y_all.ndim > 1:
            return self.y_all.argmax(axis=-1)
        return None

    def _targets(self) -> tuple[bool, str]:
        y, classes = self.y_all, self._classes()
        if y.dtype.kind == "f" and not np.isfinite(y).all():
            return False, "some are not finite numbers."
        if len(y) > 1 and (y == y[0]).all():
            return False, "all are the same; there is nothing to learn."
        if classes is None:
            return True, f"values from {y.min():.4g} to {y.max():.4g}."
        with no_grad():
            k = int(self.model(self.x[:1], training=False).shape[-1])
        low, high = int(classes.min()), int(classes.max())
        found = f"classes {low} to {high} for {k} outputs"
        if high >= k or low < 0 or (low > 0 and high == k - 1 and len(y) >= 5 * k):
            shifted = (
                "they seem to be shifted by one; subtract 1." if low == 1 else "they must be 0 to k − 1."
            )
            return False, f"{found}: {shifted}"
        return True, f"{found}."

    def _fit_of_loss(self) -> tuple[bool, str]:
        mistake = losses.logits_mistake(self.model.loss, self.prediction)
        return (True, "they fit.") if mistake is None else (False, mistake)

    def _guess(self, y: np.ndarray) -> float:
        """The loss of the best prediction that is the same for all samples."""
        if isinstance(self.model.loss, _GUESSES):
            return float(np.log(self.prediction.shape[-1]))
        if isinstance(self.model.loss, losses.BinaryCrossentropy):
            return float(np.log(2))
        shape = (len(y), *self.prediction.shape[1:])
        if y.size != np.prod(shape):  # a loss of the user's own, which alone knows what its targets are
            return trial.value(self.model, self.x, self.y)
        target = y.reshape(shape)
        centres = (np.mean(target, axis=0), np.median(target, axis=0))
        constants = (np.broadcast_to(c, shape).astype(self.prediction.dtype) for c in centres)
        return min(float(np.mean(self.model.loss(y, constant).numpy())) for constant in constants)

    def _first_loss(self) -> tuple[bool, str]:
        loss, guess = trial.value(self.model, self.x, self.y), self._guess(self.y)
        classes = isinstance(self.model.loss, (*_GUESSES, losses.BinaryCrossentropy))
        found = f"{loss:.4g}; guessing gives {guess:.4g}"
        if not np.isfinite(loss):
            return False, "it is not a finite number."
        if loss > (3 * guess + 1 if classes else 1000 * guess + 1000):
            return False, f"{found}. The first outputs are far too large: scale inputs, targets or weights."
        return True, f"{found}."

    def _gradients(self) -> tuple[bool, str]:
        few = [self.x[:2].astype(np.float64)]
        checks = [gradcheck(self.model, few)] if self.model.trainable_weights else []
        p = self.prediction.numpy()[:2]
        checks.append(gradcheck(lambda p: self.model.loss(self.y[:2], p), [p.astype(np.float64)]))
        for check in checks:
            if check.verdict in _WRONG:
                return False, check.message
        return True, "backward agrees with differences in float64."

    def _optimizer(self) -> tuple[bool, str]:
        with trial.untouched(self.model):
            before = trial.value(self.model, self.x_some, self.y_some)
            after = trial.train(self.model, trial.copied(self.model.optimizer), self.x_some, self.y_some, 30)
        rate = self.model.optimizer.learning_rate
        found = f"30 steps on {len(self.x_some)} samples take the loss from {before:.4g} to {after:.4g}"
        if not after < before:
            return False, f"{found}. The learning rate is {rate}: too large, or 0."
        return True, f"{found}."

    def _by_heart(self) -> tuple[bool, str]:
        y, n = self.y_some, len(self.x_some)
        if (y == y[0]).all():
            return True, "not tried, as the samples have one target."
        guess, best = self._guess(y), np.inf
        for rate in (0.01, 0.001):
            with trial.untouched(self.model):
                own = optimizers.Adam(rate)
                best = np.nanmin([best, trial.train(self.model, own, self.x_some, y, 300, _LEARNED * guess)])
            if best <= _LEARNED * guess:
                return True, f"the loss of {n} samples falls to {best:.4g}; guessing gives {guess:.4g}."
        hint = "Something between input and loss is wrong, or the model is too small."
        return False, f"the loss of {n} samples stays at {best:.4g}; guessing gives {guess:.4g}. {hint}"

    def _dead(self) -> tuple[bool, str]:
        """Weights whose gradient is 0 at the start, and still is after a few steps."""
        with trial.untouched(self.model):
            zero = {path for path, g in trial.gradients(self.model, self.x, self.y).items() if not g.any()}
            trial.train(self.model, optimizers.Adam(0.001), self.x_some, self.y_some, 3)
            later = trial.gradients(self.model, self.x, self.y)
        dead = [path for path in later if path in zero and not later[path].any()]
        if dead:
            hint = "Look at the activation behind them: a ReLU below 0 passes nothing back."
            return False, f"no gradient reaches {', '.join(dead)}. {hint}"
        return True, "every trainable weight gets a gradient."
