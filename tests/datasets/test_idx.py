"""IDX files: a hand-made one, every element type, and files that lie."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from minicnn.datasets import idx
from minicnn.errors import FileFormatError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def header(code: int, *shape: int) -> bytes:
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read it as IDX."""

    def read_bytes(content: bytes, name: str = "digits-idx3-ubyte") -> np.ndarray:
        (tmp_path / name).write_bytes(content)
        return idx.read(tmp_path / name)

    return read_bytes


def test_by_hand(read):
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 10, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(read(content), [[10, 20, 30], [40, 50, 60]])


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_element_types(read, kind, pack):
    values = [[0, 1, 2], [100, 126, 127]]
    content = header(CODES[kind], 2, 3) + np.array(values, ">" + kind).tobytes()
    array = read(pack(content))
    assert array.dtype == np.dtype(kind) and array.dtype.isnative
    np.testing.assert_array_equal(array, values)
    array += 1  # the caller's own, writable array


def test_the_content_decides_not_the_name(read):
    content = header(8, 2) + b"\x05\x06"
    assert read(content, "unpacked-by-a-browser.gz").tolist() == [5, 6]
    assert read(gzip.compress(content), "no-suffix").tolist() == [5, 6]


def test_longer_than_one_chunk(read):
    values = np.random.default_rng(0).integers(0, 256, (3, 1 << 20), np.uint8)
    np.testing.assert_array_equal(read(header(8, *values.shape) + values.tobytes()), values)


GOOD = header(8, 2, 3) + bytes(6)
PACKED = gzip.compress(GOOD)

BROKEN = {
    "empty": (b"", "neither an IDX file nor a gzip file", "got an empty file"),
    "web page": (b"<!DOCTYPE html>", "neither an IDX file nor a gzip file", "got b'<!'"),
    "text after two zeros": (b"\0\0zz", "this is not an IDX file", "got 00 00 7a 7a"),
    "half a magic": (b"\0\0\x08", "this is not an IDX file", "got 00 00 08"),
    "no dimensions": (
        header(8) + b"\0",
        "number of dimensions is out of range",
        "Expected 1 to 32, got 0",
    ),
    "too many dimensions": (
        header(8, *[1] * 33) + b"\0",
        "number of dimensions is out of range",
        "got 33",
    ),
    "half a header": (
        GOOD[:9],
        "the file ends inside its header",
        "Expected 8 bytes for 2 dimensions, got 5",
    ),
    "a dimension of 0": (header(8, 0, 3), "a dimension is empty", "got (0, 3)"),
    "truncated": (
        GOOD[:-1],
        "not as long as its header says",
        "6 bytes of elements for shape (2, 3) of uint8, got at most 5",
    ),
    "extra byte": (GOOD + b"\0", "not as long as its header says", "got more"),
    "absurd size": (
        header(0x0E, *[2**32 - 1] * 3),
        "not as long as its header says",
        "got at most 0",
    ),
    "not IDX in gzip": (gzip.compress(b"hello"), "this is not an IDX file", "got 68 65 6c 6c"),
    "nothing in gzip": (gzip.compress(b""), "this is not an IDX file", "got nothing"),
    "truncated in gzip": (gzip.compress(GOOD[:-2]), "not as long as its header says", "got 4"),
    "extra byte in gzip": (
        gzip.compress(GOOD + b"\0"),
        "not as long as its header says",
        "got more",
    ),
    "absurd size in gzip": (
        gzip.compress(header(8, 2**31, 28, 28)),
        "not as long as its header says",
        "got at most",
    ),
    "gzip cut short": (PACKED[:-9], "the gzip data are damaged", "end-of-stream"),
    "gzip header only": (PACKED[:5], "the gzip data are damaged", "end-of-stream"),
    "gzip with a wrong checksum": (
        PACKED[:-8] + bytes(4) + PACKED[-4:],
        "the gzip data are damaged",
        "CRC",
    ),
    "text behind the gzip data": (
        PACKED + b"hello",
        "the gzip data are damaged",
        "Not a gzipped file",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_end_in_a_sentence(read, case):
    content, problem, got = BROKEN[case]
    with pytest.raises(FileFormatError) as caught:
        read(content)
    text = str(caught.value)
    assert text.startswith("datasets.idx.read '") and "digits-idx3-ubyte'" in text
    assert problem in text and got in text and "Get the file again" in text


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_lying_header_takes_no_memory(read, pack):
    content = pack(header(8, 4000, 1000, 1000) + bytes(5_000_000))
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="not as long as its header says"):
        read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_gzip_bomb_is_unpacked_no_further_than_promised(read):
    content = gzip.compress(header(8, 10) + bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="not as long as its header says"):
        read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000
