"""What a model shows and returns, against the real Keras: summary, names, fit, evaluate, predict."""

from __future__ import annotations

import re

import numpy as np
import pytest

import minicnn
from tests.crosscheck.reference import MARKS
from tests.tolerances import TRAINED, assert_close

pytestmark = MARKS


def course_cnn(package):
    """The network of the course notes."""
    layers = package.layers
    return package.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.fixture
def fresh_names(keras):
    minicnn.utils.clear_session()
    keras.utils.clear_session()


NAMES = ["conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1", "conv2d_2", "flatten", "dense", "dense_1"]


def test_the_course_cnn(keras, fresh_names):
    for model in (course_cnn(minicnn), course_cnn(keras)):
        counts = [layer.count_params() for layer in model.layers]
        assert [layer.name for layer in model.layers] == NAMES
        assert [count for count in counts if count] == [320, 18496, 36928, 36928, 650]
        assert model.count_params() == 93322
        assert (model.name, model.input_shape, model.output_shape) == (
            "sequential",
            (None, 28, 28, 1),
            (None, 10),
        )


def test_summary(keras, fresh_names):
    ours, theirs = facts(course_cnn(minicnn)), facts(course_cnn(keras))
    assert ours == theirs
    assert "93,322 (364.54 KB)" in ours[-3]


def facts(model):
    """Title, rows and totals of a summary, without the lines around them."""
    printed = []
    model.summary(print_fn=lambda text, **_: printed.append(text))
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(printed))
    lines = [re.sub(r"[│┃\s]+", " ", line).strip() for line in text.splitlines()]
    return [line for line in lines if line and not set(line) & set("━─┏├└")]


def test_automatic_names(keras, fresh_names):
    arguments = {
        "Conv2D": (2, 3),
        "Dense": (2,),
        "Dropout": (0.5,),
        "Activation": ("relu",),
        "AveragePooling2D": (2,),
    }
    for name in (*arguments, "MaxPooling2D", "Flatten", "ReLU", "Softmax") * 2:
        ours, theirs = (getattr(p.layers, name)(*arguments.get(name, ())) for p in (minicnn, keras))
        assert ours.name == theirs.name
    assert minicnn.layers.InputLayer((2,)).name == keras.layers.InputLayer((2,)).name
    assert minicnn.Sequential().name == keras.Sequential().name
    x, y = minicnn.layers.Input((2,)), keras.layers.Input((2,))
    assert minicnn.Model(x, minicnn.layers.ReLU()(x)).name == keras.Model(y, keras.layers.ReLU()(y)).name


def small_pair(keras, loss, metrics=("accuracy",), optimizer="sgd"):
    """The same small network here and there, with the same weights."""
    models = []
    for package in (minicnn, keras):
        layers = package.layers
        stack = [layers.Input((6, 6, 1)), layers.Conv2D(3, 3, activation="relu"), layers.Flatten()]
        model = package.Sequential([*stack, layers.Dense(4, activation="softmax")])
        model.compile(optimizer, loss, metrics=list(metrics))
        models.append(model)
    models[0].set_weights(models[1].get_weights())
    return models


def images(n, one_hot=False):
    rng = np.random.default_rng(n)
    y = rng.integers(4, size=n)
    x = rng.normal(size=(n, 6, 6, 1)).astype(np.float32)
    return x, np.eye(4, dtype=np.float32)[y] if one_hot else y


