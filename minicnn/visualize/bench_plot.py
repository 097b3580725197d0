"""Pictures of the benchmark lab: rooflines, bars of ratios, curves of scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..errors import ArgumentError, message
from .plot import WIDTH, PathLike, Picture

__all__ = ["bench_layers", "bench_networks", "bench_scaling"]

_INK, _FAINT = "#222222", "#d9d9d9"
# Okabe and Ito's palette, told apart under every kind of colour blindness; ours is the first.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#999999")
_MARKERS = {"forward": "o", "input_grad": "s", "weight_grad": "^"}
_DPI = 150

Point = tuple[str, str, float, float]  # contestant, pass, intensity, FLOP/s
Bar = tuple[str, Mapping[str, tuple[float, float, float]]]  # label, {peer: (ratio, low, high)}


def bench_layers(
    points: Sequence[Point],
    roof: tuple[float, float],
    bars: Sequence[Bar],
    path: PathLike | None = None,
    subject: str = "ours",
) -> Picture:
    """Draw every kernel under the measured roof, and below it the ratios to the peers, layer by layer.

    Parameters
    ----------
    points : (contestant, pass, FLOPs for each byte, FLOP/s) of every timed kernel.
    roof : FLOP/s of the matrix product, bytes/s of the triad.
    bars : a label for each pass of each layer, and {peer: (ratio, low, high)}.
    path : where to write the picture.
    subject : what the peers are compared with.

    >>> figure = bench_layers([("ours", "forward", 8.0, 4e10)], (1e11, 1e10), [])
    >>> figure.axes[0].get_xscale(), len(figure.axes)
    ('log', 1)
    """
    if not points:
        raise ArgumentError(message("bench_layers", "no kernel was timed: nothing to draw"))
    bars = [bar for bar in bars if bar[1]]
    heights = [4.6, 0.5 + 0.3 * len(bars)] if bars else [4.6]
    figure = Picture(figsize=(WIDTH, sum(heights) + 0.5), layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    _roofline(panels[0], points, roof)
    if bars:
        _ratios(panels[1], bars, subject)
    return _saved(figure, path)


def _roofline(axes: Axes, points: Sequence[Point], roof: tuple[float, float]) -> None:
    flops, bandwidth = roof
    intensities = np.array([point[2] for point in points])
    ridge = flops / bandwidth
    ends = min(intensities.min(), ridge) / 2, max(intensities.max(), ridge) * 2
    x = np.array([ends[0], ridge, ends[1]])
    axes.plot(x, np.minimum(flops, x * bandwidth) / 1e9, color=_INK, lw=1.5)
    words = f"GEMM {flops / 1e9:.0f} GFLOP/s"
    axes.annotate(words, (ends[1], flops / 1e9), xytext=(0, 4), textcoords="offset points", ha="right")
    middle = np.sqrt(ends[0] * ridge)
    words, at = f"triad {bandwidth / 1e9:.1f} GB/s ", (middle, middle * bandwidth / 1e9)
    axes.annotate(words, at, xytext=(-4, 6), textcoords="offset points", ha="right")
    names = list(dict.fromkeys(point[0] for point in points))
    for number, name in enumerate(names):
        for which, marker in _MARKERS.items():
            found = [point for point in points if point[:2] == (name, which)]
            xy = [p[2] for p in found], [p[3] / 1e9 for p in found]
            colour = _COLOURS[number % len(_COLOURS)]
            axes.scatter(*xy, s=26, marker=marker, color=colour, alpha=0.85, linewidths=0)
        axes.scatter([], [], s=26, color=_COLOURS[number % len(_COLOURS)], label=name)
    for which, marker in _MARKERS.items():
        if any(point[1] == which for point in points):
            axes.scatter([], [], s=26, marker=marker, color=_INK, label=which.replace("_", " "))
    axes.set(xscale="log", yscale="log", xlabel="FLOPs for each compulsory byte", ylabel="GFLOP/s")
    axes.set_title("Roofline, measured roofs", loc="left", color=_INK)
    _plain(axes)
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _ratios(axes: Axes, bars: Sequence[Bar], subject: str) -> None:
    peers = list(dict.fromkeys(peer for _, ratios in bars for peer in ratios))
    height = 0.8 / len(peers)
    for number, peer in enumerate(peers):
        rows = [(row, ratios[peer]) for row, (_, ratios) in enumerate(bars) if peer in ratios]
        y = [row - 0.4 + (number + 0.5) * height for row, _ in rows]
        values = np.array([value for _, value in rows])
        errors = np.abs(values[:, 1:].T - values[:, 0])
        colour = _COLOURS[(number + 1) % len(_COLOURS)]
        # From 1, and on a logarithmic axis: twice as fast and half as fast are equally long.
        axes.barh(y, values[:, 0] - 1, height * 0.9, left=1, color=colour, label=peer)
        axes.errorbar(values[:, 0], y, xerr=errors, fmt="none", ecolor=_INK, elinewidth=0.8)
    axes.axvline(1, color=_INK, lw=1)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(bars)), [label for label, _ in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    text = f"peer's time over {subject} (right of the line: {subject} is faster), 95 % interval"
    axes.set_xlabel(text)
    axes.set_title("Ratio to each peer", loc="left", color=_INK)
    _plain(axes)
    axes.legend(frameon=False, fontsize=9)


def bench_networks(
    speeds: Mapping[str, Mapping[str, tuple[float, float, float]]],
    parts: Mapping[str, Mapping[str, float]],
    path: PathLike | None = None,
) -> Picture:
    """Draw images a second of every contestant at every network, and where our step spends its time.

    `speeds` is {network: {contestant: (median, p10, p90)}}, `parts` {network: {layer and pass: seconds}}.

    >>> figure = bench_networks({"mnist": {"ours": (100.0, 90.0, 110.0)}}, {})
    >>> len(figure.axes)
    1
    """
    if not speeds:
        raise ArgumentError(message("bench_networks", "no network was timed: nothing to draw"))
    longest = max((len(times) for times in parts.values()), default=0)
    heights = [1.2 + 0.35 * max(map(len, speeds.values()))] * len(speeds)
    heights += [1.0 + 0.22 * longest] if parts else []
    figure = Picture(figsize=(WIDTH, sum(heights)), layout="constrained")
    panels = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (network, contestants) in zip(panels, speeds.items(), strict=False):
        values = np.array(list(contestants.values()))
        colours = [_COLOURS[number % len(_COLOURS)] for number in range(len(values))]
        axes.barh(list(contestants), values[:, 0], 0.7, color=colours)
        errors = np.abs(values[:, 1:].T - values[:, 0])
        axes.errorbar(values[:, 0], list(contestants), xerr=errors, fmt="none", ecolor=_INK, elinewidth=0.8)
        axes.invert_yaxis()
        axes.set_xlabel("images a second, p10–p90")
        axes.set_title(network, loc="left", color=_INK)
        _plain(axes)
    if parts:
        network, times = next(iter(parts.items()))
        axes = panels[-1]
        axes.barh(list(times), [1000 * value for value in times.values()], 0.7, color=_COLOURS[0])
        axes.invert_yaxis()
        axes.set_xlabel("milliseconds of one step")
        axes.set_title(f"{network}: our step by layer and pass", loc="left", color=_INK)
        _plain(axes)
    return _saved(figure, path)


def bench_scaling(
    series: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], path: PathLike | None = None
) -> Picture:
    """Draw times over batch sizes and threads: {"batch": {contestant: [(batch, seconds of a step)]}, …}.

    >>> figure = bench_scaling({"batch": {"ours": [(8, 0.01), (16, 0.02)]}})
    >>> figure.axes[0].get_xlabel()
    'batch'
    """
    drawn = {what: lines for what, lines in series.items() if any(lines.values())}
    if not drawn:
        raise ArgumentError(message("bench_scaling", "nothing was timed: nothing to draw"))
    figure = Picture(figsize=(WIDTH, 3.6), layout="constrained")
    panels = figure.subplots(1, len(drawn), squeeze=False, sharey=True)[0]
    for axes, (what, lines) in zip(panels, drawn.items(), strict=True):
        for number, (name, points) in enumerate(lines.items()):
            x, y = np.array(points).T
            colour = _COLOURS[number % len(_COLOURS)]
            axes.plot(x, 1000 * y, "o-", color=colour, label=name, lw=1.5, ms=4)
        axes.set(xscale="log", yscale="log", xlabel=what, ylabel="milliseconds of a step")
        ticks = sorted({point[0] for points in lines.values() for point in points})
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.tick_params(axis="x", which="minor", length=0, labelbottom=False)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
        axes.tick_params(axis="y", which="minor", labelleft=axes is panels[0])
        axes.set_title(f"scaling with {what}", loc="left", color=_INK)
        _plain(axes)
        axes.legend(frameon=False, fontsize=9)
    return _saved(figure, path)


def _plain(axes: Axes) -> None:
    """A grid that stays behind, and no frame."""
    axes.grid(color=_FAINT, lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _saved(figure: Any, path: PathLike | None) -> Any:
    if path is not None:
        figure.savefig(path, dpi=_DPI)
    return figure
