"""The table of a model's layers, as `model.summary()` prints it."""

from __future__ import annotations

import io
from typing import Any

from ..errors import ArgumentError
from ..layers.core import InputLayer
from .functional import GraphModel

_UNITS = ("B", "KB", "MB", "GB", "TB")


def readable_size(nbytes: float) -> str:
    """Bytes with a unit of 1,024, as Keras prints them.

    >>> readable_size(373288)
    '364.54 KB'
    """
    unit = 0
    while nbytes >= 1024 and unit < len(_UNITS) - 1:
        nbytes, unit = nbytes / 1024, unit + 1
    return f"{nbytes:.2f} {_UNITS[unit]}"


def _rows(model: Any) -> list[tuple[str, str, str, str]]:
    """Layer (type), output shape, parameters and what it is connected to."""
    rows = []
    for layer in model.layers:
        node = next((node for node in layer._nodes if node in _nodes(model)), None)
        shape = ", ".join(_shape(symbol.shape) for symbol in node.outputs) if node else "?"
        params = f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"
        sources = ", ".join(dict.fromkeys(symbol.name for symbol in node.input_symbols)) if node else "-"
        rows.append((f"{layer.name} ({type(layer).__name__})", shape, params, sources or "-"))
    return rows


def _nodes(model: Any) -> list[Any]:
    if not isinstance(model, GraphModel):
        return []
    try:
        return [*(symbol.node for symbol in model.inputs), *model.graph.nodes]
    except ArgumentError:  # a Sequential without input shape
        return []


def _shape(shape: Any) -> str:
    return "(" + ", ".join(str(size) for size in shape) + ("," if len(shape) == 1 else "") + ")"


def _is_chain(model: Any) -> bool:
    return not any(isinstance(layer, InputLayer) for layer in model.layers)


def summary_text(model: Any, line_length: int | None = None) -> str:
    """The summary as text: a table, then the totals."""
    from rich.box import HEAVY_HEAD
    from rich.console import Console
    from rich.table import Table

    columns = ["Layer (type)", "Output Shape", "Param #"]
    if not _is_chain(model):
        columns.append("Connected to")
    table = Table(box=HEAVY_HEAD, show_lines=True, width=line_length or (78 if len(columns) == 3 else 98))
    for column in columns:
        table.add_column(column, justify="right" if column == "Param #" else "left", overflow="fold")
    for row in _rows(model):
        table.add_row(*row[: len(columns)])
    console = Console(file=io.StringIO(), width=line_length or 120, color_system=None)
    console.print(table)
    lines = [f'Model: "{model.name}"', console.file.getvalue().rstrip()]  # type: ignore[attr-defined]
    return "\n".join(lines + _totals(model))


def _totals(model: Any) -> list[str]:
    groups = {
        "Total params": model.weights,
        "Trainable params": model.trainable_weights,
        "Non-trainable params": model.non_trainable_weights,
    }
    lines = []
    for title, weights in groups.items():
        nbytes = sum(parameter.data.nbytes for parameter in weights)
        lines.append(f" {title}: {sum(p.size for p in weights):,} ({readable_size(nbytes)})")
    return lines
