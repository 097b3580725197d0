"""The table of layers: one row for each, read by the conformance suite and by the cross-check.

A further layer is one more row: an example worked out by hand, an example with its sizes, and a
function that draws random configurations which Keras knows too. Rows stand in a file for their
theme, named as the file of the layer in minicnn/layers/; a new file is imported here and added to ROWS.
"""

from __future__ import annotations

from tests.layer_table import (
    activation,
    conv,
    conv_transpose,
    core,
    noise,
    norm,
    pool,
    separable,
    shape,
    spatial,
)
from tests.layer_table.base import Config, Draw, Row

__all__ = ["ROWS", "Config", "Draw", "Row"]

ROWS: list[Row] = [
    *conv.ROWS,
    *conv_transpose.ROWS,
    *separable.ROWS,
    *pool.ROWS,
    *spatial.ROWS,
    *shape.ROWS,
    *core.ROWS,
    *activation.ROWS,
    *norm.ROWS,
    *noise.ROWS,
]
