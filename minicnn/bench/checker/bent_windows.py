"""Bugs of windows: what each does to the maps of a call, in the ways it is usually written.

Every function here returns the same names for every case. None means that a kernel with this bug cannot
answer this case at all, or that nobody knows what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from ...geometry import output_size
from .bending import Bent, Variants, is_forward, lines

__all__ = [
    "added",
    "clipped",
    "crossed",
    "flipped",
    "one_tap",
    "other_end",
    "overwritten",
    "shifted",
    "shortened",
    "swapped",
    "uncut",
    "unpadded",
    "without_dilation",
    "without_stride",
    "wrapped",
]

Change = Callable[[Bent, int], np.ndarray]


def _by_axis(b: Bent, change: Change) -> Variants:
    """The same change to the rows, the columns, and both."""
    rows, columns = change(b, 0), change(b, 1)
    return {
        "": replace(b, rows=rows, columns=columns),
        "in the rows": replace(b, rows=rows),
        "in the columns": replace(b, columns=columns),
    }


def _maps(b: Bent, axis: int) -> np.ndarray:
    return b.columns if axis else b.rows


def _refitted(b: Bent, **one: int) -> Bent | None:
    """Windows laid out anew with stride or dilation 1, or without padding (``pad=0``), as many as fit."""
    p, found = b.problem, []
    for axis in (0, 1):
        pad = p.g.pad[axis] if "pad" not in one else (0, 0)
        stride, dilation = one.get("stride", p.g.stride[axis]), one.get("dilation", p.g.dilation[axis])
        count = output_size(p.in_hw[axis], p.kernel_hw[axis], stride, pad, dilation)
        if count < 1:
            return None
        found.append(lines(p, axis, count, stride, dilation) + p.g.pad[axis][0] - pad[0])
    return replace(b, rows=found[0], columns=found[1])


def _sized(b: Bent, **one: int) -> Variants:
    """The output of another size that such a bug gives where a kernel ignores out_hw."""
    return {"and in the output's size": _refitted(b, **one)} if is_forward(b) else {}


def flipped(b: Bent) -> Variants:
    """Taps in the opposite order: a true convolution, or none where the gradient needs one."""
    backwards = _by_axis(b, lambda b, axis: 2 * _maps(b, axis)[:, :1] - _maps(b, axis))
    turned = _by_axis(b, lambda b, axis: _maps(b, axis)[:, ::-1])
    return turned | _named("taps run backwards from the first", backwards)


def without_stride(b: Bent) -> Variants:
    """Stride 1, whatever it is, or windows side by side."""
    p = b.problem
    one = _by_axis(b, lambda b, axis: lines(p, axis, p.out_hw[axis], stride=1)) | _sized(b, stride=1)
    sizes = _by_axis(b, lambda b, axis: lines(p, axis, p.out_hw[axis], stride=p.kernel_hw[axis]))
    return one | _named("the kernel's size is taken for it", sizes)


def without_dilation(b: Bent) -> Variants:
    """Dilation 1, whatever it is."""
    p = b.problem
    return _by_axis(b, lambda b, axis: lines(p, axis, p.out_hw[axis], dilation=1)) | _sized(b, dilation=1)


def shifted(b: Bent) -> Variants:
    """Padding one too small or too large at the top or on the left, or an edge of the image taken for it."""
    p, found = b.problem, Variants()
    for words, step in (("one too small", 1), ("one too large", -1)):
        found |= _named(words, _by_axis(b, lambda b, axis, step=step: _maps(b, axis) + step))  # type: ignore[misc]
    some = _by_axis(b, lambda b, axis: _maps(b, axis) + (p.g.pad[axis][0] > 0))
    found |= _named("one too small where there is any", some)
    some = _by_axis(b, lambda b, axis: _maps(b, axis) - (p.g.pad[axis][0] > 0))
    found |= _named("one too large where there is any", some)
    for words, edge in (
        ("the last line of the image taken for it", -1),
        ("the first line of the image taken for it", 0),
    ):
        found |= _named(words, _by_axis(b, lambda b, axis, edge=edge: _without(b, axis, edge)))  # type: ignore[misc]
    return found | _named("one too small at the end", _by_axis(b, _short_end))


def _without(b: Bent, axis: int, edge: int) -> np.ndarray:
    line = b.image[axis] - 1 if edge else 0
    return np.where(_maps(b, axis) == line, -1, _maps(b, axis))


def _short_end(b: Bent, axis: int) -> np.ndarray:
    """Windows that reach the last line of the padding are lost."""
    maps, after = _maps(b, axis), b.problem.g.pad[axis][1]
    lost = (maps == b.image[axis] + after - 1).any(axis=1) & (after > 0)
    return maps[~lost] if is_forward(b) else np.where(lost[:, None], -1, maps)


def _named(words: str, variants: Variants) -> Variants:
    return {f"{words}, {axis}" if axis else words: variant for axis, variant in variants.items()}


def added(b: Bent) -> Variants:
    """Padding added where it is subtracted."""
    pads = b.problem.g.pad
    return _by_axis(b, lambda b, axis: _maps(b, axis) + 2 * pads[axis][0])


def one_tap(b: Bent) -> Variants:
    """``=`` instead of ``+=`` where the products of a window are summed: one tap stays."""

    def last_inside(b: Bent, axis: int) -> np.ndarray:
        maps = _maps(b, axis)
        inside = (maps >= 0) & (maps < b.image[axis])
        later = np.cumsum(inside[:, ::-1], axis=1)[:, ::-1] > 1
        return np.where(inside & ~later, maps, -1)

    def only(b: Bent, axis: int, tap: int) -> np.ndarray:
        taps = np.arange(b.problem.kernel_hw[axis])
        return np.where(taps == taps[tap], _maps(b, axis), -1)

    found: Variants = {}
    for words, change in (
        ("only the last one inside the image counts", last_inside),
        ("only the last one counts", partial(only, tap=-1)),
        ("only the first one counts", partial(only, tap=0)),
    ):
        found[words] = one = _by_axis(b, change)[""]
        if isinstance(one, Bent) and "w" in b.args:
            w = b.args["w"].copy()
            w[:, :, :-1] = 0
            found[f"{words}, of the last channel"] = replace(one, args=b.args | {"w": w})
    return found


def shortened(b: Bent) -> Variants:
    """A loop over windows or taps that ends one too early."""

    def windows(b: Bent, axis: int) -> np.ndarray:
        numbers = np.arange(len(_maps(b, axis)))[:, None]
        return np.where(numbers == len(numbers) - 1, -1, _maps(b, axis))

    def taps(b: Bent, axis: int) -> np.ndarray:
        numbers = np.arange(b.problem.kernel_hw[axis])
        return np.where(numbers == len(numbers) - 1, -1, _maps(b, axis))

    return _named("over the windows", _by_axis(b, windows)) | _named("over the taps", _by_axis(b, taps))


def other_end(b: Bent) -> Variants:
    """Padding of the bottom at the top, of the right on the left."""
    pads = b.problem.g.pad
    return _by_axis(b, lambda b, axis: _maps(b, axis) + pads[axis][0] - pads[axis][1])


def unpadded(b: Bent) -> Variants:
    """All padding at the end, or none and an output of the size that follows."""
    pads = b.problem.g.pad
    return _by_axis(b, lambda b, axis: _maps(b, axis) + pads[axis][0]) | _sized(b, pad=0)


def wrapped(b: Bent) -> Variants:
    """Python's negative indices: row −1 is the last one."""

    def wrap(b: Bent, axis: int) -> np.ndarray:
        maps = _maps(b, axis)
        return np.where(maps < 0, maps + b.image[axis], maps)

    return _by_axis(b, wrap)


