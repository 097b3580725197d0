"""``minicnn kernel``: check a kernel of your own, and measure it beside minicnn's, Keras' and PyTorch's."""

from __future__ import annotations

import inspect
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import backend as backends
from ..bench import layers as lab
from ..bench.checker import example as example_file
from ..bench.checker.check import Report, check_by
from ..bench.checker.operations import checkable, checked_operation
from ..bench.checker.remote import KernelProcess
from ..bench.checker.show import facts, report_lines, training_line
from ..bench.layer_sets import Layer
from ..bench.nets import NETS
from ..bench.problem import PASSES
from ..bench.report import to_json, write_text
from ..bench.threads import usable_cores
from ..errors import ArgumentError, FileAccessError, message
from . import bench_options as o
from .bench import chosen_layers, measure
from .terminal import check_at_least, console

__all__ = ["app", "bench", "check"]

app = typer.Typer(
    no_args_is_help=True,
    help='Check and measure kernels of your own: functions marked with @minicnn.kernel("OPERATION").',
    epilog=f"Operations: {', '.join(checkable())}.",
)

KernelFile = Annotated[
    Path | None, typer.Argument(metavar="FILE.py", help="A file with marked functions.", show_default=False)
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", help="Seconds that one call may take, compiling included.")
]


@app.command(epilog="Example: minicnn kernel check --example > my_conv.py; minicnn kernel check my_conv.py")
def check(
    file: KernelFile = None,
    example: Annotated[bool, typer.Option("--example", help="Print a right kernel to start from.")] = False,
    timeout: Timeout = 60.0,
    json: Annotated[Path | None, o.option("--json", "FILE", "Write what was found, for scripts.")] = None,
) -> None:
    """Try kernels in some hundred cases each; a wrong one gets its smallest failing case and the bug's name.

    Exit code 0: accepted; 1: wrong; 2: no such file, or nothing in it that can be checked.
    """
    where = "minicnn kernel check"
    if example:
        if file is not None:
            raise ArgumentError(message(where, "--example goes without a file"))
        print(inspect.getsource(example_file), end="")
        return
    files = o.target_files(where, json, None, None)
    reports = _checked(_existing(file, where), _seconds(timeout, where))
    _write(files, reports)
    raise typer.Exit(0 if all(report.accepted for report in reports) else 1)


@app.command(epilog="Example: minicnn kernel bench my_conv.py --set mnist --against torch,torch-nhwc")
def bench(
    file: KernelFile = None,
    name: Annotated[
        str | None,
        o.option(
            "--set", "NAME", f"The convolutions of a network: {', '.join(NETS)}; mnist without --problem."
        ),
    ] = None,
    problem: Annotated[
        list[str] | None,
        o.option(
            "--problem", "DESCRIPTOR", "As benchdnn writes it, may be repeated: mb64ic32ih13oc64oh11kh3."
        ),
    ] = None,
    batch: Annotated[int | None, o.option("--batch", "N", "Images in a batch, for --set.")] = None,
    backend: Annotated[
        list[str] | None,
        o.option("--backend", "NAME", "Ours to compare with, may be repeated; all without it."),
    ] = None,
    against: o.Against = None,
    threads: o.Threads = None,
    rounds: o.Rounds = 7,
    timeout: Timeout = 60.0,
    json: o.Json = None,
    markdown: o.Markdown = None,
    plot: o.Plot = None,
) -> None:
    """Check kernels, then measure the right ones in convolutions beside minicnn's own and the peers'.

    A wrong kernel gets no time. One without a parameter out pays for copying its result, as in a network.
    Exit code 0: all are right; 1: some are wrong; 2: nothing could be measured.
    """
    where = "minicnn kernel bench"
    path = _existing(file, where)
    if name is None and not problem:
        name = "mnist"
    chosen = [
        _named(layer, number) for number, layer in enumerate(chosen_layers(name, problem, batch, where), 1)
    ]
    check_at_least(rounds, 1, "--rounds", where)
    peers, cores = o.chosen_peers(against, where), o.chosen_threads(threads, where)
    own = o.chosen_backends(backend or backends.available_backends(), where)
    files = o.target_files(where, json, markdown, plot)
    limit = _seconds(timeout, where)
    reports = _checked(path, limit)
    with ExitStack() as stack:
        kernels = _timed(reports, path, cores, limit, stack)
        plan = lab.Plan(chosen, PASSES, own, "auto", cores, rounds, kernels)
        if not any(k.takes(layer.problem, which) for k in kernels for layer in chosen for which in PASSES):
            problem_ = "no right kernel of the file computes a pass of these convolutions"
            print(message(path.name, problem_), file=sys.stderr)
            raise typer.Exit(1 if not all(report.accepted for report in reports) else 2)
        title = f"Your kernels in the convolutions of {name}" if name else "Your kernels"
        results = measure(plan, peers, title, files, subject="yours")
    right = all(report.accepted for report in reports) and all(r.status == "ok" for r in results if r.ours)
    raise typer.Exit(0 if right else 1)


