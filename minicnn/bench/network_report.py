"""What the measuring of whole networks found, as tables, sentences and series for pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..models.summary import readable_size
from .nets import NETS
from .networks import NetworkResult
from .report import Table

__all__ = ["CONVENTIONS", "fit_line", "network_lines", "network_table", "parts_table", "picture"]
__all__ += ["problems", "scaling_lines", "scaling_table", "step_times"]

CONVENTIONS = (
    "Images/s are medians of windows taken in turn, with p10–p90; the first step includes all compilation; "
    "memory is the largest resident size in the first three steps above that after the imports, the data "
    "included; ratios are our speed over the peer's with a 95 % bootstrap interval: above 1, ours is faster. "
    "RMSprop, 0.001, float32, the same weights and batches for everyone; minicnn and Keras run their own fit "
    "or predict, PyTorch a plain loop."
)

_MOST_PARTS = 30  # in a table or picture; the JSON has them all
Series = dict[str, list[tuple[float, float]]]


def network_table(results: Sequence[NetworkResult]) -> Table:
    """One row for every contestant at every network; an INVALID or failed one shows no time."""
    peers = list(dict.fromkeys(peer for result in results for peer in result.against))
    trained = any(result.to_accuracy for result in results)
    headings = ["network", "batch", "contestant", "images/s (p10–p90)", "ms a batch", "first step", "memory"]
    headings += ["error"] + ["to accuracy"] * trained + [f"ours / {peer}" for peer in peers]
    rows = []
    for result in results:
        row = [result.net, str(result.batch), result.label]
        speed, step = result.speed, result.step_seconds
        if speed is None or step is None or result.first_step is None or result.peak_memory is None:
            row += [result.status, "", "", ""]
        else:
            row.append(f"{speed.median:,.0f} ({speed.p10:,.0f}–{speed.p90:,.0f})")
            row += [f"{1000 * step:.2f}", f"{result.first_step:.2f} s", readable_size(result.peak_memory)]
        row.append("" if result.error is None else f"{result.error:.1e}")
        row += [_reached(result)] * trained
        row += [str(result.against.get(peer, "")) for peer in peers]
        rows.append(row)
    mode = "Training" if any(result.training for result in results) else "Prediction"
    return Table(f"{mode} of whole networks", headings, rows)


def _reached(result: NetworkResult) -> str:
    if result.to_accuracy is None:
        return ""
    seconds, epochs, accuracy = result.to_accuracy
    return f"{seconds:.1f} s ({epochs} epochs, {accuracy:.4f})"


def parts_table(result: NetworkResult) -> Table:
    """Our step by layer and pass, in its order; of a deep network the parts that take longest."""
    total = sum(result.parts.values())
    shown = _longest(result.parts)
    rows = [[name, f"{1000 * s:.3f}", f"{100 * s / total:.1f} %"] for name, s in shown.items()]
    what = "training step" if result.training else "predicted batch"
    title = f"{result.net}: one {what} on {result.label}, by layer and pass"
    return Table(title, ["layer and pass", "ms", "share"], [*rows, ["all", f"{1000 * total:.3f}", "100 %"]])


def _longest(parts: Mapping[str, float]) -> dict[str, float]:
    """The parts that take longest, in their order, and the sum of the others."""
    if len(parts) <= _MOST_PARTS:
        return dict(parts)
    least = sorted(parts.values())[-_MOST_PARTS + 1]
    shown = {name: seconds for name, seconds in parts.items() if seconds >= least}
    return shown | {f"{len(parts) - len(shown)} others": sum(parts.values()) - sum(shown.values())}


def problems(results: Sequence[NetworkResult]) -> list[str]:
    """A sentence for each contestant that is INVALID or failed."""
    return [f"{r.status}: {r.label}, {r.net}: {r.note}" for r in results if r.status != "ok"]


def network_lines(results: Sequence[NetworkResult]) -> list[str]:
    """What went wrong, which networks these are, and the conventions."""
    titles = dict.fromkeys(
        f"{r.net}: {NETS[r.net].title}, {NETS[r.net].parameters:,} parameters." for r in results
    )
    return [*problems(results), *titles, CONVENTIONS]


def picture(
    results: Sequence[NetworkResult],
) -> tuple[dict[str, dict[str, tuple[float, float, float]]], dict[str, dict[str, float]]]:
    """Speeds by network and contestant, and our parts by network, for `visualize.bench_plot`."""
    speeds: dict[str, dict[str, tuple[float, float, float]]] = {}
    for result in results:
        if result.speed is not None:
            own = speeds.setdefault(f"{result.net}, batches of {result.batch}", {})
            own[result.label] = (result.speed.median, result.speed.p10, result.speed.p90)
    return speeds, {result.net: _longest(result.parts) for result in results if result.parts}


def step_times(found: Mapping[int, Sequence[NetworkResult]]) -> Series:
    """(batch or threads, seconds of a step) by contestant."""
    series: Series = {}
    for number, results in found.items():
        for result in results:
            if result.step_seconds is not None:
                series.setdefault(result.label, []).append((number, result.step_seconds))
    return series


def scaling_table(found: Mapping[int, Sequence[NetworkResult]], what: str, title: str) -> Table:
    """One row for each number of threads or images in a batch, and contestant."""
    rows = []
    for number, results in found.items():
        for result in results:
            row = [str(number), result.label]
            if result.speed is None or result.step_seconds is None:
                rows.append([*row, result.status, ""])
            else:
                rows.append([*row, f"{1000 * result.step_seconds:.2f}", f"{result.speed.median:,.0f}"])
    return Table(title, [what, "contestant", "ms a step", "images/s"], rows)


def scaling_lines(series: Series) -> list[str]:
    """How well a + b·n describes the step of each contestant."""
    lines = []
    for name, points in series.items():
        if len(points) >= 3:
            a, b, worst = fit_line(points)
            lines.append(
                f"{name}: a step of n images takes {1000 * a:.2f} ms + {1000 * b:.4f} ms · n; "
                f"the point furthest off is off by {100 * worst:.0f} %."
            )
    return lines


def fit_line(points: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """a, b and the largest relative deviation of times t from a + b·n, (n, t) by least relative squares.

    >>> [round(value, 6) for value in fit_line([(8, 1.8), (16, 2.6), (32, 4.2)])]
    [1.0, 0.1, 0.0]
    """
    n, t = np.array(points, np.float64).T
    # Every equation is divided by its time, so that a small batch counts as much as a large one.
    matrix = np.stack([1 / t, n / t], axis=1)
    (a, b), *_ = np.linalg.lstsq(matrix, np.ones_like(t), rcond=None)
    return float(a), float(b), float(np.abs(matrix @ [a, b] - 1).max())
