"""Arrays and plain data in one ``.safetensors`` file: written whole or not at all, checked when read.

The file's arrays stand beside a description: nested dicts and lists of numbers, strings and None, kept as
JSON in the file's metadata, with a checksum of everything. Arrays inside the description are stored as
arrays too. Nothing in a file is ever executed. It is written under a temporary name, synced and renamed,
so that a crash, a full disk or Ctrl-C leaves the old file whole.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, FileAccessError, FileFormatError, message

__all__ = ["FORMAT", "checked_path", "read_file", "write_file"]

FORMAT = "minicnn-1"
# What JSON has no word for: {"$array": key of the array}, {"$float": "nan"}.
_ARRAY, _FLOAT = "$array", "$float"


def checked_path(path: Any, where: str) -> Path:
    """The path of a file to write, which must end in ``.safetensors``."""
    path = Path(path)
    if path.suffix != ".safetensors":
        hint = f"Write {path.with_suffix('.safetensors').name!r}." if path.name else None
        got = path.name or str(path)
        raise ArgumentError(
            message(where, "unknown kind of file", expected=".safetensors", got=got, hint=hint)
        )
    return path


def write_file(path: Path, arrays: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> None:
    """Write arrays by name and nested data (arrays allowed inside) to a file, or leave it as it was.

    Raises FileAccessError where the disk or the folder refuses, ArgumentError for data that is not plain.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_file(Path(folder) / "a.safetensors", {"w": np.ones(2)}, {"epoch": 3, "seen": [np.zeros(1)]})
    ...     read_file(Path(folder) / "a.safetensors")
    ({'w': array([1., 1.])}, {'epoch': 3, 'seen': [array([0.])]})
    """
    from safetensors.numpy import save

    content = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = {key: json.dumps(_to_json(value, key, content, path)) for key, value in description.items()}
    text |= {"format": FORMAT, "crc32": checksum(content, text)}
    _replace(path, save(content, metadata=text))


def checksum(arrays: Mapping[str, np.ndarray], text: Mapping[str, str]) -> str:
    """CRC-32 of all arrays and of the description: an error of a disk or a copy must not pass for weights."""
    crc = 0
    for key in sorted(set(text) - {"format", "crc32"}):
        crc = zlib.crc32(f"{key}={text[key]}\n".encode(errors="surrogatepass"), crc)
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}\n".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8).data, crc)
    return f"{crc:08x}"


def _to_json(value: Any, place: str, arrays: dict[str, np.ndarray], path: Path) -> Any:
    """The value without arrays, which go to `arrays`, and without what JSON cannot hold."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ArgumentError(message(str(path), f"a key of {place} is no string", got=repr(list(value))))
        return {key: _to_json(item, f"{place}/{key}", arrays, path) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item, f"{place}/{i}", arrays, path) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return _to_json(value.item(), place, arrays, path)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        while place in arrays:
            place += "'"
        arrays[place] = np.asarray(value, order="C")
        return {_ARRAY: place}
    if isinstance(value, float) and not math.isfinite(value):
        return {_FLOAT: str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    expected, got = "numbers, strings, arrays, lists and dicts", type(value).__name__
    raise ArgumentError(
        message(str(path), f"{place} cannot be written to a file", expected=expected, got=got)
    )


def _replace(path: Path, data: bytes) -> None:
    """Put the bytes where `path` says, in one step that either happens or does not."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # temporary files are private; this one is not
        os.replace(temporary, path)
    except OSError as error:
        hint = "A file of that name, if there was one, is unchanged."
        raise FileAccessError(
            message(str(path), f"it cannot be written ({error.strerror or error})", hint=hint)
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # after the renaming it is no longer there
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_file(path: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and description of a file that `write_file` wrote.

    Raises FileAccessError where it cannot be read, FileFormatError where it is not what it should be.
    """
    from safetensors import SafetensorError, safe_open

    where = str(path)
    if not Path(path).is_file():
        problem = "it is a folder, not a file" if Path(path).is_dir() else "there is no such file"
        raise FileAccessError(message(where, problem))
    try:
        with safe_open(where, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, TypeError, ValueError, KeyError, OverflowError, AttributeError) as error:
        raise FileFormatError(
            message(where, "it is no valid .safetensors file", hint=f"({error})")
        ) from error
    except OSError as error:
        raise FileAccessError(message(where, f"it cannot be read ({error})")) from error
    found, crc = metadata.pop("format", None), metadata.pop("crc32", None)
    if found != FORMAT:
        problem, expected = "it was not written by this version of minicnn", f"format {FORMAT!r}"
        raise FileFormatError(message(where, problem, expected=expected, got=repr(found)))
    if crc != checksum(arrays, metadata):
        hint = "Take another copy of it."
        raise FileFormatError(message(where, "it is damaged: its checksum does not fit", hint=hint))
    return arrays, _described(metadata, arrays, where)


def _described(metadata: Mapping[str, str], arrays: dict[str, np.ndarray], where: str) -> dict[str, Any]:
    """The description, with the arrays in it put back and taken out of `arrays`."""
    used = set()

    def restored(data: dict[str, Any]) -> Any:
        if set(data) == {_ARRAY} and isinstance(data[_ARRAY], str):
            used.add(data[_ARRAY])
            return arrays[data[_ARRAY]]
        if set(data) == {_FLOAT}:
            return float(data[_FLOAT])
        return data

    def refused(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        described = {
            key: json.loads(text, object_hook=restored, parse_constant=refused)
            for key, text in sorted(metadata.items())  # safetensors gives them in any order
        }
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise FileFormatError(
            message(where, "its description is no valid JSON", hint=f"({error})")
        ) from error
    for key in used:
        del arrays[key]
    return described
