"""From a layer pattern to a model, and from a model back to its pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import layers
from ..checks import whole
from ..errors import ArgumentError, message
from ..models import Sequential
from .pattern import Pattern, fold, parse

__all__ = ["build", "pattern_layers", "recognise"]

# Layers that a pattern does not speak of.
_SILENT = (
    layers.Flatten,
    layers.Dropout,
    layers.SpatialDropout2D,
    layers.BatchNormalization,
    layers.Rescaling,
    layers.Identity,
    layers.ZeroPadding2D,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.Softmax,
)


def pattern_layers(
    pattern: Pattern | str,
    input_shape: Sequence[int] = (32, 32, 3),
    classes: int = 10,
    filters: int = 32,
    units: int = 64,
    kernel_size: Any = 3,
    optional: bool = True,
    **counts: int,
) -> list[Any]:
    """The layers of a pattern, not built: CONV, RELU, POOL and FC are layers of their own.

    Convolutions keep the size (``padding="same"``) and start with `filters`, twice as many behind every
    pooling, as in VGG; poolings halve it; a Flatten comes before the first FC; the last word, if it is FC,
    gives the `classes`, other FCs `units`. Parts with ``?`` are there if `optional`;
    letters are given as N=2.
    """
    pattern = parse(pattern) if isinstance(pattern, str) else pattern
    where = f"pattern {pattern}"
    words = pattern.expand(optional, **counts)
    filters, units = whole(filters, "filters", where), whole(units, "units", where)
    classes = whole(classes, "classes", where)
    if words[:1] != ["INPUT"] or "INPUT" in words[1:]:
        raise ArgumentError(message(where, "INPUT is not its first word, and only that"))
    found: list[Any] = [layers.Input(input_shape)]
    flat = False
    for i, word in enumerate(words[1:], 1):
        if word in ("CONV", "POOL") and flat:
            raise ArgumentError(message(where, f"{word} comes after FC, where there is no image any more"))
        if word == "CONV":
            found.append(layers.Conv2D(filters, kernel_size, padding="same"))
        elif word == "RELU":
            found.append(layers.ReLU())
        elif word == "POOL":
            found.append(layers.MaxPooling2D(2))
            filters *= 2
        else:
            found += [] if flat else [layers.Flatten()]
            found.append(layers.Dense(classes if i == len(words) - 1 else units))
            flat = True
    return found


def build(pattern: Pattern | str, name: str | None = None, **settings: Any) -> Sequential:
    """The model of a pattern; the settings and their defaults are those of `pattern_layers`.

    Its outputs are logits. Raises ArgumentError for a pattern that is no network, ShapeError where the
    poolings leave nothing of the image.

    >>> model = build("INPUT -> [CONV -> RELU -> POOL]*2 -> FC -> RELU -> FC", input_shape=(28, 28, 1))
    >>> model.output_shape
    (None, 10)
    >>> print(recognise(model))
    INPUT -> [CONV -> RELU -> POOL]*2 -> FC -> RELU -> FC
    """
    return Sequential(pattern_layers(pattern, **settings), name=name)


def recognise(model: Any) -> Pattern:
    """The pattern of a Sequential model or list of layers, as short as `fold` writes it.

    A relu counts as RELU as a layer or as an activation. Flatten, dropout, normalizations, padding, global
    pooling and a softmax at the end are passed over; any other layer has no word: ArgumentError names it.
    """
    if not isinstance(model, list | Sequential):
        got, hint = type(model).__name__, "A pattern is a single row of layers."
        raise ArgumentError(message("recognise", "not a Sequential model", got=got, hint=hint))
    words = ["INPUT"]
    for layer in model if isinstance(model, list) else model.layers:
        words += _words(layer)
    return fold(words)


def _words(layer: Any) -> list[str]:
    if isinstance(layer, Sequential):
        return [word for inner in layer.layers for word in _words(inner)]
    if isinstance(layer, _SILENT) or not isinstance(layer, layers.Layer):  # the symbol of an Input
        return []
    if isinstance(layer, layers.MaxPooling2D | layers.AveragePooling2D):
        return ["POOL"]
    if isinstance(layer, layers.ReLU):
        return ["RELU"]
    kinds = {layers.Conv2D: ["CONV"], layers.Dense: ["FC"], layers.Activation: []}
    activation = getattr(layer, "activation", None)
    if type(layer) in kinds:
        if activation is layers.Activation("relu").activation:
            return [*kinds[type(layer)], "RELU"]
        if getattr(activation, "__name__", "") in ("linear", "softmax"):
            return kinds[type(layer)]
    what = f"{type(layer).__name__} {layer.name!r}"
    got = f"activation {getattr(activation, '__name__', '?')!r}" if type(layer) in kinds else what
    hint = "The words are INPUT, CONV, RELU, POOL and FC."
    raise ArgumentError(message("recognise", f"the grammar has no word for {what}", got=got, hint=hint))
