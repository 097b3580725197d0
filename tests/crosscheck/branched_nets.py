"""Random networks with branches, merges, shared layers and several inputs and outputs, for two packages.

A network is drawn once as a list of steps; `build` makes it with the layers of minicnn or of Keras.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.layer_table import Draw

MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


@dataclass
class Net:
    """Steps are (key of the layer, class, arguments, numbers of the inputs); a key twice is shared."""

    inputs: list[tuple[int, int, int]]
    steps: list[tuple[str, str, dict[str, Any], list[int]]] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    losses: dict[str, tuple[str, dict[str, Any], int]] = field(default_factory=dict)
    """By output: loss, its arguments, size of the target (0: class numbers)."""


class Drawing:
    """Keeps the shapes of all images so far, so that what is drawn fits."""

    def __init__(self, number: int) -> None:
        self.d = d = Draw("branched", number)
        h, w = d.integer(5, 9), d.integer(5, 9)
        self.net = Net([(h, w, d.integer(1, 4)) for _ in range(d.choice(1, 1, 2))])
        self.shapes = list(self.net.inputs)
        for _ in range(d.integer(4, 7)):
            d.choice(self.conv, self.conv, self.resize, self.activate, self.merge, self.merge, self.share)()
        for name in ("a", "b")[: d.choice(1, 1, 2)]:
            self.head(name)

    def add(self, kind: str, kwargs: dict[str, Any], inputs: list[int], shape: tuple[int, int, int]) -> int:
        self.net.steps.append((f"{kind.lower()}_{len(self.net.steps)}", kind, kwargs, inputs))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def any(self) -> int:
        """One of the last four images, so that networks become deep."""
        images = [i for i, shape in enumerate(self.shapes) if shape[0]]  # what heads make is none
        return self.d.choice(*images[-4:])

    def conv(self) -> None:
        d, source = self.d, self.any()
        h, w, c = self.shapes[source]
        filters, normalize = d.integer(2, 5), d.integer(0, 2) == 0
        kwargs: dict[str, Any] = {"kernel_size": d.choice(1, 2, 3), "padding": "same"}
        kind = d.choice("Conv2D", "Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose")
        if kind == "DepthwiseConv2D":
            filters = c
        else:
            kwargs["filters"] = filters
        # A bias in front of a normalization has no gradient but rounding, which Adam would blow up.
        kwargs |= {"use_bias": False} if normalize else d.some(activation=d.choice("relu", "tanh", "gelu"))
        if kind == "Conv2D":
            kwargs |= d.some(kernel_regularizer="l2")
        made = self.add(kind, kwargs, [source], (h, w, filters))
        if normalize:
            self.add(d.choice("BatchNormalization", "LayerNormalization"), {}, [made], (h, w, filters))

    def resize(self) -> None:
        d, source = self.d, self.any()
        h, w, c = self.shapes[source]
        if d.choice(True, True, False):
            kind = d.choice("MaxPooling2D", "AveragePooling2D")
            kwargs = {"pool_size": d.choice(2, 3), "strides": 2, "padding": "same"}
            self.add(kind, kwargs, [source], (-(-h // 2), -(-w // 2), c))
        else:
            self.add(
                "UpSampling2D",
                {"interpolation": d.choice("nearest", "bilinear")},
                [source],
                (2 * h, 2 * w, c),
            )

    def activate(self) -> None:
        d, source = self.d, self.any()
        kind, kwargs = d.choice(
            ("LeakyReLU", {}), ("ELU", {}), ("PReLU", {}), ("Activation", {"activation": "silu"})
        )
        self.add(kind, kwargs, [source], self.shapes[source])

    def merge(self) -> None:
        """Two images of one shape, or side by side; a 1×1 convolution makes them fit where needed."""
        d, first = self.d, self.any()
        h, w, c = self.shapes[first]
        fitting = [i for i, shape in enumerate(self.shapes) if shape[:2] == (h, w) and i != first]
        if not fitting:
            self.conv()
            return
        second = d.choice(*fitting)
        if d.choice(True, False):
            self.add("Concatenate", {}, [first, second], (h, w, c + self.shapes[second][2]))
            return
        if self.shapes[second][2] != c:
            second = self.add("Conv2D", {"filters": c, "kernel_size": 1}, [second], (h, w, c))
        self.add(d.choice(*MERGES), {}, [first, second], (h, w, c))

    def share(self) -> None:
        """Call an earlier convolution once more, on its own output or on an image of equal channels."""
        known = [step for step in self.net.steps if step[1] == "Conv2D"]
        fitting = [
            (step, i)
            for step in known
            for i, shape in enumerate(self.shapes)
            if shape[2] == self.shapes[step[3][0]][2] and i != step[3][0]
        ]
        if not fitting:
            self.conv()
            return
        (key, kind, kwargs, _), source = self.d.choice(*fitting)
        self.net.steps.append((key, kind, kwargs, [source]))
        self.shapes.append((*self.shapes[source][:2], kwargs["filters"]))

    def head(self, name: str) -> None:
        d, source = self.d, len(self.shapes) - 1 if name == "a" else self.any()
        flat = self.add(d.choice("Flatten", "GlobalAveragePooling2D"), {}, [source], (0, 0, 0))
        k = d.integer(2, 4)
        loss, kwargs, activation, size = d.choice(
            ("SparseCategoricalCrossentropy", {}, "softmax", 0),
            ("SparseCategoricalCrossentropy", {"from_logits": True}, None, 0),
            ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "softmax", k),
            ("BinaryCrossentropy", {}, "sigmoid", k),
            ("MeanSquaredError", {}, None, k),
            ("MeanAbsoluteError", {}, "tanh", k),
            ("Huber", {"delta": 0.5}, None, k),
            ("KLDivergence", {}, "softmax", k),
        )
        self.net.steps.append((name, "Dense", {"units": k, "activation": activation, "name": name}, [flat]))
        self.shapes.append((0, 0, k))
        self.net.heads.append(len(self.shapes) - 1)
        self.net.losses[name] = (loss, kwargs, size or -k)


def draw_net(number: int) -> Net:
    """Network `number`."""
    return Drawing(number).net


def build(package: Any, net: Net) -> tuple[Any, dict[str, Any]]:
    """The model, and its layers by key."""
    made: dict[str, Any] = {}
    tensors = [package.layers.Input(shape) for shape in net.inputs]
    starts = list(tensors)
    for key, kind, kwargs, inputs in net.steps:
        layer = made.setdefault(
            key, getattr(package.layers, kind)(**kwargs) if key not in made else made[key]
        )
        values = [tensors[i] for i in inputs]
        tensors.append(layer(values if len(values) > 1 else values[0]))
    outputs = [tensors[i] for i in net.heads]
    model = package.Model(
        starts if len(starts) > 1 else starts[0], outputs if len(outputs) > 1 else outputs[0]
    )
    used = {id(layer) for layer in model.layers}
    return model, {key: layer for key, layer in made.items() if id(layer) in used}


def batch(net: Net, rng: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Images for all inputs, targets for all outputs."""
    x = [rng.normal(size=(n, *shape)).astype(np.float32) for shape in net.inputs]
    targets = {}
    for name, (loss, _, size) in net.losses.items():
        if size < 0:
            targets[name] = rng.integers(-size, size=n)
        elif loss in ("CategoricalCrossentropy", "KLDivergence"):
            y = rng.uniform(0.1, 1, size=(n, size))
            targets[name] = (y / y.sum(1, keepdims=True)).astype(np.float32)
        elif loss == "BinaryCrossentropy":
            targets[name] = rng.integers(2, size=(n, size)).astype(np.float32)
        else:
            targets[name] = rng.normal(size=(n, size)).astype(np.float32)
    y = list(targets.values())
    return x if len(x) > 1 else x[0], y if len(y) > 1 else y[0]
