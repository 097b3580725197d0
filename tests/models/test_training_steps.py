"""Single steps, steps of one's own, penalties in the loss, and what callbacks see of them."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, callbacks, grad, layers, metrics, optimizers, utils
from minicnn.errors import ArgumentError


def line(**options):
    """y = x, with a penalty where asked for."""
    dense = layers.Dense(1, kernel_initializer="ones", **options)
    return Sequential([layers.Input((1,)), dense])


X, Y = np.array([[2.0], [4.0], [6.0]]), np.zeros((3, 1))


# -- penalties -----------------------------------------------------------------------------------------


def test_penalties_are_part_of_the_loss():
    """Loss (4 + 16 + 36) / 3, and 0.5·1² of the weight at every batch."""
    model = line(kernel_regularizer={"class_name": "L2", "config": {"l2": 0.5}})
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mse"])
    expected = {"loss": pytest.approx(56 / 3 + 0.5), "mse": pytest.approx(56 / 3)}
    assert model.evaluate(X, Y, batch_size=2, verbose=0, return_dict=True) == expected
    history = model.fit(X, Y, batch_size=2, verbose=0, validation_data=(X, Y)).history
    assert history["loss"] == history["val_loss"] == [expected["loss"]]


def test_penalties_are_minimised():
    model = line(kernel_regularizer={"class_name": "L2", "config": {"l2": 0.5}}, use_bias=False)
    model.compile(optimizers.SGD(0.25), "mse")
    model.fit(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0)
    assert model.get_weights()[0].tolist() == [[0.75]]  # 1 − 0.25·2·0.5·1


def test_losses_of_ones_own_layer_alone():
    class Penalty(layers.Layer):
        def call(self, x):
            self.add_loss((x * x).mean())
            return x

    model = Sequential([*line().layers, Penalty()])
    model.compile(optimizers.SGD(0.01))
    history = model.fit(X, batch_size=3, epochs=2, verbose=0).history["loss"]
    assert history[0] == pytest.approx(56 / 3) and history[1] < history[0]
    assert model.evaluate(X, verbose=0) < history[1]


# -- single batches ------------------------------------------------------------------------------------


def test_test_on_batch_and_predict_on_batch():
    model = line()
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    before = model.get_weights()
    assert model.test_on_batch(X, Y) == model.evaluate(X, Y, verbose=0)
    assert model.test_on_batch(X, Y, np.array([3.0, 0, 0]), return_dict=True) == {"loss": 4.0, "mae": 4.0}
    assert model.predict_on_batch(X).tolist() == X.tolist()
    assert [w.tolist() for w in model.get_weights()] == [w.tolist() for w in before]


def test_metrics_and_their_names():
    mine = metrics.MeanAbsoluteError(name="far")
    model = line()
    assert model.metrics_names == [] and model.metrics == []
    model.compile("sgd", "mse", metrics=[mine, "mse"])
    model.evaluate(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "far", "mse"]
    assert [metric.name for metric in model.metrics] == ["loss", "far", "mse"]
    assert model.metrics[1] is mine and mine.result() == 4.0
    model.reset_metrics()
    assert [metric.result() for metric in model.metrics] == [0.0] * 3


# -- steps of one's own --------------------------------------------------------------------------------


class Course(Model):
    """A training step as a course writes it: everything in sight, metrics of its own."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones")
        self.mean_loss = metrics.Mean("mean_loss")

    def call(self, x):
        return self.dense(x)

    def _loss(self, x, y, training):
        loss = ((self(x, training=training) - y) ** 2).mean()
        self.mean_loss.update_state(loss.item())
        return loss

    def train_step(self, data):
        x, y, _ = utils.unpack_x_y_sample_weight(data)
        loss = self._loss(x, y, True)
        self.optimizer.apply(grad(loss, self.trainable_weights), self.trainable_weights)
        return {"mean_loss": self.mean_loss.result()}

    def test_step(self, data):
        x, y, _ = utils.unpack_x_y_sample_weight(data)
        self._loss(x, y, False)
        return {"mean_loss": self.mean_loss.result()}


