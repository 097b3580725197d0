"""Ten thousand damaged files, and descriptions made to be costly: each a sentence, or a whole model.

Blindly changed bytes are met by the checksum: what still loads is the model that was written. The others
have a right checksum, as a file made on purpose has. A file that takes more than ten seconds counts as one
that hangs, and the memory of the process must not grow by a tenth of what the largest lies ask for.
"""

from __future__ import annotations

import copy
import json
import random
import resource
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from safetensors.numpy import save

from minicnn import Model, Sequential, functions, layers, load_model
from minicnn.errors import FileFormatError
from minicnn.models.files import checksum

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs the timer of POSIX")

FILES = 2500  # of each of the four kinds


def network():
    """Something of everything a file can hold, with few weights."""
    x = layers.Input((4, 4, 1), name="x")
    h = layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(x)
    h = layers.MaxPooling2D(2, name="pool")(h[..., ::2] * 2.0)
    h = functions.concatenate([layers.Flatten(name="flat")(layers.Dropout(0.5, name="drop")(h))] * 2)
    head = Sequential([layers.Input((8,), name="i"), layers.Dense(2, name="out")], name="head")
    model = Model(x, layers.Softmax(name="p")(head(h)), name="net")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(np.ones((2, 4, 4, 1)), np.array([0, 1]), verbose=0)
    return model


@contextmanager
def guarded(path):
    """No hang, and no huge allocation."""

    def hangs(*_):
        path.rename(path.with_name("hangs.safetensors"))
        pytest.fail("a file takes longer than ten seconds")

    old, before = signal.signal(signal.SIGALRM, hangs), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "more than 400 MB"


def load_or_refuse(path, data, into=None):
    """Whatever a file holds: a model, or None for a FileFormatError; and its weights into one."""
    signal.setitimer(signal.ITIMER_REAL, 10)
    path.write_bytes(data)
    model = None
    for read in (load_model, *([into.load_weights] if into else [])):
        try:
            model = read(path) or model
        except FileFormatError as error:
            assert ": " in str(error)
    return model


