"""Arithmetic on networks before anything is computed: sizes, parameters, MACs, memory, receptive fields.

>>> from minicnn import calculators as calc
>>> int(calc.output_size(227, kernel=11, stride=4))
55
"""

from __future__ import annotations

from ..layers.promised import without_memory
from .facts import LayerFacts, Totals, layer_facts, totals
from .memory import Memory, training_memory
from .parameters import Count, Stack, conv_parameters, dense_parameters, stack
from .sizes import OutputSize, output_size, solve, transposed_size
from .table import notes_rows, notes_table

__all__ = [
    "Count",
    "LayerFacts",
    "Memory",
    "OutputSize",
    "Stack",
    "Totals",
    "conv_parameters",
    "dense_parameters",
    "layer_facts",
    "notes_rows",
    "notes_table",
    "output_size",
    "solve",
    "stack",
    "totals",
    "training_memory",
    "transposed_size",
    "without_memory",
]
