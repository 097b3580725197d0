"""Reading members of a tar archive into memory, when neither its names nor its sizes can be trusted.

Nothing is ever extracted to the disk. The archive is read once from front to end, and every step may
take only so many bytes out of it: a header that promises gigabytes, or zeros packed a thousandfold, end
in a sentence before they fill the memory. (tarfile: Python's; format: POSIX.1-2017, pax, "ustar".)
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO, Self

from ..errors import FileFormatError, message

__all__ = ["read_members", "read_stream"]

_CHUNK = 1 << 20
_BESIDE = 1 << 20  # bytes of headers, padding and other small files between two wanted members
_DAMAGE = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError, OverflowError)


class _StrictHeader(tarfile.TarInfo):
    """A member's header; tarfile takes a damaged one, if it is not the first, for the archive's end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise ValueError(str(error)) from error


class _Metered:
    """A stream of which at most `budget` more bytes can be read."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, path: Path, where: str) -> None:
        self.stream, self.path, self.where, self.budget = stream, path, where, _BESIDE

    def read(self, size: int) -> bytes:
        content = self.stream.read(min(size, _CHUNK))
        self.budget -= len(content)
        if self.budget < 0:
            raise _refused(self.where, self.path, "it holds more than belongs there")
        return content


def read_members(path: Path, wanted: Collection[str], most: int, where: str) -> dict[str, bytearray]:
    """Read the files of these names, in whatever folder of the archive they are.

    Parameters
    ----------
    path : a tar archive, plain or compressed with gzip; its content decides, not its name.
    wanted : the names; those that are absent are left out of the result.
    most : the largest size of one, in bytes.
    where : the function that error messages name.

    Raises
    ------
    FileFormatError : for a damaged archive, and for one with a link, a device, a name that leads out of
        the folder, two files of the same name, or more bytes than `most` allows.
    """
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = _Metered(gzip.GzipFile(fileobj=raw) if packed else raw, path, where)
        try:
            found = _read_all(stream, wanted, most)
            while stream.read(_CHUNK):  # to the end, where gzip has its checksum
                pass
        except FileFormatError:
            raise
        except _DAMAGE as error:  # tarfile stumbles over numbers that are none with a ValueError
            raise _refused(where, path, f"the archive is damaged ({error})") from error
        return found


def _read_all(stream: _Metered, wanted: Collection[str], most: int) -> dict[str, bytearray]:
    found: dict[str, bytearray] = {}
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=_StrictHeader) as archive:  # type: ignore[call-overload]
        for member in archive:
            name = PurePosixPath(member.name)
            problem = None
            if member.issparse() or not (member.isreg() or member.isdir()):
                problem = "it is neither a plain file nor a folder"
            elif name.is_absolute() or ".." in name.parts:
                problem = "its name leads out of the archive"
            elif member.isreg() and name.name in wanted:
                if name.name in found:
                    problem = "there are two of this name"
                elif not 0 <= member.size <= most:
                    problem = f"its size is {member.size:,} bytes, where {most:,} are the most"
            if problem:
                raise _refused(stream.where, stream.path, f"member {member.name!r}: {problem}")
            if member.isreg() and name.name in wanted:
                stream.budget = member.size + _BESIDE
                content = archive.extractfile(member)
                found[name.name] = read_stream(content, member.size) if content else bytearray()
            stream.budget = _BESIDE
    return found


def read_stream(stream: IO[bytes], most: int) -> bytearray:
    """Up to `most` bytes of a stream; the memory grows with what is really there."""
    content = bytearray()
    while chunk := stream.read(min(_CHUNK, most - len(content))):
        content += chunk
    return content


def _refused(where: str, path: Path, problem: str) -> FileFormatError:
    hint = "Get the archive again: it may be a broken download or another kind of file."
    return FileFormatError(message(f"{where} '{path}'", problem, hint=hint))
