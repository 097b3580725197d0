"""Files: what goes in comes out bit for bit; a failed write harms nothing; a bad file is a sentence."""

from __future__ import annotations

import errno
import json
import os
import random
import tempfile
import tracemalloc

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from minicnn import Model, Sequential, functions, layers, load_model, optimizers, utils
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError
from minicnn.models import graph
from minicnn.models.files import checksum


def network(**options):
    """Layers of every kind, one of them inside a sub-model, and functions between them."""
    x = layers.Input((8, 8, 1))
    h = layers.Conv2D(4, 3, padding=((1, 1), (0, 2)), activation="relu", name="conv")(x)
    h = layers.AveragePooling2D(2)(layers.ReLU(max_value=6.0)(h))
    h = layers.Flatten()(layers.Dropout(0.25)(h[..., ::2] * 2.0))
    head = Sequential([layers.Input((32,)), layers.Dense(5, activation="tanh"), layers.Dense(3)], name="head")
    model = Model(x, layers.Softmax()(head(h)), name="net")
    model.compile(**({"optimizer": "adam", "loss": "sparse_categorical_crossentropy"} | options))
    return model


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


# -- what a file holds ---------------------------------------------------------------------------------


def test_by_hand(tmp_path):
    model = Sequential([layers.Input((2,)), layers.Dense(1, name="d", kernel_initializer="ones")], name="m")
    model.save(tmp_path / "m.safetensors")
    arrays = load_file(tmp_path / "m.safetensors")
    assert {key: value.tolist() for key, value in arrays.items()} == {
        "d/kernel": [[1.0], [1.0]],
        "d/bias": [0.0],
    }
    with safe_open(tmp_path / "m.safetensors", "numpy") as file:
        metadata = file.metadata()
    assert metadata["format"] == "minicnn-1"
    assert json.loads(metadata["weights"]) == ["d/kernel", "d/bias"]
    architecture = json.loads(metadata["architecture"])
    assert architecture["class_name"] == "Sequential" and architecture["config"]["name"] == "m"
    assert sorted(metadata) == ["architecture", "crc32", "format", "layers", "weights"], "it was not compiled"


def test_round_trip(images, tmp_path):
    x, y = images
    model = network(metrics=["accuracy"])
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert_equal(again.get_weights(), model.get_weights())
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert again.evaluate(x, y, verbose=0, return_dict=True) == model.evaluate(
        x, y, verbose=0, return_dict=True
    )
    assert again.get_config() == model.get_config()
    assert [p.path for p in again.weights] == [p.path for p in model.weights]


def test_a_second_round_trip_gives_the_same_contents(images, tmp_path):
    model = network(metrics=["accuracy"])
    model.fit(*images, verbose=0)
    model.save(tmp_path / "a.safetensors")
    load_model(tmp_path / "a.safetensors").save(tmp_path / "b.safetensors")
    (arrays, metadata), (again, described) = (contents(tmp_path / f"{n}.safetensors") for n in "ab")
    assert list(arrays) == list(again) and metadata == described
    assert_equal(arrays.values(), again.values())


OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.05),
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_it_had_never_stopped(name, images, tmp_path):
    """Order of samples, dropout masks and optimizer state: all as in one long run."""
    x, y = images
    whole = network(optimizer=OPTIMIZERS[name](), metrics=["accuracy"])
    history = whole.fit(x, y, batch_size=5, epochs=5, verbose=0).history
    utils.set_random_seed(0)
    first = network(optimizer=OPTIMIZERS[name](), metrics=["accuracy"])
    first.fit(x, y, batch_size=5, epochs=2, verbose=0)
    first.save(tmp_path / "m.safetensors")
    utils.set_random_seed(0)  # what a new process does
    second = load_model(tmp_path / "m.safetensors")
    rest = second.fit(x, y, batch_size=5, epochs=5, initial_epoch=2, verbose=0).history
    assert_equal(second.get_weights(), whole.get_weights())
    assert rest == {key: values[2:] for key, values in history.items()}
    assert second.optimizer.get_config() == whole.optimizer.get_config()
    assert second.optimizer.iterations == whole.optimizer.iterations