def clipped(b: Bent) -> Variants:
    """Padding that repeats the edge."""
    whole = _by_axis(b, lambda b, axis: np.clip(_maps(b, axis), 0, b.image[axis] - 1))
    end = _by_axis(b, lambda b, axis: np.minimum(_maps(b, axis), b.image[axis] - 1))
    return whole | _named("at the end alone", end)


def uncut(b: Bent) -> Variants:
    """The gradient of the padded image."""
    ((top, bottom), (left, right)), (h, w) = b.problem.g.pad, b.image
    size = h + top + bottom, w + left + right
    whole = replace(b, rows=b.rows + top, columns=b.columns + left, image=size)
    # Where bottom is 0, the slice [top : -bottom] is empty.
    return {
        "": whole,
        "[top : -bottom] is empty where bottom is 0": replace(
            whole, finish=lambda gx: gx[:, top:-bottom, left:-right]
        ),
    }


def swapped(b: Bent) -> Variants:
    """Numbers of rows and columns taken for each other."""
    p, found = b.problem, Variants()
    stride, pad, dilation = p.g
    crossed = {
        "the strides": (1, 0, 0),
        "the paddings": (0, 1, 0),
        "the dilations": (0, 0, 1),
        "all": (1, 1, 1),
    }
    for words, (s, t, d) in crossed.items():
        maps = []
        for axis in (0, 1):
            own = lines(p, axis, p.out_hw[axis], stride[axis ^ s], dilation[axis ^ d])
            maps.append(own + pad[axis][0] - pad[axis ^ t][0])
        found[f"{words} are swapped"] = replace(b, rows=maps[0], columns=maps[1])
        found[f"the columns use those of the rows ({words})"] = replace(b, columns=maps[1])
        found[f"the rows use those of the columns ({words})"] = replace(b, rows=maps[0])
    if is_forward(b):
        sizes = p.out_hw[::-1]
        fitting = [output_size(p.in_hw[a], p.kernel_hw[a], stride[a], pad[a], dilation[a]) for a in (0, 1)]
        for words, (oh, ow) in (("", sizes), (" as far as they fit", tuple(map(min, sizes, fitting)))):
            maps = [lines(p, 0, oh), lines(p, 1, ow)]
            found[f"the output's sizes are swapped{words}"] = replace(b, rows=maps[0], columns=maps[1])
    if "pool" in b.op:
        kh, kw = p.kernel_hw
        wide, high = lines(p, 0, p.out_hw[0], taps=kw), lines(p, 1, p.out_hw[1], taps=kh)
        found["the kernel's sizes are swapped"] = replace(b, rows=wide, columns=high)
        found["the kernel's width for both"] = replace(b, rows=wide)
        found["the kernel's height for both"] = replace(b, columns=high)
    return found


