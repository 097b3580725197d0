"""Checkpoints: a run that was killed and resumed ends bit for bit like one that was not."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import Sequential, callbacks, layers, load_model, utils
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError
from minicnn.models import files

ROOT = Path(__file__).resolve().parents[2]


def command(folder, *options):
    return [sys.executable, "-m", "tests.models.resumable", str(folder), *map(str, options)]


def train(folder, *options):
    """A whole run in a process of its own: its arrays and its history."""
    folder.mkdir(exist_ok=True)
    finished = subprocess.run(
        command(folder, *options), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    with np.load(folder / "result.npz") as arrays:
        return dict(arrays), json.loads((folder / "history.json").read_text())


def train_and_kill(folder, epoch, step, every):
    """A run that is killed with kill -9 behind a batch."""
    folder.mkdir(exist_ok=True)
    options = ("--wait-at", epoch, step, "--every", every)
    process = subprocess.Popen(command(folder, *options), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "waiting\n"
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("epoch", "step", "every"),
    [(1, 4, 3), (0, 3, 2), (4, 8, 4), (2, 0, 1)],
    ids=["mid-epoch", "first epoch", "last batch of an epoch", "first batch of an epoch"],
)
def test_a_killed_run_resumes_bit_for_bit(tmp_path, uninterrupted, epoch, step, every):
    train_and_kill(tmp_path, epoch, step, every)
    assert not (tmp_path / "history.json").exists()
    arrays, history = train(tmp_path, "--resume", "--every", every)
    expected_arrays, expected_history = uninterrupted
    assert history == expected_history
    assert arrays.keys() == expected_arrays.keys()
    for name, expected in expected_arrays.items():
        np.testing.assert_array_equal(arrays[name], expected)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []  # no half-written file


def test_ctrl_c_writes_a_checkpoint_at_the_end_of_the_step(tmp_path, uninterrupted):
    options = ("--wait-at", 1, 4, "--seconds", 2, "--every", 1000)
    process = subprocess.Popen(
        command(tmp_path, *options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=60)
    assert process.returncode != 0 and "KeyboardInterrupt" in complaints
    arrays, history = train(tmp_path, "--resume")
    assert history == uninterrupted[1]
    np.testing.assert_array_equal(arrays["prediction"], uninterrupted[0]["prediction"])


# -- in one process -----------------------------------------------------------------------------------------

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(30, 4)).astype(np.float32), RNG.integers(2, size=30)


class Interrupted(Exception):
    """What `Break` raises."""


class Break(callbacks.Callback):
    """Interrupts at a batch, counted over all epochs."""

    def __init__(self, after):
        self.left = after

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Interrupted


def net(optimizer="sgd", units=3):
    utils.set_random_seed(5)
    inner = [
        layers.Dense(units, activation="tanh"),
        layers.Dropout(0.4),
        layers.Dense(2, activation="softmax"),
    ]
    model = Sequential([layers.Input((4,)), *inner])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def interrupt(path, *data, after=5, every=2, **kwargs):
    with pytest.raises(Interrupted):
        net().fit(
            *data, verbose=0, checkpoint=path, checkpoint_every=every, callbacks=[Break(after)], **kwargs
        )


def assert_resumes(path, make_data, after, **kwargs):
    """Interrupted and resumed, the training ends as without."""
    whole, resumed = net(), net()
    expected = whole.fit(*make_data(), verbose=0, **kwargs).history
    interrupt(path, *make_data(), after=after, **kwargs)
    assert resumed.fit(*make_data(), verbose=0, resume=path, **kwargs).history == expected
    for w, expected_w in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(w, expected_w)
    assert resumed._epochs_seen == whole._epochs_seen


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


def generator():
    rng = np.random.default_rng(3)
    while True:
        yield rng.normal(size=(5, 4)).astype(np.float32), rng.integers(2, size=5)


class Batches(utils.PyDataset):
    """Six batches by number."""

    def __len__(self):
        return 6

    def __getitem__(self, i):
        return X[5 * i : 5 * i + 5], Y[5 * i : 5 * i + 5]


class Passes:
    """Batches whose order depends on the number of the pass, as that of an image folder does."""

    def __init__(self):
        self.epoch = 0

    def __len__(self):
        return 6

    def __iter__(self):
        order, self.epoch = np.random.default_rng(self.epoch).permutation(6), self.epoch + 1
        return ((X[5 * i : 5 * i + 5], Y[5 * i : 5 * i + 5]) for i in order)


@pytest.mark.parametrize("after", [5, 6, 7, 8, 13])
@pytest.mark.parametrize(
    ("make", "kwargs"),
    [
        (lambda: (X, Y), {"batch_size": 5}),
        (lambda: (X, Y), {"batch_size": 5, "steps_per_epoch": 3}),
        (lambda: (Batches(),), {}),
        (lambda: (generator(),), {"steps_per_epoch": 6}),
        (lambda: (Passes(),), {}),
        (lambda: (Passes(),), {"steps_per_epoch": 3}),
    ],
    ids=["arrays", "parts of arrays", "data set", "generator", "passes", "parts of passes"],
)
def test_all_kinds_of_data_are_continued(path, make, kwargs, after):
    assert_resumes(path, make, after, epochs=6, **kwargs)


def test_a_finished_training_is_not_repeated(path):
    model = net()
    expected = model.fit(X, Y, epochs=2, verbose=0, checkpoint=path).history
    again = net()
    assert again.fit(X, Y, epochs=2, verbose=0, resume=path).history == expected
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert len(again.fit(X, Y, epochs=3, verbose=0, resume=path).history["loss"]) == 3  # and can be prolonged


def test_a_checkpoint_is_a_model_too(path):
    model = net("adam")
    model.fit(X, Y, epochs=1, verbose=0, checkpoint=path)
    np.testing.assert_array_equal(load_model(path).predict(X), model.predict(X))


def test_models_that_only_code_describes(path):
    class Own(minicnn.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, activation="softmax")

        def call(self, x):
            return self.dense(x)

    def own():
        utils.set_random_seed(1)
        model = Own()
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    expected = own().fit(X, Y, epochs=3, batch_size=8, verbose=0).history
    broken = own()
    with pytest.raises(Interrupted):
        broken.fit(
            X, Y, epochs=3, batch_size=8, verbose=0, checkpoint=path, checkpoint_every=1, callbacks=[Break(6)]
        )
    resumed = own()
    utils.set_random_seed(99)  # the seed of the interrupted training is taken up
    assert resumed.fit(X, Y, epochs=3, batch_size=8, verbose=0, resume=path).history == expected


def test_the_progress_bar_of_a_resumed_training(path, capsys):
    interrupt(path, X, Y, batch_size=5, epochs=2, after=4)
    net().fit(X, Y, batch_size=5, epochs=2, verbose=2, resume=path)
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Epoch 1/2",
        "Epoch 2/2",
    ]


def test_a_resumed_training_names_no_seed_of_its_own(path, capsys, monkeypatch):
    interrupt(path, X, Y, batch_size=5, epochs=2, after=4)
    model = net()
    monkeypatch.setattr(minicnn.random._State, "drawn", True)
    model.fit(X, Y, batch_size=5, epochs=2, verbose=2, resume=path)
    assert "was drawn" not in capsys.readouterr().out
    assert minicnn.random.get_seed() == 5 and not minicnn.random.seed_was_drawn()


# -- what is refused ----------------------------------------------------------------------------------------


def refused(path, error, text, model=None, data=(X, Y), **kwargs):
    model = model or net()
    before = model.get_weights()
    with pytest.raises(error) as caught:
        model.fit(*data, verbose=0, resume=path, **({"batch_size": 5} | kwargs))
    assert text in str(caught.value)
    for w, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)


def test_another_training_is_refused(path):
    interrupt(path, X, Y, batch_size=5, epochs=2)
    problem = (
        "the data or how it is cut into batches is not that of the interrupted training. Expected steps 6, "
    )
    refused(path, ArgumentError, problem, batch_size=6)
    refused(
        path,
        ArgumentError,
        "samples 30, batch_size 5, shuffle True, got steps 6, samples 29",
        data=(X[1:], Y[1:]),
    )
    refused(path, ArgumentError, "had another optimizer. Expected SGD, got Adam.", net("adam"))
    refused(path, FileFormatError, "weight 1 of 4 does not fit", net(units=5))


def test_a_missing_callback_is_named(path):
    class Remembers(callbacks.Callback):
        def get_state(self):
            return {"a": 1}

    net().fit(X, Y, batch_size=5, verbose=0, checkpoint=path, callbacks=[Remembers()])
    text = (
        "the interrupted training had the callback Remembers. Pass the callbacks it had, in the same order."
    )
    refused(path, ArgumentError, text)


def test_other_metrics_are_refused(path):
    interrupt(path, X, Y, batch_size=5, epochs=2)
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    problem = "the metrics are not those of the interrupted training. Expected loss, accuracy, got loss."
    with pytest.raises(ArgumentError, match=problem):
        model.fit(X, Y, batch_size=5, verbose=0, resume=path)


def test_other_files_are_refused(path, tmp_path):
    refused(path, FileAccessError, "there is no such file")
    net().save(path)
    refused(path, FileFormatError, "it holds a model but no training in progress. load_model reads it.")
    net().fit(X, Y, verbose=0, checkpoint=path)
    whole = path.read_bytes()
    for length in (0, 7, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        refused(path, FileFormatError, "run.safetensors")


@pytest.mark.parametrize("key", ["place", "logs", "metrics", "callbacks", "optimizer", "data", "seed"])
def test_a_damaged_state_is_refused(path, key):
    net().fit(X, Y, batch_size=5, verbose=0, checkpoint=path)
    arrays, description = files.read_file(path)
    description["training"][key] = [None]
    files.write_file(path, arrays, description)
    with pytest.raises(FileFormatError, match="its training state is damaged"):
        net().fit(X, Y, batch_size=5, verbose=0, resume=path)


def test_arguments(path, tmp_path):
    with pytest.raises(ArgumentError, match="checkpoint_every without a checkpoint. Pass checkpoint='run"):
        net().fit(X, Y, checkpoint_every=3)
    with pytest.raises(ArgumentError, match="checkpoint_every"):
        net().fit(X, Y, checkpoint=path, checkpoint_every=0)
    with pytest.raises(ArgumentError, match=r"unknown kind of file. Expected \.safetensors, got run\.h5"):
        net().fit(X, Y, checkpoint=tmp_path / "run.h5")


def test_a_full_disk_leaves_the_old_checkpoint(path, monkeypatch):
    interrupt(path, X, Y, batch_size=5, epochs=2, after=3)
    old = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileAccessError, match=r"it cannot be written \(No space left on device\)"):
        net().fit(X, Y, batch_size=5, verbose=0, checkpoint=path, checkpoint_every=1)
    monkeypatch.undo()
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]
    net().fit(X, Y, batch_size=5, epochs=2, verbose=0, resume=path)


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileAccessError, match="it cannot be written"):
        net().fit(X, Y, verbose=0, checkpoint=tmp_path / "missing" / "run.safetensors")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FileAccessError, match=r"it cannot be written \(Permission denied\)"):
        net().fit(X, Y, verbose=0, checkpoint=tmp_path / "run.safetensors")
