"""The operations with everything laid open that a kernel can get wrong, so that one thing can be bent.

Every operation on windows is a statement about pairs: output row p sees input row ``rows[p, i]`` through tap
row i, output column q sees column ``columns[q, j]``, filter k sees channels ``channels[k]``. A `Bent` holds
these maps; with the maps of the definition it gives the right result, and with one of them bent, what a
kernel with that bug returns. Indices outside of the image are padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..problem import Problem

__all__ = ["Bent", "Variants", "is_forward", "lines", "straight"]

Index = np.ndarray


@dataclass(frozen=True)
class Bent:
    """One call with its maps; `result` computes it."""

    op: str
    args: dict[str, Any]
    problem: Problem
    rows: Index  # (oh, kh), or (oh, ow, kh, kw)
    columns: Index  # (ow, kw), or the same
    image: tuple[int, int]
    channels: Index  # (f, c / groups)
    filters: Index  # (f,): which filter of w makes output k
    images: tuple[int | None, int | None] = (None, None)  # first and end of those that a batch's sum takes
    last_wins: str = ""  # where windows overlap: "" adds; "pqij" keeps the last in this order of loops
    outside: float = -np.inf  # what a maximum sees in the padding
    full_count: bool = False  # an average divides by the whole window
    ties: str = "first"  # which of equal maxima counts: "first", "last", or "last, padding too"
    argmax_of: str = "window"  # what the index of a maximum counts; the others are in `_index_of`
    finish: Callable[[np.ndarray], np.ndarray] | None = None

    def result(self) -> tuple[np.ndarray, ...]:
        """Compute the call by these maps; what it returns has the shape that follows from them."""
        family = self.op.rpartition("2d_")[0] or self.op
        found = _FAMILIES[family](self)
        results = found if isinstance(found, tuple) else (found,)
        return tuple(map(self.finish, results)) if self.finish else results

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of every tap of every window, (oh, ow, kh, kw)."""
        rows = self.rows if self.rows.ndim == 4 else self.rows[:, None, :, None]
        columns = self.columns if self.columns.ndim == 4 else self.columns[None, :, None, :]
        rows, columns = np.broadcast_arrays(rows, columns)
        return rows, columns

    def inside(self) -> np.ndarray:
        """(oh, ow, kh, kw): whether a tap of a window lies inside the image."""
        (rows, columns), (h, w) = self.places(), self.image
        return (rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)

    def seen(self, x: np.ndarray, outside: float = 0.0) -> np.ndarray:
        """All windows of x, (n, oh, ow, kh, kw, c)."""
        rows, columns = self.places()
        picked = x[:, np.clip(rows, 0, x.shape[1] - 1), np.clip(columns, 0, x.shape[2] - 1)]
        return np.where(self.inside()[..., None], picked, outside)

    def gathered(self, cols: np.ndarray, sent: Any = True) -> np.ndarray:
        """The adjoint of `seen`: what comes through each tap of a window goes to its pixel, where `sent`."""
        x = np.zeros((len(cols), *self.image, cols.shape[-1]))
        index = np.argwhere(self.inside())  # in the order p, q, i, j
        if self.last_wins:
            keys = [index[:, "pqij".index(axis)] for axis in reversed(self.last_wins)]
            index = index[np.lexsort(keys)]
        rows, columns = self.places()
        for p, q, i, j in index:
            pixel = (slice(None), rows[p, q, i, j], columns[p, q, i, j])
            value = cols[:, p, q, i, j] + (0 if self.last_wins else x[pixel])
            x[pixel] = value if sent is True else np.where(sent[:, p, q, i, j], value, x[pixel])
        return x

    def full(self, w: np.ndarray) -> np.ndarray:
        """Filters over all channels, (kh, kw, c, f), with zeros where a filter does not look."""
        kh, kw, _, f = w.shape
        full = np.zeros((kh, kw, self.problem.channels, f))
        for k in range(f):
            full[:, :, self.channels[k], k] = w[..., self.filters[k]]
        return full


Variants = dict[str, Bent | Callable[[], np.ndarray] | None]
"""A bug in the ways it is written, by a few words: a bent call, or a function that computes its result."""


def is_forward(b: Bent) -> bool:
    """Whether the size of the output is the kernel's own doing."""
    return b.op.endswith("forward") or b.op == "im2col"


def straight(op: str, args: dict[str, Any], p: Problem) -> Bent:
    """The call by its definition.

    >>> from .cases import all_cases
    >>> from .operations import arguments, truth
    >>> case = all_cases("avg_pool2d_forward")[40]
    >>> bent = straight("avg_pool2d_forward", arguments("avg_pool2d_forward", case), case.problem)
    >>> bool(np.allclose(bent.result()[0], truth("avg_pool2d_forward", case)[0]))
    True
    """
    rows, columns = (lines(p, axis, p.out_hw[axis]) for axis in (0, 1))
    filters = np.arange(p.filters)
    per_group = p.channels // p.groups
    first = filters // (p.filters // p.groups) * per_group
    channels = first[:, None] + np.arange(per_group)
    return Bent(op, args, p, rows, columns, p.in_hw, channels, filters)


