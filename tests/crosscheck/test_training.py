"""Whole networks, trained step by step beside the real Keras from the same weights on the same batches."""

from __future__ import annotations

import numpy as np
import pytest

import minicnn
from tests.crosscheck.reference import MARKS
from tests.layer_table import Draw
from tests.tolerances import TRAINED, assert_close

pytestmark = MARKS

OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.003}),
    ("RMSprop", {"learning_rate": 0.003, "momentum": 0.5, "centered": True, "epsilon": 1e-3}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True}),
]
# Loss, its arguments, activation of the output, whether the target is one-hot.
LOSSES = [
    ("CategoricalCrossentropy", {}, "softmax", True),
    ("SparseCategoricalCrossentropy", {}, "softmax", False),
    ("CategoricalCrossentropy", {"from_logits": True}, None, True),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, None, False),
    ("MeanSquaredError", {}, "sigmoid", True),
]
CLASSES = 4


def draw_net(number):
    """A small random CNN as [(layer, arguments)], and the shape of its images."""
    d = Draw("net", number)
    found = []
    for _ in range(d.integer(1, 2)):
        conv = {"filters": d.integer(2, 6), "kernel_size": d.pair(1, 3), "padding": d.choice("valid", "same")}
        conv |= d.some(activation=d.choice("relu", "tanh", "sigmoid"), strides=d.choice(1, 2), use_bias=False)
        found.append(("Conv2D", conv))
        found += d.choice(
            [], [("ReLU", {"max_value": 6, "negative_slope": 0.1})], [("Activation", {"activation": "tanh"})]
        )
        pool = {"pool_size": 2, "padding": "same"} | d.some(strides=d.choice(1, 2))
        found += d.choice([], [("MaxPooling2D", pool)], [("AveragePooling2D", pool)])
    found += [*d.choice([], [("Dropout", {"rate": 0})]), ("Flatten", {})]
    found += d.choice([], [("Dense", {"units": d.integer(3, 8), "activation": d.choice("relu", "tanh")})])
    return found, (d.integer(8, 11), d.integer(8, 11), d.integer(1, 3))


def build(package, net, shape, output):
    made = [getattr(package.layers, name)(**kwargs) for name, kwargs in net]
    end = package.layers.Dense(CLASSES, activation=output)
    return package.Sequential([package.layers.Input(shape), *made, end])


def targets(rng, n, one_hot):
    classes = rng.integers(CLASSES, size=n)
    return np.eye(CLASSES, dtype=np.float32)[classes] if one_hot else classes


def test_by_hand(keras):
    """w = 1, x = 2, target 0: loss (wx)² = 4, its gradient 2·wx·x = 8, and w becomes 1 − 0.1·8 = 0.2."""
    for package in (minicnn, keras):
        model = package.Sequential([package.layers.Input((1,)), package.layers.Dense(1, use_bias=False)])
        model.set_weights([np.ones((1, 1), np.float32)])
        model.compile(package.optimizers.SGD(0.1), "mse")
        assert_close(model.train_on_batch(np.array([[2.0]]), np.array([[0.0]])), 4, TRAINED)
        assert_close(model.get_weights()[0], [[0.2]], TRAINED)


@pytest.mark.parametrize("number", range(15))
def test_five_steps(keras, number):
    net, shape = draw_net(number)
    name, kwargs = OPTIMIZERS[number % len(OPTIMIZERS)]
    loss, loss_kwargs, output, one_hot = LOSSES[number % len(LOSSES)]
    models = [build(package, net, shape, output) for package in (minicnn, keras)]
    rng = np.random.default_rng(number)
    weights = [rng.normal(scale=0.3, size=w.shape).astype(np.float32) for w in models[0].weights]
    for package, model in zip((minicnn, keras), models, strict=True):
        model.set_weights(weights)
        optimizer = getattr(package.optimizers, name)(**kwargs)
        model.compile(optimizer, getattr(package.losses, loss)(**loss_kwargs), metrics=["accuracy"])
    ours, theirs = models
    for _ in range(5):
        x = rng.normal(size=(6, *shape)).astype(np.float32)
        y = targets(rng, 6, one_hot)
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), TRAINED)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)
    changed = [not np.array_equal(w, before) for w, before in zip(ours.get_weights(), weights, strict=True)]
    assert all(changed)
    assert_close(ours.predict(x), theirs.predict(x, verbose=0), TRAINED)


