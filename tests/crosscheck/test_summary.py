"""What `summary` prints, line by line beside Keras."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn

pytestmark = pytest.mark.crosscheck


def notes(k, compiled=False):
    model = k.Sequential([k.layers.Input((28, 28, 1), name="in")])
    for i, filters in enumerate((32, 64, 64)):
        model.add(k.layers.Conv2D(filters, 3, activation="relu", name=f"c{i}"))
        if i < 2:
            model.add(k.layers.MaxPooling2D(2, name=f"p{i}"))
    return model


def unbuilt(k):
    return k.Sequential(
        [k.layers.Conv2D(8, 3, name="c"), k.layers.Flatten(name="f"), k.layers.Dense(2, name="d")]
    )


def chain(k):
    x = k.layers.Input((8, 8, 3), name="in")
    y = k.layers.Conv2D(4, 3, name="a_layer_with_quite_a_long_name_that_does_not_fit_into_its_column")(x)
    return k.Model(x, k.layers.Dense(3, name="d")(k.layers.Flatten(name="f")(y)))


def branched(k):
    x = k.layers.Input((16, 16, 3), name="in")
    a = k.layers.Conv2D(4, 1, name="a1")(x)
    b = k.layers.Conv2D(4, 3, padding="same", name="b2")(k.layers.Conv2D(2, 1, name="b1")(x))
    y = k.layers.Concatenate(name="joined")([a, b, k.layers.Conv2D(1, 1, name="c1")(x)])
    y = k.layers.Add(name="sum")([y, k.layers.Conv2D(9, 1, name="s")(x)])
    return k.Model(x, k.layers.Dense(2, name="out")(k.layers.GlobalAveragePooling2D(name="g")(y)))


def two_in_two_out(k):
    a, b = k.layers.Input((6,), name="a"), k.layers.Input((4,), name="b")
    y = k.layers.Concatenate(name="both")([k.layers.Dense(5, name="da")(a), k.layers.Dense(5, name="db")(b)])
    return k.Model([a, b], [k.layers.Dense(1, name="first")(y), k.layers.Dense(2, name="second")(y)])


def shared(k):
    dense = k.layers.Dense(4, name="shared")
    x = k.layers.Input((4,), name="in")
    return k.Model(x, k.layers.Dense(2, name="last")(dense(dense(x))))


def nested(k):
    inner = k.Sequential(
        [k.layers.Input((8, 8, 2), name="ii"), k.layers.Conv2D(3, 3, name="ic")], name="inner"
    )
    x = k.layers.Input((8, 8, 2), name="in")
    y = k.layers.Flatten(name="f")(inner(x))
    deeper = k.Sequential([k.layers.Input((108,), name="dd"), k.layers.Dense(2, name="de")], name="deeper")
    return k.Model(x, [deeper(y), k.layers.Dense(1, name="other")(y)])


def nested_in_a_row(k):
    inner = k.Sequential([k.layers.Input((4,), name="ii"), k.layers.Dense(3, name="id")], name="inner")
    return k.Sequential([k.layers.Input((4,), name="in"), inner, k.layers.Dense(2, name="last")])


def several_from_one(k):
    """A nested model of two outputs, taken in the other order."""
    i = k.layers.Input((4,), name="i")
    inner = k.Model(i, [k.layers.Dense(2, name="p")(i), k.layers.Dense(3, name="q")(i)], name="inner")
    x = k.layers.Input((4,), name="in")
    a, b = inner(x)
    return k.Model(x, k.layers.Dense(1, name="last")(k.layers.Concatenate(name="joined")([b, a])))


def inner_output(k):
    """A single row of layers, of which an inner one is an output too."""
    x = k.layers.Input((4,), name="in")
    h = k.layers.Dense(3, name="h")(x)
    return k.Model(x, [h, k.layers.Dense(2, name="o")(h)])


def frozen(k):
    model = branched(k)
    model.get_layer("a1").trainable = False
    model.get_layer("s").trainable = False
    return model


def operators(k):
    x = k.layers.Input((6,), name="in")
    y = k.layers.Dense(6, name="d")(x)
    return k.Model(x, k.layers.Dense(1, name="last")((y + x) * y - x))


MODELS = [notes, unbuilt, chain, branched, two_in_two_out, shared, nested, nested_in_a_row, frozen, operators]
MODELS += [several_from_one, inner_output]
OPTIONS = [
    {},
    {"line_length": 100},
    {"expand_nested": True},
    {"show_trainable": True},
    {"show_trainable": True, "expand_nested": True, "line_length": 130},
]


def printed(model, **options):
    found = []
    model.summary(print_fn=lambda text, **_: found.append(text), **options)
    return "".join(found).rstrip("\n").splitlines()


def renamed(lines):
    """The name of the model is made up; everything else is compared."""
    return ["Model" if line.startswith("Model:") else line.rstrip() for line in lines]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", MODELS)
def test_line_by_line(keras, monkeypatch, make, options):
    monkeypatch.setenv("COLUMNS", "160")
    keras.utils.clear_session()
    minicnn.layers.naming.reset_names()
    assert renamed(printed(make(minicnn), **options)) == renamed(printed(make(keras), **options))


@pytest.mark.parametrize("columns", ["80", "100"])
def test_in_a_narrow_terminal(keras, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    for make in (notes, branched):
        keras.utils.clear_session()
        assert renamed(printed(make(minicnn))) == renamed(printed(make(keras)))


def test_positions_and_range(keras, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    for options in (
        {"positions": [0.5, 0.7, 1.0]},
        {"layer_range": ("c1", "p1")},
        {"layer_range": ["p.*", "c0"]},
    ):
        assert renamed(printed(notes(minicnn), **options)) == renamed(printed(notes(keras), **options))


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_after_a_training_step(keras, monkeypatch, optimizer):
    monkeypatch.setenv("COLUMNS", "120")
    texts = []
    for k in (minicnn, keras):
        model = two_in_two_out(k)
        model.compile(optimizer, "mse")
        before = renamed(printed(model))
        x = [np.ones((4, 6), "float32"), np.ones((4, 4), "float32")]
        model.fit(x, [np.ones((4, 1)), np.ones((4, 2))], verbose=0)
        texts.append((before, renamed(printed(model))))
    assert texts[0] == texts[1]
