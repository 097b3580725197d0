"""The table that `summary` prints: columns, numbers, totals."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, layers
from minicnn.errors import ArgumentError
from minicnn.models.summary import readable_size

NOTES = """\
Model: "sequential"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 26, 26, 32)     │           320 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 13, 13, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_1 (Conv2D)               │ (None, 11, 11, 64)     │        18,496 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d_1 (MaxPooling2D)  │ (None, 5, 5, 64)       │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ conv2d_2 (Conv2D)               │ (None, 3, 3, 64)       │        36,928 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 576)            │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 64)             │        36,928 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense_1 (Dense)                 │ (None, 10)             │           650 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
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


def rows(model, **options):
    """The cells of the table, line by line."""
    lines = [line for line in printed(model, **options).splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in lines]


@pytest.mark.parametrize("by_data", [False, True])
def test_the_notes_network(by_data, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
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
    assert rows(model, line_length=108) == [
        ["Layer (type)", "Output Shape", "Param #", "Connected to"],
        ["image (InputLayer)", "(None, 8, 8, 1)", "0", "-"],
        ["a (Conv2D)", "(None, 8, 8, 2)", "20", "image[0][0]"],
        ["b (Conv2D)", "(None, 8, 8, 2)", "4", "image[0][0]"],
        ["add (Add)", "(None, 8, 8, 2)", "0", "a[0][0], b[0][0]"],
        ["inner (Sequential)", "(None, 5)", "645", "add[0][0]"],
        ["c (Dense)", "(None, 3)", "18", "inner[0][0]"],
        ["f (Flatten)", "(None, 128)", "0", "a[0][0]"],
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


def pictures():
    x = layers.Input((8, 8, 1), name="image")
    inner = Sequential([layers.Input((8, 8, 2)), layers.Conv2D(3, 3, name="ic")], name="inner")
    y = layers.Conv2D(2, 3, padding="same", name="c")(x)
    return Model(x, layers.GlobalAveragePooling2D(name="g")(inner(y) * 2), name="m")


def test_nested_layers_and_what_is_trained():
    model = pictures()
    model.get_layer("c").trainable = False
    found = rows(model, expand_nested=True, show_trainable=True, line_length=120)
    assert [row[:1] + row[-1:] for row in found] == [
        ["Layer (type)", "Trainable"],
        ["image (InputLayer)", "-"],
        ["c (Conv2D)", "N"],
        ["inner (Sequential)", "Y"],
        ["└ ic (Conv2D)", "Y"],
        ["multiply (Multiply)", "-"],
        ["g (GlobalAveragePooling2D)", "-"],
    ]


def test_the_wide_form():
    model = pictures()
    found = rows(model, wide=True, expand_nested=True, line_length=128)
    assert [row[-3:] for row in found] == [
        ["MACs", "Memory", "Sees"],
        ["0", "256.00 B", "1×1"],
        ["1,152", "512.00 B", "3×3"],
        ["1,944", "432.00 B", "5×5"],
        ["-", "-", "-"],
        ["0", "432.00 B", "5×5"],
        ["0", "12.00 B", "10×10"],
    ]
    assert printed(model, wide=True).endswith(
        " MACs per image: 3,096 (2 FLOPs each)\n Memory per image: 1.61 KB of outputs"
    )


def test_a_range_of_rows():
    names = ("one", "two", "three", "four")
    model = Sequential([layers.Input((4,)), *(layers.Dense(4, name=name) for name in names)])
    for layer_range in (("two", "thr.*"), ["three", "two"]):
        assert [row[0] for row in rows(model, layer_range=layer_range)[1:]] == [
            "two (Dense)",
            "three (Dense)",
        ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"line_length": 8}, "Expected 3 rising shares of a line that leave each column 4 characters"),
        ({"line_length": "wide"}, "line_length. Expected a positive integer, got 'wide'."),
        ({"positions": "x"}, "positions. Expected a list of shares of the line, got 'x'."),
        ({"positions": [0.5, 1.0]}, "no room. Expected 3 rising shares"),
        ({"positions": [0.9, 0.5, 1.0]}, "no room. Expected 3 rising shares"),
        ({"layer_range": ("flatten",)}, "layer_range. Expected two names or patterns"),
        ({"layer_range": ("nothing", "flatten")}, "layer_range names no layer. Expected two of"),
        ({"layer_range": ("(", "flatten")}, "layer_range is no regular expression"),
    ],
)
def test_refusals(options, sentence):
    model = Sequential([layers.Input((28, 28, 1)), *notes_layers()])
    with pytest.raises(ArgumentError) as error:
        printed(model, **options)
    assert sentence in str(error.value)


def test_the_state_of_the_optimizer_counts_once_it_is_there():
    model = Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("adam", "mse")
    assert "Optimizer params" not in printed(model)
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    assert " Optimizer params: 22 (88.00 B)" in printed(model) and " Total params: 32 (128" in printed(model)


def test_a_nested_model_of_several_outputs():
    """Symbols are told apart by identity: comparing them would compute."""
    i = layers.Input((4,))
    inner = Model(i, [layers.Dense(2)(i), layers.Dense(3)(i)], name="inner")
    x = layers.Input((4,), name="in")
    a, b = inner(x)
    found = rows(Model(x, layers.Concatenate(name="c")([b, a])), line_length=108)
    assert [row[-1] for row in found] == ["Connected to", "-", "in[0][0]", "inner[0][1], inner[0][0]"]
