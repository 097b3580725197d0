"""The protocol of a peer: requests in, answers out, one JSON object a line.

========================  ===============================================================================
``{"do": "hello"}``       who answers: ``{"versions": {…}}``, or ``{"missing": "torch"}``
``{"do": "layer", …}``    prepare a pass of a problem: ``problem`` (a descriptor), ``which``, and the folder
                          with its operands ``a.npy`` and ``b.npy``; layouts are converted here
``{"do": "network", …}``  build a network, see `session.py`
``{"do": "result", …}``   run once and write the result, in minicnn's layout, to ``file``
``{"do": "run", …}``      run once untimed (caches hold another process's data), then ``times`` times:
                          ``{"seconds": […]}``
========================  ===============================================================================

Every other ``do`` is a method of the network, or of the peer where there is none. A request that fails is
answered with ``{"error": "what happened"}``, and the next one is waited for. The end of the input ends the
peer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..descriptors import parse
from ..problem import Problem

__all__ = ["Call", "Peer", "serve"]


class Call(NamedTuple):
    """A prepared pass: `run` computes it and waits, `to_numpy` gives its result in minicnn's layout."""

    run: Callable[[], Any]
    to_numpy: Callable[[Any], np.ndarray]


class Peer:
    """What a framework provides; the file of each framework derives from it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Versions of what computes."""
        raise NotImplementedError(type(self).__name__)

    def layer(self, problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Call:
        """Prepare a pass for these operands (NHWC, HWIO)."""
        raise NotImplementedError(type(self).__name__)

    def network(self, **settings: Any) -> Any:
        """Build a network and load its data; requests then name the methods of what is returned."""
        raise NotImplementedError(type(self).__name__)


class _Server:
    """Holds what was prepared last."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.call: Call | None = None
        self.last: Any = None
        self.session: Any = None

    def hello(self) -> dict[str, Any]:
        return {"versions": self.peer.versions(), "pid": os.getpid()}

    def layer(self, problem: str, which: str, folder: str) -> dict[str, Any]:
        self.call = self.last = None  # the arrays of the one before may go first
        a, b = (np.load(Path(folder) / name) for name in ("a.npy", "b.npy"))
        self.call = self.peer.layer(parse(problem), which, a, b)
        return {}

    def result(self, file: str, again: bool = True) -> dict[str, Any]:
        """Write a fresh result, or what the last timed run left."""
        call = self._prepared()
        output = call.run() if again else self.last
        np.save(file, np.ascontiguousarray(call.to_numpy(output)))
        return {}

    def run(self, times: int) -> dict[str, Any]:
        run, seconds = self._prepared().run, []
        self.last = None
        run()
        for _ in range(times):
            started = time.perf_counter()
            output = run()
            seconds.append(time.perf_counter() - started)
            self.last, output = output, None
        return {"seconds": seconds}

    def network(self, **settings: Any) -> dict[str, Any]:
        self.call = self.last = None
        self.session = self.peer.network(**settings)
        return {"parameters": self.session.parameters}

    def _prepared(self) -> Call:
        if self.call is None:
            raise ValueError("nothing was prepared")
        return self.call


def serve(make: Callable[[int], Peer]) -> None:
    """Answer requests until the last; `make(threads)` imports the framework and builds its peer."""
    # What libraries print must not fall between the answers: they get stderr, the answers keep the pipe.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server: _Server | None = None
    missing: dict[str, str] | None = None
    try:
        server = _Server(make(int(os.environ.get("OMP_NUM_THREADS") or 1)))
    except ModuleNotFoundError as error:
        missing = {"missing": (error.name or str(error)).partition(".")[0]}
    for line in sys.stdin:
        request = json.loads(line)
        action = request.pop("do")
        answer = missing if server is None else _answer(server, action, request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(server: _Server, action: str, request: dict[str, Any]) -> dict[str, Any]:
    own = ("hello", "layer", "result", "run", "network")
    try:
        method = getattr(server if action in own else server.session or server.peer, action)
        return method(**request) or {}
    except Exception as error:  # whatever a framework raises is an answer, and the lab goes on
        first = (str(error).strip().splitlines() or [""])[0]
        return {"error": f"{type(error).__name__}: {first[:300]}"}
