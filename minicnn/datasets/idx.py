"""Reading IDX, the file format of MNIST: four bytes of magic, the dimensions, then the elements.

The header is the file's promise of how much follows, and it is checked against what is really
there before any memory is taken for it, so a damaged or hostile file ends in a sentence.
Format: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import FileFormatError, message

__all__ = ["read"]

# The third byte of the magic names the element type; multi-byte elements are big-endian.
_DTYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MAX_DIMENSIONS = 32
_MAX_GZIP_RATIO = 1032  # deflate's limit: 258 bytes out of 2 bits (zlib, "Maximum Expansion Factor")
_CHUNK = 1 << 20


def read(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or compressed with gzip, into an array.

    The content decides whether the file is compressed, not its name: some browsers unpack a
    download and keep the ``.gz``.

    Parameters
    ----------
    path : the file.

    Returns
    -------
    ndarray : writable, in the machine's byte order, of the shape the header gives.

    Raises
    ------
    FileFormatError : when the content is not exactly one IDX array.
    OSError : when the file cannot be opened.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "three-idx1-ubyte"
    >>> _ = file.write_bytes(b"\\0\\0\\x08\\x01" + b"\\0\\0\\0\\x03" + bytes([7, 2, 1]))
    >>> read(file)
    array([7, 2, 1], dtype=uint8)
    """
    path = Path(path)
    with path.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        if start == b"\x1f\x8b":
            return _read_compressed(path, raw)
        if start != b"\0\0":
            got = f"{start!r}" if start else "an empty file"
            raise _damaged(
                path,
                "this is neither an IDX file nor a gzip file",
                r"first bytes b'\x00\x00' (IDX) or b'\x1f\x8b' (gzip)",
                got,
            )
        return _read_array(path, raw, _size_of(raw))


def _read_compressed(path: Path, raw: IO[bytes]) -> np.ndarray:
    """Unpack no more than the header promises, and one byte to see whether there is more."""
    most = _size_of(raw) * _MAX_GZIP_RATIO
    try:
        with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            return _read_array(path, unpacked, most)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(path, "the gzip data are damaged", "a whole gzip file", f"'{error}'") from error


def _read_array(path: Path, file: IO[bytes] | gzip.GzipFile, available: int) -> np.ndarray:
    """Read header and elements of a file whose content is at most `available` bytes long."""
    dtype, shape = _read_header(path, file)
    promised = math.prod(shape) * dtype.itemsize
    room = available - 4 - 4 * len(shape)
    if promised > room:
        got = f"at most {room:,}"
    else:
        data = bytearray()  # grows with what is really there
        while chunk := file.read(min(_CHUNK, promised + 1 - len(data))):
            data += chunk
        if len(data) == promised:
            array = np.frombuffer(data, dtype=dtype).reshape(shape)  # (elements,) -> shape
            return array.astype(dtype.newbyteorder("="), copy=False)
        got = f"{len(data):,}" if len(data) < promised else "more"
    expected = f"{promised:,} bytes of elements for shape {shape} of {dtype.name}"
    raise _damaged(path, "the file is not as long as its header says", expected, got)


def _read_header(path: Path, file: IO[bytes] | gzip.GzipFile) -> tuple[np.dtype, tuple[int, ...]]:
    """Return the element type and the shape, each checked."""
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        codes = ", ".join(f"{code:02x}" for code in _DTYPES)
        expected = f"00 00, a type code of {codes}, and the number of dimensions"
        raise _damaged(path, "this is not an IDX file", expected, magic.hex(" ") or "nothing")
    count = magic[3]
    if not 1 <= count <= _MAX_DIMENSIONS:
        expected = f"1 to {_MAX_DIMENSIONS}"
        raise _damaged(path, "the number of dimensions is out of range", expected, count)
    sizes = file.read(4 * count)
    if len(sizes) < 4 * count:
        expected = f"{4 * count} bytes for {count} dimensions"
        raise _damaged(path, "the file ends inside its header", expected, len(sizes))
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    if 0 in shape:
        raise _damaged(path, "a dimension is empty", "every dimension at least 1", shape)
    return _DTYPES[magic[2]], shape


def _size_of(raw: IO[bytes]) -> int:
    """Return the size of an open file in bytes."""
    here = raw.tell()
    size = raw.seek(0, io.SEEK_END)
    raw.seek(here)
    return size


def _damaged(path: Path, problem: str, expected: object, got: object) -> FileFormatError:
    hint = "Get the file again: it may be a broken download or another kind of file."
    return FileFormatError(
        message(f"datasets.idx.read '{path}'", problem, expected=expected, got=got, hint=hint)
    )