@pytest.fixture
def original(tmp_path):
    """A model, its arrays, its description (JSON decoded) and its file."""
    model = network()
    model.save(tmp_path / "m.safetensors")
    data = (tmp_path / "m.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    text = header["__metadata__"]
    described = {k: json.loads(v) for k, v in text.items() if k not in ("format", "crc32")}
    start = 8 + int.from_bytes(data[:8], "little")
    return model, header, described, data, start


def file_of(header, body):
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def test_changed_bytes(original, tmp_path):
    model, _, _, data, start = original
    rng, path, into, loaded = random.Random(1), tmp_path / "d.safetensors", network(), 0
    with guarded(path):
        for _ in range(FILES):
            changed = bytearray(data)
            for _ in range(rng.choice([1, 1, 2, 10])):
                position = rng.randrange(min(len(changed), rng.choice([9, start, len(data)])))
                action = rng.randrange(6)
                if action == 0:
                    changed[position] ^= 1 << rng.randrange(8)
                elif action == 1:
                    del changed[position : position + rng.choice([1, 4, len(data)])]
                elif action == 2:
                    changed[position:position] = rng.randbytes(rng.choice([1, 4, 100]))
                else:
                    changed[position] = rng.choice([0, 255, rng.randrange(256), *b'"[]{}0:, -'])
                changed = changed or bytearray(1)
            found = load_or_refuse(path, changed, into)
            if found is not None:
                loaded += 1
                for a, b in zip(found.get_weights(), model.get_weights(), strict=True):
                    np.testing.assert_array_equal(a, b)
                assert found.get_config() == model.get_config()
    assert 0 < loaded < FILES / 10


STRANGE = [None, True, -1, 0, 1, 3, 10**6, 2**31, 2**40, 2**63, 2**64, 10**30, 10**400, 0.5, 1e300, "", "x"]
STRANGE += ["relu", "same", "F64", "I64", "BF16", "BOOL", "U8", "F8_E4M3", "x" * 10_000, "\ud800", "../../x"]
STRANGE += [[], [[]], [1, 2], [None, 3], [2**40, 2**40], [0, 2**62], {}, {"tuple": []}, {"slice": [1]}]
STRANGE += [{"symbol": [0, 9]}, {"x": 1}, {"$array": "conv/kernel"}, {"$float": "nan"}, {"$float": "inf"}]


def places(data, path=()):
    """The path of everything in nested JSON data."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def change(data, rng):
    """Replace, remove, repeat, scale or swap something anywhere in nested JSON data."""
    spots = [path for path in places(data) if path]
    if not spots:
        return
    *way, last = rng.choice(spots)
    parent, action = at(data, way), rng.randrange(6)
    if action == 0:
        del parent[last]
    elif action == 1 and isinstance(parent, list):
        parent[last:last] = [copy.deepcopy(parent[last])] * rng.choice([1, 1, 40])
    elif action == 2:
        parent[last] = copy.deepcopy(at(data, rng.choice(spots)))
    elif action == 3 and type(parent[last]) in (int, float):
        parent[last] = rng.choice([-1, 2, 1000, 10**12]) * parent[last] + rng.choice([-1, 0, 1])
    elif action == 4 and isinstance(parent, dict):
        parent[rng.choice([*parent, "surplus", "__class__", "name"])] = parent.pop(last)
    else:
        parent[last] = copy.deepcopy(rng.choice(STRANGE))


def dumps(data, rng):
    """JSON, now and then with keys that come twice, constants that JSON has not, or a deep nest."""
    text, action = json.dumps(data), rng.randrange(12)
    if action == 0:
        text = text.replace("{", '{"name": "twice", "config": {}, ', rng.randrange(4))
    elif action == 1:
        spot = rng.randrange(len(text))
        text = text[:spot] + rng.choice(["NaN", "-Infinity", "1e999", "[" * 3000, "9" * 5000]) + text[spot:]
    elif action == 2:
        text = text.replace(
            rng.choice(["1", "2", "8", "null", "true"]), rng.choice(["NaN", "2e9", "0", "[1]"])
        )
    return text


def test_changed_descriptions(original, tmp_path):
    _, header, described, data, start = original
    arrays = {k: v for k, v in header.items() if k != "__metadata__"}
    fresh = json.dumps(described)
    values = {k: array_of(v, data[start:]) for k, v in arrays.items()}
    rng, path, loaded = random.Random(2), tmp_path / "d.safetensors", 0
    with guarded(path):
        for _ in range(2 * FILES):
            changed = json.loads(fresh)
            for _ in range(rng.choice([1, 1, 2, 5])):
                part = changed.get(rng.choice(list(described)))
                change(part if isinstance(part, dict | list) and rng.random() < 0.9 else changed, rng)
            text = {str(k): dumps(v, rng).encode(errors="replace").decode() for k, v in changed.items()}
            metadata = text | {"format": "minicnn-1", "crc32": checksum(values, text)}
            loaded += load_or_refuse(path, save(values, metadata)) is not None
    assert FILES / 100 < loaded < FILES


def array_of(entry, body):
    kind = {"F32": "<f4"}[entry["dtype"]]
    low, high = entry["data_offsets"]
    return np.frombuffer(body[low:high], kind).reshape(entry["shape"])


def test_changed_headers(original, tmp_path):
    """Lies about lengths, dtypes, shapes and places of arrays; the checksum cannot be made to fit them."""
    model, header, _, data, start = original
    fresh = json.dumps(header)
    rng, path, into, loaded = random.Random(3), tmp_path / "d.safetensors", network(), 0
    with guarded(path):
        for _ in range(FILES):
            changed = json.loads(fresh)
            for _ in range(rng.choice([1, 1, 2, 5])):
                name = rng.choice(list(changed) or ["none"])
                entry = changed.get(name)
                change(entry if isinstance(entry, dict) and rng.random() < 0.8 else changed, rng)
            text = dumps(changed, rng).encode(errors="replace")
            length = len(text) + rng.choice([0] * 9 + [-1, 1, 1 << 20, 1 << 40, 1 << 63])
            prefix = length.to_bytes(9, "little", signed=True)[:8]
            found = load_or_refuse(path, prefix + text + data[start:], into)
            if found is not None:
                loaded += 1
                for a, b in zip(found.get_weights(), model.get_weights(), strict=True):
                    np.testing.assert_array_equal(a, b)
    assert 0 < loaded < FILES / 2


# -- small files that ask for much ---------------------------------------------------------------------


def layer(kind, **config):
    return {"class_name": kind, "config": config}


def stack(*inside, shape=(8, 8, 1), name="s"):
    start = layer("InputLayer", shape=list(shape), name="i")
    return layer("Sequential", name=name, layers=list(inside), input=start)


def graph(start, inside, nodes, name):
    nodes = [{"layer": "x", "inputs": [], "kwargs": {}}, *nodes]
    layers_ = [layer("InputLayer", shape=start, name="x"), *inside]
    ends = {"inputs": [[0, 0]], "outputs": [[len(nodes) - 1, 0]], "single": True}
    return layer("Functional", name=name, layers=layers_, nodes=nodes, **ends)


def laughs(depth):
    """Every model calls the one inside it twice: two to the power of the depth calls."""
    model = stack(layer("Flatten", name="f"), shape=(4,), name="m")
    for i in range(depth):
        calls = [
            {"layer": model["config"]["name"], "inputs": [{"symbol": [k, 0]}], "kwargs": {}} for k in (0, 1)
        ]
        model = graph([4], [model], calls, f"m{i}")
    return model


def sums(count, size):
    settings = {"function": "AddFunction", "settings": {}, "kwargs": {}}
    nodes = [settings | {"inputs": [{"symbol": [i, 0]}] * 2} for i in range(count)]
    return graph([size], [], nodes, "g")


def nest(depth):
    model = stack(layer("Flatten", name="f"))
    for i in range(depth):
        model = stack(model, name=f"s{i}")
    return model


COSTLY = {
    "calls of calls of calls": lambda: laughs(40),
    "a thousand huge sums": lambda: sums(1000, 2**21),
    "one sum too large": lambda: sums(1, 2**40),
    "models in models": lambda: nest(300),
    "an image of 2^80 pixels": lambda: stack(layer("Flatten", name="f"), shape=(2**40, 2**40, 3)),
    "a negative image": lambda: stack(layer("Flatten", name="f"), shape=(-8, 8, 1)),
    "a number of 4000 digits": lambda: stack(layer("Flatten", name="f"), shape=(10**4000, 10**4000, 1)),
    "many filters": lambda: stack(layer("Conv2D", filters=2**40, kernel_size=1, name="c")),
    "a large kernel": lambda: stack(
        layer("Conv2D", filters=1, kernel_size=2**40, padding="same", name="c"), shape=(2**41, 2**41, 1)
    ),
    "a large window": lambda: stack(layer("MaxPooling2D", pool_size=2**40, padding="same", name="p")),
    "a name of a million letters": lambda: stack(layer("Flatten", name="f/" * 500_000)),
    "a class of a million letters": lambda: stack(layer("Flat" * 250_000, name="f")),
}


@pytest.mark.parametrize("case", COSTLY)
def test_descriptions_made_to_be_costly(case, tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.layers.promised.TRIED", 1 << 27)
    monkeypatch.setattr("minicnn.layers.promised.CALLS", 5000)
    path = tmp_path / "m.safetensors"
    states = [{"built": None, "trainable": [True], "stream": None}] * 2
    text = {
        key: json.dumps(value)
        for key, value in {"architecture": COSTLY[case](), "weights": [], "layers": states}.items()
    }
    path.write_bytes(save({}, text | {"format": "minicnn-1", "crc32": checksum({}, text)}))
    with guarded(path):
        signal.setitimer(signal.ITIMER_REAL, 10)
        if case in ("an image of 2^80 pixels", "a large window", "a number of 4000 digits"):
            assert load_model(path).count_params() == 0
            return
        with pytest.raises(FileFormatError) as error:
            load_model(path)
    assert len(str(error.value)) < 3_000_000


def test_many_layers_are_built_in_time_that_grows_with_their_number(tmp_path):
    model = Sequential([layers.Input((2,)), *(layers.ReLU(name=f"r{i}") for i in range(3000))])
    model.save(tmp_path / "m.safetensors")
    with guarded(tmp_path / "m.safetensors"):
        signal.setitimer(signal.ITIMER_REAL, 10)
        assert len(load_model(tmp_path / "m.safetensors").layers) == 3000