def test_frozen_layers_stay(keras):
    net = [("Conv2D", {"filters": 3, "kernel_size": 3, "trainable": False}), ("Flatten", {})]
    models = [build(package, net, (6, 6, 1), "softmax") for package in (minicnn, keras)]
    models[0].set_weights(models[1].get_weights())
    before = models[0].get_weights()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 6, 6, 1)).astype(np.float32), targets(rng, 4, False)
    for model in models:
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.train_on_batch(x, y)
    ours, theirs = (model.get_weights() for model in models)
    np.testing.assert_array_equal(ours[0], before[0])
    for w, expected in zip(ours, theirs, strict=True):
        assert_close(w, expected, TRAINED)
    assert not np.array_equal(ours[2], before[2])


@pytest.mark.parametrize("number", range(3))
def test_five_steps_with_normalization(keras, number):
    """Losses, weights and moving averages; then, with these, what both predict."""
    name, kwargs = OPTIMIZERS[2 * number]
    net = [
        ("Conv2D", {"filters": 4, "kernel_size": 3, "use_bias": False}),
        ("BatchNormalization", {"momentum": 0.8, "scale": number != 1, "trainable": number != 2}),
        ("PReLU", {"shared_axes": [1, 2]}),
        ("Conv2D", {"filters": 4, "kernel_size": 2, "strides": 2, "activation": "gelu"}),
        ("GroupNormalization", {"groups": 2}),
        ("LeakyReLU", {}),
        ("Flatten", {}),
        ("LayerNormalization", {}),
    ]
    ours, theirs = models = [build(package, net, (8, 8, 2), "softmax") for package in (minicnn, keras)]
    ours.set_weights(theirs.get_weights())
    for package, model in zip((minicnn, keras), models, strict=True):
        model.compile(getattr(package.optimizers, name)(**kwargs), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(number)
    for _ in range(5):
        x, y = rng.normal(1, 2, size=(6, 8, 8, 2)).astype(np.float32), targets(rng, 6, False)
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y), TRAINED)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)
    assert_close(ours.predict(x), theirs.predict(x, verbose=0), TRAINED)


# -- several inputs and outputs, weights, names ----------------------------------------------------------

N = 11


def two_by_two(package):
    """Inputs "a" and "b", one hidden layer of both, outputs "kind" (3 classes) and "size" (one number)."""
    a, b = package.layers.Input((3,), name="a"), package.layers.Input((2,), name="b")
    hidden = package.layers.Dense(4, activation="tanh")(a)
    both = hidden + package.layers.Dense(4, kernel_regularizer="l2")(b)
    kind = package.layers.Dense(3, activation="softmax", name="kind")(both)
    return package.Model([a, b], [kind, package.layers.Dense(1, name="size")(both)])


def mixed_data():
    rng = np.random.default_rng(3)
    x = [rng.normal(size=(N, size)).astype(np.float32) for size in (3, 2)]
    y = [rng.integers(3, size=N), rng.normal(size=(N, 1)).astype(np.float32)]
    return x, y, rng.uniform(0.1, 2, size=(2, N)).astype(np.float32)


CASES = {
    "one loss": {"loss": ["sparse_categorical_crossentropy", "mse"]},
    "dicts": {
        "loss": {"size": "mae", "kind": "sparse_categorical_crossentropy"},
        "loss_weights": {"kind": 0.3, "size": 2.0},
        "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]},
    },
    "lists": {
        "loss": ["sparse_categorical_crossentropy", "mse"],
        "loss_weights": [1.5, 0.5],
        "metrics": [["accuracy"], None],
        "weighted_metrics": [["accuracy"], ["mae"]],
    },
}


def pair(keras, build, **options):
    """The model here and in Keras, compiled the same way, from the same weights."""
    models = [build(package) for package in (minicnn, keras)]
    models[0].set_weights(models[1].get_weights())
    for package, model in zip((minicnn, keras), models, strict=True):
        model.compile(package.optimizers.SGD(0.05, momentum=0.9), **options)
    return models


def assert_same(ours, theirs):
    """Equal names; equal values within rounding. Keras' dicts are in alphabetical order."""
    assert sorted(ours) == sorted(theirs)
    for name in ours:
        assert_close(ours[name], theirs[name], TRAINED)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weights", ["none", "one", "each"])
def test_history_of_two_outputs(keras, case, weights):
    models = pair(keras, two_by_two, **CASES[case])
    x, y, w = mixed_data()
    sample_weight = {"none": None, "one": w[0], "each": [w[0], w[1]]}[weights]
    options = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0, "validation_split": 0.3}
    ours, theirs = (model.fit(x, y, sample_weight=sample_weight, **options).history for model in models)
    assert_same(ours, theirs)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        assert_close(a, b, TRAINED)
    found = [model.evaluate(x, y, 4, 0, sample_weight, return_dict=True) for model in models]
    assert_same(*found)
    assert_close(*(model.evaluate(x, y, 4, 0, sample_weight) for model in models), TRAINED)
    for ours, theirs in zip(*(model.predict(x, verbose=0) for model in models), strict=True):
        assert_close(ours, theirs, TRAINED)


