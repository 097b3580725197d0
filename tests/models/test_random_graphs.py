"""A hundred random graphs beside the same steps done one by one on Tensors: values, gradients, files."""

from __future__ import annotations

import random

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, functions, layers, load_model, utils
from minicnn import grad as gradients

SIZE = 6
KINDS = ["conv", "dense", "again", "add", "times", "both", "join", "shift", "flip", "relu", "inner", "norm"]


def steps(rng: random.Random, count: int) -> list:
    """Random steps; each takes earlier values by number and gives a new one of 6 × 6 pixels."""
    made: list = []
    for number in range(count):
        a, b = rng.randrange(number + 2), rng.randrange(number + 2)
        kind = rng.choice(KINDS)
        name = f"{kind}_{number}"
        if kind == "conv":
            made.append((layers.Conv2D(3, 3, padding="same", name=name), "layer", a))
        elif kind == "dense":
            made.append((layers.Dense(3, activation="tanh", name=name), "layer", a))
        elif kind == "again":  # a layer that was used before, where there is one
            known = [step[0] for step in made if step[1] == "layer"]
            made.append((rng.choice(known), "layer", a) if known else (layers.ReLU(name=name), "layer", a))
        elif kind == "inner":
            stack = [layers.Input((SIZE, SIZE, 3)), layers.Conv2D(3, 1), layers.Activation("tanh")]
            made.append((Sequential(stack, name=name), "layer", a))
        elif kind == "norm":
            made.append((layers.LayerNormalization(name=name), "layer", a))
        elif kind in ("both", "join"):
            op = layers.Multiply(name=name) if kind == "both" else layers.Concatenate(name=name)
            made.append((op, "list", (a, b)))
        else:
            made.append((kind, "function", (a, b)))
    return made


FUNCTIONS = {
    "add": lambda x, y: x + y,
    "times": lambda x, y: x * (0.5 + y),
    "shift": lambda x, y: 1.0 - x / 2,
    "flip": lambda x, y: x[:, ::-1],
    "relu": lambda x, y: functions.relu(x - y),
}


def run(made: list, a, b) -> list:
    """All values, on symbols or on Tensors."""
    values = [a, b]
    for op, how, sources in made:
        if how == "layer":
            values.append(op(values[sources]))
        elif how == "list":
            values.append(op([values[i] for i in sources])[..., -3:])  # three channels of a concatenation
        else:
            values.append(FUNCTIONS[op](*(values[i] for i in sources)))
    return values


def loss(values: list, x: list):
    """A number that depends on all values and on both inputs, used by the graph or not."""
    return sum((value * value).sum() for value in [*values, *x])


@pytest.mark.parametrize("block", range(10))
def test_graphs_files_and_gradients(block, tmp_path):
    for seed in range(10 * block, 10 * block + 10):
        rng = random.Random(seed)
        utils.set_random_seed(seed)
        a, b = (layers.Input((SIZE, SIZE, 3), name=name) for name in ("a", "b"))
        made = steps(rng, rng.randint(2, 8))
        symbols = run(made, a, b)
        wanted = sorted(rng.sample(range(2, len(symbols)), rng.randint(1, min(3, len(symbols) - 2))))
        model = Model([a, b], [symbols[i] for i in wanted])
        data = np.random.default_rng(seed).standard_normal((2, 2, SIZE, SIZE, 3)).astype("float32")

        x = [Tensor(part, requires_grad=True) for part in data]
        eager = run(made, *x)
        outputs = model(x)
        for i, output in zip(wanted, outputs, strict=True):
            np.testing.assert_array_equal(output.numpy(), eager[i].numpy())

        weights = model.trainable_weights
        variables = [*weights, *x]
        through_graph = gradients(loss(outputs, x), variables)
        one_by_one = gradients(loss([eager[i] for i in wanted], x), variables)
        for ours, theirs in zip(through_graph, one_by_one, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())

        model.save(tmp_path / "m.safetensors")
        loaded = load_model(tmp_path / "m.safetensors")
        for ours, theirs in zip(loaded.predict(list(data), verbose=0), outputs, strict=True):
            np.testing.assert_array_equal(ours, theirs.numpy())
        inner = Model([a, b], symbols[2:])
        for ours, theirs in zip(inner.predict(list(data), verbose=0), eager[2:], strict=True):
            np.testing.assert_array_equal(ours, theirs.numpy())
