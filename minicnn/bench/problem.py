"""One convolution to be measured: its shapes, its work and the bytes it has to move.

Work is counted as the papers do: a multiply-accumulate (MAC) for every tap of every window, taps on the
padding too, and 2 FLOPs for a MAC. (benchdnn leaves the taps on the padding out, so that its GFLOP/s are a
few percent lower on padded layers.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..errors import ArgumentError, ShapeError, message
from ..geometry import Pads, Window, conv_macs, extent, output_size

__all__ = ["PASSES", "Problem", "needed_padding"]

PASSES = ("forward", "input_grad", "weight_grad")
"""The three passes of a convolution; each has the same number of MACs."""

Shape4 = tuple[int, int, int, int]


def needed_padding(size: int, out: int, kernel: int, stride: int, before: int, dilation: int) -> int:
    """Pixels that the last of `out` windows reaches over the end; negative where pixels are left over.

    >>> needed_padding(224, out=112, kernel=7, stride=2, before=3, dilation=1)
    2
    """
    return (out - 1) * stride + extent(kernel, dilation) - size - before


@dataclass(frozen=True)
class Problem:
    """A convolution of NHWC images; make it with `Problem.of` or `descriptors.parse`.

    The padding at the bottom and on the right is what the last window needs and no more, so that two
    descriptions of the same arithmetic are equal.

    >>> layer = Problem.of(4, (224, 224), 64, 64, (3, 3), pad=((1, 1), (1, 1)))
    >>> layer.y_shape, layer.macs
    ((4, 224, 224, 64), 7398752256)
    """

    batch: int
    in_hw: tuple[int, int]
    channels: int
    filters: int
    kernel_hw: tuple[int, int]
    out_hw: tuple[int, int]
    g: Window
    groups: int = 1
    name: str = ""

    @classmethod
    def of(
        cls,
        batch: int,
        in_hw: tuple[int, int],
        channels: int,
        filters: int,
        kernel_hw: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        pad: Pads = ((0, 0), (0, 0)),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        name: str = "",
    ) -> Problem:
        """The problem with this padding; its output size follows. Raises ShapeError where nothing fits."""
        out, pads = [], []
        for axis in (0, 1):
            args = (in_hw[axis], kernel_hw[axis], stride[axis], pad[axis], dilation[axis])
            positions = output_size(*args)
            if positions < 1:
                problem = f"a kernel of {kernel_hw} does not fit into {in_hw} pixels with padding {pad}"
                raise ShapeError(message("convolution problem", problem))
            out.append(positions)
            after = needed_padding(args[0], positions, args[1], args[2], pad[axis][0], args[4])
            pads.append((pad[axis][0], max(after, 0)))
        window = Window(stride, (pads[0], pads[1]), dilation)
        return cls(batch, in_hw, channels, filters, kernel_hw, (out[0], out[1]), window, groups, name)

    def __post_init__(self) -> None:
        if self.channels % self.groups or self.filters % self.groups:
            expected = f"a divisor of {self.channels} channels and {self.filters} filters"
            where = f"convolution problem {self.name}".strip()
            raise ArgumentError(
                message(where, "the groups do not divide evenly", expected=expected, got=self.groups)
            )

    @property
    def x_shape(self) -> Shape4:
        """(n, h, w, c) of the input."""
        return (self.batch, *self.in_hw, self.channels)

    @property
    def w_shape(self) -> Shape4:
        """(kh, kw, c / groups, f) of the filters."""
        return (*self.kernel_hw, self.channels // self.groups, self.filters)

    @property
    def y_shape(self) -> Shape4:
        """(n, oh, ow, f) of the output."""
        return (self.batch, *self.out_hw, self.filters)

    @property
    def depthwise(self) -> bool:
        """Whether every channel has filters of its own, which is an operation with kernels of its own."""
        return 1 < self.groups == self.channels

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one pass: ``n·oh·ow·kh·kw·(c/groups)·f``, padding counted."""
        return self.batch * conv_macs(self.out_hw, self.w_shape)

    @property
    def flops(self) -> int:
        """``2 · macs``: a multiplication and an addition for each."""
        return 2 * self.macs

    def nbytes(self, itemsize: int = 4) -> int:
        """Compulsory bytes of one pass: two of x, w, y (or their gradients) are read, one written."""
        return itemsize * sum(math.prod(shape) for shape in (self.x_shape, self.w_shape, self.y_shape))

    def intensity(self, itemsize: int = 4) -> float:
        """Arithmetic intensity: FLOPs for every compulsory byte."""
        return self.flops / self.nbytes(itemsize)

    def shapes(self, which: str) -> tuple[Shape4, Shape4, Shape4]:
        """Shapes of the two operands of a pass, in the kernel's order, and of its result.

        >>> Problem.of(2, (4, 4), 3, 5, (3, 3)).shapes("weight_grad")
        ((2, 4, 4, 3), (2, 2, 2, 5), (3, 3, 3, 5))
        """
        x, w, y = self.x_shape, self.w_shape, self.y_shape
        return {"forward": (x, w, y), "input_grad": (y, w, x), "weight_grad": (x, y, w)}[which]
