"""Train the course notes' CNN on MNIST with minicnn and with Keras: the same script for both.

The network is the notes' own: Conv 32–64–64 (3×3, valid), two 2×2 max pools, Dense 64–10; 93,322
parameters; RMSprop, batches of 64, 5 epochs.

    python benchmarks/mnist_cnn.py --data-dir DIR             # minicnn, then Keras if it is installed
    python benchmarks/mnist_cnn.py                            # without DIR: the embedded subset, a quick look

Results of the full data go to benchmarks/results/mnist_cnn.json and .png. How: see side_by_side.py.
"""

from __future__ import annotations

from typing import Any

from side_by_side import Task, main


def build(framework: Any) -> Any:
    """The notes' CNN; `framework` is the module minicnn or keras."""
    layers = framework.layers
    model = framework.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def load(data_dir: str | None) -> Any:
    """Images in 0 … 1 with a channel axis and one-hot labels."""
    import minicnn
    from minicnn import datasets

    pairs = datasets.load("mnist", data_dir=data_dir) if data_dir else datasets.load("mnist_subset")
    one_hot = minicnn.utils.to_categorical
    return [(x[..., None].astype("float32") / 255, one_hot(y, 10)) for x, y in pairs]


TASK = Task(
    script=__file__,
    title="The notes' CNN on MNIST, 93,322 parameters, RMSprop",
    build=build,
    load=load,
    parameters=93_322,
    batch_size=64,
    epochs=5,
    seeds=(0, 1, 2),
    data_help="folder of the four IDX files",
    reference=(0.9912, "0.9912 in the course notes"),
)

if __name__ == "__main__":
    main(TASK, __doc__)
