"""What the commands of ``minicnn bench`` share: options, their checks, and how results are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import backend as backends
from ..bench import report
from ..bench.threads import usable_cores
from ..bench.workers import PEERS, check_peers
from ..errors import ArgumentError, message
from .terminal import check_at_least, check_choice

__all__ = [
    "chosen_backends",
    "chosen_peers",
    "chosen_threads",
    "listed",
    "option",
    "progress_console",
    "show",
    "target_files",
    "whole_numbers",
]


def option(name: str, metavar: str, text: str) -> Any:
    """An option without a default worth showing."""
    return typer.Option(name, metavar=metavar, help=text, show_default=False)


Against = Annotated[
    str | None, option("--against", "PEERS", f"Who to compare with, by commas: {', '.join(PEERS)}.")
]
Backends = Annotated[
    list[str] | None,
    option("--backend", "NAME", f"Ours, may be repeated: {', '.join(backends.available_backends())}."),
]
Threads = Annotated[int | None, option("--threads", "N", "For everyone; without it, all cores.")]
Rounds = Annotated[
    int, typer.Option("--rounds", metavar="N", help="Samples of everyone, taken in turn; 5 for an interval.")
]
Json = Annotated[Path | None, option("--json", "FILE", "Write everything that was measured.")]
Markdown = Annotated[Path | None, option("--markdown", "FILE", "Write the tables.")]
Plot = Annotated[Path | None, option("--plot", "FILE.png", "Draw what was measured.")]


def progress_console() -> Any:
    """A console on stderr, for progress: what is printed on stdout are the results."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def listed(text: str, choices: Sequence[str], what: str, where: str) -> tuple[str, ...]:
    """Names between commas, each one of the choices, once."""
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in names:
        check_choice(word, choices, what, where)
    return names


def chosen_backends(names: Sequence[str] | None, where: str) -> tuple[str, ...]:
    """The backends asked for, or the current one."""
    found = tuple(dict.fromkeys(names or (backends.current_backend(),)))
    for name in found:
        check_choice(name, backends.available_backends(), "backend", where)
    return found


def chosen_peers(text: str | None, where: str) -> tuple[str, ...]:
    """The peers between commas, or none."""
    names = () if text is None else tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    check_peers(names, where)
    return names


def chosen_threads(wanted: int | None, where: str) -> int:
    """The threads asked for, or one for each core."""
    check_at_least(wanted, 1, "--threads", where)
    cores = usable_cores()
    if wanted is not None and wanted > cores:
        problem, expected = "--threads is larger than the number of cores", f"at most {cores}"
        raise ArgumentError(message(where, problem, expected=expected, got=wanted))
    return wanted or cores


def target_files(where: str, json: Path | None, markdown: Path | None, plot: Path | None) -> dict[str, Path]:
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


def show(out: Any, tables: Sequence[report.Table], lines: Sequence[str]) -> None:
    """Print tables and sentences."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    for full in tables:
        table = _narrowed(full, out.width)
        shown = Table(box=SIMPLE_HEAD, title=table.title, title_justify="left")
        for number, (heading, width) in enumerate(zip(table.headings, _widths(table), strict=True)):
            justify: Any = "left" if number < 3 else "right"
            least = min(width, _WORD) if number < 3 else None
            shown.add_column(heading, justify=justify, overflow="fold", min_width=least)
        for row in table.rows:
            style = "bold red" if "INVALID" in row else "yellow" if "failed" in row else None
            shown.add_row(*row, style=style)
        out.print(shown)
        left_out = [heading for heading in full.headings if heading not in table.headings]
        if left_out:
            out.print(f"({', '.join(left_out)}: in a wider terminal, --json or --markdown.)")
    for line in lines:
        out.print(line)


_WORD = 20  # columns that a name or a ratio with its interval needs
_LESS = ("FLOP/B", "MB", "workspace", "% of roof", "GFLOP/s", "error")


def _narrowed(table: report.Table, width: int) -> report.Table:
    """The table without the columns that matter less, as far as the terminal asks for it."""
    for heading in _LESS:
        if heading in table.headings and sum(min(w, _WORD) + 2 for w in _widths(table)) + 2 > width:
            at = table.headings.index(heading)
            rows = [row[:at] + row[at + 1 :] for row in (table.headings, *table.rows)]
            table = report.Table(table.title, rows[0], rows[1:])
    return table


def _widths(table: report.Table) -> list[int]:
    """The longest cell of each column."""
    return [max(map(len, cells)) for cells in zip(table.headings, *table.rows, strict=True)]


def whole_numbers(text: str, name: str, where: str, most: int | None = None) -> tuple[int, ...]:
    """The positive integers between commas, each once, in order of size.

    >>> whole_numbers("32,8", "--batches", "demo")
    (8, 32)
    """
    words = [word.strip() for word in text.split(",")]
    wrong = [w for w in words if not (w.isdecimal() and 0 < int(w) <= (most or 1_000_000))]
    if wrong:
        limit = f" up to {most}" if most is not None else ""
        expected = f"positive integers{limit} between commas"
        raise ArgumentError(message(where, name, expected=expected, got=repr(wrong[0])))
    return tuple(sorted({int(word) for word in words}))
