"""The parent's side of a peer: start it, ask it, and end it, whatever it does."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import ArgumentError, BackendError, message
from .threads import environment

__all__ = ["PEERS", "Worker", "check_peers"]

_START = 120.0  # seconds for a framework to be imported; TensorFlow takes ten
_ANSWER = 600.0  # seconds for any other answer
_HERE = "minicnn.bench.peers"

PEERS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "torch": ((f"{_HERE}.torch_peer",), {}),
    "torch-nhwc": ((f"{_HERE}.torch_peer", "nhwc"), {}),
    "keras-tensorflow": ((f"{_HERE}.tensorflow_peer",), {"KERAS_BACKEND": "tensorflow"}),
    "keras-jax": ((f"{_HERE}.jax_peer",), {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}),
}
"""Module, arguments and environment of every peer."""
_INSTALL = {"tensorflow": "tensorflow-cpu"}


def check_peers(names: tuple[str, ...], where: str) -> None:
    """ArgumentError for a peer that does not exist."""
    for name in names:
        if name not in PEERS:
            expected = f"some of {','.join(PEERS)}"
            raise ArgumentError(message(where, "there is no such peer", expected=expected, got=repr(name)))


class Worker:
    """A process that answers requests; every failure of it is a BackendError with a sentence.

    `program` are the words after ``python -m``, by default those of the peer of this name; `answer` and
    `start` are the seconds to wait for an answer.
    """

    def __init__(
        self,
        name: str,
        threads: int,
        program: tuple[str, ...] | None = None,
        more: dict[str, str] | None = None,
        answer: float = _ANSWER,
        start: float = _START,
    ) -> None:
        self.name, self._answer = name, answer
        words, variables = PEERS[name] if program is None else (program, {})
        env = os.environ | environment(threads) | variables | (more or {})
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [_import_folder(), os.environ.get("PYTHONPATH")]))
        env |= {"PYTHONUNBUFFERED": "1"}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        command = [sys.executable, "-m", *words]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, **pipes, stderr=self._errors, env=env, text=True)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.printed: list[str] = []  # on stderr, once it has ended
        self.timed_out = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            hello = self.ask("hello", timeout=start)
            if "missing" in hello:
                package = hello["missing"]
                hint = f"Install it: pip install {_INSTALL.get(package, package)}"
                raise BackendError(message(name, f"{package} is not installed", hint=hint))
        except BaseException:
            self.close()
            raise
        self.versions: dict[str, str] = hello.get("versions", {})

    def _read(self) -> None:
        """Put every line in the queue, and None at the end; runs in a thread, so that asking can time out."""
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def ask(self, do: str, timeout: float | None = None, **request: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        limit = self._answer if timeout is None else timeout
        stdin = self._process.stdin
        try:
            if stdin is None or stdin.closed:
                raise BrokenPipeError
            stdin.write(json.dumps({"do": do, **request}) + "\n")
            stdin.flush()
            line = self._lines.get(timeout=limit)
        except queue.Empty:
            self.timed_out = True
            self.close()
            problem = f"no answer to {do!r} within {limit:g} seconds; it was stopped"
            raise BackendError(message(self.name, problem)) from None
        except BrokenPipeError:
            line = None
        if line is None:
            raise BackendError(self._ended(do))
        try:
            answer = json.loads(line)
        except ValueError:
            self.close()
            problem = f"the answer to {do!r} is not JSON; it was stopped"
            raise BackendError(message(self.name, problem, got=repr(line[:80]))) from None
        if "error" in answer:
            raise BackendError(message(self.name, f"{do!r} failed", got=answer["error"].removesuffix(".")))
        return answer

    def _ended(self, do: str) -> str:
        """What to say of a process that ended: its exit code and the last line it printed."""
        self.close()
        last = f", after printing {self.printed[-1][:200]!r}" if self.printed else ""
        return message(self.name, f"it ended with exit code {self._process.returncode} at {do!r}{last}")

    @property
    def ended(self) -> bool:
        """Whether it was closed, or ended by itself and was found so."""
        return self._errors.closed

    @property
    def exit_code(self) -> int | None:
        """The exit code of the ended process: minus the number of the signal that ended it."""
        return self._process.returncode

    def close(self) -> None:
        """End the process, by force if need be; whatever is asked of it later is a BackendError."""
        if self.ended:
            return
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is not None:
            with suppress(BrokenPipeError):
                stdin.close()  # the end of its requests: it stops by itself
        try:
            self._process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if stdout is not None:
            stdout.close()
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        self.printed = lines
        self._errors.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _import_folder() -> str:
    """The folder that minicnn is imported from, so that a process of its own finds the same one."""
    return str(Path(__file__).resolve().parents[2])
