"""Downloads from a server on this machine: whole, cut, refused, wrong, two at once; and the cache."""

from __future__ import annotations

import multiprocessing
import random
import socket

import pytest

from minicnn.datasets import download
from minicnn.datasets.download import DownloadError, cache_folder, fetch, folder_of, is_cached
from minicnn.errors import ArgumentError, FileAccessError, FileFormatError

from .conftest import send, source_of, whole

CONTENT = random.Random(0).randbytes(300_000)
WHERE = "datasets.letters.load_data"


def dead_address() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_downloaded(cache) -> None:
    assert (cache / "letters.bin").read_bytes() == CONTENT
    assert names(cache) == ["letters.bin"], "no part is left"


@pytest.fixture
def source(server):
    return source_of({"letters.bin": CONTENT}, server.url)


def test_a_good_file_is_downloaded_once(server, source, cache):
    server.replies["/letters.bin"] = whole(CONTENT)
    assert cache_folder(source) == cache
    assert not is_cached(source)
    assert fetch(source, WHERE) == cache
    check_downloaded(cache)
    assert is_cached(source)
    fetch(source, WHERE)
    assert server.asked == [("/letters.bin", None)]


def test_several_files(server, cache):
    contents = {"a.bin": b"a" * 10, "b.bin": b"b" * 20}
    server.replies |= {f"/{name}": whole(content) for name, content in contents.items()}
    fetch(source_of(contents, server.url), WHERE)
    assert {name: (cache / name).read_bytes() for name in names(cache)} == contents


def test_a_file_that_changed_in_the_cache_is_replaced(server, source, cache):
    server.replies["/letters.bin"] = whole(CONTENT)
    cache.mkdir(parents=True)
    (cache / "letters.bin").write_bytes(CONTENT[:-1] + b"?")
    assert is_cached(source), "the size alone does not tell"
    fetch(source, WHERE)
    check_downloaded(cache)


@pytest.mark.parametrize("cuts", [[10_000], [20_000, 200_000, 9_000]])
def test_a_connection_that_is_cut_is_resumed(server, source, cache, cuts):
    """Whole chunks are kept of what came."""
    left = list(cuts)

    def reply(request, start):
        send(request, CONTENT, start, left.pop(0) if left else None)

    server.replies["/letters.bin"] = reply
    fetch(source, WHERE)
    check_downloaded(cache)
    kept = [cut // download._CHUNK * download._CHUNK for cut in cuts]
    assert server.asked == [("/letters.bin", sum(kept[:i]) or None) for i in range(len(cuts) + 1)]


def test_a_server_that_ignores_range(server, source, cache):
    lengths = [download._CHUNK, None]
    server.replies["/letters.bin"] = lambda request, start: send(request, CONTENT, None, lengths.pop(0))
    fetch(source, WHERE)
    check_downloaded(cache)
    assert server.asked == [("/letters.bin", None), ("/letters.bin", download._CHUNK)]


def test_a_server_that_ignores_range_and_always_cuts(server, source, cache):
    server.replies["/letters.bin"] = lambda request, start: send(request, CONTENT, None, 10_000)
    with pytest.raises(DownloadError, match="the connection broke off"):
        fetch(source, WHERE)
    assert names(cache) == ["letters.bin.part"]


def test_another_run_goes_on_where_the_first_was_broken_off(server, source, cache):
    server.replies["/letters.bin"] = lambda request, start: (
        send(request, CONTENT, None, 10_000) if start is None else request.send_error(503)
    )
    with pytest.raises(DownloadError, match="503 Service Unavailable"):
        fetch(source, WHERE)
    assert names(cache) == ["letters.bin.part"]
    server.replies["/letters.bin"] = whole(CONTENT)
    fetch(source, WHERE)
    check_downloaded(cache)
    assert server.asked[-1] == ("/letters.bin", download._CHUNK)


@pytest.mark.parametrize("left", [b"?" * 5000, CONTENT + b"?", b"?" * 300_000])
def test_what_was_left_is_no_good(server, source, cache, left):
    server.replies["/letters.bin"] = whole(CONTENT)
    cache.mkdir(parents=True)
    (cache / "letters.bin.part").write_bytes(left)
    fetch(source, WHERE)
    check_downloaded(cache)


@pytest.mark.parametrize("status", [206, 416])
def test_another_part_than_was_asked_for(server, source, cache, status):
    def reply(request, start):
        if start is None:
            send(request, CONTENT, None)
        else:
            send(request, CONTENT, start + 1, status=status)

    server.replies["/letters.bin"] = reply
    cache.mkdir(parents=True)
    (cache / "letters.bin.part").write_bytes(CONTENT[:5000])
    fetch(source, WHERE)
    check_downloaded(cache)


def test_ctrl_c_keeps_what_came(server, source, cache, monkeypatch):
    class Stopped:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, chunk):
            if self.file.tell():
                raise KeyboardInterrupt
            return self.file.write(chunk)

    fill = download._Download._fill
    monkeypatch.setattr(
        download._Download, "_fill", lambda self, url, file, bar: fill(self, url, Stopped(file), bar)
    )
    server.replies["/letters.bin"] = whole(CONTENT)
    with pytest.raises(KeyboardInterrupt):
        fetch(source, WHERE)
    assert names(cache) == ["letters.bin.part"]
    assert CONTENT.startswith((cache / "letters.bin.part").read_bytes())
    monkeypatch.undo()


