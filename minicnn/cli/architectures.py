"""The networks that ``minicnn train --model`` builds, each a function of input shape and classes."""

from __future__ import annotations

from collections.abc import Callable

from .. import layers
from ..models import Sequential

__all__ = ["ARCHITECTURES", "mlp", "notes_cnn", "small_cnn", "vgg_small"]

Shape = tuple[int, int, int]


def notes_cnn(input_shape: Shape, classes: int) -> Sequential:
    """Three convolutions with two poolings between them, then two dense layers: the course notes' CNN.

    >>> notes_cnn((28, 28, 1), 10).count_params()
    93322
    """
    return Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="notes_cnn",
    )


def small_cnn(input_shape: Shape, classes: int) -> Sequential:
    """Two convolutions of 8 and 16 filters: several times faster, a little less accurate.

    >>> small_cnn((28, 28, 1), 10).count_params()
    5258
    """
    return Sequential(
        [
            layers.Input(input_shape),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ],
        name="small_cnn",
    )


def mlp(input_shape: Shape, classes: int) -> Sequential:
    """One hidden dense layer and no convolution: what a CNN has to be better than.

    >>> mlp((28, 28, 1), 10).count_params()
    101770
    """
    return Sequential(
        [
            layers.Input(input_shape),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ],
        name="mlp",
    )


def vgg_small(input_shape: Shape, classes: int) -> Sequential:
    """Three blocks of two normalized 3x3 convolutions and a pooling, of 32, 64 and 128 filters.

    After Simonyan and Zisserman 2014 (arXiv:1409.1556), with batch normalization, and the average of
    every channel in place of the large dense layers. For images of 8x8 pixels and more.

    >>> vgg_small((32, 32, 3), 10).count_params()
    289642
    >>> vgg_small((28, 28, 1), 10).count_params()
    289066
    """
    network = Sequential([layers.Input(input_shape)], name="vgg_small")
    for filters in (32, 64, 128):
        for _ in range(2):
            # The normalization subtracts the mean, and a bias with it.
            network.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
            network.add(layers.BatchNormalization())
            network.add(layers.ReLU())
        network.add(layers.MaxPooling2D(2))
    network.add(layers.GlobalAveragePooling2D())
    network.add(layers.Dense(classes, activation="softmax"))
    return network


ARCHITECTURES: dict[str, Callable[[Shape, int], Sequential]] = {
    "notes_cnn": notes_cnn,
    "small_cnn": small_cnn,
    "mlp": mlp,
    "vgg_small": vgg_small,
}
