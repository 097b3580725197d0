"""What every training remembers: the values of each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .base import Callback, Logs

__all__ = ["History"]


class History(Callback):
    """Keeps every epoch's values: ``history.history["loss"][epoch]``."""

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(_plain(value))

    def get_state(self) -> dict[str, Any]:
        copies = {name: list(values) for name, values in self.history.items()}
        return {"epoch": list(self.epoch), "history": copies}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.epoch = [int(epoch) for epoch in state["epoch"]]
        self.history = {name: [_plain(v) for v in values] for name, values in state["history"].items()}

    def plot(self, path: Any = None) -> Any:
        """Draw the learning curves; with `path`, save them as a picture."""
        from ..visualize.plot import learning_curve  # upward on purpose: a convenience

        return learning_curve(self.history, path=path)


def _plain(value: Any) -> Any:
    """A float, or nested lists of them for a metric of several numbers, such as a confusion matrix."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value, float).tolist()
