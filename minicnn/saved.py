"""What a node of the tape keeps for its backward pass, and how changes to it are noticed.

A saved array is usually the data of an input or of the output. If somebody changes that Tensor in place
before backward has run, the gradient would silently be wrong. Every Tensor therefore has a version, which
in-place operators raise; views of one buffer share it. Writes straight into ``.data`` pass it by: inside
``with minicnn.debug():`` they are caught by a checksum of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from . import backend, context
from .errors import GradientError, message


class SavedArrays:
    """Named arrays of one node: `add` in forward, `guard` after it, `read` in backward, then `release`."""

    __slots__ = ("arrays", "checksums", "released", "versions")

    def __init__(self) -> None:
        self.arrays: dict[str, Any] = {}
        self.versions: list[tuple[str, list[int], int]] = []
        self.checksums: dict[str, int] = {}
        self.released = False

    def add(self, **arrays: Any) -> None:
        """Keep arrays by name."""
        self.arrays.update(arrays)

    def guard(self, tensors: Iterable[Any]) -> None:
        """Note the versions of those `tensors` (inputs and output) whose memory is kept."""
        owners = {name: backend.owner(array) for name, array in self.arrays.items()}
        for tensor in tensors:
            own = backend.owner(tensor.data)
            for name, owner in owners.items():
                if owner is own:
                    self.versions.append((name, tensor._version, tensor._version[0]))
        if context.debugging.get():
            self.checksums = {name: backend.checksum(array) for name, array in self.arrays.items()}

    def check(self, where: str) -> None:
        """GradientError if the arrays were released, or changed in place since `guard`."""
        if self.released:
            hint = "Call backward(retain_graph=True) the first time, or run the forward pass again."
            raise GradientError(
                message(where, "an earlier backward has released its saved arrays", hint=hint)
            )
        changed = [name for name, cell, version in self.versions if cell[0] != version]
        changed += [
            name for name, crc in self.checksums.items() if backend.checksum(self.arrays[name]) != crc
        ]
        if changed:
            hint = "Use an operation that makes a new array: y = y + 1 instead of y += 1."
            raise GradientError(
                message(where, f"its saved array {changed[0]!r} was changed in place", hint=hint)
            )

    def read(self) -> SimpleNamespace:
        """The arrays, as attributes."""
        return SimpleNamespace(**self.arrays)

    def release(self) -> None:
        """Let go of the arrays; reading them again is an error."""
        self.arrays, self.versions, self.checksums, self.released = {}, [], {}, True
