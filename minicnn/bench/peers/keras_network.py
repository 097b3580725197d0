"""A network in Keras' functional style: the same code builds minicnn's and Keras', on any backend of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ..nets import Conv, Dense, Drop, Flat, GlobalPool, Net, Pool, Residual
from .session import RATE, Session

__all__ = ["KerasSession", "functional"]


class _Builder:
    """Adds the layers of one part after the other, and names those with weights conv1, norm1, dense1, …"""

    def __init__(self, framework: Any, pads_itself: bool) -> None:
        self.layers, self.pads_itself = framework.layers, pads_itself
        self._numbers: Counter[str] = Counter()

    def _name(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}{self._numbers[kind]}"

    def run(self, parts: Any, x: Any) -> Any:
        for part in parts:
            x = self._part(part, x)
        return x

    def _part(self, part: Any, x: Any) -> Any:
        layers = self.layers
        if isinstance(part, Conv):
            return self._conv(part, x)
        if isinstance(part, Pool):
            padding, x = self._padding(part.size, part.stride, part.same, x)
            return layers.MaxPooling2D(part.size, part.stride, padding=padding)(x)
        if isinstance(part, Residual):
            main = self.run(part.main, x)
            return self._relu(layers.Add()([main, self.run(part.shortcut, x)]), part.relu)
        if isinstance(part, Dense):
            activation = "relu" if part.relu else "softmax"
            return layers.Dense(part.units, activation=activation, name=self._name("dense"))(x)
        if isinstance(part, Drop):
            return layers.Dropout(part.rate)(x)
        if isinstance(part, Flat | GlobalPool):
            return (layers.Flatten if isinstance(part, Flat) else layers.GlobalAveragePooling2D)()(x)
        raise NotImplementedError(f"{type(part).__name__} is here for the layer sets only")

    def _conv(self, part: Conv, x: Any) -> Any:
        layers = self.layers
        padding, x = self._padding(part.kernel, part.stride, part.same, x)
        activation = "relu" if part.relu and not part.norm else None
        window: dict[str, Any] = {"strides": part.stride, "padding": padding, "groups": part.groups}
        kind = {"use_bias": not part.norm, "activation": activation, "name": self._name("conv")}
        y = layers.Conv2D(part.filters, part.kernel, **window, **kind)(x)
        if not part.norm:
            return y
        y = layers.BatchNormalization(name=self._name("norm"))(y)
        return self._relu(y, part.relu)

    def _relu(self, x: Any, wanted: bool) -> Any:
        return self.layers.ReLU()(x) if wanted else x

    def _padding(self, size: int, stride: int, same: bool, x: Any) -> tuple[Any, Any]:
        """The padding argument, and the input, padded already where a framework cannot do it itself."""
        if not same or size == 1:
            return "valid", x
        if stride == 1:
            return "same", x
        side = (size - 1) // 2
        return (side, x) if self.pads_itself else ("valid", self.layers.ZeroPadding2D(side)(x))


def functional(framework: Any, net: Net, pads_itself: bool) -> Any:
    """The model of a network; `framework` is the module minicnn or keras.

    >>> import minicnn
    >>> from minicnn.bench.nets import NETS
    >>> functional(minicnn, NETS["mnist"], pads_itself=True).count_params()
    93322
    """
    *parts, last = net.parts
    inputs = framework.layers.Input(net.image)
    builder = _Builder(framework, pads_itself)
    outputs = builder.run([*parts, last._replace(relu=False)], inputs)
    return framework.Model(inputs, outputs)


class KerasSession(Session):
    """A compiled model, trained by `fit` and asked by `predict`, as everybody uses them."""

    def __init__(self, framework: Any, *, pads_itself: bool = False, **settings: Any) -> None:
        self.framework, self.pads_itself = framework, pads_itself
        super().__init__(**settings)

    def build(self) -> None:
        self.framework.utils.set_random_seed(0)
        self.model = functional(self.framework, self.net, self.pads_itself)
        optimizer = self.framework.optimizers.RMSprop(RATE)
        self.model.compile(optimizer, "sparse_categorical_crossentropy")

    def load(self, weights: dict[str, list[np.ndarray]]) -> None:
        for name, arrays in weights.items():
            self.model.get_layer(name).set_weights(arrays)

    def fit(self, images: int) -> float:
        x, y = self.x[:images], self.y[:images]
        history = self.model.fit(x, y, batch_size=self.batch, shuffle=False, verbose=0)
        return float(history.history["loss"][-1])

    def predict(self, x: np.ndarray | None, images: int) -> np.ndarray:
        x = self.x if x is None else x
        return np.asarray(self.model.predict(x[:images], batch_size=self.batch, verbose=0))

    def count(self) -> int:
        return self.model.count_params()
