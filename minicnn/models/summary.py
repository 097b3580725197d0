"""The table of a model's layers, as `model.summary()` prints it: Keras' look, wider where asked for."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..calculators import LayerFacts, layer_facts, totals
from ..checks import is_number, whole
from ..errors import ArgumentError, message
from ..layers.base import Layer
from .rows import Entry, entries, graph_of, is_branched

if TYPE_CHECKING:
    from rich.table import Table

_UNITS = ("B", "KB", "MB", "GB", "TB")
# Where the columns end, as shares of the line.
_CHAIN, _BRANCHED = [0.45, 0.80, 1.0], [0.3, 0.56, 0.74, 1.0]
_WIDE = ("MACs", "Memory", "Sees")


def readable_size(nbytes: float) -> str:
    """Bytes with a unit of 1,024, as Keras prints them.

    >>> readable_size(373288)
    '364.54 KB'
    """
    unit = 0
    while nbytes >= 1024 and unit < len(_UNITS) - 1:
        nbytes, unit = nbytes / 1024, unit + 1
    return f"{nbytes:.2f} {_UNITS[unit]}"


def summary_text(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
    wide: bool = False,
) -> str:
    """The summary as text: a table, then the totals; see `Model.summary` for the arguments."""
    from rich.console import Console

    rows = entries(model)
    columns = _Columns(model, rows, show_trainable, wide)
    chosen = rows[_range(rows, layer_range, model.where)] if layer_range is not None else rows
    length, table = columns.table(line_length, positions, model.where)
    for entry in chosen:
        for cells in columns.cells(entry, expand_nested):
            table.add_row(*cells)
    console = Console(
        file=io.StringIO(),
        width=length,
        color_system=None,
        highlight=False,
        markup=False,
        force_jupyter=False,
    )
    console.print(table)
    text = console.file.getvalue().rstrip()  # type: ignore[attr-defined]
    return "\n".join([f'Model: "{model.name}"', text, *_totals(model), *columns.sums()])


class _Columns:
    """Which columns a summary has, and what stands in them."""

    def __init__(self, model: Any, rows: list[Entry], show_trainable: bool, wide: bool) -> None:
        self.branched, self.show_trainable = is_branched(model), show_trainable
        self.facts: dict[int, list[LayerFacts]] | None = None
        self.everything: list[LayerFacts] = []
        if wide:
            self.everything, self.facts = layer_facts(model), {}
            for one in self.everything:
                self.facts.setdefault(id(one.node), []).append(one)
        self.names = {id(node): entry.name for entry in rows for node in entry.nodes}

    def table(self, length: int | None, positions: Sequence[float] | None, where: str) -> tuple[int, Table]:
        """The width of the whole, and the table with its columns."""
        from rich.table import Column, Table

        if length is not None:
            whole(length, "line_length", f"summary of {where}")
        given = isinstance(positions, list | tuple) and all(is_number(p) for p in positions)
        if positions is not None and not given:
            expected, got = "a list of shares of the line", repr(positions)
            raise ArgumentError(message(f"summary of {where}", "positions", expected=expected, got=got))
        titles = ["Layer (type)", "Output Shape", "Param #"]
        titles += ["Connected to"] if self.branched else []
        shares, default = (_BRANCHED, 108) if self.branched else (_CHAIN, 88)
        ends = list(shares if positions is None else positions)
        if self.show_trainable:
            titles, default, ends = [*titles, "Trainable"], default + 12, [0.9 * p for p in ends] + [1.0]
        if self.facts is not None:
            titles, default = [*titles, *_WIDE], default + 40
            ends = [0.68 * p for p in ends] + [0.81, 0.92, 1.0]
        length = length or min(default, shutil.get_terminal_size().columns - 4)
        widths = [
            int(end * length) - int(start * length) for start, end in zip([0, *ends], ends, strict=False)
        ]
        if len(ends) != len(titles) or min(widths) < 4:
            expected = f"{len(shares)} rising shares of a line that leave each column 4 characters"
            got = f"positions={list(shares if positions is None else positions)}, line_length={length}"
            raise ArgumentError(message(f"summary of {where}", "no room", expected=expected, got=got))
        right = {"Param #", *_WIDE}
        columns = [
            Column(title, justify="right" if title in right else "left", width=width)
            for title, width in zip(titles, widths, strict=True)
        ]
        if self.show_trainable:
            columns[titles.index("Trainable")].justify = "center"
        return length, Table(*columns, width=length, show_lines=True)

    def cells(self, entry: Entry, expand: bool, level: int = 0) -> list[list[str]]:
        """The cells of a row; of a nested model's layers too, if they are wanted."""
        op, prefix = entry.op, "   " * level + "└ " if level else ""
        cells = [f"{prefix}{entry.name} ({entry.kind})", _shapes(entry), _params(op)]
        if self.branched:
            cells.append(self._sources(entry) or "-")
        if self.show_trainable:
            weights = op.weights if isinstance(op, Layer) else []
            cells.append(("Y" if op.trainable else "N") if weights else "-")
        if self.facts is not None:
            cells += self._wide(entry)
        rows = [cells]
        if expand and getattr(op, "layers", None):
            nodes = getattr(graph_of(op), "nodes", [])
            for layer in op.layers:
                calls = tuple(node for node in nodes if node.op is layer) or tuple(layer._nodes)
                inner = Entry(layer, layer.name, type(layer).__name__, calls)
                rows += self.cells(inner, expand, level + 1)
        return rows

    def _sources(self, entry: Entry) -> str:
        """``name[call][output]`` of everything that the calls in this model take."""
        found = []
        for node in entry.nodes:
            for symbol in node.input_symbols if id(node) in self.names else ():
                source = symbol.node
                calls = source.op._nodes if isinstance(source.op, Layer) else [source]
                name = self.names.get(id(source), source.name)
                output = [id(one) for one in source.outputs].index(id(symbol))  # == would make a node
                found.append(f"{name}[{calls.index(source)}][{output}]")
        return ", ".join(found)

    def _wide(self, entry: Entry) -> list[str]:
        """MACs and memory of all calls, receptive field of the last."""
        found = [one for node in entry.nodes for one in (self.facts or {}).get(id(node), [])]
        if not found:
            return ["-"] * len(_WIDE)
        sums, field = totals(found), found[-1].receptive_field
        memory = "?" if sums.activation_bytes is None else readable_size(sums.activation_bytes)
        return [_count(sums.macs), memory, "?" if field is None else f"{field[0]}×{field[1]}"]

    def sums(self) -> list[str]:
        """What a wide summary adds at the end."""
        if self.facts is None:
            return []
        sums = totals(self.everything)
        size = "?" if sums.activation_bytes is None else readable_size(sums.activation_bytes)
        return [
            f" MACs per image: {_count(sums.macs)} (2 FLOPs each)",
            f" Memory per image: {size} of outputs",
        ]


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _shapes(entry: Entry) -> str:
    """The output shape of the last call, "?" before any."""
    nodes = entry.op._nodes if isinstance(entry.op, Layer) else entry.nodes
    if not nodes:
        return "?"
    shapes = [f"({', '.join(map(str, symbol.shape))})" for symbol in nodes[-1].outputs]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _params(op: Any) -> str:
    if not isinstance(op, Layer):
        return "0"
    return f"{op.count_params():,}" if op.built else "0 (unbuilt)"


