"""Kernels in a process of their own: whatever they do there, the check goes on and says what happened.

The process is a peer (`minicnn.bench.peers.own_peer`). A kernel that does not return in time is stopped, and
the process says in which line it was; one that takes its process down is named with the signal.
"""

from __future__ import annotations

import dataclasses
import linecache
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BackendError, FileFormatError, message
from ..workers import Worker
from .cases import Case
from .trial import Attempt

__all__ = ["KernelProcess", "decoded", "encoded"]

_LARGEST = 100_000  # elements of a result that travel
_MODULE = "minicnn.bench.peers.own_peer"
_GRACE = 10.0  # seconds in which a stopped kernel says where it was


class KernelProcess:
    """The process that holds the kernels of a file; it is started again when one of them ended it.

    `only` is the name of the one kernel that matters, for the lab.
    """

    def __init__(self, path: Path, threads: int, limit: float, only: str = "") -> None:
        self.path, self.name = path, only or path.name
        self._threads, self._limit = threads, limit
        self._worker: Worker | None = None

    def kernels(self) -> list[dict[str, Any]]:
        """Name, operation, problem with the signature and whether it takes out, of every kernel of the file.

        Raises FileFormatError for a file that cannot be loaded, or that does not come to its end.
        """
        answer = self.ask("kernels")
        if "problem" in answer:
            raise FileFormatError(answer["problem"])
        return answer["kernels"]

    def attempt(self, name: str, case: Case) -> Attempt:
        """Call a kernel once; BackendError if it never came back."""
        return decoded(self.ask("attempt", name=name, case=dataclasses.asdict(case))["attempt"])

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Ask the process, as `Worker.ask` does."""
        worker = self._worker or self._start()
        try:
            return worker.ask(do, **request)
        except BackendError:
            if not worker.ended:
                raise
            self._worker = None
            raise BackendError(self._last_words(worker)) from None

    def _start(self) -> Worker:
        program = (_MODULE, str(self.path), str(self._limit), self.name)
        self._worker = Worker(self.name, self._threads, program, answer=self._limit + _GRACE)
        return self._worker

    def _last_words(self, worker: Worker) -> str:
        """Why the process ended, and in which line of the file."""
        code, lines = worker.exit_code, worker.printed
        place = re.compile(rf'File "{re.escape(str(self.path))}", line (\d+)')
        number = next((int(found.group(1)) for found in map(place.search, lines) if found), 0)
        text = linecache.getline(str(self.path), number).strip() if number else ""
        where = f"{self.path.name}, line {number} ({text})" if number else self.name
        if worker.timed_out or any(line.startswith("Timeout (") for line in lines):
            problem = f"it did not return within {self._limit:g} seconds and was stopped"
        elif code is not None and code < 0:
            known = {int(number): number.name for number in signal.Signals}
            problem = f"it ended its process by {known.get(-code, f'signal {-code}')}"
            if -code in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT):
                problem += ": memory was read or written out of bounds, probably"
        else:
            problem = f"it ended its process with exit code {code}"
        numba = code is not None and code < 0 and "numba" in self.path.read_text("utf-8", errors="ignore")
        hint = "With NUMBA_BOUNDSCHECK=1 in the environment, Numba tests every index." if numba else None
        return message(where, problem, hint=hint)

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.close()

    def __enter__(self) -> KernelProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- attempts as JSON -------------------------------------------------------------------------------------


def encoded(found: Attempt) -> dict[str, Any]:
    """An attempt as JSON can hold it.

    >>> decoded(encoded(Attempt((np.float32([1, np.nan]), None), changed=("x",)))).results
    (array([ 1., nan], dtype=float32), None)
    """
    fields = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    return fields | {"results": [_packed(result) for result in found.results]}


def decoded(fields: dict[str, Any]) -> Attempt:
    """The attempt that `encoded` took apart."""
    results = tuple(map(_unpacked, fields["results"]))
    return Attempt(**fields | {"results": results, "changed": tuple(fields["changed"])})


def _packed(result: Any) -> dict[str, Any]:
    if not isinstance(result, np.ndarray):
        return {"type": type(result).__name__}
    numbers = result.dtype.kind in "fiub" and result.size <= _LARGEST
    values: Sequence[Any] | None = result.ravel().tolist() if numbers else None
    return {"dtype": str(result.dtype), "shape": result.shape, "values": values}


def _unpacked(fields: dict[str, Any]) -> Any:
    if "type" in fields:
        # Something of another type only needs the name of the type.
        return None if fields["type"] == "NoneType" else type(fields["type"], (), {})()
    try:
        dtype = np.dtype(fields["dtype"])
    except TypeError:
        dtype = np.dtype(object)
    shape = tuple(fields["shape"])
    if fields["values"] is None:
        return np.broadcast_to(np.zeros((), dtype), shape)
    return np.array(fields["values"], dtype).reshape(shape)
