"""compile, fit, evaluate, predict: by hand, against a loop of one's own, and bit-equal when repeated."""

from __future__ import annotations

import re

import numpy as np
import pytest

from minicnn import (
    Model,
    Sequential,
    Tensor,
    callbacks,
    functions,
    grad,
    layers,
    losses,
    metrics,
    optimizers,
    random,
    utils,
)
from minicnn.errors import ArgumentError, GradientError, ShapeError
from tests.tolerances import KERNEL, assert_close

FLOAT32 = KERNEL[np.dtype(np.float32)]


def classifier(rate=0.25):
    return Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(rate),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(model=None, optimizer="rmsprop", **options):
    model = model or classifier()
    model.compile(optimizer, "sparse_categorical_crossentropy", **({"metrics": ["accuracy"]} | options))
    return model


class Watch(layers.Layer):
    """Notes the first number of every sample that comes by, batch by batch."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, x, training=False):
        self.seen.append((bool(training), x.numpy()[:, 0].astype(int).tolist()))
        return x


def watched():
    """A model on one number a sample, and what it has seen."""
    watch = Watch()
    model = Sequential([layers.Input((1,)), watch, layers.Dense(1, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.0), "mse")
    watch.seen.clear()
    return model, watch.seen


def numbers(n):
    return np.arange(float(n))[:, None], np.zeros((n, 1))


# -- by hand -------------------------------------------------------------------------------------------


def test_one_step_by_hand():
    """y = 2·x, target 10 at x = 3: loss 16, slope 2·(6 − 10)·3 = −24; the bias has slope −8."""
    model = Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer=two())])
    model.compile(optimizers.SGD(0.5), "mse")
    history = model.fit(np.array([[3.0]]), np.array([[10.0]]), verbose=0)
    assert history.history == {"loss": [16.0]}
    kernel, bias = model.get_weights()
    assert kernel.tolist() == [[2 + 12.0]] and bias.tolist() == [4.0]


def two():
    return {"class_name": "Constant", "config": {"value": 2.0}}


def test_fit_is_this_loop(images):
    x, y = images
    model = compiled(classifier(rate=0.0), optimizers.Adam(0.01))
    history = model.fit(x, y, batch_size=5, epochs=3, verbose=0).history
    utils.set_random_seed(0)
    other, optimizer, expected = classifier(rate=0.0), optimizers.Adam(0.01), []
    for epoch in range(3):
        order, total = random.permutation(12, "shuffle", 0, epoch), 0.0
        for start in range(0, 12, 5):
            chosen = order[start : start + 5]
            logits = functions.logits_of(other(x[chosen], training=True))
            loss = functions.softmax_cross_entropy(logits, y[chosen]).mean()
            optimizer.apply(grad(loss, other.trainable_weights), other.trainable_weights)
            total += loss.item() * len(chosen)
        expected.append(total / 12)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert history["loss"] == expected


# -- the same again ------------------------------------------------------------------------------------


def train(x, y, calls=((3, {}),), seed=3, **options):
    utils.set_random_seed(seed)
    model = compiled()
    found = []
    for epochs, more in calls:
        found.append(model.fit(x, y, batch_size=5, epochs=epochs, verbose=0, **options, **more).history)
    return model, found


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
def test_one_seed_one_result(optimizer, images):
    found = []
    for _ in range(2):
        utils.set_random_seed(3)
        model = compiled(optimizer=optimizer)
        history = model.fit(*images, batch_size=5, epochs=3, verbose=0).history
        found.append((model.get_weights(), history))
    for a, b in zip(found[0][0], found[1][0], strict=True):
        np.testing.assert_array_equal(a, b)
    assert found[0][1] == found[1][1]


def test_another_seed_another_result(images):
    first, second = train(*images)[0], train(*images, seed=4)[0]
    assert any((a != b).any() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def test_two_fits_continue_one_another(images):
    once, _ = train(*images, calls=[(4, {})])
    twice, _ = train(*images, calls=[(1, {}), (3, {})])
    initial, _ = train(*images, calls=[(1, {}), (4, {"initial_epoch": 1})])
    for a, b, c in zip(once.get_weights(), twice.get_weights(), initial.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)


def test_validation_and_prediction_do_not_disturb_training(images):
    x, y = images
    plain, _ = train(x, y)

    class Nosy(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            dict(logs)
            self.model.evaluate(x, y, verbose=0)
            self.model.predict(x)
            random.uniform((3,), "other", 0)

    watched_model, (history,) = train(x, y, callbacks=[Nosy()], validation_data=(x, y))
    for a, b in zip(plain.get_weights(), watched_model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    _, (expected,) = train(x, y)
    assert history["loss"] == expected["loss"] and history["accuracy"] == expected["accuracy"]


# -- order, batches, splits ----------------------------------------------------------------------------


def orders(seen):
    return [samples for _, samples in seen]


def test_the_order_depends_on_seed_and_epoch_alone():
    model, seen = watched()
    model.fit(*numbers(6), batch_size=6, epochs=3, verbose=0)
    expected = [random.permutation(6, "shuffle", 0, epoch).tolist() for epoch in range(3)]
    assert orders(seen) == expected and len(set(map(tuple, expected))) == 3
    utils.set_random_seed(0)
    layers.Dense(3)(np.ones((1, 2)))  # other draws
    model, seen = watched()
    model.fit(*numbers(6), batch_size=2, epochs=3, verbose=0)
    assert np.reshape(orders(seen), (3, 6)).tolist() == expected


def test_without_shuffling_the_order_stays():
    model, seen = watched()
    model.fit(*numbers(5), batch_size=2, epochs=2, shuffle=False, verbose=0)
    assert orders(seen) == [[0, 1], [2, 3], [4]] * 2
    assert all(training for training, _ in seen)


def test_every_epoch_uses_every_sample_once():
    model, seen = watched()
    model.fit(*numbers(7), batch_size=3, epochs=2, verbose=0)
    assert [len(samples) for samples in orders(seen)] == [3, 3, 1] * 2
    assert sorted(sample for batch in orders(seen[:3]) for sample in batch) == list(range(7))


@pytest.mark.parametrize(
    ("n", "share", "kept"), [(10, 0.2, 8), (10, 0.25, 7), (7, 0.5, 3), (100, 0.07, 93), (3, 0.01, 2)]
)
def test_validation_split_takes_the_last_samples(n, share, kept):
    """As many as Keras takes: the training set is n·(1 − share), rounded down."""
    model, seen = watched()
    model.fit(*numbers(n), batch_size=n, validation_split=share, verbose=0)
    (training, first), (validating, last) = seen
    assert training and sorted(first) == list(range(kept))
    assert not validating and last == list(range(kept, n))


def test_validation_data_comes_before_validation_split():
    model, seen = watched()
    model.fit(*numbers(4), batch_size=4, validation_data=numbers(2), validation_split=0.5, verbose=0)
    assert len(seen[0][1]) == 4 and seen[1] == (False, [0, 1])


def test_a_smaller_last_batch_weighs_less():
    """Loss x² of 0 … 4 in batches of 2, 2 and 1: the mean over samples is 6, over batches 7.67."""
    model, _ = watched()
    x, _ = numbers(5)
    history = model.fit(x, x, batch_size=2, shuffle=False, verbose=0, validation_data=(x, x)).history
    assert history == {"loss": [6.0], "val_loss": [6.0]}
    assert model.evaluate(x, x, batch_size=2, verbose=0) == 6.0


# -- history, callbacks, interruptions -----------------------------------------------------------------


def test_history(images):
    x, y = images
    model = compiled(metrics=["accuracy", "sparse_categorical_accuracy"])
    history = model.fit(x, y, epochs=4, verbose=0, validation_split=0.25)
    names = ["loss", "accuracy", "sparse_categorical_accuracy"]
    assert list(history.history) == names + [f"val_{name}" for name in names]
    assert {len(values) for values in history.history.values()} == {4}
    assert history.epoch == [0, 1, 2, 3] and model.history is history
    assert all(type(value) is float for values in history.history.values() for value in values)
    again = model.fit(x, y, epochs=6, initial_epoch=4, verbose=0)
    assert again.epoch == [4, 5] and list(again.history) == names
    assert model.fit(x, y, epochs=0, verbose=0).history == {}


class Diary(callbacks.Callback):
    """Writes down every call."""

    def __init__(self, name="", pages=None):
        self.name, self.pages = name, [] if pages is None else pages

    def note(self, what, *details):
        self.pages.append((self.name + what, *details))

    def on_train_begin(self, logs=None):
        self.note("train begins", self.params["epochs"], self.params["steps"])

    def on_train_end(self, logs=None):
        self.note("train ends")

    def on_epoch_begin(self, epoch, logs=None):
        self.note("epoch begins", epoch)

    def on_epoch_end(self, epoch, logs=None):
        self.note("epoch ends", epoch, sorted(logs))

    def on_train_batch_begin(self, batch, logs=None):
        self.note("batch begins", batch)

    def on_train_batch_end(self, batch, logs=None):
        self.note("batch ends", batch, sorted(logs))


def test_callbacks_are_called_in_order():
    model, _ = watched()
    diary = Diary()
    model.fit(*numbers(3), batch_size=2, epochs=1, verbose=0, callbacks=[diary], validation_split=0.0)
    assert diary.pages == [
        ("train begins", 1, 2),
        ("epoch begins", 0),
        ("batch begins", 0),
        ("batch ends", 0, ["loss"]),
        ("batch begins", 1),
        ("batch ends", 1, ["loss"]),
        ("epoch ends", 0, ["loss"]),
        ("train ends",),
    ]
    assert diary.model is model


def test_several_callbacks_take_turns():
    model, _ = watched()
    pages = []
    model.fit(*numbers(1), verbose=0, callbacks=[Diary("a: ", pages), Diary("b: ", pages)])
    assert [page[0][0] for page in pages] == ["a", "b"] * 6


def test_a_batchs_logs_are_the_means_so_far(images):
    x, y = images
    found = []

    class Read(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(dict(logs)["loss"])

    model = compiled(classifier(rate=0.0), optimizers.SGD(0.0))
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[Read()]).history
    expected = [model.evaluate(x[:n], y[:n], batch_size=4, verbose=0)[0] for n in (4, 8, 12)]
    assert found == expected and history["loss"] == [found[-1]]


def test_stop_training():
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model, _ = watched()
    diary = Diary()
    history = model.fit(*numbers(2), epochs=5, verbose=0, callbacks=[Stop(), diary])
    assert history.epoch == [0, 1] and diary.pages[-1] == ("train ends",)
    assert model.fit(*numbers(2), epochs=2, verbose=0).epoch == [0, 1], "the next fit starts afresh"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_training_ends_properly_when_interrupted(error, images):
    class Interrupt(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == 1:
                raise error

    model, diary = compiled(), Diary()
    with pytest.raises(error):
        model.fit(*images, batch_size=4, epochs=2, verbose=1, callbacks=[diary, Interrupt()])
    assert diary.pages[-1] == ("train ends",)
    assert model.history.epoch == []
    history = model.fit(*images, batch_size=4, epochs=2, verbose=0).history
    assert len(history["loss"]) == 2, "the model can be trained on"


def test_history_keeps_the_epoch_after_the_other_callbacks():
    """As in Keras: what they add to the logs is in it."""
    lengths = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            lengths.append(len(self.model.history.history.get("loss", [])))
            logs["epoch"] = float(epoch)

    model, _ = watched()
    history = model.fit(*numbers(2), epochs=3, verbose=0, callbacks=[Look()]).history
    assert lengths == [0, 1, 2] and history["epoch"] == [0.0, 1.0, 2.0]


# -- what is printed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 2), (2, 2), ("auto", 2), (True, 2), (False, 0)])
def test_verbose(verbose, lines, images, capsys):
    history = compiled().fit(*images, epochs=2, verbose=verbose, validation_split=0.5).history
    text = capsys.readouterr().out
    assert len(text.splitlines()) == lines
    both = r"(\d\.\d{4}) \(val (\d\.\d{4})\)"
    for epoch, line in enumerate(text.splitlines()):
        found = re.fullmatch(rf"Epoch {epoch + 1}/2  \d\.\d s  loss: {both}  accuracy: {both}", line)
        names = ("loss", "val_loss", "accuracy", "val_accuracy")
        assert found.groups() == tuple(f"{history[name][epoch]:.4f}" for name in names)


def test_an_unseeded_run_says_its_seed(images, capsys, monkeypatch):
    monkeypatch.setattr(random._State, "seed", None)
    monkeypatch.setattr(random._State, "drawn", False)
    compiled().fit(*images, verbose=2)
    seed = random.get_seed()
    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"Seed {seed} was drawn; utils.set_random_seed({seed}) repeats it."
    compiled().fit(*images, verbose=0)
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict_print_a_line_when_asked(images, capsys):
    model = compiled()
    model.evaluate(*images)
    assert capsys.readouterr().out.startswith("loss: ")
    model.predict(images[0])
    assert capsys.readouterr().out == ""
    model.predict(images[0], verbose=1)
    assert capsys.readouterr().out == "Sequential 'sequential': predicting 12 samples\n"


# -- evaluate, predict, train_on_batch -----------------------------------------------------------------


def test_evaluate_is_the_mean_over_samples(images):
    x, y = images
    model = compiled()
    p = model.predict(x, batch_size=5).astype(np.float64)
    loss, accuracy = model.evaluate(x, y, batch_size=5, verbose=0)
    assert_close(loss, -np.log(p[np.arange(12), y]).mean(), FLOAT32)
    assert accuracy == (p.argmax(axis=1) == y).mean()
    for size in (1, 7, 12, 100):
        assert_close(model.evaluate(x, y, batch_size=size, verbose=0)[0], loss, FLOAT32)


def test_forms_of_evaluate(images):
    model = compiled()
    found = model.evaluate(*images, verbose=0, return_dict=True)
    assert list(found) == ["loss", "accuracy"]
    assert model.evaluate(*images, verbose=0) == list(found.values())
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.evaluate(*images, verbose=0) == found["loss"]


def test_predict_is_the_call_without_training(images):
    x, _ = images
    model = compiled(classifier(rate=0.9))
    expected = model(x).numpy()
    found = model.predict(x, batch_size=5)
    assert isinstance(found, np.ndarray) and found.dtype == np.float32
    assert_close(found, expected, FLOAT32)
    assert_close(model.predict(Tensor(x)), expected, FLOAT32)
    assert_close(model.predict(x[:1]), expected[:1], FLOAT32)


def test_predict_takes_plain_lists_of_numbers():
    model = Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    assert model.predict([[1.0, 2.0], [3.0, 4.0]]).tolist() == [[3.0], [7.0]]


def test_train_on_batch_is_a_fit_of_one_batch(images):
    x, y = images
    found = []
    for step in (
        lambda m: m.train_on_batch(x, y, return_dict=True),
        lambda m: {k: v[0] for k, v in m.fit(x, y, 12, shuffle=False, verbose=0).history.items()},
    ):
        utils.set_random_seed(2)
        model = compiled()
        found.append((step(model), model.get_weights()))
    assert found[0][0] == found[1][0]
    for a, b in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_train_on_batch_counts_each_batch_alone(images):
    x, y = images
    model = compiled(classifier(rate=0.0), optimizers.SGD(0.0))
    first, second = (model.train_on_batch(x[part], y[part]) for part in (slice(0, 4), slice(4, 12)))
    assert first == model.evaluate(x[:4], y[:4], verbose=0)
    assert second == model.evaluate(x[4:], y[4:], verbose=0)


def test_training_and_evaluation_count_apart(images):
    """One Metric object given by the user is used for both, and must not mix their numbers."""
    x, _ = images

    class Nosy(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(x, wrong, verbose=0)

    mine = metrics.SparseCategoricalAccuracy("mine")
    model = compiled(classifier(rate=0.0), optimizers.SGD(0.0), metrics=["accuracy", mine])
    wrong = (model.predict(x).argmax(axis=1) + 1) % 3  # accuracy 0
    right = model.predict(x).argmax(axis=1)
    options = {"batch_size": 4, "epochs": 2, "verbose": 0, "callbacks": [Nosy()]}
    history = model.fit(x, right, validation_data=(x, wrong), **options).history
    for name, value in (("accuracy", 1.0), ("mine", 1.0), ("val_accuracy", 0.0), ("val_mine", 0.0)):
        assert history[name] == [value, value], name
    assert [model.evaluate(x, wrong, verbose=0)[2] for _ in range(2)] == [0.0, 0.0]


# -- dropout and frozen layers -------------------------------------------------------------------------


def test_dropout_draws_a_new_mask_every_step_and_for_every_call(rng):
    drop, seen = layers.Dropout(0.5), []

    class Twice(Model):
        def __init__(self):
            super().__init__()
            self.drop, self.dense = drop, layers.Dense(1, kernel_initializer="ones")

        def call(self, x, training=False):
            first, second = self.drop(x), self.drop(x)
            if training:
                seen.extend([first.numpy(), second.numpy()])
            return self.dense(first + second)

    model = Twice()
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 50)), np.zeros((4, 1)), batch_size=2, epochs=2, verbose=0)
    masks = {mask.tobytes() for mask in seen}
    assert len(seen) == 8 and len(masks) == 8
    assert all(set(np.unique(mask)) == {0.0, 2.0} for mask in seen)


def test_a_layer_used_again_in_the_loss_draws_another_mask():
    """Calls of one layer are counted over the whole step, in and outside of the model."""
    drop, seen = layers.Dropout(0.5), []

    def noisy_loss(y_true, y_pred):
        seen.extend(drop(np.ones((1, 50)), training=True).numpy() for _ in range(2))
        return ((y_pred - y_true) ** 2).mean()

    model = Sequential([layers.Input((50,)), layers.Dense(1)])
    model.compile("sgd", noisy_loss)
    model.fit(np.ones((1, 50)), np.zeros((1, 1)), verbose=0)
    assert (seen[0] != seen[1]).any()


def test_frozen_layers_stay_as_they_are(images):
    model = compiled()
    conv, dense = model.get_layer("conv2d"), model.get_layer("dense")
    conv.trainable = False
    before = [weight.numpy().copy() for weight in model.weights]
    model.fit(*images, epochs=2, verbose=0)
    same = [(a == w.numpy()).all() for a, w in zip(before, model.weights, strict=True)]
    assert same == [True, True, False, False]
    dense.trainable = False
    model.fit(*images, epochs=1, verbose=0)  # nothing left to train: still a loss to report
    conv.trainable = True
    model.fit(*images, epochs=1, verbose=0)
    assert (before[0] != conv.kernel.numpy()).any()


def test_a_layer_that_is_built_but_not_used_is_named(images):
    class Unused(Model):
        def __init__(self):
            super().__init__()
            self.used, self.spare = layers.Dense(1), layers.Dense(1, name="spare")
            self.spare(np.ones((1, 2)))

        def call(self, x):
            return self.used(x)

    model = Unused()
    model.compile("sgd", "mse")
    with pytest.raises(GradientError, match="the outputs do not depend on input 'spare/kernel'"):
        model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)


# -- sentences -----------------------------------------------------------------------------------------


X, Y = np.zeros((4, 8, 8, 1)), np.zeros(4, int)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((X, Y[:3]), {}, "x and y differ in length. Expected 4 targets, got 3."),
        ((X[:0], Y[:0]), {}, "there is no sample."),
        ((X, Y), {"batch_size": 0}, "batch_size. Expected a positive integer, got 0."),
        ((X, Y), {"batch_size": 2.5}, "batch_size. Expected a positive integer, got 2.5."),
        ((X, Y), {"epochs": "3"}, "epochs. Expected an integer of at least 0, got '3'."),
        ((X, Y), {"epochs": -1}, "epochs. Expected an integer of at least 0, got -1."),
        ((X, Y), {"initial_epoch": 2}, "epochs end before they begin. Got epochs=1, initial_epoch=2."),
        ((X, Y), {"verbose": 3}, 'verbose. Expected 0, 1, 2 or "auto", got 3.'),
        ((X, Y), {"verbose": "yes"}, "verbose. Expected 0, 1, 2 or \"auto\", got 'yes'."),
        ((X, Y), {"validation_split": 1.0}, "validation_split. Expected 0 ≤ share < 1, got 1.0."),
        ((X, Y), {"validation_split": "a"}, "validation_split. Expected 0 ≤ share < 1, got 'a'."),
        ((X, Y), {"validation_split": 0.99}, "validation_split leaves nothing to train on. Got 0.99."),
        ((X, Y), {"validation_data": X}, "validation_data. Expected a pair (x, y), got ndarray."),
        ((X, Y), {"validation_data": (X, Y[:1])}, "x and y differ in length. Expected 4 targets, got 1."),
        ((X, Y), {"callbacks": callbacks.History()}, "callbacks. Expected a list, got <minicnn.callbacks."),
        (([[1.0], [1.0, 2.0]], Y[:2]), {}, "x is not an array of samples."),
        ((X, ["a", "b", "c", "d"]), {}, "y is not an array of samples. Got dtype <U1, shape (4,)."),
        ((X, 3), {}, "y is not an array of samples. Got dtype int64, shape ()."),
    ],
)
def test_sentences_of_fit(arguments, options, text):
    with pytest.raises((ArgumentError, ShapeError)) as error:
        compiled().fit(*arguments, **({"verbose": 0} | options))
    assert text in str(error.value) and "Sequential 'sequential': " in str(error.value)


@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch"])
def test_training_needs_compile(method):
    with pytest.raises(ArgumentError) as error:
        getattr(classifier(), method)(X, Y)
    assert str(error.value) == (
        f"{method} of Sequential 'sequential': there is no loss or optimizer. Call "
        'compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"]).'
    )
    model = classifier()
    model.compile("sgd")
    with pytest.raises(ArgumentError, match="there is no loss or optimizer"):
        getattr(model, method)(X, Y)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"optimizer": "sgdd"},
            "optimizer: it is not known. Expected one of sgd, rmsprop, adam, adamw, adagrad or",
        ),
        ({"loss": "crossentropy"}, "loss: it is not known. Expected one of categorical_crossentropy, "),
        ({"metrics": ["acuracy"]}, "metric: it is not known. Expected accuracy, "),
        ({"metrics": "accuracy"}, "metrics. Expected a list, got 'accuracy'. Write metrics=['accuracy']."),
        ({"metrics": ["accuracy", "accuracy"]}, "two metrics have one name. Got loss, accuracy, accuracy."),
        ({"metrics": [metrics.Mean("loss")]}, "two metrics have one name. Got loss, loss."),
    ],
)
def test_sentences_of_compile(options, text):
    with pytest.raises(ArgumentError) as error:
        classifier().compile(**({"loss": "mse"} | options))
    assert text in str(error.value)


def test_a_callback_must_be_one():
    with pytest.raises(ArgumentError, match=r"callbacks: not a callback\. Expected a Callback, got <class"):
        compiled().fit(X, Y, verbose=0, callbacks=[callbacks.History])


def test_losses_and_metrics_of_ones_own():
    def distance(y_true, y_pred):
        return ((y_pred - y_true) ** 2).sum(axis=1)

    class Largest(metrics.Metric):
        def __init__(self):
            super().__init__("largest")

        def update_state(self, y_true, y_pred):
            self.value = max(self.value, float(y_pred.max()))

        def result(self):
            return self.value

        def reset_state(self):
            self.value = -np.inf

    model = Sequential([layers.Input((2,)), layers.Dense(2, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.0), distance, metrics=[Largest()])
    history = model.fit(np.array([[1.0, 2.0]]), np.array([[3.0, 1.0]]), verbose=0).history
    assert history == {"loss": [4.0], "largest": [3.0]}
    assert isinstance(model.loss, losses.Loss)
