"""Train a VGG-style network with batch normalization on CIFAR-10 with minicnn and with Keras.

Three blocks of two 3×3 convolutions (32, 64, 128 filters; "same", batch normalization and ReLU behind each)
and a 2×2 max pool, then global average pooling and Dense 10; 289,642 parameters. Adam, batches of 64, 5
epochs, the learning rate falling from 0.001 to 0 along half a cosine: at a constant rate the weights move too
fast for the running statistics of batch normalization, in Keras as here.

    python benchmarks/cifar_vgg.py --data-dir DIR     # DIR: CIFAR-10's binary files, or images in
                                                      # DIR/train/CLASS and DIR/test/CLASS

Results go to benchmarks/results/cifar_vgg.json and .png. How: see side_by_side.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from side_by_side import Task, main

BATCH, EPOCHS, IMAGES = 64, 5, 50_000


def build(framework: Any) -> Any:
    """The network; `framework` is the module minicnn or keras."""
    layers = framework.layers
    model = framework.Sequential([layers.Input((32, 32, 3))])
    for filters in (32, 64, 128):
        for _ in range(2):
            model.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
        model.add(layers.MaxPooling2D(2))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10, activation="softmax"))
    rate = framework.optimizers.schedules.CosineDecay(1e-3, decay_steps=EPOCHS * -(-IMAGES // BATCH))
    adam = framework.optimizers.Adam(rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def load(data_dir: str | None) -> Any:
    """Images in 0 … 1 and class numbers, from the original files or from folders of pictures."""
    from minicnn import datasets

    if data_dir is None:
        sys.exit("cifar_vgg.py: no CIFAR-10 comes with minicnn; name its folder with --data-dir.")
    if not (Path(data_dir) / "train").is_dir():
        pairs = datasets.cifar10.load_data(data_dir)
        return [(x.astype("float32") / 255, y[:, 0]) for x, y in pairs]
    sets = []
    for part in ("train", "test"):
        folder = datasets.image_folder(Path(data_dir) / part, image_size=(32, 32), shuffle=False)
        x, y = folder.as_arrays()
        sets.append((x / 255, y))
    return sets


TASK = Task(
    script=__file__,
    title="VGG-style net with batch normalization on CIFAR-10, 289,642 parameters",
    build=build,
    load=load,
    parameters=289_642,
    batch_size=BATCH,
    epochs=EPOCHS,
    seeds=(0,),
    data_help="folder with CIFAR-10's binary files, or with train/CLASS and test/CLASS pictures",
)

if __name__ == "__main__":
    main(TASK, __doc__)
