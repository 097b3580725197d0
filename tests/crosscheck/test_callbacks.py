"""Callbacks driven by made-up epochs: what they decide is what Keras' own decide."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

from minicnn import Sequential, callbacks, layers
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = [
    pytest.mark.crosscheck,
    # Keras on JAX reads arrays in an old way.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


def values(rng: random.Random, epochs: int) -> list[float]:
    """A curve that goes down, stands still and jumps."""
    at, found = 1.0, []
    for _ in range(epochs):
        at += rng.choice([-0.2, -0.05, -0.001, 0.0, 0.0, 0.05, 0.3])
        found.append(round(at, 4))
    return found


class Stub:
    """As much of a model as a callback that watches values needs."""

    def __init__(self, rate: float = 1.0) -> None:
        self.stop_training, self.at, self.optimizer = False, 0, SimpleNamespace(learning_rate=rate)
        self.metrics_names: list[str] = []

    def get_weights(self) -> list[np.ndarray]:
        return [np.array([self.at])]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.at = int(weights[0][0])

    def metric_directions(self) -> dict[str, str]:
        return {"accuracy": "up"}


def drive(callback, model, curve, name) -> tuple:
    """Epochs until the callback ends the training: how many, the rates, the weights that are left."""
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(curve):
        model.at = epoch
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {name: value})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end()
    return len(rates), rates, model.at


def test_early_stopping(keras):
    rng, ended = random.Random(0), 0
    for _ in range(200):
        mode = rng.choice(["min", "max"])
        settings = {
            "monitor": "val_loss",
            "mode": mode,
            "patience": rng.randint(0, 4),
            "min_delta": rng.choice([0, 0.01, 0.1]),
            "baseline": rng.choice([None, 0.5, 0.9, 1.2]),
            "restore_best_weights": rng.random() < 0.5,
            "start_from_epoch": rng.choice([0, 0, 2, 5]),
        }
        curve = values(rng, 15)
        theirs = drive(keras.callbacks.EarlyStopping(**settings), Stub(), curve, "val_loss")
        ours = drive(callbacks.EarlyStopping(**settings), Stub(), curve, "val_loss")
        assert ours == theirs, (settings, curve)
        ended += ours[0] < 15
    assert 50 < ended < 200


def test_reduce_on_plateau(keras):
    rng, reduced = random.Random(1), 0
    for _ in range(200):
        settings = {
            "monitor": "val_loss",
            "mode": rng.choice(["min", "max"]),
            "factor": rng.choice([0.1, 0.5]),
            "patience": rng.randint(0, 3),
            "min_delta": rng.choice([0, 1e-4, 0.1]),
            "cooldown": rng.randint(0, 3),
            "min_lr": rng.choice([0.0, 0.2]),
        }
        curve = values(rng, 15)
        theirs = drive(keras.callbacks.ReduceLROnPlateau(**settings), Stub(), curve, "val_loss")
        ours = drive(callbacks.ReduceLROnPlateau(**settings), Stub(), curve, "val_loss")
        assert_close(np.array(ours[1]), np.array(theirs[1]), CROSSCHECK)
        reduced += ours[1][-1] < 1
    assert reduced > 100


def saved(module, path, curve, settings) -> list[int]:
    """The epochs after which a file is written."""
    model = module.Sequential([module.layers.Input((2,)), module.layers.Dense(1)])
    model.compile("sgd", "mse")
    written = []
    callback = module.callbacks.ModelCheckpoint(str(path), **settings)
    for name in ("save", "save_weights"):
        object.__setattr__(model, name, lambda *args, **kwargs: written.append(epoch))
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(curve):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"val_loss": value})
    return written


def test_model_checkpoint(keras, tmp_path):
    import minicnn

    rng = random.Random(2)
    module = SimpleNamespace(Sequential=Sequential, layers=minicnn.layers, callbacks=callbacks)
    for _ in range(60):
        settings = {
            "monitor": "val_loss",
            "mode": rng.choice(["min", "max"]),
            "save_best_only": rng.random() < 0.7,
            "save_weights_only": rng.random() < 0.5,
            "initial_value_threshold": rng.choice([None, 0.8]),
        }
        ending = ".weights.h5" if settings["save_weights_only"] else ".keras"
        curve = values(rng, 12)
        theirs = saved(keras, tmp_path / f"m{ending}", curve, settings)
        assert saved(module, tmp_path / "m.safetensors", curve, settings) == theirs, (settings, curve)


def fitted(module, made, path):
    """The events and the log file of a short training."""
    events = []

    def note(name):
        return lambda *args, logs=None: events.append(
            (name, *(number for number in args if number in range(9)))
        )

    moments = ("train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end")
    log = {f"on_{name}": note(name) for name in moments}
    model = module.Sequential([module.layers.Input((2,)), module.layers.Dense(1, kernel_initializer="ones")])
    model.compile(made.SGD(0.25), "mse")
    rate = module.callbacks.LearningRateScheduler(lambda epoch, lr: lr * 0.5 if epoch else lr)
    csv = module.callbacks.CSVLogger(str(path), separator=";")
    x = np.arange(12, dtype="float32").reshape(6, 2) / 12
    chosen = [module.callbacks.LambdaCallback(**log), rate, csv]
    history = model.fit(
        x, x[:, :1], batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=chosen
    ).history
    return events, history, path.read_text().splitlines()


def test_order_rates_and_log_file(keras, tmp_path):
    import minicnn

    module = SimpleNamespace(Sequential=Sequential, layers=layers, callbacks=callbacks)
    events, history, lines = fitted(module, minicnn.optimizers, tmp_path / "ours.csv")
    expected, theirs, their_lines = fitted(keras, keras.optimizers, tmp_path / "theirs.csv")
    assert events == expected and len(events) == 2 + 6 + 12
    assert list(history) == list(theirs)
    for name in history:
        assert_close(np.array(history[name]), np.array(theirs[name]), CROSSCHECK)
    assert lines[0] == their_lines[0] and len(lines) == len(their_lines)
    for ours, others in zip(lines[1:], their_lines[1:], strict=True):
        *mine, no_loss, no_rate = ours.split(";")
        *yours, neither, nor = others.split(";")  # columns for a validation that never came
        assert no_loss == no_rate == neither == nor == "NA"
        assert_close(np.array(mine, float), np.array(yours, float), CROSSCHECK)


def test_terminate_on_nan(keras):
    def epochs(module, nan) -> int:
        model = module.Sequential([module.layers.Input((2,)), module.layers.Dense(1)])
        model.compile("sgd", "mse")
        y = np.ones((4, 1), "float32")
        y[2] = np.nan if nan else 1
        callback = module.callbacks.TerminateOnNaN()
        return len(model.fit(np.ones((4, 2)), y, epochs=3, verbose=0, callbacks=[callback]).epoch)

    module = SimpleNamespace(Sequential=Sequential, layers=layers, callbacks=callbacks)
    assert epochs(module, nan=False) == epochs(keras, nan=False) == 3