def test_a_training_step_of_ones_own():
    model, usual = Course(), line()
    for each in (model, usual):
        each.compile(optimizers.SGD(0.01), "mse" if each is usual else None)
    options = {"batch_size": 1, "epochs": 3, "verbose": 0, "validation_data": (X, Y)}
    history, expected = (each.fit(X, Y, **options).history for each in (model, usual))
    assert history["mean_loss"] == pytest.approx(expected["loss"])
    assert history["val_mean_loss"] == pytest.approx(expected["val_loss"])
    for a, b in zip(model.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(history["val_mean_loss"][-1])


def test_its_numbers_stay_apart_from_an_evaluation_between():
    class Nosy(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(X, Y + 100, verbose=0)

    found = []
    for watching in ([], [Nosy()]):
        model = Course()
        model.compile(optimizers.SGD(0.01))
        found.append(model.fit(X, Y, batch_size=1, epochs=2, verbose=0, callbacks=watching).history)
    assert found[0] == found[1]


def test_a_loss_of_ones_own():
    class Distance(Course):
        train_step, test_step = Model.train_step, Model.test_step

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight, training) + abs(y_pred).mean()

    model = Distance()
    model.compile(optimizers.SGD(0.0), "mse")
    assert model.evaluate(X, Y, verbose=0, return_dict=True)["loss"] == pytest.approx(56 / 3 + 4)
    assert model.fit(X, Y, verbose=0).history["loss"] == [pytest.approx(56 / 3 + 4)]


def test_dropout_draws_anew_with_optimizers_of_ones_own():
    seen = []

    class Pair(Course):
        def __init__(self):
            super().__init__()
            self.drop, self.other = layers.Dropout(0.5), optimizers.SGD(0.0)

        def train_step(self, data):
            seen.append(self.drop(np.ones((1, 50)), training=True).numpy().tobytes())
            loss = self._loss(*data, True)
            self.other.apply(grad(loss, self.trainable_weights), self.trainable_weights)
            return {"loss": loss.item()}

    model = Pair()
    model.compile()
    model.fit(X, Y, batch_size=1, epochs=2, verbose=0)
    assert len(set(seen)) == 6


# -- what callbacks see --------------------------------------------------------------------------------


class Diary(callbacks.Callback):
    """Notes every call with its first argument."""

    def __init__(self):
        self.pages = []

    def __getattribute__(self, name):
        if not name.startswith("on_"):
            return super().__getattribute__(name)
        return lambda *args: self.pages.append((name.removeprefix("on_"), *args))


def names(diary):
    return [page[0] for page in diary.pages]


def test_callbacks_of_evaluate_and_predict():
    model, diary = line(), Diary()
    model.compile(optimizers.SGD(0.0), "mse")
    model.evaluate(X, Y, batch_size=2, verbose=0, callbacks=[diary])
    batch = ["test_batch_begin", "test_batch_end"]
    assert names(diary) == ["test_begin", *batch, *batch, "test_end"]
    assert diary.pages[-1][1] == {"loss": pytest.approx(56 / 3)} and diary.pages[3][1] == 1
    assert diary.params == {"epochs": 1, "steps": 2, "verbose": 0} and diary.model is model
    diary = Diary()
    model.predict(X, batch_size=2, callbacks=[diary])
    batch = ["predict_batch_begin", "predict_batch_end"]
    assert names(diary) == ["predict_begin", *batch, *batch, "predict_end"]
    assert diary.pages[4][2]["outputs"].tolist() == [[6.0]]


def test_callbacks_of_fit_see_the_validation():
    model, diary = line(), Diary()
    model.compile(optimizers.SGD(0.0), "mse")
    model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[diary])
    assert names(diary) == [
        *("train_begin", "epoch_begin", "train_batch_begin", "train_batch_end"),
        *("test_begin", "test_batch_begin", "test_batch_end", "test_end", "epoch_end", "train_end"),
    ]
    assert diary.pages[-1][1].keys() == {"loss", "val_loss"}


def test_stop_training_in_an_epoch():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model, diary = line(), Diary()
    model.compile(optimizers.SGD(0.0), "mse")
    history = model.fit(X, Y, batch_size=1, epochs=3, shuffle=False, verbose=0, callbacks=[Stop(), diary])
    assert history.history == {"loss": [10.0]} and names(diary)[-2:] == ["epoch_end", "train_end"]


def test_where_a_training_is():
    """`Fit` says which step comes next, and goes on from there."""
    places = []

    class Where(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            places.append((self.model._fit.epoch, self.model._fit.step, self.model._epochs_seen))

    model = line()
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[Where()])
    assert places == [(0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1)] and model._fit is None


def test_an_epoch_that_is_left_and_continued():
    """All that changes is the model, its optimizer and metrics, and the place: epoch and step."""

    class Leave(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if self.model._fit.epoch == 1 and batch == 2:
                fits.append(self.model._fit)
                raise KeyboardInterrupt

    def fresh():
        utils.set_random_seed(5)
        model = Sequential([layers.Input((1,)), layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"])
        return model

    fits = []
    options = {"batch_size": 1, "epochs": 3, "verbose": 0}
    whole = fresh()
    expected = whole.fit(X, Y, **options).history
    cut = fresh()
    with pytest.raises(KeyboardInterrupt):
        cut.fit(X, Y, callbacks=[Leave()], **options)
    fit = fits[0]
    fit.calls.callbacks = [fit.history]
    cut._run(fit)
    assert fit.history.history == expected
    for a, b in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("method", ["test_on_batch", "evaluate"])
def test_sentences_before_compile(method):
    with pytest.raises(ArgumentError, match=f"{method} of Sequential 'sequential': there is no loss or"):
        getattr(line(), method)(X, Y)


def test_tensors_are_taken_as_data():
    model = line()
    model.compile(optimizers.SGD(0.0), "mse")
    assert model.evaluate(Tensor(X), Tensor(Y), verbose=0) == model.evaluate(X, Y, verbose=0)
