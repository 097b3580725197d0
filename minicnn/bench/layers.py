"""Measure convolutions one pass at a time, ours beside the peers', in turn, checked before and after.

For every problem and pass: operands are drawn, the truth is computed, every contestant's result is compared
with it. Whoever agrees is timed, in rounds A B C A B C …, some calls each, while the others sleep; a round
gives one sample, the median of its calls. What the last timed call left is compared with the truth again.
A contestant that fails either comparison is INVALID and has no times.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import backend
from ..errors import MinicnnError
from .contestants import Asked, Contestant, Ours, Theirs
from .descriptors import describe
from .layer_sets import Layer
from .problem import Problem
from .roof import Roof
from .statistics import Comparison, Spread, compare, spread
from .threads import limited
from .truth import Truth, operands, truth_of
from .workers import Worker

__all__ = ["Own", "Plan", "Result", "algorithms_of", "bench_layers", "peers_running"]

_TURN = 0.1  # seconds of calls that make a sample
_MOST_CALLS = 200  # in a sample
_REST = 0.05  # seconds for the last one's threads to stop spinning (OpenBLAS and OpenMP spin for some ms)
_SLOW_LIMIT = 2_000_000  # MACs up to which the seven Python loops take part in --algorithm all
_SLOW = "naive"


@dataclass
class Result:
    """One contestant at one pass of one problem. `times` is None where it is INVALID or failed."""

    problem: Problem
    count: int
    which: str
    contestant: str
    algorithm: str
    status: str  # "ok", "INVALID" or "failed"
    note: str = ""
    error: float | None = None
    checked: str = ""
    workspace: int | None = None
    ours: bool = True
    asked: str = ""
    samples: list[float] = field(default_factory=list)
    times: Spread | None = None
    flops: float | None = None
    percent_of_roof: float | None = None
    against: dict[str, Comparison] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Backend and algorithm, or the peer."""
        return f"{self.contestant} {self.algorithm}".strip()


@dataclass(frozen=True)
class Own:
    """Somebody's own kernel in a process of its own: its name, its operation and its process."""

    name: str
    op: str
    worker: Asked

    def takes(self, problem: Problem, which: str) -> bool:
        """Whether a pass of a convolution runs it; im2col and col2im are run by the im2col algorithm."""
        if problem.depthwise:
            return self.op == f"depthwise_conv2d_{which}"
        return self.op in (f"conv2d_{which}", "col2im" if which == "input_grad" else "im2col")


@dataclass(frozen=True)
class Plan:
    """What to measure, and how."""

    layers: Sequence[Layer]
    passes: tuple[str, ...]
    backends: tuple[str, ...]
    algorithm: str
    threads: int
    rounds: int
    own: tuple[Own, ...] = ()
    """Somebody's kernels; with some, everybody else, minicnn's too, is who they are compared with."""


def algorithms_of(problem: Problem, which: str, backend_name: str, wanted: str) -> tuple[str, ...]:
    """The algorithms to measure for ``--algorithm``: all, auto, or one by name.

    All are all but the seven Python loops, which would take minutes; those only for a small problem.
    """
    if problem.depthwise:
        return ("auto",)  # it has kernels of its own, one in each backend
    if wanted != "all":
        return (wanted,)
    names = backend.algorithms(f"conv2d_{which}", backend_name)
    return tuple(name for name in names if name != _SLOW or problem.macs <= _SLOW_LIMIT)


@contextmanager
def peers_running(
    names: Sequence[str], threads: int, say: Callable[[str], None], **programs: Any
) -> Iterator[list[Worker]]:
    """Start the peers; one that is missing or does not start is said, and left out.

    `programs` replaces the program of a peer, by its name with ``_`` for ``-``.
    """
    with ExitStack() as stack:
        workers = []
        for name in names:
            try:
                program = programs.get(name.replace("-", "_"))
                workers.append(stack.enter_context(Worker(name, threads, program)))
            except MinicnnError as error:
                say(str(error))
        yield workers


def bench_layers(
    plan: Plan, workers: Sequence[Worker], roof: Roof, say: Callable[[str], None]
) -> Iterator[Result]:
    """Measure everything in the plan; results come pass by pass, ours first."""
    chosen = [
        (layer, which) for layer in plan.layers for which in plan.passes if _concerns(plan, layer, which)
    ]
    with limited(plan.threads), tempfile.TemporaryDirectory(prefix="minicnn-bench-") as folder:
        for done, ((problem, count), which) in enumerate(chosen, 1):
            say(f"[{done}/{len(chosen)}] {describe(problem)} {which}")
            results = _bench_pass(plan, problem, which, list(workers), Path(folder))
            for result in results:
                result.count = count
                _rate(result, roof)
            yield from results


