"""Shape errors of networks: the chain of shapes, the formula, and changes that build when they are made."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from minicnn import Sequential, layers
from minicnn.calculators import without_memory
from minicnn.errors import ShapeError


def broken(make) -> ShapeError:
    with pytest.raises(ShapeError) as error:
        make()
    return error.value


def deep() -> Sequential:
    return Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.Conv2D(4, 3, name="c1"),
            layers.MaxPooling2D(2, name="p1"),
            layers.Conv2D(4, 3, name="c2"),
            layers.MaxPooling2D(2, name="p2"),
            layers.Conv2D(4, 3, name="c3"),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )


def test_the_whole_message():
    error = broken(deep)
    assert str(error).splitlines() == [
        "Conv2D 'c3': the kernel is larger than the padded input. Expected kernel height at most 1 (input 1 "
        "+ padding 0 + 0), got 3: ⌊(1 + 0 + 0 − 3) / 1⌋ + 1 = -1. Use a smaller kernel, a larger input or "
        'padding="same".',
        "The shapes: Input (12, 12, 1) → Conv2D 'c1' 3×3 (10, 10, 4) → MaxPooling2D 'p1' 2×2/2 (5, 5, 4) → "
        "Conv2D 'c2' 3×3 (3, 3, 4) → MaxPooling2D 'p2' 2×2/2 (1, 1, 4) → Conv2D 'c3' 3×3 does not fit.",
        "Tried, and it builds with any one of these:",
        "- padding=\"same\" in Conv2D 'c3'",
        "- kernel_size=(1, 1) in Conv2D 'c3'",
        "- Input((18, 18, 1)): larger images",
        "- without MaxPooling2D 'p2'",
    ]


def test_the_rest_of_the_network_is_tried_too():
    """padding="same" in the layer that fails would only move the error on: it is not proposed."""
    stack = [layers.Input((5, 5, 1)), layers.Conv2D(2, 6, name="a"), layers.Conv2D(2, 3), layers.Conv2D(2, 4)]
    error = broken(lambda: Sequential(stack))
    texts = [fix.text for fix in error.fixes]
    assert texts == ['padding="same" in every convolution', "Input((11, 11, 1)): larger images"]


def test_channels_first_images_are_recognised():
    error = broken(lambda: Sequential([layers.Input((1, 28, 28)), layers.Conv2D(32, 3, name="c")]))
    assert error.fixes[0].text == (
        "Input((28, 28, 1)): the images look channels-first; turn them with x.transpose(0, 2, 3, 1)"
    )
    model = Sequential([layers.Input((28, 26, 3)), layers.Flatten(), layers.Dense(2)])
    error = broken(lambda: model.predict(np.zeros((2, 3, 28, 26)), verbose=0))
    assert "channels-first; x.transpose(0, 2, 3, 1) makes them channels-last" in str(error)


def test_a_functional_model_has_the_chain_too():
    def make():
        x = layers.Input((6, 6, 3), name="image")
        y = layers.ReLU(name="r")(layers.Conv2D(4, 3, strides=(2, 1), name="c")(x))
        return layers.MaxPooling2D(4, name="p")(y)

    error = broken(make)
    assert "The shapes: Input (6, 6, 3) → Conv2D 'c' 3×3/2×1 (2, 4, 4) → ReLU 'r' (2, 4, 4) → Max" in str(
        error
    )
    assert "without MaxPooling2D 'p'" in [fix.text for fix in error.fixes]


def test_behind_branches_only_the_row_after_them_is_changed():
    def make():
        x = layers.Input((6, 6, 3))
        y = layers.Conv2D(4, 3)(x) + layers.Conv2D(4, 3, name="b")(x)
        return layers.Conv2D(2, 5, name="last")(layers.MaxPooling2D(2, name="p")(y))

    error = broken(make)
    assert "→ Add (4, 4, 4) → MaxPooling2D 'p' 2×2/2 (2, 2, 4) → Conv2D 'last' 5×5 does not fit." in str(
        error
    )
    texts = [fix.text for fix in error.fixes]
    assert not any("Input" in text for text in texts)
    assert texts[0] == "padding=\"same\" in Conv2D 'last'" and "kernel_size=(2, 2) in Conv2D 'last'" in texts


def test_long_chains_are_shortened():
    stack = [layers.Input((40, 40, 1)), *(layers.Conv2D(1, 3) for _ in range(30))]
    text = str(broken(lambda: Sequential(stack)))
    assert text.count("→") <= 13 and "→ … →" in text


def test_errors_that_no_window_causes_have_the_chain_alone():
    def make():
        return Sequential([layers.Input((4, 4, 1)), layers.Reshape((5, 5), name="r")])

    error = broken(make)
    assert "The shapes: Input (4, 4, 1) → Reshape 'r' does not fit." in str(error)


def test_layers_that_cannot_be_copied_are_left_alone():
    class Own(layers.Layer):
        def __init__(self, size):
            super().__init__(name="own")
            self.size = size

        def call(self, x):
            return x

    error = broken(lambda: Sequential([layers.Input((2, 2, 1)), Own(3), layers.Conv2D(1, 3)]))
    assert error.fixes == () and "The shapes: Input (2, 2, 1) → Own 'own' (2, 2, 1) →" in str(error)


def test_a_sequential_built_by_its_data_explains_itself():
    model = Sequential([layers.MaxPooling2D(2, name="p"), layers.Conv2D(1, 3, name="c")])
    error = broken(lambda: model(np.zeros((1, 4, 4, 1), "float32")))
    assert "Input (4, 4, 1) → MaxPooling2D 'p' 2×2/2 (2, 2, 1) → Conv2D 'c' 3×3 does not fit." in str(error)
    assert len(error.fixes) == 4


def test_names_are_not_used_up_by_trying():
    from minicnn.layers.naming import reset_names

    reset_names()
    broken(deep)
    first = layers.Conv2D(1, 1).name, layers.Input((3,)).name, layers.Flatten().name
    assert first == ("conv2d", "input_layer_1", "flatten_1")


KINDS = [
    lambda k, s: layers.Conv2D(2, k, strides=s),
    lambda k, s: layers.Conv2D(2, (k, s), activation="relu"),
    lambda k, s: layers.DepthwiseConv2D(k),
    lambda k, s: layers.SeparableConv2D(2, k),
    lambda k, s: layers.MaxPooling2D(s + 1),
    lambda k, s: layers.AveragePooling2D(k, strides=s),
    lambda k, s: layers.BatchNormalization(),
    lambda k, s: layers.ReLU(),
]


def random_stack(rng: random.Random) -> list:
    """A network that shrinks its images until they are used up."""
    kinds = rng.choices(KINDS, k=rng.randint(2, 7))
    stack = [kind(rng.randint(2, 7), rng.randint(1, 2)) for kind in kinds]
    ends = [[], [layers.Flatten(), layers.Dense(3)], [layers.GlobalAveragePooling2D(), layers.Dense(3)]]
    return [*stack, *rng.choice(ends)]


def test_five_hundred_broken_networks():
    rng, found, kinds = random.Random(0), 0, set()
    with without_memory():
        while found < 500:
            shape = (rng.randint(3, 16), rng.randint(3, 16), rng.choice([1, 3]))
            if rng.random() < 0.2:
                shape = (shape[2], *shape[:2])
            stack = random_stack(rng)
            try:
                Sequential([layers.Input(shape), *stack])
                continue
            except ShapeError as error:
                caught = error
            found += 1
            text = str(caught)
            assert re.search(r"⌊\(\d+ \+ \d+ \+ \d+ − \d+\) / \d+⌋ \+ 1 = -?\d+", text), text
            assert f"The shapes: Input {shape}" in text
            assert caught.fixes, text
            for fix in caught.fixes:
                assert f"- {fix.text}" in text
                kinds.add(re.sub(r"[\d(),']+|\w+2D.*", "", fix.text).split("=")[0].split(":")[0].strip())
                model = Sequential(fix.build())
                assert model.output_shape[0] is None
    assert {"padding", "kernel_size", "pool_size", "Input", "without"} <= kinds, kinds


def test_a_smaller_input_than_proposed_fails():
    fix = next(fix for fix in broken(deep).fixes if fix.text.startswith("Input"))
    h, w, c = fix.input_shape
    _, *stack = fix.build()
    with pytest.raises(ShapeError):
        Sequential([layers.Input((h - 1, w - 1, c)), *stack])