def lines(p: Problem, axis: int, count: int, stride: int = 0, dilation: int = 0, taps: int = 0) -> Index:
    """(count, kernel): the row (axis 0) or column that each window sees through each tap."""
    stride, dilation = stride or p.g.stride[axis], dilation or p.g.dilation[axis]
    first = np.arange(count)[:, None] * stride - p.g.pad[axis][0]
    return first + np.arange(taps or p.kernel_hw[axis]) * dilation


# -- the operations by their maps -------------------------------------------------------------------------


def _convolution(b: Bent) -> np.ndarray:
    """All three passes; a depthwise convolution is one with filters of one channel."""
    args, depthwise = b.args, b.op.startswith("depthwise")
    if b.op.endswith("weight_grad"):
        seen, gy = b.seen(args["x"])[slice(*b.images)], args["gy"][slice(*b.images)]
        shape = args["w_shape"]
        full = np.einsum("npqijc,npqk->ijck", seen, gy)
        gw = np.zeros((*shape[:2], b.channels.shape[1], len(b.filters)))
        for k, (mine, filter_) in enumerate(zip(b.channels, b.filters, strict=True)):
            gw[..., filter_] += full[:, :, mine, k]
        return gw.reshape(*gw.shape[:2], *shape[2:])
    w = args["w"]
    full = b.full(w.reshape(*w.shape[:2], 1, -1) if depthwise else w)
    if b.op.endswith("forward"):
        return np.einsum("npqijc,ijck->npqk", b.seen(args["x"]), full)
    return b.gathered(np.einsum("npqk,ijck->npqijc", args["gy"], full))


def _max_pool(b: Bent) -> Any:
    i, j = np.indices(b.inside().shape[2:])
    taps = _index_of(b, i, j)[..., None]  # (…, kh, kw, 1)
    kh, kw = taps.shape[-3:-1]
    if b.op.endswith("grad"):
        won = b.args["argmax"][:, :, :, None, None] == taps  # (n, oh, ow, kh, kw, c)
        return b.gathered(np.broadcast_to(b.args["gy"][:, :, :, None, None], won.shape), won)
    seen = b.seen(b.args["x"], b.outside)
    n, oh, ow, _, _, c = seen.shape
    values = seen.reshape(n, oh, ow, kh * kw, c)
    best = values.max(axis=3)
    hits = values == best[:, :, :, None]
    if b.outside == -np.inf and "padding" not in b.ties:
        hits &= b.inside().reshape(oh, ow, kh * kw, 1)  # a pixel of −∞ comes before padding
    place = hits.argmax(axis=3) if b.ties == "first" else kh * kw - 1 - hits[:, :, :, ::-1].argmax(axis=3)
    index = np.broadcast_to(taps, (oh, ow, kh, kw, 1)).reshape(1, oh, ow, kh * kw, 1)
    argmax = np.take_along_axis(np.broadcast_to(index, values.shape), place[:, :, :, None], axis=3)[
        :, :, :, 0
    ]
    argmax = np.where(hits.any(axis=3), argmax, 0)  # a window of padding alone
    return best, argmax.astype(np.uint8 if math.prod(b.problem.kernel_hw) <= 256 else np.int32)


def _index_of(b: Bent, i: Any, j: Any) -> Index:
    """The number that stands for tap (i, j)."""
    kh, kw = i.shape
    if b.argmax_of == "image":
        rows, columns = b.places()
        return rows * b.image[1] + columns
    return {"window": i * kw + j, "columns first": i + j * kh, "by the height": i * kh + j}[b.argmax_of]


def _avg_pool(b: Bent) -> np.ndarray:
    counts = np.maximum(b.inside().sum(axis=(2, 3)), 1)[..., None]  # (oh, ow, 1)
    if b.full_count:
        counts = np.full_like(counts, math.prod(b.inside().shape[2:]))
    if b.op.endswith("forward"):
        return b.seen(b.args["x"]).sum(axis=(3, 4)) / counts
    share = (b.args["gy"] / counts)[:, :, :, None, None]
    return b.gathered(np.broadcast_to(share, (*share.shape[:3], *b.inside().shape[2:], share.shape[-1])))


def _dense(b: Bent) -> np.ndarray:
    args = b.args
    if b.op.endswith("weight_grad"):
        x, gy = (args[name][slice(*b.images)].reshape(-1, args[name].shape[-1]) for name in ("x", "gy"))
        return x.T @ gy
    return args["x"] @ args["w"] if b.op.endswith("forward") else args["gy"] @ args["w"].T


def _bias_grad(b: Bent) -> np.ndarray:
    gy = b.args["gy"][slice(*b.images)]
    return gy.reshape(-1, gy.shape[-1]).sum(axis=0)


_FAMILIES: dict[str, Callable[[Bent], Any]] = {
    "conv": _convolution,
    "depthwise_conv": _convolution,
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "im2col": lambda b: b.seen(b.args["x"]),
    "col2im": lambda b: b.gathered(b.args["cols"]),
    "dense_forward": _dense,
    "dense_input_grad": _dense,
    "dense_weight_grad": _dense,
    "bias_grad": _bias_grad,
}
