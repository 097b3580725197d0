"""A training to be killed: `python -m tests.models.resumable FOLDER [options]`, for test_checkpoint.py.

It trains a network with everything that has a state (batch normalization, dropout, momentum, a schedule,
callbacks that count) and writes what came out to FOLDER/result.npz and FOLDER/history.json. With
--wait-at EPOCH STEP it says so and then waits there, to be killed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import minicnn
from minicnn import callbacks, layers


class WaitToBeKilled(callbacks.Callback):
    """Says "waiting" at one batch and waits."""

    def __init__(self, epoch: int, step: int, seconds: float) -> None:
        self.at, self.seconds, self.epoch = (epoch, step), seconds, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.epoch, batch) == self.at:
            print("waiting", flush=True)
            time.sleep(self.seconds)


class Counting(callbacks.Callback):
    """Remembers every batch it saw, in numbers and in an array."""

    def __init__(self) -> None:
        self.batches, self.epochs, self.losses = 0, 0, np.zeros(0)

    def get_state(self) -> dict[str, Any]:
        return {"batches": self.batches, "epochs": self.epochs, "losses": self.losses}

    def set_state(self, state: Any) -> None:
        self.batches, self.epochs, self.losses = state["batches"], state["epochs"], state["losses"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.batches += 1
        self.losses = np.append(self.losses, logs["loss"])


def build() -> Any:
    model = minicnn.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, use_bias=False, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = minicnn.optimizers.Adam(0.01, clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--wait-at", type=int, nargs=2)
    parser.add_argument("--seconds", type=float, default=600)
    arguments = parser.parse_args()
    folder, path = arguments.folder, arguments.folder / "run.safetensors"
    minicnn.utils.set_random_seed(7)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 8, 8, 1)).astype(np.float32), rng.integers(3, size=90)
    model = build()
    counting = Counting()
    used = [
        counting,
        callbacks.ReduceLROnPlateau(factor=0.5, patience=1),
        callbacks.EarlyStopping(patience=4, restore_best_weights=True),
        callbacks.CSVLogger(folder / "log.csv"),
    ]
    if arguments.wait_at:
        used.append(WaitToBeKilled(*arguments.wait_at, arguments.seconds))
    history = model.fit(
        x,
        y,
        batch_size=8,
        epochs=6,
        validation_split=0.2,
        callbacks=used,
        verbose=0,
        checkpoint=path,
        checkpoint_every=arguments.every,
        resume=path if arguments.resume else None,
    )
    arrays = {"prediction": model.predict(x), "losses": counting.losses}
    np.savez(folder / "result.npz", *model.get_weights(), **arrays)
    result = {
        "history": history.history,
        "epoch": history.epoch,
        "learning_rate": float(model.optimizer.learning_rate),
        "iterations": int(model.optimizer.iterations),
        "counted": [counting.batches, counting.epochs],
        "table": (folder / "log.csv").read_text(),
    }
    (folder / "history.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