def _named(layer: Layer, number: int) -> Layer:
    """A layer with a name, which a narrow table has room for."""
    return Layer(replace(layer.problem, name=layer.problem.name or f"problem{number}"), layer.repeats)


def _timed(
    reports: list[Report], path: Path, threads: int, limit: float, stack: ExitStack
) -> tuple[lab.Own, ...]:
    """The right kernels that a convolution runs, each in a process of its own; a line about every other."""
    found = []
    for report in reports:
        if not report.accepted:
            print(f"INVALID: {report.name} is wrong and gets no time.")
        elif not report.op.startswith(("conv2d", "depthwise", "im2col", "col2im")):
            print(f"{report.name} is right, but only convolutions are measured, not {report.op}.")
        else:
            process = stack.enter_context(KernelProcess(path, threads, limit, report.name))
            found.append(lab.Own(report.name, report.op, process))
    return tuple(found)


def _checked(file: Path, timeout: float) -> list[Report]:
    """Check all kernels of a file and print what was found."""
    out = console()
    reports = []
    with KernelProcess(file, usable_cores(), timeout) as process:
        kernels = process.kernels()
        for kernel in kernels:
            checked_operation(kernel["op"], f"{file.name}, {kernel['name']}")
        for kernel in kernels:
            report = _report(process, kernel)
            reports.append(report)
            first, *rest = report_lines(report, out.width)
            out.print(first, soft_wrap=True, style="green" if report.accepted else "bold red")
            for line in [*rest, ""]:
                out.print(line, soft_wrap=True)
    if any(report.accepted for report in reports):
        out.print(training_line(reports, file.stem), soft_wrap=True)
    return reports


def _report(process: KernelProcess, kernel: dict[str, Any]) -> Report:
    name, op = kernel["name"], kernel["op"]
    if kernel["problem"]:
        return Report(op, name, 0, problem=kernel["problem"])
    return check_by(lambda case: process.attempt(name, case), op, name, kernel["out"])


def _write(files: dict[str, Path], reports: list[Report]) -> None:
    if "json" in files:
        write_text(files["json"], to_json(kernels=[facts(report) for report in reports]))


def _existing(path: Path | None, where: str) -> Path:
    """The file, which must be there."""
    if path is None:
        hint = "See minicnn kernel check --example."
        raise ArgumentError(message(where, "it needs a file with a kernel", expected="FILE.py", hint=hint))
    if not path.is_file():
        problem = "this is a folder" if path.is_dir() else "there is no such file"
        raise FileAccessError(message(str(path), problem, expected="a Python file with a kernel in it"))
    return path.resolve()


def _seconds(timeout: float, where: str) -> float:
    if not 0 < timeout < 3600:
        expected = "more than 0 and less than 3600 seconds"
        raise ArgumentError(message(where, "--timeout cannot be used", expected=expected, got=timeout))
    return timeout
