"""A whole network in the process of a peer: what `networks.py` asks of every framework alike.

The folder holds ``x.npy`` (n, h, w, c), ``y.npy`` class numbers, ``weights.npz`` to start from, and where
accuracy is asked for ``x_test.npy`` and ``y_test.npy``. Everybody trains with RMSprop, 0.001, on the same
batches in the same order.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ..nets import NETS

__all__ = ["RATE", "Session", "spread_out"]

RATE = 1e-3
_TEST_BATCH = 500


class Session:
    """One network; a framework's session provides `build`, `load`, `fit`, `predict` and `count`."""

    def __init__(self, net: str, batch: int, folder: str, training: bool) -> None:
        self.resident = _reset_peak()
        self.net, self.batch, self.training = NETS[net], batch, training
        self.folder = Path(folder)
        self.x, self.y = np.load(self.folder / "x.npy"), np.load(self.folder / "y.npy")
        self.build()
        self.parameters = self.count()
        if self.parameters != self.net.parameters:
            raise ValueError(f"{self.parameters:,} parameters instead of {self.net.parameters:,}")
        self.restore()

    # -- what a framework provides ------------------------------------------------------------------------

    def build(self) -> None:
        """Build the network, and convert the images to its layout."""
        raise NotImplementedError(type(self).__name__)

    def load(self, weights: dict[str, list[np.ndarray]]) -> None:
        """Set the weights, by the names that the parts of `nets` get: conv1, norm1, dense1, …"""
        raise NotImplementedError(type(self).__name__)

    def fit(self, images: int) -> float:
        """Train on the first so many images, batch by batch, and return the mean loss."""
        raise NotImplementedError(type(self).__name__)

    def predict(self, x: np.ndarray | None, images: int) -> np.ndarray:
        """Probabilities for the first so many of these images, or of the own ones."""
        raise NotImplementedError(type(self).__name__)

    def count(self) -> int:
        """Parameters, moving statistics among them."""
        raise NotImplementedError(type(self).__name__)

    # -- requests -----------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Start from the given weights, if there are any."""
        file = self.folder / "weights.npz"
        if file.exists():
            weights: dict[str, list[np.ndarray]] = {}
            with np.load(file) as arrays:
                for key in arrays.files:
                    weights.setdefault(key.partition("/")[0], []).append(arrays[key])
            self.load(weights)

    def work(self, batches: int) -> dict[str, Any]:
        """Train on (or predict) the first so many batches."""
        images = min(batches * self.batch, len(self.x))
        started = time.perf_counter()
        loss = self.fit(images) if self.training else float(self.predict(None, images)[0, 0])
        return {"seconds": time.perf_counter() - started, "images": images, "value": loss}

    def window(self, passes: int) -> dict[str, Any]:
        """So many passes over all the images."""
        done = [self.work(-(-len(self.x) // self.batch)) for _ in range(passes)]
        total = {name: sum(answer[name] for answer in done) for name in ("seconds", "images")}
        return {**total, "value": done[-1]["value"]}

    def memory(self) -> dict[str, Any]:
        """The largest resident size so far, above that before the network was built."""
        return {"bytes": max(_peak() - self.resident, 0)}

    def predictions(self, file: str) -> None:
        """Write the probabilities for the first batch."""
        np.save(file, self.predict(None, min(self.batch, len(self.x))))

    def accuracy(self) -> dict[str, Any]:
        """Share of the test images that are classified correctly."""
        x, y = np.load(self.folder / "x_test.npy"), np.load(self.folder / "y_test.npy")
        right = 0
        for start in range(0, len(x), _TEST_BATCH):
            part = x[start : start + _TEST_BATCH]
            right += int((self.predict(part, len(part)).argmax(1) == y[start : start + _TEST_BATCH]).sum())
        return {"accuracy": right / len(x)}


def spread_out(array: np.ndarray, most: int = 4096) -> np.ndarray:
    """At most so many elements, evenly from all of an array."""
    flat = np.asarray(array).reshape(-1)
    return flat[:: -(-len(flat) // most)]


def _reset_peak() -> int:
    """The resident size now, in bytes, after starting to look for a new peak where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: VmHWM becomes VmRSS
        return _status("VmRSS")
    except OSError:
        return _peak()


def _peak() -> int:
    """The largest resident size, in bytes."""
    try:
        return _status("VmHWM")
    except OSError:
        import resource  # not on Windows, where there is no peak to be had

        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return size if sys.platform == "darwin" else 1024 * size


def _status(name: str) -> int:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(text.partition(f"{name}:")[2].split()[0])
