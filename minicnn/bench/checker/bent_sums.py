"""Bugs of sums, groups and pixels: what each does to a call, as in `bent_windows.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np

from .bending import Bent, Variants

__all__ = [
    "averaged",
    "counted",
    "counted_in_image",
    "exchanged",
    "last_of_ties",
    "lone_image",
    "negated",
    "nothing",
    "one_image",
    "one_position",
    "rectified",
    "regrouped",
    "reordered",
    "seen_padding",
    "undivided",
]


def regrouped(b: Bent) -> Variants:
    """Filters that see the channels of another group."""
    p = b.problem
    per_group, run = p.channels // p.groups, np.arange(p.channels // p.groups)
    own = np.arange(p.filters) // (p.filters // p.groups)
    k = np.arange(p.filters)
    multiplier = p.filters // p.groups
    turned = k % p.groups * multiplier + k // p.groups
    every = np.broadcast_to(np.arange(p.channels), (p.filters, p.channels))
    # w is repeated over the channels where it has one, and does not fit where it has more.
    ungrouped = None if p.groups > 1 and (per_group > 1 or "w" not in b.args) else replace(b, channels=every)

    def first_group(result: np.ndarray) -> np.ndarray:
        kept = np.zeros_like(result)
        kept[..., : result.shape[-1] // p.groups] = result[..., : result.shape[-1] // p.groups]
        return kept

    return {
        "only the first group is computed": replace(b, finish=first_group),
        "every filter sees all channels": ungrouped,
        "filter k belongs to group k % groups": replace(
            b, channels=(k % p.groups * per_group)[:, None] + run
        ),
        "the channels of a group are every groups-th one": replace(b, channels=own[:, None] + run * p.groups),
        "every filter sees the first group": replace(b, channels=np.zeros_like(k)[:, None] + run),
        "the filters of a group are every groups-th one": replace(
            b, channels=(k % p.groups * per_group)[:, None] + run, filters=turned
        ),
    }


def exchanged(b: Bent) -> Variants:
    """w[…, k, c] for w[…, c, k]."""
    w = b.args.get("w")
    if w is not None and w.shape[-1] == w.shape[-2]:
        return {"": replace(b, args=b.args | {"w": w.swapaxes(-1, -2)})}
    if b.op.endswith("weight_grad"):
        return {"": replace(b, finish=lambda gw: gw.swapaxes(-1, -2))}
    return {"": None}


def one_image(b: Bent) -> Variants:
    """A sum over the batch that is none."""

    def apart() -> np.ndarray:
        count = len(b.args["gy"])
        return np.stack([replace(b, images=(i, i + 1)).result()[0] for i in range(count)])

    rows = one_position(b) if b.op.startswith("dense") else {}  # the rows are the batch
    return rows | {
        "only the last image counts": replace(b, images=(-1, None)),
        "only the first image counts": replace(b, images=(0, 1)),
        "each image has its own": apart,
    }


def one_position(b: Bent) -> Variants:
    """A sum over rows and columns, or over everything, that is none."""
    gy = b.args["gy"]
    last = tuple(slice(-1, None) for _ in gy.shape[1:-1])
    only = np.zeros_like(gy)
    only[(slice(None), *last)] = gy[(slice(None), *last)]
    rows = gy.reshape(-1, gy.shape[-1])
    lone = np.zeros_like(rows)
    lone[-1] = rows[-1]
    found: Variants = {
        "only the last position counts": replace(b, args=b.args | {"gy": only}),
        "only the last position of the last image counts": replace(
            b, args=b.args | {"gy": lone.reshape(gy.shape)}
        ),
    }
    if b.op == "bias_grad":
        found["it is summed over the images alone"] = lambda: gy.sum(axis=0)
        found["it is summed over the last axis"] = lambda: gy.sum(axis=-1)
        found["the columns are not summed"] = lambda: gy.sum(axis=tuple(range(gy.ndim - 2)))
    return found


def averaged(b: Bent) -> Variants:
    """A mean instead of a sum."""
    gy = b.args["gy"]
    counts = {"over the images": len(gy), "over all positions": gy[..., 0].size}
    counts["over the positions of an image"] = gy[0, ..., 0].size
    return {words: replace(b, finish=lambda r, n=n: r / n) for words, n in counts.items()}  # type: ignore[misc]


def lone_image(b: Bent) -> Variants:
    """Images beside the first (or last) left at 0."""

    def keep(part: slice) -> Callable[[np.ndarray], np.ndarray]:
        def finish(result: np.ndarray) -> np.ndarray:
            kept = np.zeros_like(result)
            kept[part] = result[part]
            return kept

        return finish

    return {"": replace(b, finish=keep(slice(0, 1))), "last": replace(b, finish=keep(slice(-1, None)))}


def nothing(b: Bent) -> Variants:
    """Zeros."""
    return {"": replace(b, finish=np.zeros_like)}


def negated(b: Bent) -> Variants:
    """The other sign."""
    return {"": replace(b, finish=np.negative)}


def rectified(b: Bent) -> Variants:
    """An activation inside."""
    return {"": replace(b, finish=lambda result: np.maximum(result, 0))}


def reordered(b: Bent) -> Variants:
    """All other orders of the result's axes."""
    axes = {"im2col": 6, "col2im": 4}.get(b.op, 4 if "2d" in b.op else 2)
    orders = [order for order in permutations(range(axes)) if list(order) != sorted(order)]
    if axes == 6:  # the windows stay where they are
        orders = [order for order in orders if order[:3] == (0, 1, 2)]
    return {f"axes {order}": replace(b, finish=lambda r, o=order: _transposed(r, o)) for order in orders}  # type: ignore[misc]


def _transposed(result: np.ndarray, order: tuple[int, ...]) -> Any:
    return result.transpose(order) if result.ndim == len(order) else result


def counted(b: Bent) -> Variants:
    """Padding counts as pixels of the window."""
    return {"": replace(b, full_count=True)}


def undivided(b: Bent) -> Variants:
    """A sum instead of an average."""
    size = b.inside().sum(axis=(2, 3))[..., None]
    if b.op.endswith("forward"):
        return {"": replace(b, finish=lambda y: y * size)}
    return {"": replace(b, args=b.args | {"gy": b.args["gy"] * np.maximum(size, 1)})}


def seen_padding(b: Bent) -> Variants:
    """Padding of zeros takes part in a maximum."""
    return {"": replace(b, outside=0.0)}


def last_of_ties(b: Bent) -> Variants:
    """``>=`` instead of ``>``."""
    return {"": replace(b, ties="last"), "of the padding, too": replace(b, ties="last, padding too")}


def counted_in_image(b: Bent) -> Variants:
    """The index of a maximum in the image instead of in its window."""
    return {"": replace(b, argmax_of="image")}
