"""minicnn itself, in a process like the others; the argument is the backend."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np

import minicnn

from ... import __version__, backend, random
from ...autograd import Tensor, grad, observe
from ...context import frame
from ..threads import limited
from .keras_network import KerasSession
from .serve import Peer, serve
from .session import spread_out

__all__ = ["MinicnnPeer"]


class MinicnnPeer(Peer):
    """Whole networks only: single kernels are measured in the lab's own process, see `contestants.Ours`."""

    def __init__(self, threads: int, backend_name: str) -> None:
        super().__init__(threads)
        backend.use_backend(backend_name)
        self._threads = limited(threads)
        self._threads.__enter__()  # for as long as this process lives

    def versions(self) -> dict[str, str]:
        """minicnn's version."""
        return {"minicnn": __version__}

    def network(self, **settings: Any) -> Any:
        """A model, trained by its own `fit`."""
        return MinicnnSession(minicnn, pads_itself=True, **settings)


class MinicnnSession(KerasSession):
    """What is asked of our network beside what is asked of everybody's."""

    def write_weights(self) -> None:
        """Write the weights that everybody starts from."""
        named = {layer.name: layer.get_weights() for layer in self.model.layers if layer.weights}
        arrays = {f"{name}/{i}": array for name, own in named.items() for i, array in enumerate(own)}
        np.savez(self.folder / "weights.npz", **arrays)

    def gradients(self, file: str) -> None:
        """Write some elements of every weight's gradient for the first batch."""
        x, y = self.x[: self.batch], self.y[: self.batch]
        with frame(), random.at_step(0):
            loss = self.model.compute_loss(None, Tensor(y), self.model(x, training=True))
            grads = grad(loss, self.model.trainable_weights)
        np.savez(file, *(spread_out(gradient.numpy()) for gradient in grads))

    def profile(self) -> dict[str, Any]:
        """Seconds of one step, or of one batch predicted, by layer and pass.

        An observer hears of every operation when it is done; the time since the one before is its own. What
        no operation accounts for (optimizer, loss bookkeeping) is the last entry.
        """
        seconds: dict[str, float] = {}
        last = started = time.perf_counter()

        def note(phase: str, node: Any, arrays: Any) -> None:
            nonlocal last
            now = time.perf_counter()
            where = node.scope.path.partition("/")[2] if node.scope else ""
            name = f"{where or type(node).__name__.removesuffix('Function')} {phase}"
            seconds[name] = seconds.get(name, 0.0) + now - last
            last = time.perf_counter()

        with observe(note):
            self.work(1)
        total = time.perf_counter() - started
        return {"seconds": seconds | {"everything else": total - sum(seconds.values())}, "total": total}


if __name__ == "__main__":
    serve(lambda threads: MinicnnPeer(threads, sys.argv[1]))
