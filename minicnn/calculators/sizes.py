"""Output sizes with their formula written out, and the question turned round: which padding keeps 32?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..checks import whole
from ..errors import ArgumentError, message
from ..geometry import extent, resolve_transposed_window, resolve_window, size_formula

__all__ = ["OutputSize", "output_size", "solve", "transposed_size"]

_AXIS = 0  # one axis is asked for; both are the same in a square


@dataclass(frozen=True)
class OutputSize:
    """How many positions a window has along one axis; printing it explains the number.

    `pad` is what was added (before, after), `lost` how many pixels of the padded input no window reaches.
    """

    size: int
    formula: str
    pad: tuple[int, int]
    lost: int
    why: str = ""

    def __int__(self) -> int:
        return self.size

    __index__ = __int__

    def __str__(self) -> str:
        return f"{self.formula}\n{self.why}".rstrip()


def output_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: Any = "valid",
    dilation: int = 1,
    ceil_mode: bool = False,
) -> OutputSize:
    """Positions of a window: ``⌊(size + before + after − dilation·(kernel − 1) − 1) / stride⌋ + 1``.

    `padding` is ``"valid"``, ``"same"``, an integer for both ends or (before, after). Raises ShapeError
    where the window does not fit. Source: Dumoulin & Visin, "A guide to convolution arithmetic" (2016).

    >>> print(output_size(227, kernel=11, stride=4))
    ⌊(227 + 0 + 0 − 11) / 4⌋ + 1 = 55
    The windows cover every pixel.
    >>> print(output_size(32, kernel=5, stride=2))
    ⌊(32 + 0 + 0 − 5) / 2⌋ + 1 = 14
    (32 − 5) / 2 = 13.5 is rounded down to 13: the last pixel is in no window.
    """
    where = "output_size"
    size, kernel = whole(size, "size", where), whole(kernel, "kernel", where)
    pads = (tuple(padding), tuple(padding)) if isinstance(padding, list | tuple) else padding
    window, out = resolve_window(
        where, (size, size), (kernel, kernel), stride, pads, dilation, ceil_mode=ceil_mode
    )
    pad, room = window.pad[_AXIS], size + sum(window.pad[_AXIS]) - extent(kernel, dilation)
    formula = size_formula(size, kernel, stride, pad, dilation)
    return OutputSize(
        out[_AXIS], formula, pad, room % stride, _why(room, stride, size, pad, kernel, dilation)
    )


def _why(room: int, stride: int, size: int, pad: tuple[int, int], kernel: int, dilation: int) -> str:
    """Say what the floor does, and which pixels it costs."""
    lost = room % stride
    if not lost:
        return "The windows cover every pixel."
    padded = size + sum(pad)
    of = f"of the {padded} with padding " if sum(pad) else ""
    pixels = f"the last pixel {of}is" if lost == 1 else f"the last {lost} pixels {of}are"
    division = f"({padded} − {extent(kernel, dilation)}) / {stride} = {room / stride:g}"
    spared = ", all of them padding" if lost <= pad[1] else ""
    return f"{division} is rounded down to {room // stride}: {pixels} in no window{spared}."


def transposed_size(
    size: int,
    kernel: int,
    stride: int = 1,
    padding: str = "valid",
    output_padding: int | None = None,
    dilation: int = 1,
) -> OutputSize:
    """Size behind a transposed window: ``(size − 1)·stride + dilation·(kernel − 1) + 1 − before − after``.

    Pixels that no window writes may follow, see `output_padding`. The rules are Keras'.

    >>> print(transposed_size(14, kernel=3, stride=2, padding="same"))
    (14 − 1)·2 + 3 − 0 − 1 = 28
    It undoes a convolution: ⌊(28 + 0 + 1 − 3) / 2⌋ + 1 = 14
    """
    where = "transposed_size"
    size, kernel = whole(size, "size", where), whole(kernel, "kernel", where)
    more = None if output_padding is None else (output_padding, output_padding)
    window, out = resolve_transposed_window(
        where, (size, size), (kernel, kernel), stride, padding, more, dilation
    )
    (before, after), reach, result = window.pad[_AXIS], extent(kernel, dilation), out[_AXIS]
    unwritten = result - ((size - 1) * stride + reach - before - after)
    extra = f" + {unwritten}" if unwritten else ""
    formula = f"({size} − 1)·{stride} + {reach} − {before} − {after}{extra} = {result}"
    why = f"It undoes a convolution: {size_formula(result, kernel, stride, (before, after), dilation)}"
    return OutputSize(result, formula, (before, after), 0, why)


def solve(
    output: int,
    size: int | None = None,
    kernel: int | None = None,
    stride: int | None = 1,
    padding: Any = None,
    dilation: int = 1,
) -> list[tuple[Any, OutputSize]]:
    """All values of the one argument that is None with which the output has `output` positions.

    The missing one may be `padding` (pairs before, after, as equal as possible), `kernel`, `stride` (not
    above the padded size) or `size`. Values that lose no pixel come first.

    >>> [value for value, _ in solve(32, size=32, kernel=5)]
    [(2, 2)]
    >>> [value for value, _ in solve(16, size=32, kernel=3, stride=2)]
    [(0, 1), (1, 1)]
    >>> [value for value, _ in solve(26, size=28, padding="valid")]
    [3]
    """
    where = "solve"
    output = whole(output, "output", where)
    given = {"size": size, "kernel": kernel, "stride": stride, "padding": padding}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) != 1:
        got = f"{', '.join(missing) or 'none'} left open"
        expected = "exactly one of size, kernel, stride, padding to be None"
        raise ArgumentError(message(where, "what is asked for is not clear", expected=expected, got=got))
    for name in ("size", "kernel", "stride"):
        if given[name] is not None:
            whole(given[name], name, where)
    found = []
    for value in _candidates(missing[0], output, given, whole(dilation, "dilation", where)):
        try:
            result = output_size(**(given | {missing[0]: value}), dilation=dilation)
        except ValueError as error:  # the window does not fit: no solution, unless nothing else would be
            if isinstance(error, ArgumentError):
                raise
            continue
        if result.size == output:
            found.append((value, result))
    return sorted(found, key=lambda pair: pair[1].lost)


def _candidates(missing: str, output: int, given: dict[str, Any], dilation: int) -> Iterator[Any]:
    """What may be the answer; enough values, as every size grows by what they add."""
    size, kernel, stride = given["size"], given["kernel"], given["stride"]
    padding = given["padding"]
    pads = (
        0 if isinstance(padding, str) else 2 * padding if isinstance(padding, int) else sum(padding or (0,))
    )
    if missing == "padding":
        largest = output * stride + extent(kernel, dilation)
        yield from ((total // 2, total - total // 2) for total in range(max(largest - size, 0) + 1))
    elif missing == "kernel" or missing == "stride":
        yield from range(1, size + pads + 1)
    else:
        yield from range(1, output * stride + extent(kernel, dilation) + 1)
