"""``minicnn bench train``, ``predict`` and ``scaling``: whole networks beside those of Keras and PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import datasets
from ..bench import network_report, report
from ..bench.manifest import manifest
from ..bench.nets import NETS
from ..bench.networks import NetworkPlan, NetworkResult, bench_network, seconds_to_accuracy
from ..bench.threads import limited
from ..errors import ArgumentError, message
from . import bench_options as o
from .terminal import check_at_least, check_choice, console

__all__ = ["NETWORKS", "predict", "scaling", "train"]

NETWORKS = tuple(name for name in NETS if name != "xception")  # xception: see bench/nets.py

NetNames = Annotated[
    list[str] | None, o.option("--net", "NAME", f"May be repeated: {', '.join(NETWORKS)}; mnist without it.")
]
Batch = Annotated[
    int | None, o.option("--batch", "N", "Images in a batch; without it, the network's usual number.")
]
Seconds = Annotated[float, typer.Option("--seconds", metavar="S", help="How long a window lasts at least.")]
Steps = Annotated[
    int | None, o.option("--steps", "N", "Batches in the data; without it, what 32 MB hold, at most 64.")
]


def train(
    net: NetNames = None,
    batch: Batch = None,
    backend: o.Backends = None,
    against: o.Against = None,
    threads: o.Threads = None,
    rounds: o.Rounds = 5,
    seconds: Seconds = 2.0,
    steps: Steps = None,
    to_accuracy: Annotated[
        float | None,
        o.option("--to-accuracy", "SHARE", "Train on MNIST, too, until so many test digits are right: 0.99."),
    ] = None,
    data_dir: Annotated[
        Path | None,
        o.option("--data-dir", "DIR", "MNIST's files for --to-accuracy; MINICNN_DATA names it, too."),
    ] = None,
    json: o.Json = None,
    markdown: o.Markdown = None,
    plot: o.Plot = None,
) -> None:
    """Measure the training of whole networks: images/s, first step, memory, our step by layer and pass."""
    where = "minicnn bench train"
    plans = _plans(True, net, batch, backend, against, threads, rounds, seconds, steps, where)
    digits = None
    if to_accuracy is not None:
        digits = _digits(to_accuracy, data_dir, plans, where)
    elif data_dir is not None:
        raise ArgumentError(message(where, "--data-dir goes with --to-accuracy"))
    files = o.target_files(where, json, markdown, plot)
    say, facts = _sayer(), _facts(plans)
    results = []
    for plan in plans:
        results += bench_network(plan, say)
        if digits is not None and to_accuracy is not None:
            seconds_to_accuracy(plan, results[-_contestants(plan) :], to_accuracy, digits, say)
    _finish(results, facts, files)


def predict(
    net: NetNames = None,
    batch: Batch = None,
    backend: o.Backends = None,
    against: o.Against = None,
    threads: o.Threads = None,
    rounds: o.Rounds = 5,
    seconds: Seconds = 2.0,
    steps: Steps = None,
    json: o.Json = None,
    markdown: o.Markdown = None,
    plot: o.Plot = None,
) -> None:
    """Measure the prediction of whole networks, as train does their training."""
    where = "minicnn bench predict"
    plans = _plans(False, net, batch, backend, against, threads, rounds, seconds, steps, where)
    files = o.target_files(where, json, markdown, plot)
    say, facts = _sayer(), _facts(plans)
    _finish([result for plan in plans for result in bench_network(plan, say)], facts, files)


def scaling(
    net: Annotated[str, typer.Option("--net", metavar="NAME", help=f"{', '.join(NETWORKS)}.")] = "mnist",
    batches: Annotated[
        str, typer.Option("--batches", metavar="N,N", help="Images in a batch, with all threads.")
    ] = "8,32,128,512",
    thread_counts: Annotated[
        str | None,
        o.option(
            "--thread-counts", "N,N", "Threads, with the usual batch; without it, 1, 2, 4, … all cores."
        ),
    ] = None,
    backend: o.Backends = None,
    against: o.Against = None,
    rounds: o.Rounds = 5,
    seconds: Seconds = 1.0,
    steps: Steps = None,
    json: o.Json = None,
    markdown: o.Markdown = None,
    plot: o.Plot = None,
) -> None:
    """Measure how the time of a training step grows with the batch, and shrinks with the threads."""
    where = "minicnn bench scaling"
    (plan,) = _plans(True, [net], None, backend, against, None, rounds, seconds, steps, where)
    sizes = o.whole_numbers(batches, "--batches", where)
    counts = _doubled(plan.threads)
    if thread_counts is not None:
        counts = o.whole_numbers(thread_counts, "--thread-counts", where, plan.threads)
    files = o.target_files(where, json, markdown, plot)
    say, facts = _sayer(), _facts([plan])
    by_batch = {size: bench_network(replace(plan, batch=size), say) for size in sizes}
    by_threads = {count: bench_network(replace(plan, threads=count), say) for count in counts}
    series = {"batch": network_report.step_times(by_batch), "threads": network_report.step_times(by_threads)}
    tables = [
        network_report.scaling_table(by_batch, "batch", f"{net}: training with {plan.threads} threads"),
        network_report.scaling_table(by_threads, "threads", f"{net}: training with batches of {plan.batch}"),
    ]
    lines = network_report.scaling_lines(series["batch"])
    for found in (by_batch, by_threads):
        lines += [line for results in found.values() for line in network_report.problems(results)]
    _print(facts, tables, lines)
    _write(files, facts, tables, lines, {"batch": by_batch, "threads": by_threads})
    if "plot" in files:
        from ..visualize import bench_plot

        bench_plot.bench_scaling(series, files["plot"])


def _plans(
    training: bool,
    nets: Sequence[str] | None,
    batch: int | None,
    backend: Sequence[str] | None,
    against: str | None,
    threads: int | None,
    rounds: int,
    seconds: float,
    steps: int | None,
    where: str,
) -> list[NetworkPlan]:
    """One plan for each network, every setting checked."""
    names = tuple(dict.fromkeys(nets or ("mnist",)))
    for name in names:
        check_choice(name, NETWORKS, "network", where)
    for value, option in ((batch, "--batch"), (rounds, "--rounds"), (steps, "--steps")):
        check_at_least(value, 1, option, where)
    if not 0 < seconds < 3600:
        expected = "more than 0 and less than 3600"
        raise ArgumentError(message(where, "--seconds cannot be used", expected=expected, got=seconds))
    own, peers = o.chosen_backends(backend, where), o.chosen_peers(against, where)
    cores = o.chosen_threads(threads, where)
    return [
        NetworkPlan(name, training, batch or NETS[name].batch, own, peers, cores, rounds, seconds, steps)
        for name in names
    ]


def _contestants(plan: NetworkPlan) -> int:
    return len(plan.backends) + len(plan.peers)


def _digits(target: float, folder: Path | None, plans: Sequence[NetworkPlan], where: str) -> Any:
    """MNIST for networks that take it: images in 0 … 1 with a channel axis, and class numbers."""
    if not 0 < target < 1:
        expected = "a share between 0 and 1, such as 0.99"
        raise ArgumentError(message(where, "--to-accuracy", expected=expected, got=target))
    for plan in plans:
        if NETS[plan.net].image != (28, 28, 1):
            got, expected = plan.net, "mnist or deep"
            raise ArgumentError(
                message(where, "--to-accuracy needs a network for digits", expected=expected, got=got)
            )
    pairs = datasets.load("mnist", data_dir=folder)
    return tuple((x[..., None].astype("float32") / 255, y.astype("int64")) for x, y in pairs)


def _doubled(most: int) -> tuple[int, ...]:
    """1, 2, 4, … and the largest itself.

    >>> _doubled(6)
    (1, 2, 4, 6)
    """
    return (*(2**i for i in range(most.bit_length()) if 2**i < most), most)


def _sayer() -> Callable[[str], None]:
    progress = o.progress_console()
    return lambda line: progress.print(line, soft_wrap=True)


def _facts(plans: Sequence[NetworkPlan]) -> dict[str, Any]:
    """The machine, as it is before anything is measured."""
    with limited(plans[0].threads):
        return manifest(plans[0].threads)


def _finish(results: list[NetworkResult], facts: dict[str, Any], files: dict[str, Path]) -> None:
    """Print and write what `train` and `predict` found."""
    tables = [network_report.network_table(results)]
    tables += [network_report.parts_table(result) for result in results if result.parts]
    lines = network_report.network_lines(results)
    _print(facts, tables, lines)
    _write(files, facts, tables, lines, results)
    if "plot" in files:
        from ..visualize import bench_plot

        speeds, parts = network_report.picture(results)
        bench_plot.bench_networks(speeds, parts, files["plot"])


def _print(facts: dict[str, Any], tables: Sequence[report.Table], lines: Sequence[str]) -> None:
    out = console()
    for line in report.head(facts):
        out.print(line, soft_wrap=True)
    o.show(out, tables, lines)


def _write(files: dict[str, Path], facts: Any, tables: Any, lines: Sequence[str], results: Any) -> None:
    if "json" in files:
        everything = {"manifest": facts, "conventions": network_report.CONVENTIONS, "results": results}
        report.write_text(files["json"], report.to_json(**everything))
    if "markdown" in files:
        report.write_text(files["markdown"], report.markdown(tables, report.head(facts), lines))