LIES = {
    "truncated": (CONTENT[:1234], "it ends after 1,234 of 300,000 bytes"),
    "empty": (b"", "it ends after 0 of 300,000 bytes"),
    "longer": (CONTENT + b"!", "it is longer than 300,000 bytes"),
    "wrong checksum": (b"!" + CONTENT[1:], "another SHA-256 than the published file"),
}


@pytest.mark.parametrize("case", LIES)
def test_wrong_content_is_refused_and_leaves_nothing(server, source, cache, case):
    content, reason = LIES[case]

    def reply(request, start):  # it has no more than that
        send(request, content, None) if start is None else request.send_error(404)

    if case == "truncated":
        server.replies["/letters.bin"] = lambda request, start: send(request, content, None)
    else:
        server.replies["/letters.bin"] = reply
    with pytest.raises(FileFormatError) as caught:
        fetch(source, WHERE)
    assert str(caught.value) == (
        f"{WHERE}: letters.bin could not be downloaded ({server.url}letters.bin: {reason}). "
        f"Download letters.bin from {server.url} by hand into '{cache}', or name a folder that has the "
        "files of this data set as data_dir."
    )
    assert names(cache) == []


def test_not_found_then_the_second_mirror(server, cache):
    server.replies["/good/letters.bin"] = whole(CONTENT)
    fetch(source_of({"letters.bin": CONTENT}, f"{server.url}gone/", f"{server.url}good/"), WHERE)
    check_downloaded(cache)
    assert [path for path, _ in server.asked] == ["/gone/letters.bin", "/good/letters.bin"]


def test_the_first_mirror_is_dead_or_lies(server, cache):
    server.replies["/liar/letters.bin"] = whole(b"!" + CONTENT[1:])
    server.replies["/letters.bin"] = whole(CONTENT)
    mirrors = (dead_address(), f"{server.url}liar/", server.url)
    fetch(source_of({"letters.bin": CONTENT}, *mirrors), WHERE)
    check_downloaded(cache)


def test_the_second_mirror_goes_on_where_the_first_broke_off(server, cache):
    server.replies["/a/letters.bin"] = lambda request, start: (
        send(request, CONTENT, None, download._CHUNK) if start is None else request.send_error(503)
    )
    server.replies["/b/letters.bin"] = whole(CONTENT)
    fetch(source_of({"letters.bin": CONTENT}, f"{server.url}a/", f"{server.url}b/"), WHERE)
    check_downloaded(cache)
    assert server.asked[-1] == ("/b/letters.bin", download._CHUNK)