def test_data_by_name(keras):
    models = pair(keras, two_by_two, **CASES["dicts"])
    x, y, w = mixed_data()
    by_name = {"a": x[0], "b": x[1]}, {"kind": y[0], "size": y[1]}, [w[0], w[1]]
    assert_same(*(model.train_on_batch(*by_name, return_dict=True) for model in models))
    assert_close(*(model.test_on_batch(*by_name) for model in models), TRAINED)


def test_an_output_without_a_loss(keras):
    models = pair(
        keras, two_by_two, loss=["sparse_categorical_crossentropy", None], metrics=[["accuracy"], None]
    )
    x, y, _ = mixed_data()
    values = [model.fit(x, y[:1], batch_size=4, shuffle=False, verbose=0).history for model in models]
    assert_same(*values)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        assert_close(a, b, TRAINED)


def one_output(package):
    """Three classes from three numbers, with a penalty on the hidden layer's weights and outputs."""
    penalties = {"kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2"}
    hidden = package.layers.Dense(5, activation="relu", **penalties)
    return package.Sequential(
        [package.layers.Input((3,)), hidden, package.layers.Dense(3, activation="softmax")]
    )


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weight(keras, one_hot):
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    models = pair(keras, one_output, loss=loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
    (x, _), (y, _), _ = mixed_data()
    y = np.eye(3, dtype=np.float32)[y] if one_hot else y
    options = {"class_weight": {0: 0.2, 2: 3.0}, "batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    assert_same(*(model.fit(x, y, validation_data=(x, y), **options).history for model in models))
    assert_same(*(model.train_on_batch(x, y, class_weight={1: 2.0}, return_dict=True) for model in models))


def test_sample_weight_and_validation(keras):
    options = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    models = pair(keras, one_output, **options, weighted_metrics=["sparse_categorical_crossentropy"])
    (x, _), (y, _), (w, v) = mixed_data()
    fit = {"batch_size": 4, "epochs": 4, "shuffle": False, "verbose": 0, "sample_weight": w}
    fit |= {"validation_data": (x[:5], y[:5], v[:5]), "validation_batch_size": 2, "validation_freq": 2}
    assert_same(*(model.fit(x, y, **fit).history for model in models))


@pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:`shuffle=True` was passed")
@pytest.mark.filterwarnings("ignore:.*the data ran out before steps were done")
def test_generators_and_steps(keras):
    models = pair(keras, one_output, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    (x, _), (y, _), (w, _) = mixed_data()

    def batches():
        for start in range(0, N, 2):
            part = slice(start, start + 2)
            yield x[part], y[part], w[part]

    found = [model.fit(batches(), epochs=3, steps_per_epoch=2, verbose=0).history for model in models]
    assert_same(*found)
    arrays = {"batch_size": 2, "steps_per_epoch": 4, "shuffle": False, "verbose": 0, "epochs": 3}
    assert_same(*(model.fit(x, y, **arrays).history for model in models))
    assert_close(*(model.evaluate(batches(), verbose=0) for model in models), TRAINED)
    assert_close(*(model.predict(batches(), verbose=0) for model in models), TRAINED)


def test_a_data_set_by_number(keras):
    models = pair(keras, one_output, loss="sparse_categorical_crossentropy")
    (x, _), (y, _), _ = mixed_data()
    found = []
    for package, model in zip((minicnn, keras), models, strict=True):

        class Set(package.utils.PyDataset):
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return x[index * 4 : index * 4 + 4], y[index * 4 : index * 4 + 4]

        fit = {"shuffle": False, "class_weight": {0: 3.0}, "verbose": 0}
        found.append(model.fit(Set(), epochs=2, validation_data=Set(), **fit).history)
    assert_same(*found)


def test_arguments_are_those_of_keras(keras):
    """Names, order and defaults; predict alone is silent here."""
    import inspect

    for method in (
        "compile",
        "fit",
        "evaluate",
        "predict",
        "train_on_batch",
        "test_on_batch",
        "predict_on_batch",
    ):
        ours, theirs = (
            {
                name: p.default
                for name, p in inspect.signature(getattr(package.Model, method)).parameters.items()
            }
            for package in (minicnn, keras)
        )
        theirs.pop("kwargs", None)
        assert list(ours)[: len(theirs)] == list(theirs), method
        ours["verbose"] = theirs.get("verbose") if method == "predict" else ours.get("verbose")
        assert all(ours[name] == default for name, default in theirs.items()), method
