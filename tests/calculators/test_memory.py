"""What the calculator says backward keeps is, to the byte, what the tape keeps."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, activations, fusion, layers
from minicnn import calculators as calc
from minicnn.applications import VGG16
from minicnn.errors import ArgumentError


def base(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def kept(model: Model, n: int) -> int:
    """Bytes of the distinct arrays that the tape of one forward pass holds, weights and images apart."""
    x = [Tensor(np.ones((n, *symbol.shape[1:]), symbol.dtype)) for symbol in model.inputs]
    with fusion(False):
        y = model(x if len(x) > 1 else x[0], training=True)
    found, seen = {}, set()
    nodes = [tensor.creator for tensor in (y if isinstance(y, list) else [y])]
    while nodes:
        node = nodes.pop()
        if node is not None and id(node) not in seen:
            seen.add(id(node))
            for array in node._kept.arrays.values():  # of several views the largest: buffers are reused
                key = id(base(array))
                found[key] = max(found.get(key, 0), array.nbytes)
            nodes += [edge.node for edge in node.edges]
    owned = {id(base(tensor.data)) for tensor in (*model.weights, *x)}
    return sum(nbytes for key, nbytes in found.items() if key not in owned)


def notes() -> Model:
    return Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def vgg_like() -> Model:
    stack = [layers.Input((16, 16, 3))]
    for filters in (4, 8):
        for _ in range(2):
            stack += [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization(), layers.ReLU()]
        stack.append(layers.MaxPooling2D(2))
    return Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(10), layers.Softmax()])


def residual() -> Model:
    x = inputs = layers.Input((16, 16, 3))
    for filters in (4, 8):
        shortcut = layers.Conv2D(filters, 1, strides=2)(x)
        y = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same")(y))
        x = layers.ReLU()(layers.Add()([y, shortcut]))
    return Model(inputs, layers.Dense(5)(layers.GlobalAveragePooling2D()(x)))


def inception() -> Model:
    x = layers.Input((12, 12, 4))
    branches = [
        layers.Conv2D(3, 1, activation="relu")(x),
        layers.Conv2D(3, 3, padding="same", activation="relu")(layers.Conv2D(2, 1, activation="relu")(x)),
        layers.Conv2D(3, 1, activation="relu")(layers.MaxPooling2D(3, 1, padding="same")(x)),
    ]
    y = layers.Concatenate()(branches)
    return Model(x, layers.Dense(4, activation="softmax")(layers.Flatten()(y)))


def separable() -> Model:
    return Sequential(
        [
            layers.Input((12, 12, 3)),
            layers.ZeroPadding2D(1),
            layers.SeparableConv2D(6, 3, activation="silu", depth_multiplier=2),
            layers.DepthwiseConv2D(3, activation="gelu"),
            layers.LayerNormalization(),
            layers.Conv2DTranspose(4, 3, strides=2),
            layers.GroupNormalization(2),
            layers.LeakyReLU(),
            layers.UpSampling2D(2),
            layers.Cropping2D(1),
            layers.AveragePooling2D(2),
            layers.SpatialDropout2D(0.2),
            layers.Reshape((-1,)),
            layers.Dense(3),
        ]
    )


def merged() -> Model:
    a, b = layers.Input((6, 6, 3)), layers.Input((6, 6, 3))
    y = layers.Multiply()([layers.Conv2D(4, 3)(a), layers.Conv2D(4, 3)(b)])
    y = layers.Maximum()([y, layers.Conv2D(4, 3)(a)])
    inner = Sequential([layers.Input((4, 4, 4)), layers.Conv2D(4, 1, activation="tanh"), layers.Flatten()])
    return Model([a, b], layers.Dense(2)(inner(y)))


@pytest.mark.parametrize("make", [notes, vgg_like, residual, inception, separable, merged])
@pytest.mark.parametrize("n", [1, 5])
def test_saved_bytes_are_those_of_the_tape(make, n):
    model = make()
    memory = calc.training_memory(model, n)
    assert memory.unknown == ()
    assert memory.saved == kept(model, n)


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_every_activation(name):
    stack = [layers.Input((8, 8, 3)), layers.Conv2D(4, 3, activation=name), layers.Conv2D(2, 1)]
    assert calc.training_memory(Sequential(stack), 3).saved == kept(Sequential(stack), 3)
    stack = [layers.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.Activation(name), layers.Flatten()]
    assert calc.training_memory(Sequential(stack), 3).saved == kept(Sequential(stack), 3)


def test_weights_gradients_and_optimizer():
    model = vgg_like()
    learned, all_bytes = (
        4 * sum(w.size for w in group) for group in (model.trainable_weights, model.weights)
    )
    for optimizer, slots in (("sgd", 0), ("rmsprop", 1), ("adam", 2), ("adamw", 2), ("adagrad", 1)):
        memory = calc.training_memory(model, 2, optimizer)
        assert (memory.parameters, memory.gradients, memory.optimizer) == (
            all_bytes,
            learned,
            slots * learned,
        )
    assert memory.batch == 2 * 16 * 16 * 3 * 4
    assert memory.workspace > 0
    assert memory.total == sum(
        (memory.batch, memory.parameters, memory.gradients, memory.optimizer, memory.saved, memory.workspace)
    )


def test_the_workspace_is_what_explain_says():
    from minicnn.backend.explain import explain
    from minicnn.geometry import resolve_window

    model = Sequential([layers.Input((28, 28, 1)), layers.Conv2D(32, 3)])
    g, out = resolve_window("test", (28, 28), (3, 3))
    passes = ("forward", "input_grad", "weight_grad")
    shapes = ((7, 28, 28, 1), (3, 3, 1, 32), g, out)
    largest = max(explain(f"conv2d_{name}", *shapes).workspace for name in passes)
    assert calc.training_memory(model, 7).workspace == largest > 0


def test_what_is_not_known_is_named():
    class Own(layers.Layer):
        def call(self, x):
            return x * x

    x = layers.Input((4, 4, 1))
    y = Own(name="mine")(layers.Conv2D(2, 3)(x))
    model = Model(x, layers.ReLU(max_value=6, name="six")(y) * 2.0)
    assert calc.training_memory(model, 1).unknown == ("mine", "six", "Multiply")


def test_open_sizes_are_refused():
    x = layers.Input((None, 4, 1))
    with pytest.raises(ArgumentError, match=r"training_memory of 'input.*a size is open"):
        calc.training_memory(Model(x, layers.Conv2D(1, 2)(x)))


def test_three_layers_of_vgg():
    """The notes' 72 MB for the first three volumes of 224 × 224 × 64 with gradients are 77.07 MB."""
    with calc.without_memory():
        model = Sequential(
            [layers.Input((224, 224, 3)), *(layers.Conv2D(64, 3, padding="same") for _ in range(3))]
        )
        assert VGG16(input_shape=(32, 32, 3)).output_shape == (None, 1000)
    values = sum(one.values for one in calc.layer_facts(model)[1:])
    assert values * 4 * 2 == 77_070_336
