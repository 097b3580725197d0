"""Measure whole networks: images a second in training and prediction, ours beside the peers'.

Everybody builds the same network in a process of its own, starts from the same weights and sees the same
batches. The truth gate here: the probabilities of every contestant for the first batch agree with those of
the reference backend, and so do our gradients; a contestant that disagrees is INVALID and has no times. Then
windows of time are measured in turn, A B C A B C …, while the others wait for their turn.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .. import random
from ..errors import BackendError, MinicnnError, message
from .nets import NETS, Net
from .statistics import Comparison, Spread, compare, spread
from .workers import Worker

__all__ = ["NetworkPlan", "NetworkResult", "bench_network", "seconds_to_accuracy"]

TOLERANCE = 1e-3
"""Largest max|Δp| / max p of the probabilities of a whole network in float32."""
GRADIENT_TOLERANCE = 2e-2
"""The same for gradients: a ReLU or a maximum that tips over by rounding moves them by up to 1e-3."""
_REFERENCE = "numpy"
_OURS = "minicnn.bench.peers.minicnn_peer"
_DATA = 2**25  # bytes of images, at most
_MOST_BATCHES = 64
_REST = 0.1  # seconds for the last one's threads to stop spinning
_MOST_EPOCHS = 30


@dataclass(frozen=True)
class NetworkPlan:
    """What to measure; `steps` batches make a pass over the data, windows last at least `seconds`."""

    net: str
    training: bool
    batch: int
    backends: tuple[str, ...]
    peers: tuple[str, ...]
    threads: int
    rounds: int
    seconds: float
    steps: int | None = None

    @property
    def batches(self) -> int:
        """Batches in the data: `steps`, or as many as 32 MB hold, at most 64."""
        size = 4 * math.prod(NETS[self.net].image) * self.batch
        return self.steps or max(1, min(_MOST_BATCHES, _DATA // size))


@dataclass
class NetworkResult:
    """One contestant at one network. `speed` (images a second) is None where it is INVALID or failed."""

    net: str
    training: bool
    batch: int
    contestant: str
    ours: bool
    status: str = "ok"
    note: str = ""
    error: float | None = None
    first_step: float | None = None
    peak_memory: int | None = None
    samples: list[float] = field(default_factory=list)  # seconds for an image
    speed: Spread | None = None
    against: dict[str, Comparison] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    to_accuracy: tuple[float, int, float] | None = None  # seconds, epochs, accuracy reached

    @property
    def label(self) -> str:
        """Who it is, in a table."""
        return f"minicnn {self.contestant}" if self.ours else self.contestant

    def refuse(self, status: str, note: str) -> None:
        """Take all times away."""
        self.status, self.note = status, note
        self.first_step, self.peak_memory, self.samples, self.speed = None, None, [], None
        self.parts, self.to_accuracy = {}, None

    @property
    def step_seconds(self) -> float | None:
        """Median seconds of a batch."""
        return None if self.speed is None else self.batch / self.speed.median


Programs = dict[str, tuple[str, ...]]


def bench_network(
    plan: NetworkPlan, say: Callable[[str], None], programs: Programs | None = None
) -> list[NetworkResult]:
    """Measure a network; `programs` replaces the program of a peer, by name."""
    with tempfile.TemporaryDirectory(prefix="minicnn-bench-") as name:
        folder = Path(name)
        _write_data(NETS[plan.net], plan.batches * plan.batch, folder)
        say(f"{plan.net}: the reference")
        _write_truth(plan, folder)
        entries: list[tuple[NetworkResult, Worker]] = []
        results: list[NetworkResult] = []
        try:
            for who, ours in _contestants(plan):
                result = NetworkResult(plan.net, plan.training, plan.batch, who, ours)
                results.append(result)
                say(f"{plan.net}: {who}, first step and check")
                worker = _admitted(plan, result, folder, programs or {})
                if worker is not None:
                    entries.append((result, worker))
            _alternate(plan, entries, say)
            for result, worker in entries:
                if result.ours and result.status == "ok":
                    _guarded(result, lambda r=result, w=worker: r.parts.update(_parts(w)))  # type: ignore[misc]
        finally:
            for _, worker in entries:
                worker.close()
    _conclude(results)
    return results


def _contestants(plan: NetworkPlan) -> list[tuple[str, bool]]:
    return [(name, True) for name in plan.backends] + [(name, False) for name in plan.peers]


def _start(plan: NetworkPlan, who: str, ours: bool, programs: Programs) -> Worker:
    program = (_OURS, who) if ours else programs.get(who)
    return Worker(f"minicnn {who}" if ours else who, plan.threads, program)


def _network(plan: NetworkPlan, worker: Worker, folder: Path) -> None:
    settings: dict[str, Any] = {"net": plan.net, "batch": plan.batch, "training": plan.training}
    worker.ask("network", folder=str(folder), **settings)


def _write_data(net: Net, images: int, folder: Path) -> None:
    """Random images and classes; a kernel's time does not depend on them."""
    x = random.uniform((images, *net.image), "bench images", 0, seed=0)
    y = random.uniform((images,), "bench classes", 0, dtype="float64", seed=0) * net.classes
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y.astype(np.int64))


def _write_truth(plan: NetworkPlan, folder: Path) -> None:
    """The weights that everybody starts from, and what the reference backend makes of them."""
    with _start(plan, _REFERENCE, True, {}) as worker:
        _network(plan, worker, folder)
        worker.ask("write_weights")
        worker.ask("predictions", file=str(folder / "truth.npy"))
        if plan.training:
            worker.ask("gradients", file=str(folder / "truth.npz"))


