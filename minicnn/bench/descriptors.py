"""Problem descriptors: a convolution in one word, as oneDNN's benchdnn writes it.

``mb64ic32ih13oc64oh11kh3sh1ph0`` is a batch of 64 images of 13×13 with 32 channels, convolved to 11×11
with 64 filters of 3×3. The words, in any order, with ``_`` between them where that helps:

============  ==========================================================================
``g``         groups (1)                    ``mb``  images in the batch (2)
``ic ih iw``  input channels, height and width
``oc oh ow``  output channels, height and width
``kh kw``     kernel height and width       ``sh sw``  strides (1)
``ph pw``     padding at the top and on the left
``dh dw``     dilation: the pixels *between* two taps, so 0 (the default) is none; Keras' rate is one more
``n"name"``   a name, the last word
============  ==========================================================================

Without any width, columns are like rows; with one, iw and kw may be left out where they equal ih and kh, and
strides, padding and dilation are written for both. Without oh the padding is the same at both ends; without
ph it is half of what the windows need, and the rest goes to the end; without both it is 0. Given both, the
padding at the end is what the last window needs.

Source: oneDNN, tests/benchdnn/doc/driver_conv.md and str2desc of its convolution driver.
"""

from __future__ import annotations

import re

from ..errors import ArgumentError, message
from ..geometry import Window, extent, output_size
from .problem import Problem, needed_padding

__all__ = ["describe", "parse"]

_KEYS = ("g", "mb", "ic", "ih", "iw", "oc", "oh", "ow", "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw")
_WORD = re.compile(r"_*(g|mb|[io][chw]|[kspd][hw])(\d{1,9})_*")
_NAME = re.compile(r'_*n(?:"([^"]*)"|(.*))$')
_MAY_BE_ZERO = {"ph", "pw", "dh", "dw"}


def parse(text: str) -> Problem:
    """Read a descriptor; ArgumentError says what is malformed, missing or inconsistent in it.

    >>> layer = parse("mb64ic32ih13oc64oh11kh3sh1ph0")
    >>> layer.x_shape, layer.w_shape, layer.y_shape
    ((64, 13, 13, 32), (3, 3, 32, 64), (64, 11, 11, 64))
    """
    values, name = _words(text)
    for key, what in (("ic", "input channels"), ("oc", "output channels")):
        if key not in values:
            raise _error(text, f"it lacks {key}, the {what}")
    rows = _axis(text, values, "h", "height")
    # Without any word about the width, columns are like rows.
    has_width = any(key in values for key in ("iw", "ow", "kw", "sw", "pw", "dw"))
    columns = _axis(text, _with_width(text, values), "w", "width") if has_width else rows
    in_hw, out_hw, kernel_hw, stride, pads, dilation = zip(rows, columns, strict=True)
    groups, channels, filters = values.get("g", 1), values["ic"], values["oc"]
    if channels % groups or filters % groups:
        expected = f"a divisor of ic{channels} and oc{filters}"
        raise _error(text, "the groups do not divide evenly", expected, f"g{groups}")
    window = Window(stride, pads, dilation)
    return Problem(values.get("mb", 2), in_hw, channels, filters, kernel_hw, out_hw, window, groups, name)


def describe(problem: Problem) -> str:
    """The descriptor of a problem, which `parse` reads back to an equal one; as short as it can be.

    >>> describe(parse("g1_mb64_ic32ih13iw13_oc64oh11ow11_kh3kw3_sh1sw1_ph0pw0_dh0dw0"))
    'mb64ic32ih13oc64oh11kh3sh1ph0'
    """
    (ih, iw), (oh, ow), (kh, kw) = problem.in_hw, problem.out_hw, problem.kernel_hw
    (sh, sw), ((ph, _), (pw, _)), (dh, dw) = problem.g
    words = [
        f"g{problem.groups}" if problem.groups > 1 else "",
        f"mb{problem.batch}",
        f"ic{problem.channels}",
    ]
    # The last word says whether columns differ from rows anywhere: then all widths are written.
    wide = (ih, oh, kh, sh, ph, dh) != (iw, ow, kw, sw, pw, dw)
    pairs = [("i", ih, iw), ("o", oh, ow), ("k", kh, kw), ("s", sh, sw), ("p", ph, pw)]
    if (dh, dw) != (1, 1):
        pairs.append(("d", dh - 1, dw - 1))
    for letter, high, across in pairs:
        words.append(f"oc{problem.filters}" if letter == "o" else "")
        words.append(f"{letter}h{high}" + (f"{letter}w{across}" if wide else ""))
    words.append(f'n"{problem.name}"' if problem.name else "")
    return "".join(words)


