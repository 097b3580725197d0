"""The bugs that can be named: what each is called, where it may occur, and where to look for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import bent_sums as sums
from . import bent_windows as windows
from .bending import Bent, Variants

__all__ = ["MISTAKES", "Mistake", "mistakes_of"]

_WINDOWS = ("conv2d", "pool2d", "im2col", "col2im")
_IMAGE_GRADS = ("2d_input_grad", "col2im")
_SUMS = ("weight_grad", "bias_grad")


@dataclass(frozen=True)
class Mistake:
    """A class of bugs. `among` are parts of the names of the operations that can have it."""

    name: str
    look: str
    bend: Callable[[Bent], Variants]
    among: tuple[str, ...]
    placed: bool = False  # whether the name says in which gradient
    misfits: bool = False  # whether arrays that do not fit together, an exception, are typical of it
    of_numbers: bool = False  # whether it is a number of g that is wrong: then exceptions alone can tell

    def name_in(self, op: str) -> str:
        """The name, with the gradient that it is in.

        >>> overlap = next(m for m in MISTAKES if m.name.startswith("overlap"))
        >>> overlap.name_in("col2im")
        'overlap not accumulated in col2im'
        """
        places = {
            "input_grad": "the input gradient",
            "weight_grad": "the weight gradient",
            "col2im": "col2im",
        }
        place = next((words for end, words in places.items() if op.endswith(end)), "")
        return f"{self.name} in {place}" if self.placed and place else self.name


MISTAKES = (
    Mistake(
        "kernel flipped",
        "Tap (i, j) belongs to row p*sh - top + i*dh, column q*sw - left + j*dw: cross-correlation. Look for "
        "w[::-1, ::-1] or kh - 1 - i where it does not belong, or for its absence where the input gradient "
        "is computed as a convolution of gy.",
        windows.flipped,
        ("conv2d", "im2col", "col2im"),
    ),
    Mistake(
        "stride ignored",
        "Window (p, q) begins at row p*sh - top and column q*sw - left. Look where p and q become rows and "
        "columns; in a gradient made of a convolution, gy needs sh - 1 rows of zeros between its rows.",
        windows.without_stride,
        _WINDOWS,
        placed=True,
        misfits=True,
        of_numbers=True,
    ),
    Mistake(
        "dilation ignored",
        "Tap (i, j) lies i*dh rows and j*dw columns behind the first. Look where i and j become rows and "
        "columns.",
        windows.without_dilation,
        _WINDOWS,
        misfits=True,
        of_numbers=True,
    ),
    Mistake(
        "H and W swapped",
        "Everything comes as (rows, columns): (sh, sw), ((top, bottom), (left, right)), (dh, dw), (kh, kw), "
        "(oh, ow). Look for a pair unpacked or indexed in the other order.",
        windows.swapped,
        _WINDOWS,
        misfits=True,
        of_numbers=True,
    ),
    Mistake(
        "H and W swapped",
        "p and i belong to the rows, q and j to the columns, and of two axes the rows come first, in images "
        "(n, h, w, c) as in weights (kh, kw, c / groups, f).",
        windows.crossed,
        _WINDOWS,
        misfits=True,
    ),
    Mistake(
        "padding off by one",
        "Row p*sh - top + i*dh lies in the image if 0 <= row < h. Look at the comparisons (< or <=), at top "
        "and left where they are subtracted, and at the end of slices.",
        windows.shifted,
        _WINDOWS,
        misfits=True,
        of_numbers=True,
    ),
    Mistake(
        "padding at the wrong end",
        "The padding is ((top, bottom), (left, right)); only top and left move the windows.",
        windows.other_end,
        _WINDOWS,
    ),
    Mistake(
        "padding added instead of subtracted",
        "Window (p, q) begins at row p*sh - top and column q*sw - left.",
        windows.added,
        _WINDOWS,
    ),
    Mistake(
        "padding ignored",
        "Window (p, q) begins at row p*sh - top and column q*sw - left, which may be negative: there are "
        "zeros.",
        windows.unpadded,
        _WINDOWS,
        misfits=True,
        of_numbers=True,
    ),
    Mistake(
        "padding wraps around",
        "In NumPy, row -1 is the last one. Test 0 <= row before it is used as an index.",
        windows.wrapped,
        _WINDOWS,
    ),
    Mistake(
        "padding repeats the edge",
        "Padding is zeros (and never wins a maximum). Look for np.pad with mode='edge', or for np.clip.",
        windows.clipped,
        _WINDOWS,
    ),
    Mistake(
        "padding not cut off",
        "The result has the shape of x, without the padding: [:, top : top + h, left : left + w].",
        windows.uncut,
        _IMAGE_GRADS,
    ),
    Mistake(
        "overlap not accumulated",
        "A pixel that several windows read gets the sum of what they send back: += instead of =. With arrays "
        "of indices, gx[rows] += ... adds once for each row; np.add.at adds every time.",
        windows.overwritten,
        _IMAGE_GRADS,
        placed=True,
    ),
    Mistake(
        "a loop ends one too early",
        "range(n) is 0 ... n - 1, and a slice [:n] leaves out number n: look for a - 1 too much.",
        windows.shortened,
        _WINDOWS,
    ),
    Mistake(
        "taps not summed",
        "An output is the sum over all taps (i, j) and channels c: += instead of =.",
        windows.one_tap,
        ("conv2d_forward", "conv2d_input_grad"),
    ),
    Mistake(
        "batch not summed",
        "The gradient of weights and biases is the sum over all images. Look for = instead of += in the loop "
        "over images, and for an einsum or sum that keeps n.",
        sums.one_image,
        _SUMS,
    ),
    Mistake(
        "bias gradient missing",
        "gb[c] is the sum of gy[..., c] over everything but the last axis.",
        sums.nothing,
        ("bias_grad",),
    ),
    Mistake(
        "positions not summed",
        "The gradient is the sum over all rows p and columns q. Look for = instead of +=, and at the axes of "
        "the sum.",
        sums.one_position,
        _SUMS,
    ),
    Mistake(
        "averaged instead of summed",
        "The gradient of weights and biases is the sum over all images and positions; the loss has divided "
        "by the size of the batch already.",
        sums.averaged,
        _SUMS,
    ),
    Mistake(
        "groups mixed up",
        "Filter k belongs to group k // (f // groups) and sees channels group*cg ... group*cg + cg - 1 of x, "
        "with cg = c // groups = w.shape[2]. In a depthwise convolution output c*m + k belongs to channel c.",
        sums.regrouped,
        ("conv2d",),
        misfits=True,
    ),
    Mistake(
        "channels and filters swapped",
        "w is (kh, kw, c / groups, f): channels before filters. Look at the transpose or the einsum.",
        sums.exchanged,
        ("conv2d", "dense"),
        misfits=True,
    ),
    Mistake(
        "padding wins the maximum",
        "Padding is never a maximum, not even over negative numbers: pad with -inf instead of 0.",
        sums.seen_padding,
        ("max_pool2d_forward",),
    ),
    Mistake(
        "last of equal maxima",
        "Where a maximum occurs twice in a window, argmax is the first one. Look for >= instead of >.",
        sums.last_of_ties,
        ("max_pool2d_forward",),
    ),
    Mistake(
        "maximum counted in the image",
        "argmax is i*kw + j, the place in the window, not in the image.",
        sums.counted_in_image,
        ("max_pool2d_forward",),
    ),
    Mistake(
        "average divided by the full window",
        "Padding does not count: divide by the pixels of the window that lie inside the image.",
        sums.counted,
        ("avg_pool2d",),
    ),
    Mistake(
        "average not divided",
        "Divide by the pixels of the window that lie inside the image.",
        sums.undivided,
        ("avg_pool2d",),
    ),
    Mistake(
        "only one image computed",
        "Every image of the batch needs its result: look for x[0], or for a loop over n that ends early.",
        sums.lone_image,
        ("forward", "input_grad", "im2col", "col2im"),
    ),
    Mistake("nothing computed", "The result is all zeros.", sums.nothing, ("",)),
    Mistake("sign flipped", "Every number has the other sign.", sums.negated, ("",)),
    Mistake(
        "negative values cut off",
        "The operation is linear; bias and activation are operations of their own.",
        sums.rectified,
        ("conv2d_forward", "dense_forward"),
    ),
    Mistake(
        "axes in another order",
        "Images are (n, h, w, c), weights (kh, kw, c / groups, f), windows (n, oh, ow, kh, kw, c).",
        sums.reordered,
        ("2d", "col", "dense"),
    ),
)
"""In the order in which they are tried: of two that explain the same cases, the first is named."""


def mistakes_of(op: str) -> tuple[Mistake, ...]:
    """The bugs that an operation can have."""
    return tuple(m for m in MISTAKES if any(part in op for part in m.among))