def test_loading_draws_nothing(tmp_path):
    """A layer made after loading starts as it would have without."""
    network().save(tmp_path / "m.safetensors")
    weights = []
    for load in (False, True):
        utils.set_random_seed(4)
        if load:
            load_model(tmp_path / "m.safetensors")
        dense = layers.Dense(3)
        dense(np.ones((1, 2)))
        weights.append(dense.get_weights())
    assert_equal(*weights)


def test_a_loaded_model_is_not_bound_to_its_file(images, tmp_path):
    model = network()
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    (tmp_path / "m.safetensors").unlink()
    again.fit(*images, verbose=0)
    assert all(weight.data.flags.writeable for weight in again.weights)


def test_trainable_is_kept(tmp_path):
    model = network()
    model.get_layer("conv").trainable = False
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert [p.trainable for p in again.weights] == [False] * 2 + [True] * 4


class Scale(layers.Layer):
    """One number, learned."""

    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        start = {"class_name": "Constant", "config": {"value": self.start}}
        self.factor = self.add_weight((), start, name="factor")
        self.twin = self.add_weight((), start, name="factor")

    def call(self, x):
        return x * self.factor * self.twin

    def get_config(self):
        return super().get_config() | {"start": self.start}


def test_layers_of_ones_own(images, tmp_path):
    """Also: weights without axes, and two weights of one name."""
    inner = Sequential([layers.Input((8, 8, 1)), Scale(3.0), layers.Flatten()])
    model = Sequential([layers.Input((8, 8, 1)), inner, layers.Dense(3)])
    model.compile("adam", "mse")
    model.fit(images[0], np.zeros((12, 3)), verbose=0)
    model.save(tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors", custom_objects={"Scale": Scale})
    np.testing.assert_array_equal(again.predict(images[0]), model.predict(images[0]))
    assert again.weights[0].shape == () and again.layers[0].layers[0].start == 3.0
    with pytest.raises(FileFormatError, match=r"unknown layer class. .* got 'Scale'\. Pass your own classes"):
        load_model(tmp_path / "m.safetensors")


def test_weights_of_one_name_do_not_get_mixed_up(tmp_path):
    """The same layer name inside two sub-models, with a sign that is used for numbering in it."""

    def branch(name, start):
        start = {"class_name": "Constant", "config": {"value": start}}
        dense = layers.Dense(1, use_bias=False, kernel_initializer=start, name="d#1")
        return Sequential([layers.Input((1,)), dense], name=name)

    x = layers.Input((1,))
    model = Model(x, functions.concatenate([branch(name, i + 1.0)(x) for i, name in enumerate("abc")]))
    model.save(tmp_path / "m.safetensors")
    found = load_model(tmp_path / "m.safetensors")(np.array([[1.0]]))
    assert found.numpy().tolist() == [[1.0, 2.0, 3.0]]


# -- weights alone -------------------------------------------------------------------------------------


def test_weights_alone(images, tmp_path):
    model = network()
    model.save_weights(tmp_path / "w.safetensors")
    utils.set_random_seed(5)
    other = network()
    versions = [weight._version[0] for weight in other.weights]
    other.load_weights(tmp_path / "w.safetensors")
    assert_equal(other.get_weights(), model.get_weights())
    assert all(w._version[0] > v for w, v in zip(other.weights, versions, strict=True))
    with pytest.raises(FileFormatError, match="it holds weights only, no architecture. Build the model"):
        load_model(tmp_path / "w.safetensors")
    model.save(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")


def dense(*units):
    names = (f"d{i}" for i in range(len(units)))
    return Sequential([layers.Input((4,)), *(layers.Dense(n, name=next(names)) for n in units)])


@pytest.mark.parametrize(
    ("units", "text"),
    [
        ((3, 5), "weight 3 of 4 does not fit. Expected d1/kernel (3, 5), got d1/kernel (3, 2)."),
        ((3, 2, 1), "weight 5 of 6 does not fit. Expected d2/kernel (2, 1), got nothing."),
        ((3,), "the file holds more weights than the model. Expected 2, got 4."),
    ],
)
def test_weights_that_do_not_fit_change_nothing(units, text, tmp_path):
    dense(3, 2).save_weights(tmp_path / "w.safetensors")
    other = dense(*units)
    before = other.get_weights()
    with pytest.raises(FileFormatError) as error:
        other.load_weights(tmp_path / "w.safetensors")
    assert str(error.value) == f"{tmp_path / 'w.safetensors'}: {text}"
    assert_equal(other.get_weights(), before)


def test_a_model_without_weights_yet_is_asked_for_its_shape(tmp_path):
    dense(3).save_weights(tmp_path / "w.safetensors")
    with pytest.raises(FileFormatError, match=r"Was the model given an input shape\?"):
        Sequential([layers.Dense(3)]).load_weights(tmp_path / "w.safetensors")


# -- writing -------------------------------------------------------------------------------------------


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ArgumentError) as error:
        dense(3).save(tmp_path / "m.h5")
    expected = "save: unknown kind of file. Expected .safetensors, got m.h5. Write 'm.safetensors'."
    assert str(error.value) == expected
    with pytest.raises(ArgumentError) as error:
        Sequential([layers.Dense(3)], name="m").save(tmp_path / "m.safetensors")
    assert str(error.value) == (
        "save of Sequential 'm': its weights do not exist yet. Give it an Input, or call it on data once."
    )
    assert list(tmp_path.iterdir()) == []


def disk_full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupted(*_, **__):
    raise KeyboardInterrupt


def half_written(monkeypatch):
    """The disk is full after half of the data."""
    make = tempfile.NamedTemporaryFile

    def limited(*args, **kwargs):
        file = make(*args, **kwargs)
        write = file.write

        def some(data):
            write(data[: len(data) // 2])
            disk_full()

        file.write = some
        return file

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", limited)


FAILURES = {
    "no temporary file": lambda patch: patch.setattr(tempfile, "NamedTemporaryFile", disk_full),
    "write": half_written,
    "fsync": lambda patch: patch.setattr(os, "fsync", disk_full),
    "replace": lambda patch: patch.setattr(os, "replace", disk_full),
    "chmod": lambda patch: patch.setattr(os, "chmod", disk_full),
    "interrupted": lambda patch: patch.setattr(os, "fsync", interrupted),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("method", ["save", "save_weights"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(failure, method, exists, tmp_path):
    path = tmp_path / "m.safetensors"
    if exists:
        dense(7).save(path)
    before = path.read_bytes() if exists else None
    with pytest.MonkeyPatch.context() as patch:
        FAILURES[failure](patch)
        expected = KeyboardInterrupt if failure == "interrupted" else FileAccessError
        with pytest.raises(expected) as error:
            getattr(dense(3), method)(path)
    if failure != "interrupted":
        assert str(error.value) == (
            f"{path}: it cannot be written (No space left on device). "
            "A file of that name, if there was one, is unchanged."
        )
    assert list(tmp_path.iterdir()) == ([path] if exists else [])
    if exists:
        assert path.read_bytes() == before
        assert load_model(path).output_shape == (None, 7)
    dense(3).save(path)
    assert load_model(path).output_shape == (None, 3)


def test_folders_that_cannot_be_written_to(tmp_path):
    with pytest.raises(FileAccessError, match=r"it cannot be written \(No such file or directory\)"):
        dense(3).save(tmp_path / "none" / "m.safetensors")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileAccessError, match=r"it cannot be written \(Not a directory\)"):
        dense(3).save(tmp_path / "file" / "m.safetensors")
    (tmp_path / "m.safetensors").mkdir()
    with pytest.raises(FileAccessError, match="it cannot be written"):
        dense(3).save(tmp_path / "m.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "m.safetensors"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileAccessError, match=r"it cannot be written \(Permission denied\)"):
            dense(3).save(tmp_path / "m.safetensors")
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_has_the_permissions_of_any_other(tmp_path):
    old = os.umask(0o027)
    try:
        dense(3).save(tmp_path / "m.safetensors")
    finally:
        os.umask(old)
    assert (tmp_path / "m.safetensors").stat().st_mode & 0o777 == 0o640


# -- files that are not what they should be ------------------------------------------------------------


@pytest.fixture
def saved(images, tmp_path):
    """The path of a trained model's file."""
    model = network(metrics=["accuracy"])
    model.fit(*images, verbose=0)
    model.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def contents(path):
    """Arrays and decoded metadata of a file."""
    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    del metadata["crc32"]
    return arrays, {k: json.loads(v) if k != "format" else v for k, v in metadata.items()}


def write(path, arrays, metadata):
    """A file of any content whose checksum is right."""
    text = {k: json.dumps(v) if k != "format" else v for k, v in metadata.items()}
    save_file(arrays, path, text | {"crc32": checksum(arrays, text)})


def test_a_missing_file(tmp_path):
    for path, text in (
        (tmp_path / "none.safetensors", "there is no such file."),
        (tmp_path, "it is a folder, not a file."),
    ):
        for read in (load_model, dense(3).load_weights):
            with pytest.raises(FileAccessError) as error:
                read(path)
            assert str(error.value) == f"{path}: {text}"


def test_truncated_files(saved, tmp_path):
    data = saved.read_bytes()
    rng = random.Random(1)
    for length in [0, 1, 7, 8, 9, 100, len(data) - 1] + [rng.randrange(len(data)) for _ in range(100)]:
        (tmp_path / "cut.safetensors").write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"it is no valid \.safetensors file"):
            load_model(tmp_path / "cut.safetensors")


def test_random_bytes(tmp_path):
    rng = random.Random(2)
    path = tmp_path / "noise.safetensors"
    for length in (0, 1, 8, 9, 50, 1000):
        for _ in range(20):
            path.write_bytes(rng.randbytes(length))
            with pytest.raises(FileFormatError):
                load_model(path)


def test_files_of_others(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": np.ones(3, "f4")}, path)
    with pytest.raises(FileFormatError) as error:
        load_model(path)
    assert str(error.value) == (
        f"{path}: it was not written by this version of minicnn. Expected format 'minicnn-1', got None."
    )
    save_file({"a": np.ones(3, "f4")}, path, {"format": "pt"})
    with pytest.raises(FileFormatError, match="Expected format 'minicnn-1', got 'pt'"):
        dense(3).load_weights(path)


def test_the_architecture_is_checked_before_memory_is_taken(saved, tmp_path):
    """A file of a few kilobytes that describes 400 GB of weights."""
    arrays, metadata = contents(saved)
    before = {"class_name": "Dense", "config": {"units": 10**6}}
    config = {"name": "big", "input": {"class_name": "InputLayer", "config": {"shape": [10**5]}}}
    metadata["architecture"] = {"class_name": "Sequential", "config": config | {"layers": [before]}}
    write(tmp_path / "big.safetensors", arrays, metadata)
    tracemalloc.start()
    try:
        with pytest.raises(
            FileFormatError, match="its architecture asks for more weights than the file holds"
        ):
            load_model(tmp_path / "big.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def test_one_array_cannot_stand_for_many(saved, tmp_path):
    arrays, metadata = contents(saved)
    metadata["weights"] = metadata["weights"][:1] * 100_000
    write(tmp_path / "m.safetensors", arrays, metadata)
    with pytest.raises(FileFormatError, match="its list of weights names one twice"):
        load_model(tmp_path / "m.safetensors")


def test_a_tiny_file_cannot_fill_the_memory(tmp_path, monkeypatch):
    """Forty doublings of an Input, by functions that need no weights."""
    monkeypatch.setattr(graph, "_LARGEST", 1 << 20)
    join = {"function": "ConcatenateFunction", "settings": {"axis": 1}, "kwargs": {}}
    nodes = [{"layer": "x", "inputs": [], "kwargs": {}}]
    nodes += [join | {"inputs": [{"symbol": [i, 0]}] * 2} for i in range(40)]
    config = {
        "name": "m",
        "layers": [{"class_name": "InputLayer", "config": {"shape": [1000], "name": "x"}}],
        "nodes": nodes,
        "inputs": [[0, 0]],
        "outputs": [[40, 0]],
        "single": True,
    }
    architecture = {"class_name": "Functional", "config": config}
    write(
        tmp_path / "m.safetensors", {}, {"format": "minicnn-1", "weights": [], "architecture": architecture}
    )
    with pytest.raises(FileFormatError, match="is too large to be tried out"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (None, "a layer is not described by a class name and a config"),
        ([], "a layer is not described by a class name and a config"),
        ({"class_name": "Dense"}, "a layer is not described by a class name and a config"),
        ({"class_name": "Conv3D", "config": {}}, "unknown layer class"),
        ({"class_name": ["Dense"], "config": {}}, ""),
        ({"class_name": "os.system", "config": {"command": "true"}}, "unknown layer class"),
        ({"class_name": "Layer", "config": {}}, "unknown layer class"),
        ({"class_name": "Dense", "config": {"units": "x"}}, "its Dense layer cannot be made from its config"),
        ({"class_name": "Dense", "config": {"units": 1e400}}, "its description is no valid JSON"),
        ({"class_name": "Dense", "config": {"__class__": 1}}, "its Dense layer cannot be made"),
        ({"class_name": "Flatten", "config": {}}, "its architecture is not a model"),
        ({"class_name": "Sequential", "config": {}}, "its Sequential layer cannot be made"),
        ({"class_name": "Functional", "config": {"layers": []}}, "its Functional layer cannot be made"),
    ],
)
def test_hostile_architectures(architecture, text, saved, tmp_path):
    arrays, metadata = contents(saved)
    write(tmp_path / "m.safetensors", arrays, metadata | {"architecture": architecture})
    with pytest.raises(FileFormatError) as error:
        load_model(tmp_path / "m.safetensors")
    assert text in str(error.value)


@pytest.mark.parametrize("depth", [400, 900, 100_000])
def test_models_in_models_in_models(depth, tmp_path):
    layer = '{"class_name": "Sequential", "config": {"name": "s", "layers": ['
    metadata = {"format": "minicnn-1", "weights": "[]", "architecture": layer * depth + "]}}" * depth}
    metadata["crc32"] = checksum({}, metadata)
    save_file({}, tmp_path / "m.safetensors", metadata)
    try:
        load_model(tmp_path / "m.safetensors")
    except FileFormatError:
        return
    assert depth == 400, "as deep as this, Python's own stack ends first"


@pytest.mark.parametrize(
    "text", ["", "{", "nul", "[" * 100_000, '{"a":' * 100_000, "1" * 10_000, '"\\ud800"', "\x00", "NaN"]
)
@pytest.mark.parametrize("key", ["architecture", "weights", "compile", "surplus"])
def test_hostile_json(key, text, saved, tmp_path):
    arrays, metadata = contents(saved)
    described = {k: json.dumps(v) if k != "format" else v for k, v in metadata.items()}
    described[key] = text
    save_file(arrays, tmp_path / "m.safetensors", described | {"crc32": checksum(arrays, described)})
    if key == "surplus" and text == '"\\ud800"':
        load_model(tmp_path / "m.safetensors")
        return
    with pytest.raises(FileFormatError):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("iterations", -1),
        ("iterations", 1e300),
        ("iterations", "3"),
        ("epochs_seen", 1.5),
        ("epochs_seen", 2**70),
        ("optimizer", {"class_name": "Adam", "config": {"learning_rate": -1}}),
        ("optimizer", {"class_name": "Adam", "config": {"slots": 1}}),
        ("optimizer", {"class_name": ["Adam"]}),
        ("loss", {"class_name": "Adam"}),
        ("loss", {"class_name": {}}),
        ("metrics", "accuracy"),
        ("metrics", [{"class_name": []}]),
        ("metrics", 3),
    ],
)
def test_hostile_training_state(key, value, saved, tmp_path):
    arrays, metadata = contents(saved)
    metadata["compile"][key] = value
    write(tmp_path / "m.safetensors", arrays, metadata)
    with pytest.raises(FileFormatError, match="its training state cannot be restored"):
        load_model(tmp_path / "m.safetensors")


def test_optimizer_state_of_another_shape(saved, tmp_path):
    arrays, metadata = contents(saved)
    arrays["optimizer/0/m"] = arrays["optimizer/0/m"][:1, :1, :1, :1].copy()
    write(tmp_path / "m.safetensors", arrays, metadata)
    with pytest.raises(FileFormatError, match=r"m of 'conv/kernel': the shape differs"):
        load_model(tmp_path / "m.safetensors")
