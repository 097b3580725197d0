"""The table that `summary` prints: columns, numbers, totals."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, layers
from minicnn.models.summary import readable_size

NOTES = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┓
┃ Layer (type)                          ┃ Output Shape            ┃  Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━┩
│ conv2d (Conv2D)                       │ (None, 26, 26, 32)      │      320 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ max_pooling2d (MaxPooling2D)          │ (None, 13, 13, 32)      │        0 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ conv2d_1 (Conv2D)                     │ (None, 11, 11, 64)      │   18,496 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ max_pooling2d_1 (MaxPooling2D)        │ (None, 5, 5, 64)        │        0 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ conv2d_2 (Conv2D)                     │ (None, 3, 3, 64)        │   36,928 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ flatten (Flatten)                     │ (None, 576)             │        0 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ dense (Dense)                         │ (None, 64)              │   36,928 │
├───────────────────────────────────────┼─────────────────────────┼──────────┤
│ dense_1 (Dense)                       │ (None, 10)              │      650 │
└───────────────────────────────────────┴─────────────────────────┴──────────┘
 Total params: 93,322 (364.54 KB)
 Trainable params: 93,322 (364.54 KB)
 Non-trainable params: 0 (0.00 B)"""


def notes_layers():
    return [
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(64, (3, 3), activation="relu"),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def printed(model, **options):
    lines = []
    model.summary(print_fn=lines.append, **options)
    (text,) = lines
    return text


def rows(model):
    """The cells of the table, line by line."""
    lines = [line for line in printed(model).splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]


@pytest.mark.parametrize("by_data", [False, True])
def test_the_notes_network(by_data, capsys):
    model = Sequential(notes_layers() if by_data else [layers.Input((28, 28, 1)), *notes_layers()])
    if by_data:
        model(np.zeros((1, 28, 28, 1)))
    model.summary()
    assert capsys.readouterr().out == NOTES + "\n"


def test_a_graph_shows_what_is_connected_to_what():
    x = layers.Input((8, 8, 1), name="image")
    a = layers.Conv2D(2, 3, padding="same", name="a")(x)
    b = layers.Conv2D(2, 1, name="b")(x)
    inner = Sequential([layers.Input((8, 8, 2)), layers.Flatten(), layers.Dense(5)], name="inner")
    model = Model([x], [layers.Dense(3, name="c")(inner(a + b)), layers.Flatten(name="f")(a)])
    assert rows(model) == [
        ["Layer (type)", "Output Shape", "Param #", "Connected to"],
        ["image (InputLayer)", "(None, 8, 8, 1)", "0", "-"],
        ["a (Conv2D)", "(None, 8, 8, 2)", "20", "image"],
        ["b (Conv2D)", "(None, 8, 8, 2)", "4", "image"],
        ["inner (Sequential)", "(None, 5)", "645", "Add"],
        ["c (Dense)", "(None, 3)", "18", "inner"],
        ["f (Flatten)", "(None, 128)", "0", "a"],
    ]
    assert "Total params: 687 (2.68 KB)" in printed(model)


def test_a_model_inside_a_sequential():
    inner = Sequential([layers.Input((4,)), layers.Dense(3)], name="inner")
    model = Sequential([layers.Input((4,)), inner, layers.Dense(2, name="last")])
    assert rows(model)[1:] == [
        ["inner (Sequential)", "(None, 3)", "15"],
        ["last (Dense)", "(None, 2)", "8"],
    ]


def test_before_it_is_built():
    model = Sequential([layers.Dense(3, name="d")])
    assert rows(model)[1:] == [["d (Dense)", "?", "0 (unbuilt)"]]
    assert "Total params: 0 (0.00 B)" in printed(model)


def test_a_model_of_ones_own():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, name="d")

        def call(self, x):
            return self.dense(x)

    model = Own()
    model(np.zeros((2, 4)))
    assert rows(model)[1:] == [["d (Dense)", "?", "15"]]


def test_frozen_and_shared_weights():
    dense = layers.Dense(4, name="shared")
    x = layers.Input((4,))
    model = Model(x, layers.Dense(2, name="last")(dense(dense(x))))
    dense.trainable = False
    text = printed(model)
    assert "Total params: 30 (120.00 B)" in text, "a layer used twice counts once"
    assert "Trainable params: 10 (40.00 B)" in text and "Non-trainable params: 20 (80.00 B)" in text


def test_the_width_can_be_chosen():
    model = Sequential([layers.Input((4,)), layers.Dense(2)])
    table = [line for line in printed(model, line_length=60).splitlines() if line[0] in "┏┃│└"]
    assert {len(line) for line in table} == {60}


def test_float64_takes_twice_the_bytes():
    model = Sequential([layers.Dense(2, input_shape=(4,), dtype="float64")])
    assert "Total params: 10 (80.00 B)" in printed(model)


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0.00 B"),
        (1023, "1023.00 B"),
        (1024, "1.00 KB"),
        (1536, "1.50 KB"),
        (2**20, "1.00 MB"),
        (5 * 2**30, "5.00 GB"),
        (2**50, "1024.00 TB"),
    ],
)
def test_sizes(nbytes, text):
    assert readable_size(nbytes) == text