def _words(text: str) -> tuple[dict[str, int], str]:
    """Numbers by word, and the name."""
    values: dict[str, int] = {}
    at, name = 0, ""
    while at < len(text):
        named = _NAME.match(text, at)
        if named:
            name = named.group(1) if named.group(1) is not None else named.group(2)
            if '"' in name:
                raise _error(text, "there is a quotation mark inside the name")
            break
        word = _WORD.match(text, at)
        if word is None:
            expected = 'a word such as mb64, ic32, ih13, oc64, oh11, kh3, sh1, ph0 or n"name"'
            raise _error(text, f"it cannot be read from character {at + 1} on", expected, repr(text[at:]))
        key, value = word.group(1), int(word.group(2))
        if key in values:
            raise _error(text, f"{key} is given twice")
        if value < 1 and key not in _MAY_BE_ZERO:
            raise _error(text, f"{key} is too small", "at least 1", value)
        values[key], at = value, word.end()
    return values, name


def _with_width(text: str, values: dict[str, int]) -> dict[str, int]:
    """The words with iw and kw filled in from the heights.

    benchdnn would take a missing sw, pw or dw for its default though sh, ph or dh is another: such a
    descriptor is refused, so that none means one thing here and another there.
    """
    full = {"iw": values.get("ih", 0), "kw": values.get("kh", 0)} | values
    for width, height, default in (("sw", "sh", 1), ("dw", "dh", 0), ("pw", "ph", 0)):
        derived = width == "pw" and "ow" in values
        if width not in values and values.get(height, default) != default and not derived:
            expected = f"{width}{values[height]} or another number beside {height}{values[height]}"
            raise _error(text, f"it has widths of its own but no {width}", expected)
    return {key: value for key, value in full.items() if value or key in values}


def _axis(text: str, values: dict[str, int], letter: str, what: str) -> tuple:
    """Size, output size, kernel, stride, (before, after) and dilation along one axis."""
    for key in (f"i{letter}", f"k{letter}"):
        if key not in values:
            raise _error(text, f"it lacks {key}, the {what} of the {'input' if key[0] == 'i' else 'kernel'}")
    size, kernel, stride = values[f"i{letter}"], values[f"k{letter}"], values.get(f"s{letter}", 1)
    dilation, before, out = (
        values.get(f"d{letter}", 0) + 1,
        values.get(f"p{letter}"),
        values.get(f"o{letter}"),
    )
    if out is None:
        before = before or 0
        out = output_size(size, kernel, stride, (before, before), dilation)
        if out < 1:
            problem = f"the kernel does not fit into the {what}"
            room = f"k{letter} with its dilation at most {size + 2 * before}"
            raise _error(text, problem, room, extent(kernel, dilation))
    elif before is None:
        before = max(needed_padding(size, out, kernel, stride, 0, dilation), 0) // 2
    after = needed_padding(size, out, kernel, stride, before, dilation)
    reach = extent(kernel, dilation)
    if before >= reach or after >= reach:
        raise _error(text, f"windows would lie in the padding alone, by p{letter}{before} and o{letter}{out}")
    if after <= -stride:
        fits = output_size(size, kernel, stride, (before, 0), dilation)
        expected = f"at least o{letter}{fits}, the windows that fit"
        raise _error(text, f"o{letter} is too small for the other sizes", expected, f"o{letter}{out}")
    return size, out, kernel, stride, (before, max(after, 0)), dilation


def _error(text: str, problem: str, expected: object = None, got: object = None) -> ArgumentError:
    return ArgumentError(message(f"descriptor {text[:80]!r}", problem, expected=expected, got=got))
