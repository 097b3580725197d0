"""A web server on this machine that serves, cuts, refuses and lies, and small data sets to serve."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from minicnn.datasets.download import File, Source

Reply = Callable[[BaseHTTPRequestHandler, int | None], None]


def whole(content: bytes) -> Reply:
    """Serve the content, or the part of it that is asked for."""

    def reply(request: BaseHTTPRequestHandler, start: int | None) -> None:
        send(request, content, start)

    return reply


def send(
    request: BaseHTTPRequestHandler,
    content: bytes,
    start: int | None,
    cut: int | None = None,
    status: int = 0,
) -> None:
    """Send `content` from `start` on, its full length promised, and break off after `cut` bytes."""
    part = content[start or 0 :]
    request.send_response(status or (200 if start is None else 206))
    request.send_header("Content-Length", str(len(part)))
    if start is not None:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    request.wfile.write(part[:cut])
    if cut is not None:
        request.close_connection = True


@pytest.fixture
def server(monkeypatch):
    """A server: `replies[path]` answers; `asked` lists (path, first byte asked for); `url` is its address."""
    monkeypatch.delenv("MINICNN_OFFLINE")
    replies: dict[str, Reply] = {}
    asked: list[tuple[str, int | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            start = int(found.group(1)) if found else None
            asked.append((self.path, start))
            if self.path in replies:
                replies[self.path](self, start)
            else:
                self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield SimpleNamespace(replies=replies, asked=asked, url=f"http://127.0.0.1:{running.server_port}/")
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The cache folder of the data set "letters", not made yet."""
    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MINICNN_DATA", raising=False)
    return tmp_path / "home" / "datasets" / "letters"


def source_of(contents: dict[str, bytes], *mirrors: str, name: str = "letters") -> Source:
    """The source of files with these contents."""
    files = [File(file, hashlib.sha256(c).hexdigest(), len(c)) for file, c in contents.items()]
    return Source(name, tuple(files), mirrors)