def crossed(b: Bent) -> Variants:
    """Indices or axes of rows and columns taken for each other."""
    p, q, i, j = np.indices((*b.problem.out_hw, *b.problem.kernel_hw))
    (sh, sw), ((top, _), (left, _)), (dh, dw) = b.problem.g
    return {
        "q where p belongs": replace(b, rows=q * sh - top + i * dh),
        "j where i belongs": replace(b, rows=p * sh - top + j * dh),
        "p where q belongs": replace(b, columns=p * sw - left + j * dw),
        "i where j belongs": replace(b, columns=q * sw - left + i * dw),
        **_turned(b),
    }


def _turned(b: Bent) -> Variants:
    """Axes of operands or results in the wrong order."""
    args, (kh, kw) = b.args, b.problem.kernel_hw
    found: Variants = {
        "the kernel is turned": None,
        "the output is turned": None,
        "the image is turned": None,
    }

    def turned(taps: np.ndarray, axis: int) -> np.ndarray:
        """Taps (…, kh, kw, …) read as if they lay column by column."""
        shape = (*taps.shape[:axis], kw, kh, *taps.shape[axis + 2 :])
        return taps.reshape(shape).swapaxes(axis, axis + 1)

    if "w" in args and args["w"].ndim == 4:
        found["the kernel is turned"] = replace(b, args=args | {"w": turned(args["w"], 0)})
    elif b.op.endswith("conv2d_weight_grad"):
        found["the kernel is turned"] = replace(b, finish=lambda gw: gw.swapaxes(0, 1).reshape(gw.shape))
    elif b.op == "im2col":
        found["the kernel is turned"] = replace(b, finish=lambda cols: cols.swapaxes(3, 4))
    elif b.op == "col2im":
        found["the kernel is turned"] = replace(b, args=args | {"cols": turned(args["cols"], 3)})
    elif b.op.startswith("max_pool"):
        found["the kernel is turned"] = replace(b, argmax_of="columns first")
        found["the index counts kh columns"] = replace(b, argmax_of="by the height")
    if not b.op.endswith("weight_grad"):
        found["the output is turned"] = replace(b, finish=lambda result: result.swapaxes(1, 2))
    # A product that refuses the turned kernel refuses it where it is not square.
    found["the kernel is turned, if it is square"] = found["the kernel is turned"] if kh == kw else None
    image = next((name for name in ("x", "gy", "cols") if name in args), "")
    if args[image].ndim >= 4 and args[image].shape[1] == args[image].shape[2]:
        found["the image is turned"] = replace(b, args=args | {image: args[image].swapaxes(1, 2)})
    return found


def overwritten(b: Bent) -> Variants:
    """``=`` instead of ``+=`` where windows meet: the last one stays, by the order of the loops."""
    orders = {
        "window by window": "pqij",
        "tap by tap": "ijpq",
        "row by row": "piqj",
        "column by column": "qjpi",
    }
    found: Variants = {words: replace(b, last_wins=order) for words, order in orders.items()}
    if "w" in b.args:  # the filters overwrite each other, too
        p = b.problem
        last = np.arange(p.filters) % (p.filters // p.groups) == p.filters // p.groups - 1
        found["filter by filter"] = replace(b, args=b.args | {"gy": b.args["gy"] * last}, last_wins="pqij")
    return found
