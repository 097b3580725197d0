"""TerminateOnNaN: end a training whose numbers broke, and say where they broke first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..context import observe
from ..errors import NonFiniteError, message
from .base import Callback, Logs

__all__ = ["TerminateOnNaN"]


class TerminateOnNaN(Callback):
    """End the training when the loss or a gradient is NaN or infinite, and name what made it so.

    `found` then holds a sentence: the first layer and operation whose result was not finite, forward or
    backward, or the data or weight that was not to begin with. With `raise_error`, it is raised as a
    NonFiniteError instead of being printed. To know it, the sum of every result is looked at, one more
    pass over memory for each operation.

    >>> TerminateOnNaN().found is None
    True
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = bool(raise_error)
        self.found: str | None = None
        self._first: tuple[str, str] | None = None  # phase and description, within the current batch
        self._watch: Any = None

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._first = None
        self._watch = observe(self._look)
        self._watch.__enter__()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._stop_watching()
        loss = (logs or {}).get("loss")
        lost = loss is not None and not math.isfinite(float(loss))
        # A value that is not finite but reaches neither loss nor gradient (a masked logarithm) does no harm.
        if lost or (self._first and self._first[0] == "backward"):
            place = self._first[1] if self._first else f"the loss is {loss}"
            self.found = message(f"batch {batch + 1}", place, hint="Training ends here.")
            self.model.stop_training = True
            if self.raise_error:
                raise NonFiniteError(self.found)
            print(self.found)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._stop_watching()

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.__exit__()
            self._watch = None

    def _look(self, phase: str, node: Any, arrays: dict[str, Any]) -> None:
        """Called for every operation; keeps the first whose result is not finite."""
        if self._first is not None:
            return
        results = [arrays["output"]] if phase == "forward" else list(arrays["grads"])
        broken = next((kind for result in results if (kind := _kind(result))), None)
        if broken is None:
            return
        name = type(node).__name__.removesuffix("Function")
        where = f"in layer {node.scope.path!r}" if node.scope else "outside of all layers"
        cause = "its inputs were finite"
        if phase == "forward":
            for number, array in enumerate(arrays["inputs"]):
                if _kind(array):
                    leaf = node.edges[number].leaf
                    cause = f"its input {number + 1} was not finite: " + (
                        f"the weight {leaf.path!r}" if hasattr(leaf, "path") else "the data"
                    )
        elif _kind(arrays["gy"]):
            cause = "the gradient of the loss was not finite"
        self._first = phase, f"{broken} first appeared {phase} {where}, operation {name}; {cause}"


def _kind(array: Any) -> str | None:
    """ "NaN" or "Inf" if an array holds one, else None."""
    with np.errstate(all="ignore"):
        if array is None or array.dtype.kind != "f" or math.isfinite(float(array.sum())):
            return None
    if bool((array != array).any()):
        return "NaN"
    return "Inf" if bool((abs(array) == math.inf).any()) else None  # the sum alone may have overflowed
