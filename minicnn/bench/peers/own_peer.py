"""Somebody's own kernels, in a process like the others.

The arguments are the file, the seconds that a call may take, and the name of the kernel to measure.

========================  ===============================================================================
``{"do": "kernels"}``     load the file: ``{"kernels": [{"name": …, "op": …}, …]}``, or ``{"problem": …}``
``{"do": "attempt", …}``  call the kernel of a ``name`` for a ``case``, see `minicnn.bench.checker.trial`
========================  ===============================================================================
"""

from __future__ import annotations

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__, backend
from ...errors import MinicnnError
from ..checker.cases import case_of
from ..checker.check import signature_problem
from ..checker.files import Marked, load_kernels
from ..checker.operations import checkable
from ..checker.remote import encoded
from ..checker.trial import attempt, takes_out
from ..contestants import Ours
from ..problem import Problem
from ..threads import limited
from ..truth import REFERENCE
from .serve import Call, Peer, serve

__all__ = ["OwnPeer"]


class OwnPeer(Peer):
    """The kernels of a file, by their names."""

    def __init__(self, threads: int, path: Path, limit: float, only: str) -> None:
        super().__init__(threads)
        self._path, self._limit, self._only = path, limit, only
        self._kernels: dict[str, Marked] | None = None
        self._overridden: backend.override | None = None
        self._limit_of_threads = limited(threads)

    def versions(self) -> dict[str, str]:
        """minicnn's version."""
        return {"minicnn": __version__}

    def kernels(self) -> dict[str, Any]:
        """Load the file."""
        try:
            found = self._loaded().values()
        except MinicnnError as error:
            return {"problem": str(error)}
        return {"kernels": [self._facts(marked) for marked in found]}

    def attempt(self, name: str, case: dict[str, Any]) -> dict[str, Any]:
        """Call a kernel once."""
        marked = self._loaded()[name]
        with self._in_time():
            found = attempt(marked.fn, marked.op, case_of(case), str(self._path))
        return {"attempt": encoded(found)}

    def layer(self, problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Call:
        """A pass with the kernel in it, called as a network calls it."""
        if not self._overridden:
            marked = self._loaded()[self._only]
            self._overridden = backend.override(**{marked.op: marked.fn})
            self._overridden.__enter__()  # both for as long as this process lives
            self._limit_of_threads.__enter__()
        ours = Ours(problem, which, (a, b), REFERENCE, "auto")
        return Call(ours.compute, backend.to_numpy)

    def _loaded(self) -> dict[str, Marked]:
        if self._kernels is None:
            with self._in_time():
                self._kernels = {marked.name: marked for marked in load_kernels(self._path)}
        return self._kernels

    def _facts(self, marked: Marked) -> dict[str, Any]:
        known = marked.op in checkable()
        problem = signature_problem(marked.op, marked.fn) if known else ""
        return {"name": marked.name, "op": marked.op, "problem": problem, "out": takes_out(marked.fn)}

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Print where the kernel is and end this process, unless it comes back in time."""
        faulthandler.dump_traceback_later(self._limit, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    faulthandler.enable()
    file, seconds, name = sys.argv[1:]
    sys.argv = [file]
    serve(lambda threads: OwnPeer(threads, Path(file), float(seconds), name))