@pytest.mark.parametrize(
    "loss, one_hot, kwargs",
    [
        ("categorical_crossentropy", True, {"batch_size": 4}),
        ("sparse_categorical_crossentropy", False, {"batch_size": 4}),
        ("mse", True, {"batch_size": 4}),
        ("categorical_crossentropy", True, {"batch_size": 4, "validation_split": 0.3}),
        ("sparse_categorical_crossentropy", False, {"batch_size": 64}),
        ("sparse_categorical_crossentropy", False, {"validation": 5}),
    ],
    ids=str,
)
def test_fit(keras, loss, one_hot, kwargs):
    """History of two epochs; 10 samples in batches of 4 end with a batch of 2, which counts half."""
    x, y = images(10, one_hot)
    kwargs = {"epochs": 2, "shuffle": False, "verbose": 0} | kwargs
    if "validation" in kwargs:
        kwargs["validation_data"] = images(kwargs.pop("validation"), one_hot)
    ours, theirs = small_pair(keras, loss)
    history, expected = ours.fit(x, y, **kwargs), theirs.fit(x, y, **kwargs)
    assert history.history.keys() == expected.history.keys()  # Keras sorts them, here the loss comes first
    assert history.epoch == expected.epoch
    for name, values in expected.history.items():
        assert len(history.history[name]) == len(values) == 2
        assert all(type(value) is float for value in history.history[name])
        assert_close(history.history[name], values, TRAINED)
    for w, reference in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, reference, TRAINED)
    assert ours.history is history and theirs.history is expected
    history, expected = (model.fit(x, y, **kwargs | {"initial_epoch": 1}) for model in (ours, theirs))
    assert history.epoch == expected.epoch == [1]


@pytest.mark.parametrize("metrics", [(), ("accuracy",), ("acc", "categorical_accuracy")], ids=str)
def test_evaluate(keras, metrics):
    x, y = images(10, one_hot=True)
    ours, theirs = small_pair(keras, "categorical_crossentropy", metrics)
    result, expected = (model.evaluate(x, y, batch_size=4, verbose=0) for model in (ours, theirs))
    assert type(result) is (list if metrics else float) and np.ndim(result) == np.ndim(expected)
    assert_close(result, expected, TRAINED)
    result, expected = (
        model.evaluate(x, y, batch_size=4, verbose=0, return_dict=True) for model in (ours, theirs)
    )
    assert result.keys() == expected.keys()
    for name, value in result.items():
        assert type(value) is float
        assert_close(value, expected[name], TRAINED)


@pytest.mark.parametrize("metrics", [(), ("accuracy",)], ids=str)
def test_train_on_batch(keras, metrics):
    x, y = images(5)
    ours, theirs = small_pair(keras, "sparse_categorical_crossentropy", metrics)
    result, expected = (model.train_on_batch(x, y) for model in (ours, theirs))
    assert np.ndim(result) == np.ndim(expected)
    assert_close(result, expected, TRAINED)
    result, expected = (model.train_on_batch(x, y, return_dict=True) for model in (ours, theirs))
    assert result.keys() == expected.keys()


def test_predict(keras):
    x, _ = images(10)
    for data in (x, (x * 20).astype(np.uint8), x.astype(np.float64), x[::2], x[..., 0][..., None]):
        ours, theirs = small_pair(keras, "mse")
        result, expected = ours.predict(data, batch_size=4), theirs.predict(data, batch_size=4, verbose=0)
        assert type(result) is type(expected) is np.ndarray
        assert result.dtype == expected.dtype == np.float32
        assert_close(result, expected, TRAINED)


def test_several_outputs(keras):
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    results = []
    for package in (minicnn, keras):
        start = package.layers.Input((3,))
        ends = [package.layers.ReLU()(start), package.layers.Softmax()(start)]
        results.append(package.Model(start, ends).predict(x, batch_size=2, verbose=0))
    assert type(results[0]) is type(results[1]) is list
    for result, expected in zip(*results, strict=True):
        assert_close(result, expected, TRAINED)


def test_compile_defaults(keras):
    """Without an optimizer both take RMSprop."""
    x, y = images(4)
    ours, theirs = small_pair(keras, "sparse_categorical_crossentropy", (), optimizer="rmsprop")
    for model in (ours, theirs):
        model.compile(loss="sparse_categorical_crossentropy")
        assert type(model.optimizer).__name__ == "RMSprop"
        model.train_on_batch(x, y)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)


def test_shared_layers_add_their_gradients(keras):
    """One Dense used twice in a graph with an operator: the functional API, trained one step."""
    models = []
    for package in (minicnn, keras):
        start = package.layers.Input((3,))
        shared = package.layers.Dense(3, activation="tanh")
        models.append(package.Model(start, shared(shared(start)) + start))
        models[-1].compile("sgd", "mse")
    ours, theirs = models
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    assert_close(ours.train_on_batch(x, x), theirs.train_on_batch(x, x), TRAINED)
    for w, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(w, expected, TRAINED)
