"""Callbacks on their own: History, the list that calls them, the progress bar. `fit` is in models/."""

from __future__ import annotations

import io
import json
import re
import sys

import numpy as np
import pytest

from minicnn import Sequential, callbacks, layers, utils
from minicnn.callbacks import progress
from minicnn.errors import ArgumentError


def test_history_by_hand():
    history = callbacks.History()
    history.on_epoch_end(0, {"loss": np.float32(2.0), "accuracy": 0.5})
    history.on_epoch_end(1, {"loss": 1.0, "accuracy": 0.75})
    history.on_epoch_end(2)
    assert history.history == {"loss": [2.0, 1.0], "accuracy": [0.5, 0.75]}
    assert history.epoch == [0, 1, 2]
    assert all(type(value) is float for value in history.history["loss"])


def test_history_plots_itself(tmp_path):
    history = callbacks.History()
    history.on_epoch_end(0, {"loss": 2.0})
    history.on_epoch_end(1, {"loss": 1.0})
    history.plot(path=tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_history_goes_on_where_it_was():
    history, again = callbacks.History(), callbacks.History()
    history.on_epoch_end(0, {"loss": 2.0})
    state = json.loads(json.dumps(history.get_state()))
    history.on_epoch_end(1, {"loss": 1.0})
    again.set_state(state)
    assert (again.epoch, again.history) == ([0], {"loss": [2.0]})
    again.on_epoch_end(1, {"loss": 1.0})
    assert again.get_state() == history.get_state()


PLACES = ["train", "test", "predict"]
HOOKS = [f"on_{place}{part}" for place in PLACES for part in ("", "_batch")] + ["on_epoch", "on_batch"]


def test_every_method_may_be_left_out():
    names = [name for name in vars(callbacks.Callback) if name.startswith("on_")]
    assert sorted(names) == sorted(f"{hook}_{end}" for hook in HOOKS for end in ("begin", "end"))
    listed = callbacks.CallbackList([callbacks.Callback()], "model", {"epochs": 3})
    for name in names:
        listed.call(name, *([0] if "epoch" in name or "batch" in name else []))
    assert listed.callbacks[0].model == "model" and listed.callbacks[0].params == {"epochs": 3}
    assert callbacks.Callback().get_state() == {}
    callbacks.Callback().set_state({})


def test_on_batch_is_another_name_of_on_train_batch():
    class Short(callbacks.Callback):
        def on_batch_begin(self, batch, logs=None):
            pages.append(("begin", batch, logs))

        def on_batch_end(self, batch, logs=None):
            pages.append(("end", batch, logs))

    pages = []
    listed = callbacks.CallbackList([Short()], None, {})
    listed.call("on_train_batch_begin", 4)
    listed.call("on_test_batch_end", 4)
    listed.call("on_train_batch_end", 4, {"loss": 1.0})
    assert pages == [("begin", 4, None), ("end", 4, {"loss": 1.0})]


def test_only_callbacks_can_be_called():
    with pytest.raises(ArgumentError) as error:
        callbacks.CallbackList([print], None, {})
    assert str(error.value) == (
        "callbacks: not a callback. Expected a Callback, got <built-in function print>. "
        "Derive it from minicnn.callbacks.Callback and pass an object."
    )


class Terminal(io.StringIO):
    """Standard output of somebody sitting at a terminal."""

    def isatty(self):
        return True


class Logs(dict):
    """Values that count how often they are read."""

    reads = 0

    def items(self):
        type(self).reads += 1
        return super().items()


@pytest.fixture(autouse=True)
def seeded():
    utils.set_random_seed(0)


@pytest.fixture
def terminal(monkeypatch):
    """Return a function that puts a terminal in place of standard output."""
    for name, value in (("TERM", "xterm"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def replace_stdout():
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return replace_stdout


def train(verbose, **options):
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(np.ones((40, 2)), np.ones(40), batch_size=4, epochs=2, verbose=verbose, **options)


def plain(text):
    """Text without the codes that move the cursor and set colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_a_terminal_shows_a_bar_and_then_a_line_for_each_epoch(terminal):
    screen = terminal()
    train(verbose=1)
    text = plain(screen.getvalue())
    lines = [line for line in re.split(r"[\r\n]+", text) if " s  loss" in line]
    assert [line.split("  ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all(re.search(r"/2  \d+\.\d s  loss: \d+\.\d{4}$", line.rstrip()) for line in lines)
    assert re.search(r"Epoch 1/2.*\d+/10", text) and "━" in text


def test_verbose_2_shows_no_bar(terminal):
    screen = terminal()
    train(verbose=2)
    assert "━" not in screen.getvalue() and len(plain(screen.getvalue()).splitlines()) == 2


def test_the_bar_reads_the_values_ten_times_a_second_at_most(terminal, monkeypatch):
    clock = iter(np.arange(0.0, 100.0, 0.011))
    monkeypatch.setattr(progress.time, "perf_counter", lambda: float(next(clock)))
    terminal()
    bar = callbacks.ProgressBar()
    bar.params = {"epochs": 1, "steps": 100, "verbose": 1}
    Logs.reads = 0
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    for batch in range(100):  # 1.1 seconds
        bar.on_train_batch_end(batch, Logs(loss=1.0))
    assert 9 <= Logs.reads <= 12
    bar.on_epoch_end(0, Logs(loss=1.0))
    bar.on_train_end()


def test_an_interrupted_bar_gives_the_cursor_back(terminal):
    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    screen = terminal()
    with pytest.raises(KeyboardInterrupt):
        train(verbose=1, callbacks=[Interrupt()])
    hidden, shown = (screen.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))
    assert shown > hidden >= 0


def test_a_file_gets_lines_only(capsys):
    train(verbose=1)
    text = capsys.readouterr().out
    assert "\x1b" not in text and "\r" not in text and len(text.splitlines()) == 2
