"""Callbacks that watch a value, keep files or end a training: decisions, states, refusals."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import minicnn
from minicnn import Sequential, callbacks, functions, layers, load_model, utils
from minicnn.errors import ArgumentError, FileAccessError, NonFiniteError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)).astype(np.float32), RNG.integers(2, size=40)


def net(*inner, optimizer="sgd", metrics=("accuracy",)):
    utils.set_random_seed(1)
    model = Sequential([layers.Input((4,)), *inner, layers.Dense(2, activation="softmax", name="last")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
    return model


class Stub:
    """As much of a model as these callbacks ask for."""

    def __init__(self, rate=1.0):
        self.stop_training, self.weights = False, 0
        self.optimizer = minicnn.optimizers.SGD(rate)

    def metric_directions(self):
        return {"accuracy": "up", "mae": "down", "odd": None}

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = int(weights[0])


def drive(callback, values, name="val_loss", model=None):
    """Feed a sequence of values; the epoch in which it stopped (or None), and the learning rates."""
    model = model or Stub()
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_begin(epoch)
        model.weights = epoch
        logs = {} if value is None else {name: value}
        callback.on_epoch_end(epoch, logs)
        rates.append(model.optimizer.learning_rate)
        if model.stop_training:
            break
    callback.on_train_end()
    return (epoch if model.stop_training else None), rates, model


@pytest.mark.parametrize(
    "kwargs, values, stopped",
    [
        ({}, [1.0, 0.9, 0.95], 2),
        ({"patience": 2}, [1.0, 0.9, 0.95, 0.94, 0.93], 3),
        ({"patience": 2}, [1.0, 1.1, 0.9, 1.1, 0.8], None),
        ({"min_delta": 0.2}, [1.0, 0.9], 1),
        ({"baseline": 0.5, "patience": 2}, [1.0, 0.9, 0.8, 0.7], None),
        ({"baseline": 0.5, "patience": 1}, [0.9, 1.0, 1.0], 1),
        ({"start_from_epoch": 2, "patience": 1}, [0.1, 1.0, 1.0, 1.1], 3),
        ({"mode": "max", "patience": 1}, [1.0, 0.5], 1),
        ({"monitor": "val_accuracy", "patience": 1}, [0.5, 0.6, 0.55], 2),
    ],
)
def test_early_stopping(kwargs, values, stopped):
    name = kwargs.get("monitor", "val_loss")
    assert drive(callbacks.EarlyStopping(**kwargs), values, name)[0] == stopped


def test_best_weights_come_back(capsys):
    stop = callbacks.EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    epoch, _, model = drive(stop, [1.0, 0.5, 0.6, 0.7])
    assert (epoch, model.weights, stop.best_epoch) == (3, 1, 1)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping",
        "The weights of epoch 2, the best, are put back.",
    ]


def test_in_a_real_training():
    model = net(optimizer=minicnn.optimizers.SGD(0.0))
    stop = callbacks.EarlyStopping("loss", patience=3)
    history = model.fit(X, Y, epochs=9, verbose=0, shuffle=False, callbacks=[stop])
    assert len(history.history["loss"]) == 4


@pytest.mark.parametrize(
    "kwargs, values, rates",
    [
        ({"patience": 1}, [1.0, 0.9, 0.95, 0.8], [1, 1, 0.1, 0.1]),
        ({"patience": 2, "factor": 0.5}, [1.0] * 5, [1, 1, 0.5, 0.5, 0.25]),
        ({"patience": 1, "cooldown": 2, "factor": 0.5}, [1.0] * 6, [1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ({"patience": 1, "min_lr": 0.3}, [1.0] * 4, [1, 0.3, 0.3, 0.3]),
        ({"patience": 1, "min_delta": 0.5}, [1.0, 0.9, 0.2], [1, 0.1, 0.1]),
    ],
)
def test_reduce_on_plateau(kwargs, values, rates):
    assert drive(callbacks.ReduceLROnPlateau(**kwargs), values)[1] == pytest.approx(rates)


def test_history_shows_the_learning_rate():
    reduce = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=9)
    history = net().fit(X, Y, epochs=3, verbose=0, callbacks=[reduce]).history
    assert history.keys() == {"loss", "accuracy", "learning_rate"}  # History comes last, as in Keras
    assert history["learning_rate"] == pytest.approx([0.01, 0.01, 0.001])
    assert net().optimizer.learning_rate == 0.01


@pytest.mark.parametrize("make", [lambda: callbacks.EarlyStopping(patience=1), callbacks.ReduceLROnPlateau])
def test_a_missing_value_is_a_warning(make):
    with pytest.warns(
        UserWarning, match="there is no value 'val_loss' to monitor. The logs have (nothing|learning_rate)."
    ):
        drive(make(), [None])


def test_what_is_refused():
    with pytest.raises(
        ArgumentError, match=r"not known whether 'odd' should go up or down. Pass mode='max' or"
    ):
        drive(callbacks.EarlyStopping("odd"), [1.0, 2.0], "odd")
    with pytest.raises(
        ArgumentError, match=r"EarlyStopping: mode. Expected 'auto', 'min' or 'max', got 'up'"
    ):
        callbacks.EarlyStopping(mode="up")
    with pytest.raises(ArgumentError, match="factor. Expected a number between 0 and 1, got 1"):
        callbacks.ReduceLROnPlateau(factor=1)
    with pytest.raises(ArgumentError, match="schedule. Expected a function of the epoch, got 0.1"):
        callbacks.LearningRateScheduler(0.1)
    with pytest.raises(ArgumentError, match="no such moment"):
        callbacks.LambdaCallback(on_epoch=print)
    with pytest.raises(ArgumentError, match="on_epoch_end. Expected a function, got 3"):
        callbacks.LambdaCallback(on_epoch_end=3)
    with pytest.raises(ArgumentError, match=r"unknown kind of file. Expected .safetensors, got 'a.keras'"):
        callbacks.ModelCheckpoint("a.keras")
    with pytest.raises(ArgumentError, match="save_freq"):
        callbacks.ModelCheckpoint("a.safetensors", save_freq="often")
    with pytest.raises(ArgumentError, match="schedule. Expected a number back, got 'x'"):
        drive(callbacks.LearningRateScheduler(lambda epoch: "x"), [1.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        lambda: callbacks.ReduceLROnPlateau(patience=2, cooldown=1, factor=0.5),
    ],
)
def test_a_state_goes_on(make):
    """Interrupted anywhere, and resumed in another object, the decisions are the same."""
    values = [1.0, 0.8, 0.9, 0.85, 0.7, 0.9, 0.9, 0.9]
    expected = drive(make(), values)
    for after in range(1, 6):
        first, second, model = make(), make(), Stub()
        drive(first, values[:after], model=model)
        model.stop_training = False
        second.set_model(model)
        second.set_state(first.get_state())
        second.on_train_begin()
        for epoch in range(after, len(values)):
            model.weights = epoch
            second.on_epoch_end(epoch, {"val_loss": values[epoch]})
            if model.stop_training:
                break
        second.on_train_end()
        assert model.optimizer.learning_rate == expected[1][-1]
        assert model.weights == expected[2].weights


def test_learning_rate_scheduler(capsys):
    model = net()
    seen = []
    schedule = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs["learning_rate"]))
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[schedule, look])
    assert seen == [0.005, 0.0025]
    assert "Epoch 2: the learning rate is 0.0025." in capsys.readouterr().out
    assert drive(callbacks.LearningRateScheduler(lambda epoch: 0.5**epoch), [1.0] * 3)[1] == [1, 0.5, 0.25]


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    for append in (False, False, True):
        net().fit(X, Y, epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path, append=append)])
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert [row[0] for row in rows[1:]] == ["0", "1", "0", "1"]
    assert rows[1][3:] == ["NA", "NA"] and rows[1] == rows[3]
    semicolons = callbacks.CSVLogger(path, separator=";")
    net().fit(X, Y, epochs=1, verbose=0, validation_split=0.5, callbacks=[semicolons])
    assert path.read_text().splitlines()[0] == "epoch;accuracy;loss;val_accuracy;val_loss"
    with pytest.raises(FileAccessError, match="missing/log.csv cannot be written"):
        net().fit(X, Y, verbose=0, callbacks=[callbacks.CSVLogger(tmp_path / "missing" / "log.csv")])


def test_csv_logger_drops_rows_behind_the_checkpoint(tmp_path):
    first = callbacks.CSVLogger(tmp_path / "log.csv")
    first.on_train_begin()
    first.on_epoch_end(0, {"loss": 1.0})
    state, kept = first.get_state(), (tmp_path / "log.csv").read_text()
    first.on_epoch_end(1, {"loss": 2.0})
    second = callbacks.CSVLogger(tmp_path / "log.csv")
    second.set_state(state)
    second.on_train_begin()
    assert (tmp_path / "log.csv").read_text() == kept
    second.on_epoch_end(1, {"loss": 3.0})
    assert (tmp_path / "log.csv").read_text().splitlines()[-1] == "1,3.0,NA"


def test_model_checkpoint_names_and_kinds(tmp_path):
    keep = callbacks.ModelCheckpoint(tmp_path / "deep" / "{epoch:02d}-{loss:.1f}.safetensors")
    model = net()
    history = model.fit(X, Y, epochs=2, verbose=0, callbacks=[keep]).history
    names = [f"{i + 1:02d}-{loss:.1f}.safetensors" for i, loss in enumerate(history["loss"])]
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == names
    np.testing.assert_array_equal(load_model(tmp_path / "deep" / names[1]).predict(X), model.predict(X))
    weights = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.safetensors", save_weights_only=True, save_freq=3
    )
    net().fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[weights])
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "1-3.safetensors",
        "2-2.safetensors",
    ]
    net().load_weights(tmp_path / "1-3.safetensors")
    wrong = callbacks.ModelCheckpoint(tmp_path / "{recall}.safetensors")
    with pytest.raises(
        ArgumentError, match=r"filepath cannot be filled in. Expected names among loss, accuracy"
    ):
        net().fit(X, Y, verbose=0, callbacks=[wrong])


def test_only_the_best_is_kept(tmp_path, capsys):
    class Saving(Stub):
        saved = ()

        def save(self, path):
            self.saved = (*self.saved, self.weights)

    model = Saving()
    best = callbacks.ModelCheckpoint(tmp_path / "a.safetensors", save_best_only=True, verbose=1)
    drive(best, [1.0, 0.5, 0.7, 0.4], model=model)
    assert model.saved == (0, 1, 3)
    assert "Epoch 3: val_loss 0.70000 is not better than 0.5." in capsys.readouterr().out
    model = Saving()
    threshold = callbacks.ModelCheckpoint(
        tmp_path / "a.safetensors", save_best_only=True, initial_value_threshold=0.6
    )
    drive(threshold, [1.0, 0.5], model=model)
    assert model.saved == (1,)


# -- where a NaN came from ----------------------------------------------------------------------------------


class Broken(layers.Layer):
    """A logarithm that meets 0 in the forward pass."""

    def call(self, x):
        return functions.log(functions.relu(x))


class BrokenBackward(minicnn.Function):
    equation, backward_equation = "y = x", "gx = gy / 0"

    def forward(self, x):
        return x.copy()

    def backward(self, gy, needs):
        with np.errstate(all="ignore"):
            return gy / np.float32(0)


class BreaksBackward(layers.Layer):
    def call(self, x):
        return BrokenBackward()(x)


def blame(model, x=X, **kwargs):
    watch = callbacks.TerminateOnNaN(**kwargs)
    with np.errstate(all="ignore"):
        history = model.fit(x, Y, epochs=2, batch_size=20, verbose=0, callbacks=[watch])
    return watch.found, history


def test_a_forward_pass_that_breaks(capsys):
    found, history = blame(net(layers.Dense(3), Broken(name="broken")))
    assert found.startswith("batch 1: Inf first appeared forward in layer 'sequential")
    assert "/broken', operation Log; its inputs were finite. Training ends here." in found
    assert capsys.readouterr().out.strip() == found
    assert len(history.history["loss"]) == 1


def test_a_backward_pass_that_breaks():
    found, _ = blame(net(layers.Dense(3), BreaksBackward(name="breaks")))
    assert "first appeared backward in layer" in found
    assert "/breaks', operation BrokenBackward; its inputs were finite." in found


def test_data_and_weights_that_are_broken():
    x = X.copy()
    x[3, 1] = np.nan
    found, _ = blame(net(layers.Dense(3, name="first")), x)
    assert "NaN first appeared forward in layer" in found
    assert "/first', operation Dense; its input 1 was not finite: the data." in found
    model = net(layers.Dense(3, name="first"))
    model.get_layer("first").kernel.assign(np.full((4, 3), np.inf, np.float32))
    assert "its input 2 was not finite: the weight 'first/kernel'" in blame(model)[0]


def test_a_step_that_is_too_large():
    found, history = blame(net(layers.Dense(3, activation="relu"), optimizer=minicnn.optimizers.SGD(1e30)))
    assert "first appeared" in found and len(history.history["loss"]) == 1


def test_it_can_raise_and_is_silent_while_all_is_well():
    with pytest.raises(NonFiniteError, match="operation Log"):
        blame(net(Broken()), raise_error=True)
    found, history = blame(net(layers.Dense(3)))
    assert found is None and len(history.history["loss"]) == 2


def test_infinities_that_reach_nothing_do_no_harm():
    class Masked(layers.Layer):
        def call(self, x):
            functions.log(x * 0.0)  # −inf, and not used
            return x

    assert blame(net(Masked()))[0] is None


def test_metrics_of_several_numbers(capsys):
    matrix = minicnn.metrics.ConfusionMatrix(num_classes=2)
    model = net(metrics=[matrix])
    history = model.fit(X, Y, epochs=1, verbose=2).history
    assert np.shape(history["confusion_matrix"]) == (1, 2, 2)
    assert "loss: " in capsys.readouterr().out
    model.evaluate(X, Y, verbose=1)
    assert "loss: " in capsys.readouterr().out
