"""Arrays and nested data in a file: bit for bit, whole or not at all."""

from __future__ import annotations

import math
import os
import resource
import signal

import numpy as np
import pytest
from safetensors.numpy import save_file

from minicnn.errors import ArgumentError, FileAccessError, FileFormatError
from minicnn.models.files import checked_path, checksum, read_file, write_file

STATE = {
    "epoch": 3,
    "best": math.inf,
    "names": ["a", "ä", ""],
    "none": None,
    "flag": True,
    "numpy": [np.float32(0.5), np.int64(7), np.bool_(True)],
    "pair": (1, 2.5),
    "deep": [{"x": {"y": [np.arange(6).reshape(2, 3)[:, ::-1], {}]}}, []],
}


def test_nested_data_comes_back(tmp_path):
    path, w = tmp_path / "a.safetensors", np.linspace(0, 1, 5)
    write_file(path, {"w": w, "state/deep/0/x/y/0": w}, {"state": STATE})
    arrays, found = read_file(path)
    assert list(arrays) == ["state/deep/0/x/y/0", "w"] or list(arrays) == ["w", "state/deep/0/x/y/0"]
    inner = found["state"]["deep"][0]["x"]["y"].pop(0)
    np.testing.assert_array_equal(inner, [[2, 1, 0], [5, 4, 3]])
    np.testing.assert_array_equal(arrays["w"], w)
    expected = STATE | {"numpy": [0.5, 7, True], "pair": [1, 2.5], "deep": [{"x": {"y": [{}]}}, []]}
    assert found == {"state": expected}


def test_not_a_number_comes_back(tmp_path):
    write_file(tmp_path / "a.safetensors", {}, {"x": [math.nan, -math.inf]})
    found = read_file(tmp_path / "a.safetensors")[1]["x"]
    assert math.isnan(found[0]) and found[1] == -math.inf


@pytest.mark.parametrize("value", [object(), {1: 2}, {3}, np.array(["a"]), np.array([1j]), b"x"])
def test_what_is_not_plain_is_refused(value, tmp_path):
    with pytest.raises(ArgumentError, match="a.safetensors: .*x"):
        write_file(tmp_path / "a.safetensors", {}, {"x": [value]})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ['{"$array": "none"}', '{"$array": []}', '{"$float": "x"}', '{"$float": []}', "Infinity", "{"]
)
def test_damaged_descriptions(text, tmp_path):
    metadata = {"format": "minicnn-1", "x": text, "crc32": checksum({}, {"x": text})}
    save_file({}, tmp_path / "a.safetensors", metadata)
    if text == '{"$array": []}':
        assert read_file(tmp_path / "a.safetensors")[1] == {"x": {"$array": []}}
        return
    with pytest.raises(FileFormatError, match="its description is no valid JSON"):
        read_file(tmp_path / "a.safetensors")


def test_the_ending_is_checked():
    with pytest.raises(ArgumentError) as error:
        checked_path("folder/m.ckpt", "checkpoint")
    assert str(error.value) == (
        "checkpoint: unknown kind of file. Expected .safetensors, got m.ckpt. Write 'm.safetensors'."
    )
    with pytest.raises(ArgumentError, match=r"got m\.\s*Write|Expected .safetensors, got m"):
        checked_path("m", "save")
    with pytest.raises(ArgumentError, match="Expected .safetensors, got \\."):
        checked_path("", "save")


def test_one_bit_of_a_weight(tmp_path):
    path = tmp_path / "a.safetensors"
    write_file(path, {"w": np.ones(3)}, {})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError) as error:
        read_file(path)
    assert str(error.value) == (f"{path}: it is damaged: its checksum does not fit. Take another copy of it.")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_disk_that_is_really_full(tmp_path):
    """The kernel refuses what goes beyond a limit, in the middle of the write."""
    path = tmp_path / "a.safetensors"
    write_file(path, {"w": np.ones(3)}, {})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(FileAccessError, match="it cannot be written .* is unchanged"):
            write_file(path, {"w": np.ones(100_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before
