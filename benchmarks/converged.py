"""Does a network that has learned all it can step as fast as a fresh one?

    python benchmarks/converged.py

As a loss falls to 1e-6, gradients become numbers too small for a normal float, which many processors handle
far more slowly; kernels therefore take them for zero. The notes' CNN learns 64 digits by heart; steps of both
nets are timed in turn.
"""

from __future__ import annotations

import statistics
import time

import minicnn
from minicnn import layers


def build() -> minicnn.Sequential:
    minicnn.utils.set_random_seed(0)
    model = minicnn.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "sparse_categorical_crossentropy")
    return model


def main() -> None:
    (x, y), _ = minicnn.datasets.load("mnist_subset")
    x, y = x[:64, ..., None] / 255, y[:64]
    learned, steps = build(), 0
    loss = learned.train_on_batch(x, y)
    while loss > 1e-6 and steps < 5000:
        loss, steps = learned.train_on_batch(x, y), steps + 1
    print(f"loss {loss:.2g} after {steps} steps")
    ratios = []
    for _ in range(40):
        seconds = []
        for model in (build(), learned):
            model.train_on_batch(x, y)
            start = time.perf_counter()
            for _ in range(5):
                model.train_on_batch(x, y)
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[1] / seconds[0])
    low, *_, high = statistics.quantiles(ratios, n=10)
    print(f"learned / fresh, time of a step: {statistics.median(ratios):.3f} (p10–p90 {low:.3f}–{high:.3f})")


if __name__ == "__main__":
    main()
