"""What the lab found, as rows of text for the terminal and for Markdown, and as JSON.

A table is a list of headings and rows of strings; `markdown` and the command line print the same ones.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..models.summary import readable_size
from .descriptors import describe
from .layers import Result
from .roof import Roof
from .statistics import Comparison

__all__ = ["CONVENTIONS", "Table", "conventions", "head", "layer_summary", "layer_table", "markdown"]
__all__ += ["own_table", "to_json", "write_text"]

CONVENTIONS = (
    "GFLOP/s count 2 FLOPs for each multiply-accumulate of the definition, taps on the padding too, whatever "
    "the algorithm really multiplies; intensity is FLOPs for each compulsory byte (every operand read once, "
    "the result written once); the roof is the lower of the measured GEMM and intensity times the measured "
    "triad; ratios are the peer's median time over ours with a 95 % bootstrap interval: above 1, ours is "
    "faster."
)


def conventions(subject: str = "ours") -> str:
    """How the numbers are meant; `subject` is what the peers are compared with."""
    text = CONVENTIONS.replace(" ours", f" {subject}")
    return text if subject == "ours" else f"{text} A question mark: too noisy to tell apart."


@dataclasses.dataclass
class Table:
    """Headings and rows; `title` stands above."""

    title: str
    headings: list[str]
    rows: list[list[str]]


def layer_table(results: Sequence[Result], title: str) -> Table:
    """One row for every contestant at every pass; an INVALID or failed one shows no time."""
    peers = list(dict.fromkeys(peer for result in results for peer in result.against))
    headings = ["layer", "pass", "kernel", "median ms (p10–p90)", "GFLOP/s", "FLOP/B", "% of roof"]
    headings += ["MB", "workspace", "error"]
    rows = []
    for result in results:
        problem, times = result.problem, result.times
        row = [f"{result.count}× {_layer_name(result)}", result.which, result.label]
        if times is None or result.flops is None or result.percent_of_roof is None:
            row += [result.status, "", "", ""]
        else:
            row.append(f"{_ms(times.median)} ({_ms(times.p10)}–{_ms(times.p90)})")
            row += [
                f"{result.flops / 1e9:.1f}",
                f"{problem.intensity():.1f}",
                f"{result.percent_of_roof:.0f}",
            ]
        row.append(f"{problem.nbytes() / 1e6:.2f}")
        row.append("" if result.workspace is None else readable_size(result.workspace))
        row.append("" if result.error is None else f"{result.error:.1e}")
        row += [str(result.against.get(peer, "")) for peer in peers]
        rows.append(row)
    return Table(title, [*headings, *(f"{peer} / ours" for peer in peers)], rows)


def own_table(results: Sequence[Result], title: str) -> Table:
    """The same for somebody's own kernel: the others' rows say how many times its time they take."""
    headings = ["layer", "pass", "kernel", "ms (p10–p90)", "time / yours", "GFLOP/s", "error"]
    rows = []
    for result in results:
        passed = [r for r in results if (r.problem, r.which) == (result.problem, result.which) and r.against]
        ratio = "" if result.ours or not passed else _ratio(passed[0].against.get(result.contestant))
        times, flops = result.times, result.flops
        time = result.status if times is None else f"{_ms(times.median)} ({_ms(times.p10)}–{_ms(times.p90)})"
        rows.append([_layer_name(result), result.which, result.label, time, ratio])
        rows[-1] += ["" if flops is None or times is None else f"{flops / 1e9:.1f}"]
        rows[-1] += ["" if result.error is None else f"{result.error:.1e}"]
    return Table(title, headings, rows)


def _ratio(comparison: Comparison | None) -> str:
    """A ratio with its interval; a question mark where it may be chance."""
    if comparison is None:
        return ""
    interval = "" if comparison.low is None else f" [{comparison.low:.2f}, {comparison.high:.2f}]"
    return f"{comparison.ratio:.2f}{interval}" + " ?" * comparison.verdict.startswith("too")


def layer_summary(results: Sequence[Result]) -> list[str]:
    """Sentences: what is INVALID or failed, what was checked, and the ratios to each peer in one line."""
    lines = [
        f"{result.status}: {result.label}, {result.which} of {describe(result.problem)}: {result.note}"
        + (f" (error {result.error:.2g})" if result.error is not None else "")
        for result in results
        if result.status != "ok"
    ]
    lines += dict.fromkeys(
        f"{r.problem.name} is {describe(replace(r.problem, name=''))}." for r in results if r.problem.name
    )
    lines += dict.fromkeys(
        f"Checked {r.which} of {_layer_name(r)}: {r.checked}." for r in results if r.checked
    )
    found = [comparison for result in results for comparison in result.against.values()]
    noisy = sum(comparison.verdict.startswith("too noisy") for comparison in found)
    if noisy > len(found) / 3:
        lines.append(
            f"{noisy} of {len(found)} comparisons are too noisy to tell who is faster: something else is "
            "running on this machine, or there were too few rounds."
        )
    for who in dict.fromkeys((result.contestant, result.asked) for result in results if result.ours):
        own = [r for r in results if (r.contestant, r.asked) == who and r.against]
        for peer in dict.fromkeys(peer for result in own for peer in result.against):
            ratios = [result.against[peer] for result in own if peer in result.against]
            lines.append(_ratio_line(peer, " ".join(who).strip(), ratios))
        if own and len(own[0].against) > 1:
            best = [min(result.against.values(), key=lambda c: c.ratio) for result in own]
            lines.append(_ratio_line("the best peer of each pass", " ".join(who).strip(), best))
    return lines


def _ratio_line(peer: str, ours: str, ratios: Sequence[Comparison]) -> str:
    """Geometric mean, extremes and verdicts of the ratios to one peer."""
    values = [comparison.ratio for comparison in ratios]
    mean = math.exp(sum(map(math.log, values)) / len(values))
    faster, slower = (sum(c.verdict == word for c in ratios) for word in ("faster", "slower"))
    return (
        f"{peer} / {ours}: geometric mean {mean:.2f}, lowest {min(values):.2f}, of {len(values)} passes "
        f"{faster} faster, {slower} slower, {len(values) - faster - slower} not told apart."
    )


def head(facts: dict[str, Any], roof: Roof | None = None) -> list[str]:
    """The machine in a few lines."""
    caches = ", ".join(f"{name} {size}" for name, size in facts["caches"].items())
    threads = f"{facts['threads']} thread{'s' * (facts['threads'] != 1)}"
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    lines = [
        f"{facts['date']}  minicnn {facts['minicnn']}, kernels {facts['kernel_sources']}",
        f"{facts['cpu']}, {facts['cores']} cores ({', '.join(facts['flags'])}; {caches})",
        f"{threads}, load {facts['load_average']}, {'; '.join(facts['blas'])}",
        f"Python {facts['python']}, {versions}",
    ]
    if roof is not None:
        lines.append(
            f"Measured roofs: GEMM {roof.flops / 1e9:.0f} GFLOP/s, triad {roof.bytes / 1e9:.1f} GB/s, "
            f"ridge at {roof.ridge:.0f} FLOP/B"
        )
    return lines


def markdown(tables: Sequence[Table], before: Sequence[str], after: Sequence[str]) -> str:
    """A page: lines, tables, lines.

    >>> print(markdown([Table("t", ["a", "b"], [["1", "x|y"]])], [], []))
    ### t
    <BLANKLINE>
    | a | b |
    | --- | --- |
    | 1 | x\\|y |
    <BLANKLINE>
    """
    lines = [f"- {line}" for line in before] + [""] * bool(before)
    for table in tables:
        cells = [[cell.replace("|", "\\|") for cell in row] for row in (table.headings, *table.rows)]
        cells.insert(1, ["---"] * len(table.headings))
        lines += [f"### {table.title}", "", *(f"| {' | '.join(row)} |" for row in cells), ""]
    return "\n".join([*lines, *(f"- {line}" for line in after)])


def to_json(**parts: Any) -> str:
    """JSON of dataclasses, numbers and text; what is not finite becomes null, as JSON has no word for it."""
    return json.dumps(_plain(parts), indent=1, ensure_ascii=False)


def write_text(path: Path, text: str) -> None:
    """Write a report under another name first, so that an interruption leaves no half of one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text.rstrip() + "\n", encoding="utf-8")
    os.replace(partial, path)


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        facts = {"descriptor": describe(value.problem), "macs": value.problem.macs, "label": value.label}
        facts |= {"flop_per_byte": value.problem.intensity(), "bytes": value.problem.nbytes()}
        rest = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "problem"}
        return _plain(facts | rest)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _layer_name(result: Result) -> str:
    """The name of a layer that has one, which `layer_summary` explains; else its descriptor."""
    return result.problem.name or describe(result.problem)


def _ms(seconds: float) -> str:
    """Milliseconds with three digits."""
    value = 1000 * seconds
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
