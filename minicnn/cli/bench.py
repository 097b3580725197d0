"""``minicnn bench``: kernels and whole networks, measured beside Keras and PyTorch on this computer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from .. import backend as backends
from ..bench import layers as lab
from ..bench import report
from ..bench.descriptors import describe, parse
from ..bench.layer_sets import Layer, layer_set
from ..bench.manifest import manifest
from ..bench.nets import NETS
from ..bench.problem import PASSES
from ..bench.roof import Roof, measure_roof
from ..bench.threads import limited
from ..errors import ArgumentError, message
from . import bench_networks
from . import bench_options as o
from .terminal import check_at_least, check_choice, console

__all__ = ["app", "chosen_layers", "layers", "measure"]

app = typer.Typer(
    no_args_is_help=True,
    help="Measure kernels and networks beside Keras and PyTorch; every result is checked.",
)


@app.command(epilog="Example: minicnn bench layers --set mnist --against torch,torch-nhwc")
def layers(
    name: Annotated[
        str | None, o.option("--set", "NAME", f"The convolutions of a network: {', '.join(NETS)}.")
    ] = None,
    problem: Annotated[
        list[str] | None,
        o.option(
            "--problem", "DESCRIPTOR", "As benchdnn writes it, may be repeated: mb64ic32ih13oc64oh11kh3."
        ),
    ] = None,
    batch: Annotated[int | None, o.option("--batch", "N", "Images in a batch, for --set.")] = None,
    passes: Annotated[
        str, typer.Option("--pass", metavar="PASSES", help="Some of these, by commas.")
    ] = ",".join(PASSES),
    backend: o.Backends = None,
    algorithm: Annotated[
        str, typer.Option("--algorithm", metavar="NAME", help="auto, all, or one by its name.")
    ] = "auto",
    against: o.Against = None,
    threads: o.Threads = None,
    rounds: o.Rounds = 7,
    json: o.Json = None,
    markdown: o.Markdown = None,
    plot: o.Plot = None,
) -> None:
    """Measure convolutions, pass by pass: time, GFLOP/s, percent of the roof, error, ratio to peers."""
    where = "minicnn bench layers"
    chosen = chosen_layers(name, problem, batch, where)
    plan = lab.Plan(
        chosen,
        o.listed(passes, PASSES, "pass", where),
        o.chosen_backends(backend, where),
        algorithm,
        o.chosen_threads(threads, where),
        rounds,
    )
    check_at_least(rounds, 1, "--rounds", where)
    _check_algorithm(plan, where)
    peers = o.chosen_peers(against, where)
    files = o.target_files(where, json, markdown, plot)
    measure(plan, peers, f"Convolutions of {name}" if name else "Convolutions", files)


def measure(
    plan: lab.Plan, peers: Sequence[str], title: str, files: dict[str, Path], subject: str = "ours"
) -> list[lab.Result]:
    """Measure a plan, print and write what was found; `subject` is who the peers are compared with."""
    progress = o.progress_console()
    with limited(plan.threads):
        roof = measure_roof(plan.threads)
        facts = manifest(plan.threads)
    out = console()
    for line in report.head(facts, roof):
        out.print(line, soft_wrap=True)
    with lab.peers_running(peers, plan.threads, lambda line: progress.print(line, soft_wrap=True)) as workers:
        results = list(
            lab.bench_layers(plan, workers, roof, lambda line: progress.print(line, soft_wrap=True))
        )
    table = (report.layer_table if subject == "ours" else report.own_table)(results, title)
    lines = [*report.layer_summary(results), report.conventions(subject)]
    o.show(out, [table], lines)
    if "json" in files:
        everything = {"manifest": facts, "roof": roof, "conventions": lines[-1], "results": results}
        report.write_text(files["json"], report.to_json(**everything))
    if "markdown" in files:
        report.write_text(files["markdown"], report.markdown([table], report.head(facts, roof), lines))
    if "plot" in files:
        _draw(results, roof, files["plot"], subject)
    return results


def _draw(results: list[lab.Result], roof: Roof, path: Path, subject: str) -> None:
    """The roofline and the ratios."""
    from ..visualize import bench_plot

    points = [(r.label, r.which, r.problem.intensity(), r.flops) for r in results if r.flops is not None]
    bars = [
        (
            f"{r.problem.name or describe(r.problem)} {r.which}"
            + (f" {r.label}" if _several(results) else ""),
            {peer: (c.ratio, c.low or c.ratio, c.high or c.ratio) for peer, c in r.against.items()},
        )
        for r in results
        if r.ours
    ]
    bench_plot.bench_layers(points, (roof.flops, roof.bytes), bars, path, subject)


def _several(results: Sequence[lab.Result]) -> bool:
    """Whether a layer was measured with several kernels of ours."""
    return len({(r.problem, r.which) for r in results if r.ours}) < sum(r.ours for r in results)


def chosen_layers(
    name: str | None, problems: Sequence[str] | None, batch: int | None, where: str
) -> list[Layer]:
    """The convolutions asked for."""
    if (name is None) == (not problems):
        hint = "Example: --set mnist, or --problem mb64ic32ih13oc64oh11kh3."
        raise ArgumentError(message(where, "either --set or --problem says what to measure", hint=hint))
    if batch is not None and problems:
        raise ArgumentError(message(where, "--batch goes with --set; a descriptor has its own mb"))
    check_at_least(batch, 1, "--batch", where)
    if name is not None:
        check_choice(name, NETS, "layer set", where)
        return layer_set(name, batch)
    return [Layer(parse(text), 1) for text in problems or ()]


def _check_algorithm(plan: lab.Plan, where: str) -> None:
    """Refuse an algorithm that none of the passes knows, before anything is measured."""
    known = {"auto", "all"}
    for name in plan.backends:
        for which in plan.passes:
            known |= set(backends.algorithms(f"conv2d_{which}", name))
    check_choice(plan.algorithm, sorted(known), "algorithm", where)


for _command, _example in (
    (bench_networks.train, "minicnn bench train --net mnist --against torch,keras-tensorflow"),
    (bench_networks.predict, "minicnn bench predict --net vgg16 --against torch-nhwc"),
    (bench_networks.scaling, "minicnn bench scaling --net mnist --batches 8,64,512 --plot scaling.png"),
):
    app.command(epilog=f"Example: {_example}")(_command)
