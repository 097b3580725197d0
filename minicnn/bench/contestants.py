"""Who takes part in a comparison of one convolution pass: our kernels in this process, peers in theirs.

Both sides allocate their results as they do in a network: minicnn from its pool of buffers, a peer from its
own allocator. Operands are converted to the layout of each before anything is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import backend
from .problem import Problem

__all__ = ["Contestant", "Ours", "Theirs"]


class Contestant(Protocol):
    """One competitor at one pass; every method may raise a MinicnnError, which ends its part in it."""

    name: str
    algorithm: str

    def result(self, again: bool = True) -> np.ndarray:
        """The result in minicnn's layout: computed afresh, or what the last timed run left."""

    def run(self, times: int) -> list[float]:
        """Seconds of each of so many runs, after one that is not timed."""


class Ours:
    """A kernel of minicnn, found through the registry: registered algorithms and overrides take part, too."""

    def __init__(
        self, problem: Problem, which: str, operands: tuple[Any, Any], backend_name: str, algorithm: str
    ) -> None:
        self.name, self.algorithm = backend_name, algorithm
        self.workspace: int | None = None
        self.why = ""
        self._last: Any = None
        if problem.depthwise:
            self._run = self._depthwise(problem, which, operands)
            self.algorithm = "depthwise"
        else:
            self._run = self._convolution(problem, which, operands)
            shapes = (problem.x_shape, problem.w_shape, problem.g, problem.out_hw, problem.groups)
            plan = backend.explain(f"conv2d_{which}", *shapes, algorithm=algorithm, backend=backend_name)
            self.algorithm, self.why = plan.algorithm, plan.why
            # Of what was registered or overridden the workspace is not known.
            known = algorithm in ("auto", *_built_in(f"conv2d_{which}", backend_name))
            self.workspace = plan.workspace if known and plan.algorithm != "override" else None

    def _convolution(self, p: Problem, which: str, operands: tuple[Any, Any]) -> Callable[[], Any]:
        fn = backend.kernel(f"conv2d_{which}", self.name, self.algorithm)
        a, b = (backend.asarray(operand) for operand in operands)
        if which == "weight_grad":
            return lambda: fn(a, b, p.w_shape, p.g, p.groups)
        if which == "forward":
            return lambda: fn(a, b, p.g, p.groups, p.out_hw, out=backend.empty(p.y_shape, a.dtype))
        return lambda: fn(a, b, p.x_shape, p.g, p.groups, out=backend.empty(p.x_shape, a.dtype))

    def _depthwise(self, p: Problem, which: str, operands: tuple[Any, Any]) -> Callable[[], Any]:
        """Filters (kh, kw, 1, c·m) are (kh, kw, c, m) to the kernels of the depthwise convolution."""
        fn = backend.kernel(f"depthwise_conv2d_{which}", self.name)
        filters = (*p.kernel_hw, p.channels, p.filters // p.channels)
        a, b = (backend.asarray(operand) for operand in operands)
        if which == "weight_grad":
            return lambda: fn(a, b, filters, p.g).reshape(p.w_shape)
        b = b.reshape(filters)
        if which == "forward":
            return lambda: fn(a, b, p.g, p.out_hw, out=backend.empty(p.y_shape, a.dtype))
        return lambda: fn(a, b, p.x_shape, p.g, out=backend.empty(p.x_shape, a.dtype))

    def compute(self) -> Any:
        """Run once."""
        return self._run()

    def result(self, again: bool = True) -> np.ndarray:
        """See `Contestant`."""
        return backend.to_numpy(self._run() if again else self._last)

    def run(self, times: int) -> list[float]:
        """See `Contestant`."""
        run, seconds = self._run, []
        self._last = None
        run()
        for _ in range(times):
            started = time.perf_counter()
            output = run()
            seconds.append(time.perf_counter() - started)
            # The result before goes back to the pool, outside of the timed part.
            self._last, output = output, None
        return seconds


def _built_in(op: str, backend_name: str) -> tuple[str, ...]:
    from ..backend.registry import _module

    return getattr(_module(op, backend_name), "ALGORITHMS", {}).get(op, ())


class Asked(Protocol):
    """A process that answers, such as a `Worker`."""

    name: str

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """See `Worker.ask`."""


class Theirs:
    """A peer's kernel in the peer's process; the operands lie in `folder`, where its results go, too."""

    algorithm = ""
    workspace: int | None = None
    why = ""

    def __init__(self, worker: Asked, descriptor: str, which: str, folder: Path) -> None:
        self.name, self._worker, self._file = worker.name, worker, folder / f"{worker.name}.npy"
        worker.ask("layer", problem=descriptor, which=which, folder=str(folder))

    def result(self, again: bool = True) -> np.ndarray:
        """See `Contestant`."""
        self._worker.ask("result", file=str(self._file), again=again)
        found = np.load(self._file)
        self._file.unlink()
        return found

    def run(self, times: int) -> list[float]:
        """See `Contestant`."""
        return self._worker.ask("run", times=times)["seconds"]