def _range(rows: list[Entry], layer_range: Sequence[str], where: str) -> slice:
    """The rows from the first that matches one pattern to the last that matches the other."""
    right = isinstance(layer_range, list | tuple) and len(layer_range) == 2
    if not right or not all(isinstance(item, str) for item in layer_range):
        expected = "two names or patterns, (first, last)"
        problem = "layer_range"
        raise ArgumentError(message(f"summary of {where}", problem, expected=expected, got=repr(layer_range)))
    try:
        first, last = (
            [i for i, row in enumerate(rows) if re.match(pattern, row.name)] for pattern in layer_range
        )
    except re.error as error:
        problem = f"layer_range is no regular expression ({error})"
        raise ArgumentError(message(f"summary of {where}", problem, got=repr(layer_range))) from None
    if not first or not last:
        names = ", ".join(row.name for row in rows)
        problem = "layer_range names no layer"
        raise ArgumentError(
            message(f"summary of {where}", problem, expected=f"two of {names}", got=repr(layer_range))
        )
    if first[0] > last[-1]:
        return slice(last[0], first[-1] + 1)
    return slice(first[0], last[-1] + 1)


def _totals(model: Any) -> list[str]:
    """Numbers and bytes of the weights, and of the optimizer's state once there is one."""
    groups = {
        "Total": model.weights,
        "Trainable": model.trainable_weights,
        "Non-trainable": model.non_trainable_weights,
    }
    counts = {name: sum(p.size for p in group) for name, group in groups.items()}
    sizes = {name: sum(p.data.nbytes for p in group) for name, group in groups.items()}
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and optimizer.iterations:
        arrays = optimizer.state_arrays(model.trainable_weights).values()
        scalars = 2 if isinstance(optimizer.get_config().get("learning_rate"), float) else 1  # steps, rate
        counts["Optimizer"] = sum(array.size for array in arrays) + scalars
        sizes["Optimizer"] = sum(array.nbytes for array in arrays) + 4 * scalars
        counts["Total"] += counts["Optimizer"]
        sizes["Total"] += sizes["Optimizer"]
    return [f" {name} params: {counts[name]:,} ({readable_size(sizes[name])})" for name in counts]
