"""Images that a window fits into, for the rows of layers with one."""

from __future__ import annotations

from typing import Any

from tests.layer_table.base import Draw


def both(value: Any) -> tuple[int, int]:
    """(3, 3) from 3."""
    return value if isinstance(value, tuple) else (value, value)


def image(d: Draw, kernel: Any, padding: str, channels: int, dilation: Any = 1) -> tuple[int, ...]:
    """A batch of images into which the window fits; with "same" they may be smaller than it."""
    reaches = [(k - 1) * step + 1 for k, step in zip(both(kernel), both(dilation), strict=True)]
    h, w = (d.integer(1 if padding == "same" else reach, reach + 5) for reach in reaches)
    return d.integer(1, 3), h, w, channels
