"""Functional models with dicts of inputs and outputs."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, layers, load_model, utils
from minicnn.errors import ArgumentError

RNG = np.random.default_rng(0)
X = {
    "image": RNG.standard_normal((8, 6, 6, 1), dtype="float32"),
    "age": RNG.standard_normal((8, 2), "float32"),
}
Y = {"kind": RNG.integers(0, 3, 8), "size": RNG.standard_normal((8, 1), dtype="float32")}


def model() -> Model:
    utils.set_random_seed(0)
    inputs = {"image": layers.Input((6, 6, 1), name="first"), "age": layers.Input((2,), name="second")}
    flat = layers.Flatten()(layers.Conv2D(2, 3, activation="relu")(inputs["image"]))
    both = layers.Concatenate()([flat, inputs["age"]])
    kind = layers.Dense(3, activation="softmax", name="a_layer")(both)
    return Model(inputs, {"size": layers.Dense(1)(both), "kind": kind})


def test_dicts_go_in_and_come_out():
    net = model()
    assert net.input_names == ["age", "image"] and net.output_names == ["kind", "size"]
    found = net(X)
    assert list(found) == ["kind", "size"] and found["kind"].shape == (8, 3)
    in_a_list = net([X["age"], X["image"]])
    predicted = net.predict(X, batch_size=3, verbose=0)
    for name, values in predicted.items():
        np.testing.assert_allclose(values, found[name].numpy(), rtol=1e-6)
        np.testing.assert_array_equal(in_a_list[name].numpy(), found[name].numpy())


def test_symbols_and_shapes_come_in_dicts():
    net = model()
    assert {name: symbol.shape for name, symbol in net.input.items()} == {
        "image": (None, 6, 6, 1),
        "age": (None, 2),
    }
    assert {name: symbol.shape for name, symbol in net.output.items()} == {
        "kind": (None, 3),
        "size": (None, 1),
    }
    shapes = net.compute_output_shape({"image": (5, 6, 6, 1), "age": (5, 2)})
    assert shapes == {"kind": (5, 3), "size": (5, 1)}
    inner = Model(net.input, net.get_layer("a_layer").input)
    assert inner.predict(X, verbose=0).shape == (8, 34)


def test_training_names_outputs_by_their_keys():
    net = model()
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    net.compile("adam", losses, loss_weights={"kind": 0.8, "size": 0.2}, metrics={"kind": ["accuracy"]})
    history = net.fit(X, Y, epochs=2, verbose=0, validation_split=0.25).history
    assert {"loss", "kind_loss", "size_loss", "kind_accuracy", "val_kind_accuracy"} <= set(history)
    assert set(net.evaluate(X, Y, verbose=0, return_dict=True)) == {
        "loss",
        "kind_loss",
        "size_loss",
        "kind_accuracy",
    }


def test_files_keep_the_dicts(tmp_path):
    net = model()
    net.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert loaded.input_names == net.input_names and loaded.output_names == net.output_names
    expected = net.predict(X, verbose=0)
    for name, values in loaded.predict(X, verbose=0).items():
        np.testing.assert_array_equal(values, expected[name])


def test_inside_another_model(tmp_path):
    net = model()
    image, age = layers.Input((6, 6, 1)), layers.Input((2,))
    found = net({"image": image, "age": age})
    assert list(found) == ["kind", "size"] and found["size"].shape == (None, 1)
    outer = Model([image, age], layers.Concatenate()([found["kind"], found["size"]]))
    expected = net.predict(X, verbose=0)
    joined = np.concatenate([expected["kind"], expected["size"]], axis=1)
    data = [X["image"], X["age"]]
    np.testing.assert_array_equal(outer.predict(data, verbose=0), joined)
    outer.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "m.safetensors").predict(data, verbose=0), joined)


def test_keys_that_do_not_fit():
    net = model()
    with pytest.raises(ArgumentError, match="age, image"):
        net({"image": X["image"]})
    with pytest.raises(ArgumentError, match="age, image"):
        net.predict({**X, "more": X["age"]}, verbose=0)
    with pytest.raises(ArgumentError, match="age, image"):
        net.compute_output_shape({"image": (5, 6, 6, 1)})
    a = layers.Input((2,))
    for inputs, outputs in (({0: a}, a * 2), (a, {0: a * 2})):
        with pytest.raises(ArgumentError) as error:
            Model(inputs, outputs, name="m")
        problem = "a key of its inputs or outputs is not a name. Expected a string, got 0."
        assert str(error.value) == f"Functional 'm': {problem}"
