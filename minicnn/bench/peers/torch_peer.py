"""PyTorch, in its default layout (NCHW), or channels_last with the argument ``nhwc``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ..problem import Problem
from .serve import Call, Peer, serve

__all__ = ["TorchPeer"]


class TorchPeer(Peer):
    """Convolutions by ``aten::convolution`` and its backward, asked for one gradient at a time."""

    def __init__(self, threads: int, channels_last: bool) -> None:
        import torch

        super().__init__(threads)
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.torch = torch
        self.format = torch.channels_last if channels_last else torch.contiguous_format

    def versions(self) -> dict[str, str]:
        """PyTorch's version."""
        return {"torch": self.torch.__version__}

    def layer(self, problem: Problem, which: str, a: np.ndarray, b: np.ndarray) -> Call:
        """A pass without the tape; where the padding is uneven, the zeros are put on in the timed part."""
        (sh, sw), pads, dilation = problem.g
        even = self._even_padding(problem)
        padding = even or (0, 0)
        groups = problem.groups
        given = {"forward": "xw", "input_grad": "yw", "weight_grad": "xy"}[which]
        x, w, y = self._operands(problem, given, a, b)
        convolution = self.torch.ops.aten.convolution
        backward = self.torch.ops.aten.convolution_backward
        grow = [*pads[1], *pads[0]] if even is None else None
        rest = (None, (sh, sw), padding, dilation, False, (0, 0), groups)
        mask = [which == "input_grad", which == "weight_grad", False]

        def grown(image: Any) -> Any:
            return image if grow is None else self.torch.nn.functional.pad(image, grow)

        if which == "forward":
            run = lambda: convolution(grown(x), w, *rest)  # noqa: E731
        elif which == "weight_grad":
            run = lambda: backward(y, grown(x), w, *rest, mask)[1]  # noqa: E731
        else:
            like = grown(x)
            (top, _), (left, _) = pads if even is None else ((0, 0), (0, 0))
            h, width = problem.in_hw

            def run() -> Any:
                gx = backward(y, like, w, *rest, mask)[0]
                return gx if grow is None else gx[:, :, top : top + h, left : left + width]

        order = (2, 3, 1, 0) if which == "weight_grad" else (0, 2, 3, 1)

        def unrecorded() -> Any:
            with self.torch.inference_mode():
                return run()

        return Call(unrecorded, lambda result: result.permute(order).contiguous().numpy())

    def _operands(self, problem: Problem, given: str, a: np.ndarray, b: np.ndarray) -> list[Any]:
        """x, w and y in PyTorch's layout; the one that is not given is zeros, for its shape."""
        arrays = dict(zip(given, (a, b), strict=True))
        shapes = {"x": problem.x_shape, "w": problem.w_shape, "y": problem.y_shape}
        found = []
        for name, shape in shapes.items():
            array = arrays.get(name)
            array = np.zeros(shape, np.float32) if array is None else array
            order = (3, 2, 0, 1) if name == "w" else (0, 3, 1, 2)
            tensor = self.torch.from_numpy(np.ascontiguousarray(array.transpose(order)))
            found.append(tensor.contiguous(memory_format=self.format))
        return found

    @staticmethod
    def _even_padding(problem: Problem) -> tuple[int, int] | None:
        """The same padding on both sides, where that gives the same output; else None."""
        out = []
        for axis in (0, 1):
            before, _ = problem.g.pad[axis]
            reach = problem.g.dilation[axis] * (problem.kernel_hw[axis] - 1) + 1
            room = problem.in_hw[axis] + 2 * before - reach
            if room < 0 or room // problem.g.stride[axis] + 1 != problem.out_hw[axis]:
                return None
            out.append(before)
        return out[0], out[1]

    def network(self, **settings: Any) -> Any:
        """A network of modules, trained by a plain loop."""
        from .torch_network import TorchSession

        return TorchSession(self.torch, self.format, **settings)


if __name__ == "__main__":
    serve(lambda threads: TorchPeer(threads, channels_last="nhwc" in sys.argv[1:]))