def _admitted(plan: NetworkPlan, result: NetworkResult, folder: Path, programs: Programs) -> Worker | None:
    """The contestant, after its first steps and its check; None if it may not go on."""
    worker = None
    try:
        worker = _start(plan, result.contestant, result.ours, programs)
        _network(plan, worker, folder)
        first = worker.ask("work", batches=1)
        worker.ask("work", batches=2)
        memory = worker.ask("memory")["bytes"]
        worker.ask("restore")
        _judge(plan, result, worker, folder)
    except MinicnnError as error:
        result.refuse("failed", str(error))
    if result.status == "ok":
        result.first_step, result.peak_memory = first["seconds"], memory
        return worker
    if worker is not None:
        worker.close()
    return None


def _judge(plan: NetworkPlan, result: NetworkResult, worker: Worker, folder: Path) -> None:
    """Compare probabilities, and our gradients, with those of the reference."""
    worker.ask("predictions", file=str(folder / "found.npy"))
    found, truth = np.load(folder / "found.npy"), np.load(folder / "truth.npy")
    result.error = _difference(found, truth)
    if not result.error <= TOLERANCE:
        note = f"its probabilities differ from the reference's by {result.error:.2g} of the largest"
        result.refuse("INVALID", note)
    elif result.ours and plan.training:
        worker.ask("gradients", file=str(folder / "found.npz"))
        with np.load(folder / "found.npz") as ours, np.load(folder / "truth.npz") as theirs:
            worst = max(_difference(ours[name], theirs[name]) for name in theirs.files)
        if not worst <= GRADIENT_TOLERANCE:
            result.refuse("INVALID", f"a gradient differs from the reference's by {worst:.2g} of its largest")
        worker.ask("restore")


def _difference(found: np.ndarray, truth: np.ndarray) -> float:
    """max|found − truth| / max|truth|; infinite for another shape, NaN for a NaN."""
    if found.shape != truth.shape:
        return math.inf
    return float(np.abs(found - truth).max() / max(float(np.abs(truth).max()), 1e-30))


def _alternate(
    plan: NetworkPlan, entries: Sequence[tuple[NetworkResult, Worker]], say: Callable[[str], None]
) -> None:
    """Windows in turn; the first, which says how many passes fill a window, does not count."""
    passes: dict[str, int] = {}
    for number in range(plan.rounds + 1):
        say(f"{plan.net}: round {number} of {plan.rounds}" if number else f"{plan.net}: warming up")
        turn = number % len(entries) if entries else 0
        for result, worker in [*entries[turn:], *entries[:turn]]:
            if result.status != "ok":
                continue
            time.sleep(_REST)
            try:
                answer = worker.ask("window", passes=passes.get(result.contestant, 1))
                if not math.isfinite(answer["value"]):
                    problem = f"its {'loss' if plan.training else 'output'} is no longer a number"
                    raise BackendError(message(result.contestant, problem))
            except MinicnnError as error:
                result.refuse("failed", str(error))
                continue
            if number:
                result.samples.append(answer["seconds"] / answer["images"])
            else:
                passes[result.contestant] = max(1, math.ceil(plan.seconds / answer["seconds"]))


def _parts(worker: Worker) -> dict[str, float]:
    return worker.ask("profile")["seconds"]


def _guarded(result: NetworkResult, action: Callable[[], None]) -> None:
    try:
        action()
    except MinicnnError as error:
        result.refuse("failed", str(error))


def _conclude(results: Sequence[NetworkResult]) -> None:
    """Medians and comparisons of whoever has samples."""
    for result in results:
        if result.samples:
            result.speed = spread([1 / seconds for seconds in result.samples])
    for mine in results:
        for peer in results:
            if mine.ours and not peer.ours and mine.samples and peer.samples:
                mine.against[peer.contestant] = compare(mine.samples, peer.samples)


def seconds_to_accuracy(
    plan: NetworkPlan,
    results: Sequence[NetworkResult],
    target: float,
    data: tuple[Any, Any],
    say: Callable[[str], None],
    programs: Programs | None = None,
) -> None:
    """Train each valid contestant in turn on real data until its test accuracy reaches `target`.

    Only the training is timed, the tests between the epochs are not. `data` are the training and test pairs
    of images (n, h, w, c) in 0 … 1 and classes. What was reached is noted in `to_accuracy`.
    """
    with tempfile.TemporaryDirectory(prefix="minicnn-bench-") as name:
        folder = Path(name)
        for end, (x, y) in zip(("", "_test"), data, strict=True):
            np.save(folder / f"x{end}.npy", x)
            np.save(folder / f"y{end}.npy", y)
        with _start(plan, _REFERENCE, True, {}) as worker:
            _network(plan, worker, folder)
            worker.ask("write_weights")
        for result in results:
            if result.status != "ok":
                continue
            try:
                with _start(plan, result.contestant, result.ours, programs or {}) as worker:
                    _network(plan, worker, folder)
                    result.to_accuracy = _train_until(worker, target, f"{plan.net}: {result.contestant}", say)
            except MinicnnError as error:
                result.refuse("failed", str(error))


def _train_until(
    worker: Worker, target: float, who: str, say: Callable[[str], None]
) -> tuple[float, int, float]:
    """Seconds of training, epochs, and the accuracy reached; it gives up after some epochs."""
    seconds = accuracy = 0.0
    epochs = 0
    while accuracy < target and epochs < _MOST_EPOCHS:
        seconds += worker.ask("window", passes=1)["seconds"]
        accuracy = worker.ask("accuracy")["accuracy"]
        epochs += 1
        say(f"{who}: epoch {epochs}, {seconds:.1f} s, test accuracy {accuracy:.4f}")
    return seconds, epochs, accuracy
