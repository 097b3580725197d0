"""The window geometries that convolution and pooling are tried on."""

from __future__ import annotations

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Case:
    """An image, a kernel and g = (stride, pad, dilation); the output size follows."""

    x_hw: tuple[int, int]
    kernel_hw: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    @property
    def g(self):
        return self.stride, self.pad, self.dilation

    @property
    def out_hw(self):
        sizes = []
        for axis in (0, 1):
            reach = (self.kernel_hw[axis] - 1) * self.dilation[axis] + 1
            padded = self.x_hw[axis] + sum(self.pad[axis])
            sizes.append((padded - reach) // self.stride[axis] + 1)
        return tuple(sizes)


CASES = {
    "plain": Case((5, 6), (3, 3)),
    "one by one": Case((4, 5), (1, 1)),
    "whole image": Case((4, 3), (4, 3)),
    "flat kernel": Case((5, 7), (1, 3), (1, 2)),
    "even kernel": Case((6, 5), (2, 2), (2, 2)),
    "rows left over": Case((8, 7), (3, 2), (2, 3)),
    "stride beyond kernel": Case((9, 8), (2, 1), (4, 3)),
    "padded": Case((4, 5), (3, 3), pad=((1, 1), (1, 1))),
    "padded on one side": Case((6, 7), (3, 2), (2, 2), ((0, 1), (1, 0))),
    "unevenly padded": Case((5, 4), (4, 3), (1, 2), ((1, 2), (2, 0))),
    "windows of padding only": Case((3, 2), (2, 2), (2, 1), ((3, 4), (2, 3))),
    "padding no window reaches": Case((4, 4), (2, 2), (3, 3), ((0, 1), (0, 1))),
    "dilated": Case((7, 6), (3, 2), dilation=(2, 3)),
    "all at once": Case((9, 7), (3, 2), (2, 1), ((1, 2), (0, 1)), (2, 3)),
}

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