def test_no_network_at_all(server, cache):
    mirrors = (dead_address(), dead_address())
    with pytest.raises(DownloadError) as caught:
        fetch(source_of({"letters.bin": CONTENT}, *mirrors), WHERE)
    assert isinstance(caught.value, FileAccessError)
    reasons = "; ".join(f"{mirror}letters.bin: no connection" for mirror in mirrors)
    assert f"letters.bin could not be downloaded ({reasons}). Download" in str(caught.value)
    assert names(cache) == []


def test_errors_of_the_server_are_named(server, source, cache):
    with pytest.raises(DownloadError, match=r"letters.bin: 404 Not Found\)"):
        fetch(source, WHERE)


def test_offline_uses_the_cache_and_asks_nobody(server, source, cache, monkeypatch):
    monkeypatch.setenv("MINICNN_OFFLINE", "1")
    with pytest.raises(DownloadError, match=r"could not be downloaded \(MINICNN_OFFLINE is set\)"):
        fetch(source, WHERE)
    assert not cache.exists()
    cache.mkdir(parents=True)
    (cache / "letters.bin").write_bytes(b"?")
    with pytest.raises(DownloadError, match="has another SHA-256 than the published file; MINICNN_OFFLINE"):
        fetch(source, WHERE)
    (cache / "letters.bin").write_bytes(CONTENT)
    assert fetch(source, WHERE) == cache
    assert server.asked == []


def test_a_cache_that_cannot_be_written(server, source, cache):
    home = cache.parent.parent
    home.write_text("a file, no folder")
    with pytest.raises(FileAccessError) as caught:
        fetch(source, WHERE)
    assert not isinstance(caught.value, DownloadError)
    assert str(caught.value) == (
        f"{WHERE}: the cache folder '{cache}' cannot be written (Not a directory). Name another one in the "
        "environment variable MINICNN_HOME, or read the files from a folder with data_dir."
    )
    assert server.asked == []


def test_a_full_disk(server, source, cache, monkeypatch):
    def full(self, url, file, bar):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download._Download, "_fill", full)
    with pytest.raises(FileAccessError, match=r"cannot be written \(No space left on device\)"):
        fetch(source, WHERE)
    assert names(cache) == []


def fetch_in_a_process(source, barrier) -> None:
    barrier.wait()
    fetch(source, WHERE)


def test_two_processes_at_once(server, source, cache):
    server.replies["/letters.bin"] = whole(CONTENT)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    both = [spawn.Process(target=fetch_in_a_process, args=(source, barrier)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    check_downloaded(cache)


def test_the_users_folder_comes_first(server, source, cache, tmp_path, monkeypatch):
    def holds(folder):
        return (folder / "letters.bin").exists()

    data = tmp_path / "data"
    (data / "letters").mkdir(parents=True)
    assert folder_of(source, data, WHERE, holds) == data, "the reader says what is missing"
    monkeypatch.setenv("MINICNN_DATA", str(data))
    with pytest.raises(DownloadError):
        folder_of(source, None, WHERE, holds)  # the folder has it not, so it is downloaded
    (data / "letters.bin").touch()
    assert folder_of(source, None, WHERE, holds) == data
    (data / "letters" / "letters.bin").touch()
    assert folder_of(source, None, WHERE, holds) == data / "letters"
    (data / "letters" / "letters.bin").unlink()
    shares_names = source._replace(own_folder=True)
    assert folder_of(shares_names, data, WHERE, holds) == data
    with pytest.raises(DownloadError):
        folder_of(shares_names, None, WHERE, holds)
    with pytest.raises(
        ArgumentError, match="the data folder does not exist. Expected a folder, got '.*nowhere'"
    ):
        folder_of(source, tmp_path / "nowhere", WHERE, holds)


def test_the_cache_is_the_users_unless_moved(monkeypatch, tmp_path, source):
    monkeypatch.delenv("MINICNN_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(source) == tmp_path / "minicnn" / "datasets" / "letters"


def test_a_server_that_would_compress(server, source, cache):
    """Part of a packed answer is no part of the file, so the client must not invite one."""

    def reply(request, start):
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            request.send_error(406)
        else:
            send(request, CONTENT, start)

    server.replies["/letters.bin"] = reply
    fetch(source, WHERE)
    check_downloaded(cache)
