"""Healthy nets pass, planted faults are recognised, and the model is afterwards what it was."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Function, Model, Sequential, layers, losses, optimizers, utils
from minicnn.errors import ArgumentError
from minicnn.inspect import sanity


@pytest.fixture(autouse=True)
def seeded():
    utils.clear_session()
    utils.set_random_seed(0)


def images(n=60, k=3, seed=1):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    x = rng.normal(size=(n, 6, 6, 1)).astype("float32")
    x[:, 2:4] += y[:, None, None, None]
    return x, y


def cnn(activation="relu", last="softmax", extra=(), units=3, dtype=None):
    return Sequential(
        [
            layers.Input((6, 6, 1), dtype=dtype),
            layers.Conv2D(4, 3, activation=activation, dtype=dtype),
            *extra,
            layers.Flatten(dtype=dtype),
            layers.Dense(8, activation=activation, dtype=dtype),
            layers.Dense(units, activation=last, dtype=dtype),
        ],
        name="net",
    )


def compiled(model, optimizer="adam", loss="sparse_categorical_crossentropy", **options):
    model.compile(optimizer, loss, **options)
    return model


def regression(units=1):
    x, y = images()
    return x, np.stack([np.sin(y + i) for i in range(units)], axis=1)


HEALTHY = {
    **{f"cnn {a}": lambda a=a: (compiled(cnn(a)), *images()) for a in ("relu", "tanh", "sigmoid")},
    **{
        f"cnn seed {s}": lambda s=s: (utils.set_random_seed(s), compiled(cnn()), *images(seed=s))[1:]
        for s in range(6)
    },
    **{o: lambda o=o: (compiled(cnn(), o), *images()) for o in ("sgd", "rmsprop")},
    "momentum": lambda: (compiled(cnn(), optimizers.SGD(0.01, momentum=0.9)), *images()),
    "logits": lambda: (compiled(cnn(last=None), loss=losses.SparseCategoricalCrossentropy(True)), *images()),
    "dropout": lambda: (compiled(cnn(extra=[layers.Dropout(0.5)])), *images()),
    "pooling": lambda: (compiled(cnn(extra=[layers.MaxPooling2D(2)])), *images()),
    "one-hot": lambda: (
        compiled(cnn(), loss="categorical_crossentropy"),
        images()[0],
        np.eye(3)[images()[1]],
    ),
    "mse": lambda: (compiled(cnn(last=None, units=1), loss="mse"), *regression()),
    "two outputs": lambda: (compiled(cnn(last=None, units=2), loss="mse"), *regression(2)),
    "linear": lambda: (
        compiled(Sequential([layers.Input((6, 6, 1)), layers.Flatten(), layers.Dense(3, "softmax")])),
        *images(),
    ),
    "float64": lambda: (compiled(cnn(dtype="float64")), *images()),
    "frozen part": lambda: (compiled(frozen()), *images()),
    "regularized": lambda: (compiled(cnn(extra=[layers.Conv2D(4, 3, kernel_regularizer="l2")])), *images()),
}


def frozen():
    model = cnn()
    model.layers[0].trainable = False
    return model


@pytest.mark.parametrize("name", HEALTHY)
def test_no_false_alarm(name):
    model, x, y = HEALTHY[name]()
    report = model.sanity(x, y)
    assert report.ok, report
    assert report and "nothing wrong found" in repr(report)


class HalfBackward(Function):
    """Twice the input, with a backward that forgets the two."""

    def forward(self, x):
        return x * 2

    def backward(self, gy, needs):
        return gy


class Wrong(layers.Layer):
    def call(self, x):
        return HalfBackward()(x)


def dead():
    model = compiled(cnn())
    model.layers[0].bias.assign(np.full(4, -1e3, "float32"))
    return model


FAULTS = {
    "unscaled": (lambda: (compiled(cnn()), images()[0] * 80, images()[1]), "inputs", "x / 255"),
    "constant input": (lambda: (compiled(cnn()), images()[0] * 0, images()[1]), "inputs", "every value is 0"),
    "NaN": (lambda: (compiled(cnn()), images()[0] * np.nan, images()[1]), "inputs", "not finite"),
    "shifted": (lambda: (compiled(cnn()), images()[0], images()[1] + 1), "targets", "subtract 1"),
    "shifted, one output more": (
        lambda: (compiled(cnn(units=4)), images()[0], images()[1] + 1), "targets", "subtract 1"
    ),
    "one class": (lambda: (compiled(cnn()), images()[0], images()[1] * 0), "targets", "all are the same"),
    "softmax twice": (
        lambda: (compiled(cnn(), loss=losses.SparseCategoricalCrossentropy(True)), *images()),
        "loss and output", "softmax already",
    ),
    "no softmax": (lambda: (compiled(cnn(last=None)), *images()), "loss and output", "no probabilities"),
    "large weights": (lambda: (compiled(scaled(50.0)), *images()), "first loss", "guessing gives 1.099"),
    "wrong backward": (lambda: (compiled(cnn(extra=[Wrong()])), *images()), "gradients", "2 times too small"),
    "no step": (lambda: (compiled(cnn(), optimizers.SGD(0.0)), *images()), "optimizer", "rate is 0.0"),
    "huge steps": (lambda: (compiled(cnn(), optimizers.SGD(1e6)), *images()), "optimizer", "too large"),
    "dead ReLU": (lambda: (dead(), *images()), "dead weights", "no gradient reaches conv2d/kernel"),
    "one unit of softmax": (
        lambda: (compiled(cnn(units=1), loss="mse"), *regression()), "learning by heart", "guessing gives"
    ),
}  # fmt: skip


def scaled(factor):
    model = cnn()
    model.set_weights([w * factor for w in model.get_weights()])
    return model


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults(name):
    make, check, text = FAULTS[name]
    model, x, y = make()
    report = model.sanity(x, y)
    assert not report.ok and not report[check].ok, report
    assert text in report[check].message
    assert f"WRONG  {check}: " in repr(report)


def test_the_model_is_as_it_was_and_trains_on_as_if_nothing_had_been():
    def run(check):
        utils.clear_session()
        utils.set_random_seed(3)
        model = compiled(cnn(extra=[layers.Dropout(0.3)]), metrics=["accuracy"])
        x, y = images()
        model.fit(x, y, verbose=0)
        weights = model.get_weights()
        if check:
            sanity(model, x, y)
            for a, b in zip(weights, model.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
        history = model.fit(x, y, epochs=2, verbose=0).history
        after = layers.Dense(2)(np.ones((1, 2))).numpy()
        return [*model.get_weights(), np.array(list(history.values())), after]

    for a, b in zip(run(False), run(True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_it_needs():
    with pytest.raises(ArgumentError, match="sanity of Sequential 'net': there is no loss or optimizer"):
        cnn().sanity(*images())


def test_a_subclassed_model_that_is_not_built_yet():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.flat, self.dense = layers.Flatten(), layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(self.flat(x))

    report = compiled(Own()).sanity(*images())
    assert report.ok, report