def _concerns(plan: Plan, layer: Layer, which: str) -> bool:
    """Whether a pass is to be measured: of somebody's own kernels, those that one of them computes."""
    return not plan.own or any(own.takes(layer.problem, which) for own in plan.own)


def _bench_pass(
    plan: Plan, problem: Problem, which: str, workers: list[Worker], folder: Path
) -> list[Result]:
    """All contestants at one pass."""
    arrays = operands(problem, which)
    truth = truth_of(problem, which, *arrays)
    for name, array in zip("ab", arrays, strict=True):
        if workers or plan.own:
            np.save(folder / f"{name}.npy", array)
    entries: list[tuple[Result, Contestant]] = []
    results = []
    for name, algorithm, ours, make in _entrants(plan, problem, which, arrays, workers, folder):
        result = Result(problem, 1, which, name, algorithm, "ok", ours=ours, asked=algorithm)
        results.append(result)
        contestant = _admitted(result, make, truth)
        if contestant is not None:
            entries.append((result, contestant))
    _alternate(entries, plan.rounds)
    for result, contestant in entries:
        if result.status == "ok":
            _judge(result, contestant, truth, again=False)
        if result.status == "ok":
            result.times = spread(result.samples)
        else:
            result.samples = []
    for mine in results:
        for peer in results:
            if mine.ours and not peer.ours and mine.times and peer.times:
                mine.against[peer.contestant] = compare(mine.samples, peer.samples)
    return results


def _entrants(
    plan: Plan, problem: Problem, which: str, arrays: Any, workers: list[Worker], folder: Path
) -> Iterator[tuple[str, str, bool, Callable[[], Contestant]]]:
    """Name, algorithm, whether it is ours (or somebody's own), and how to prepare it."""
    theirs = partial(Theirs, descriptor=describe(problem), which=which, folder=folder)
    for own in plan.own:
        if own.takes(problem, which):
            yield own.name, "", True, partial(theirs, own.worker)
    for name in plan.backends:
        for algorithm in algorithms_of(problem, which, name, plan.algorithm):
            yield name, algorithm, not plan.own, partial(Ours, problem, which, arrays, name, algorithm)
    for worker in workers:
        yield worker.name, "", False, partial(theirs, worker)


def _admitted(result: Result, make: Callable[[], Contestant], truth: Truth) -> Contestant | None:
    """The contestant, prepared and checked; None if it may not run."""
    try:
        contestant = make()
    except (MinicnnError, MemoryError, NotImplementedError) as error:
        result.status, result.note = "failed", str(error) or type(error).__name__
        return None
    result.algorithm = contestant.algorithm
    result.workspace = getattr(contestant, "workspace", None)
    result.note = getattr(contestant, "why", "")
    _judge(result, contestant, truth, again=True)
    return contestant if result.status == "ok" else None


def _judge(result: Result, contestant: Contestant, truth: Truth, again: bool) -> None:
    """Compare a result with the truth; what happens inside somebody's kernel must not end the lab."""
    shape = result.problem.shapes(result.which)[2]
    try:
        verdict = truth.verdict(contestant.result(again), shape)
    except Exception as error:
        result.status, result.note = "failed", str(error) or type(error).__name__
        return
    result.checked = verdict.checked
    result.error = verdict.error if result.error is None else max(result.error, verdict.error)
    if math.isnan(verdict.error):
        result.error = math.nan
    if not verdict.valid:
        result.status = "INVALID"
        result.note = f"it disagrees with the definition {'' if again else 'after the timed runs '}".strip()


def _alternate(entries: Sequence[tuple[Result, Contestant]], rounds: int) -> None:
    """Rounds A B C A B C …; the first, which also says how many calls make a sample, does not count.

    The order is turned by one every round, so that nobody always follows the same neighbour.
    """
    calls: dict[int, int] = {}
    for number in range(rounds + 1):
        turn = number % len(entries) if entries else 0
        for result, contestant in [*entries[turn:], *entries[:turn]]:
            if result.status != "ok":
                continue
            time.sleep(_REST)
            try:
                seconds = contestant.run(calls.get(id(result), 1))
            except Exception as error:
                result.status, result.note = "failed", str(error) or type(error).__name__
                continue
            if number == 0:
                calls[id(result)] = max(1, min(_MOST_CALLS, math.ceil(_TURN / max(seconds[0], 1e-9))))
            else:
                result.samples.append(statistics.median(seconds))


def _rate(result: Result, roof: Roof) -> None:
    """FLOP/s and percent of the roof, of whoever has times."""
    if result.times is not None:
        result.flops = result.problem.flops / result.times.median
        result.percent_of_roof = 100 * result.flops / roof.attainable(result.problem.intensity())
