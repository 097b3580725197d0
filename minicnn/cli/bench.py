"""``minicnn bench``: kernels and whole networks, measured beside Keras and PyTorch on this computer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

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
from ..bench.threads import limited, usable_cores
from ..bench.workers import PEERS, check_peers
from ..errors import ArgumentError, message
from .terminal import check_at_least, check_choice, console

__all__ = ["app", "layers"]

app = typer.Typer(
    no_args_is_help=True,
    help="Measure kernels and networks beside Keras and PyTorch; every result is checked.",
)


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


Against = Annotated[
    str | None, _option("--against", "PEERS", f"Who to compare with, by commas: {', '.join(PEERS)}.")
]
Backends = Annotated[
    list[str] | None,
    _option("--backend", "NAME", f"Ours, may be repeated: {', '.join(backends.available_backends())}."),
]
Threads = Annotated[int | None, _option("--threads", "N", "For everyone; without it, all cores.")]
Rounds = Annotated[
    int, typer.Option("--rounds", metavar="N", help="Samples of everyone, taken in turn; 5 for an interval.")
]
Json = Annotated[Path | None, _option("--json", "FILE", "Write everything that was measured.")]
Markdown = Annotated[Path | None, _option("--markdown", "FILE", "Write the tables.")]
Plot = Annotated[Path | None, _option("--plot", "FILE.png", "Draw what was measured.")]


@app.command(epilog="Example: minicnn bench layers --set mnist --against torch,torch-nhwc")
def layers(
    name: Annotated[
        str | None, _option("--set", "NAME", f"The convolutions of a network: {', '.join(NETS)}.")
    ] = None,
    problem: Annotated[
        list[str] | None,
        _option(
            "--problem", "DESCRIPTOR", "As benchdnn writes it, may be repeated: mb64ic32ih13oc64oh11kh3."
        ),
    ] = None,
    batch: Annotated[int | None, _option("--batch", "N", "Images in a batch, for --set.")] = None,
    passes: Annotated[
        str, typer.Option("--pass", metavar="PASSES", help="Some of these, by commas.")
    ] = ",".join(PASSES),
    backend: Backends = None,
    algorithm: Annotated[
        str, typer.Option("--algorithm", metavar="NAME", help="auto, all, or one by its name.")
    ] = "auto",
    against: Against = None,
    threads: Threads = None,
    rounds: Rounds = 7,
    json: Json = None,
    markdown: Markdown = None,
    plot: Plot = None,
) -> None:
    """Measure convolutions, pass by pass: time, GFLOP/s, percent of the roof, error, ratio to peers."""
    where = "minicnn bench layers"
    chosen = _layers(name, problem, batch, where)
    plan = lab.Plan(
        chosen,
        _listed(passes, PASSES, "pass", where),
        _backends(backend, where),
        algorithm,
        _threads(threads, where),
        rounds,
    )
    check_at_least(rounds, 1, "--rounds", where)
    _check_algorithm(plan, where)
    peers = _peers(against, where)
    files = _files(where, json, markdown, plot)
    progress = console_of_errors()
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
    title = f"Convolutions of {name}" if name else "Convolutions"
    table, lines = report.layer_table(results, title), report.layer_summary(results)
    _show(out, [table], [*lines, report.CONVENTIONS])
    _write_layers(files, results, facts, roof, table, lines)


def _write_layers(
    files: dict[str, Path], results: list[lab.Result], facts: Any, roof: Roof, table: Any, lines: list[str]
) -> None:
    """Write what was asked for."""
    if "json" in files:
        everything = {"manifest": facts, "roof": roof, "conventions": report.CONVENTIONS, "results": results}
        report.write_text(files["json"], report.to_json(**everything))
    if "markdown" in files:
        after = [*lines, report.CONVENTIONS]
        report.write_text(files["markdown"], report.markdown([table], report.head(facts, roof), after))
    if "plot" in files:
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
        bench_plot.bench_layers(points, (roof.flops, roof.bytes), bars, files["plot"])


def _several(results: Sequence[lab.Result]) -> bool:
    """Whether a layer was measured with several kernels of ours."""
    return len({(r.problem, r.which) for r in results if r.ours}) < sum(r.ours for r in results)


def console_of_errors() -> Any:
    """A console on stderr, for progress: what is printed on stdout are the results."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def _layers(name: str | None, problems: Sequence[str] | None, batch: int | None, where: str) -> list[Layer]:
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


def _listed(text: str, choices: Sequence[str], what: str, where: str) -> tuple[str, ...]:
    """Names between commas, each one of the choices, once."""
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in names:
        check_choice(word, choices, what, where)
    return names


def _backends(names: Sequence[str] | None, where: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(names or (backends.current_backend(),)))
    for name in found:
        check_choice(name, backends.available_backends(), "backend", where)
    return found


def _check_algorithm(plan: lab.Plan, where: str) -> None:
    """Refuse an algorithm that none of the passes knows, before anything is measured."""
    known = {"auto", "all"}
    for name in plan.backends:
        for which in plan.passes:
            known |= set(backends.algorithms(f"conv2d_{which}", name))
    check_choice(plan.algorithm, sorted(known), "algorithm", where)


def _peers(text: str | None, where: str) -> tuple[str, ...]:
    names = () if text is None else tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    check_peers(names, where)
    return names


def _threads(wanted: int | None, where: str) -> int:
    check_at_least(wanted, 1, "--threads", where)
    cores = usable_cores()
    if wanted is not None and wanted > cores:
        problem, expected = "--threads is larger than the number of cores", f"at most {cores}"
        raise ArgumentError(message(where, problem, expected=expected, got=wanted))
    return wanted or cores


def _files(where: str, json: Path | None, markdown: Path | None, plot: Path | None) -> dict[str, Path]:
    """The files to write, whose folders must exist: better said before an hour of measuring than after it."""
    files = {"json": json, "markdown": markdown, "plot": plot}
    found = {option: path for option, path in files.items() if path is not None}
    for option, path in found.items():
        if not path.parent.is_dir() or path.is_dir():
            problem = (
                f"--{option} {path}: there is no such folder" if not path.is_dir() else f"{path} is a folder"
            )
            raise ArgumentError(message(where, problem))
    if plot is not None and plot.suffix not in (".png", ".pdf", ".svg"):
        got = repr(plot.suffix)
        raise ArgumentError(
            message(where, "--plot", expected="a name that ends in .png, .pdf or .svg", got=got)
        )
    return found


def _show(out: Any, tables: Sequence[report.Table], lines: Sequence[str]) -> None:
    """Print tables and sentences."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    for table in tables:
        shown = Table(box=SIMPLE_HEAD, title=table.title, title_justify="left")
        for number, heading in enumerate(table.headings):
            shown.add_column(heading, justify="left" if number < 3 else "right", overflow="fold")
        for row in table.rows:
            style = "bold red" if "INVALID" in row else "yellow" if "failed" in row else None
            shown.add_row(*row, style=style)
        out.print(shown)
    for line in lines:
        out.print(line)
