"""VGG16: thirteen convolutions of 3 × 3 and three dense layers.

Source: Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition" (2014),
configuration D; names and arguments are those of ``keras.applications.VGG16``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import layers
from ..checks import whole
from ..errors import ArgumentError, message
from ..models import Sequential

__all__ = ["VGG16"]

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # filters and convolutions, then a pooling


def VGG16(
    include_top: bool = True,
    input_shape: Sequence[int] = (224, 224, 3),
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Sequential:
    """VGG16 with freshly drawn weights: 138,357,544 of them, 14,714,688 without the dense layers on top.

    `include_top`: with the dense layers; `input_shape`: (h, w, c), at least 32 pixels each way.
    Raises ArgumentError for what it does not accept, ShapeError for images that are too small.

    >>> from minicnn.calculators import without_memory
    >>> with without_memory():  # to count only
    ...     VGG16(include_top=False).output_shape
    (None, 7, 7, 512)
    """
    if not isinstance(input_shape, list | tuple) or len(input_shape) != 3:
        expected = "(height, width, channels)"
        raise ArgumentError(message("VGG16", "input_shape", expected=expected, got=repr(input_shape)))
    stack: list[Any] = [layers.Input(input_shape)]
    for block, (filters, convolutions) in enumerate(_BLOCKS, 1):
        for i in range(1, convolutions + 1):
            title = f"block{block}_conv{i}"
            stack.append(layers.Conv2D(filters, 3, padding="same", activation="relu", name=title))
        stack.append(layers.MaxPooling2D(2, name=f"block{block}_pool"))
    if include_top:
        stack.append(layers.Flatten(name="flatten"))
        stack += [layers.Dense(4096, activation="relu", name=f"fc{i}") for i in (1, 2)]
        classes = whole(classes, "classes", "VGG16")
        stack.append(layers.Dense(classes, activation=classifier_activation, name="predictions"))
    return Sequential(stack, name=name)
