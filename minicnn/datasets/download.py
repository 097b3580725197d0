"""Where the files of a data set come from: a folder of the user's, the cache, or the network.

pooch keeps the cache: it compares SHA-256 sums, writes to a temporary name and renames. What it does not
do is added here: several mirrors, going on with a download that broke off (HTTP Range, RFC 9110,
section 14), a size that a server cannot exceed, and sentences.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..errors import ArgumentError, FileAccessError, FileFormatError, MinicnnError, message

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["DownloadError", "File", "Source", "cache_folder", "fetch", "folder_of", "is_cached"]

_TIMEOUT = (5, 30)  # seconds to connect, and to wait for the next bytes
_CHUNK = 1 << 13  # what is lost at most when a connection breaks off


class File(NamedTuple):
    """One published file, exactly."""

    name: str
    sha256: str
    size: int


class Source(NamedTuple):
    """A data set's published files.

    `name` is the data set's, and that of its folders. `mirrors` are addresses that end in a slash.
    `own_folder` is True where the files are named like another set's, so that only a folder of its own
    tells them apart.
    """

    name: str
    files: tuple[File, ...]
    mirrors: tuple[str, ...]
    own_folder: bool = False


class DownloadError(FileAccessError):
    """The files are not here and no mirror can be reached."""


def cache_folder(source: Source) -> Path:
    """The folder of a data set in the cache, which the environment variable MINICNN_HOME moves.

    >>> cache_folder(Source("letters", (), ())).parts[-2:]
    ('datasets', 'letters')
    """
    import pooch

    home = os.environ.get("MINICNN_HOME") or pooch.os_cache("minicnn")
    return Path(home).expanduser().absolute() / "datasets" / source.name


def is_cached(source: Source) -> bool:
    """True when every file is in the cache in its right size; only `fetch` compares the sums."""
    folder = cache_folder(source)
    return all(
        (folder / f.name).is_file() and (folder / f.name).stat().st_size == f.size for f in source.files
    )


def folder_of(
    source: Source, data_dir: str | os.PathLike[str] | None, where: str, holds: Callable[[Path], bool]
) -> Path:
    """The folder to read a data set from; it is downloaded if there is none.

    Parameters
    ----------
    source : what to look for.
    data_dir : the user's folder, or one with a subfolder named as the data set; without it, the
        environment variable ``MINICNN_DATA`` may name one that is asked before the cache.
    where : the function that error messages name.
    holds : tells whether a folder holds the data set, in any form that can be read.

    Returns
    -------
    Path : a folder that `holds`, or `data_dir` itself, so that the reader can say what it lacks.

    Raises
    ------
    ArgumentError : when the user's folder does not exist.
    FileAccessError, FileFormatError : as `fetch`.
    """
    given = data_dir if data_dir is not None else os.environ.get("MINICNN_DATA") or None
    if given is not None:
        folder = Path(given)
        if not folder.is_dir():
            hint = "Leave data_dir (and the environment variable MINICNN_DATA) out to download the files."
            raise ArgumentError(
                message(
                    where, "the data folder does not exist", expected="a folder", got=f"'{folder}'", hint=hint
                )
            )
        candidates = [folder / source.name, folder / source.name.replace("_", "-")]
        if data_dir is not None or not source.own_folder:
            candidates.append(folder)
        for candidate in candidates:
            if holds(candidate):
                return candidate
        if data_dir is not None:
            return folder
    return fetch(source, where)


def fetch(source: Source, where: str) -> Path:
    """Bring all files of a data set into the cache, unless they are there; return their folder.

    Under MINICNN_OFFLINE=1 nothing is downloaded.

    Raises
    ------
    DownloadError : when no mirror can be reached.
    FileFormatError : when a mirror was reached, but none has the right file.
    FileAccessError : when the cache cannot be written.
    """
    folder = cache_folder(source)
    for file in source.files:
        try:
            _fetch_file(source, file, folder, where)
        except FileAccessError:
            raise
        except OSError as error:
            problem = f"the cache folder '{folder}' cannot be written ({error.strerror or error})"
            hint = (
                "Name another one in the environment variable MINICNN_HOME, or read the files from a folder "
                "with data_dir."
            )
            raise FileAccessError(message(where, problem, hint=hint)) from error
    return folder


def _fetch_file(source: Source, file: File, folder: Path, where: str) -> None:
    """Ask one mirror after the other until the file is in the cache."""
    import pooch
    import requests

    path = folder / file.name
    if path.exists() and pooch.file_hash(str(path)) == file.sha256:
        return
    failures: list[str] = []
    reached = False
    urls = [] if os.environ.get("MINICNN_OFFLINE", "0") not in ("", "0") else _urls(source, file)
    if urls:
        folder.mkdir(parents=True, exist_ok=True)
    for url in urls:
        for again in (False, True):  # if what an earlier, broken download left was no good
            download = _Download(folder / f"{file.name}.part", file.size)
            try:
                pooch.retrieve(url, file.sha256, fname=file.name, path=folder, downloader=download)
                return
            except requests.RequestException as error:
                failures.append(f"{url}: {_reason(error)}")
                break
            except ValueError as error:  # pooch's word for another checksum, and ours for another size
                reached = True
                if again or not download.resumed:
                    failures.append(f"{url}: {_wrong(error)}")
                    break
    raise _failed(source, file, path, where, failures, reached)


def _urls(source: Source, file: File) -> list[str]:
    return [mirror + file.name for mirror in source.mirrors]


class _Download:
    """What pooch calls to fill its temporary file.

    A download that breaks off is kept as `part`. Whoever renames it has it alone, so that several
    processes need no lock: the others start from the first byte.
    """

    def __init__(self, part: Path, size: int) -> None:
        self.part, self.size, self.resumed = part, size, False

    def __call__(self, url: str, output_file: Any, pooch: Any) -> None:
        import requests

        path = Path(output_file)
        with suppress(FileNotFoundError):
            os.replace(self.part, path)
            self.resumed = True
        try:
            with _progress() as bar, path.open("r+b") as file:
                file.seek(0, os.SEEK_END)
                self._fill(url, file, bar)
        except (requests.RequestException, KeyboardInterrupt):
            if path.stat().st_size:
                os.replace(path, self.part)
            raise

    def _fill(self, url: str, file: IO[bytes], bar: Progress) -> None:
        """Ask again for what is missing, as long as every answer brings something."""
        import requests

        task = bar.add_task(url.rpartition("/")[2], total=self.size, completed=file.tell())
        while (before := file.tell()) < self.size:
            try:
                self._answer(url, file, lambda: bar.update(task, completed=file.tell()))
            except requests.RequestException as error:
                if isinstance(error, requests.HTTPError) or file.tell() <= before:
                    raise
            if file.tell() <= before:
                raise ValueError(f"it ends after {file.tell():,} of {self.size:,} bytes")

    def _answer(self, url: str, file: IO[bytes], report: Callable[[], None]) -> None:
        """One request: append the answer to the file, or start again where the server ignores Range."""
        import requests

        start = file.tell()
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            continued = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            if start and not (answer.status_code == 206 and continued):
                if answer.status_code in (206, 416):  # another part, or no such part: what we have is no good
                    file.truncate(0)
                    raise ValueError("it answers with another part of the file than was asked for")
                answer.raise_for_status()
                file.seek(0)
                file.truncate()
            answer.raise_for_status()
            for chunk in answer.iter_content(_CHUNK):
                if file.tell() + len(chunk) > self.size:
                    raise ValueError(f"it is longer than {self.size:,} bytes")
                file.write(chunk)
                report()


def _progress() -> Progress:
    """A bar on stderr where there is somebody to see it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    seen = console.is_terminal or console.is_jupyter
    return Progress(*columns, console=console, transient=True, disable=not seen)


def _reason(error: Exception) -> str:
    """Why a mirror cannot be reached, in a few words."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    return "no connection" if isinstance(error, requests.ConnectionError) else "the connection broke off"


def _wrong(error: ValueError) -> str:
    return "another SHA-256 than the published file" if "SHA256" in str(error) else str(error)


def _failed(
    source: Source, file: File, path: Path, where: str, failures: list[str], reached: bool
) -> MinicnnError:
    """The error that says what was tried, and how to do it by hand."""
    tried = "; ".join(failures) or "MINICNN_OFFLINE is set"
    if path.exists():
        tried = f"'{path}' has another SHA-256 than the published file; {tried}"
    absent = ", ".join(f.name for f in source.files if not (path.parent / f.name).exists() or f is file)
    hint = (
        f"Download {absent} from {source.mirrors[0]} by hand into '{path.parent}', or name a folder that has "
        "the files of this data set as data_dir."
    )
    text = message(where, f"{file.name} could not be downloaded ({tried})", hint=hint)
    return FileFormatError(text) if reached else DownloadError(text)
