"""Regularizers, with Keras 3's names: penalties on weights or outputs that training adds to the loss."""

from __future__ import annotations

from typing import Any

from . import functions as F
from .autograd import Tensor
from .checks import is_number
from .errors import ArgumentError, message

__all__ = ["L1", "L1L2", "L2", "REGULARIZERS", "OrthogonalRegularizer", "Regularizer", "get", "serialize"]


class Regularizer:
    """Base: ``regularizer(x)`` is the penalty of a Tensor, a scalar Tensor. Yours needs `__call__`."""

    def __call__(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))

    def _factor(self, value: Any, name: str) -> float:
        if not is_number(value) or not 0 <= value < float("inf"):
            expected = "a finite number from 0"
            raise ArgumentError(message(type(self).__name__, name, expected=expected, got=repr(value)))
        return float(value)


class L1(Regularizer):
    """``l1·Σ|x|``; backward ``g = l1·sign x``. Drives weights to exactly 0.

    >>> L1(0.1)(Tensor([1.0, -2.0])).item()
    0.30000001192092896
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = self._factor(l1, "l1")

    def __call__(self, x: Tensor) -> Tensor:
        return abs(x).sum() * self.l1


class L2(Regularizer):
    """``l2·Σx²``; backward ``g = 2·l2·x``. For plain SGD the same as a weight decay of 2·l2.

    >>> L2(0.5)(Tensor([1.0, -2.0])).item()
    2.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = self._factor(l2, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        return (x * x).sum() * self.l2


class L1L2(Regularizer):
    """``l1·Σ|x| + l2·Σx²``; backward ``g = l1·sign x + 2·l2·x``. Source: Zou & Hastie 2005 (elastic net).

    >>> L1L2(l1=1.0, l2=0.5)(Tensor([1.0, -2.0])).item()
    5.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = self._factor(l1, "l1"), self._factor(l2, "l2")

    def __call__(self, x: Tensor) -> Tensor:
        return abs(x).sum() * self.l1 + (x * x).sum() * self.l2


class OrthogonalRegularizer(Regularizer):
    """``factor / pairs·Σ |u·v|`` over the pairs of rows (or columns) of a matrix, each scaled to length 1.

    It is 0 where they are perpendicular. `mode` is ``"rows"`` or ``"columns"``.
    Source: Brock et al. 2016, https://arxiv.org/abs/1609.07093, in Keras' form.

    >>> OrthogonalRegularizer(0.5)(Tensor([[1.0, 0.0], [2.0, 0.0]])).item()
    0.5
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = self._factor(factor, "factor")
        if mode not in ("rows", "columns"):
            expected = "'rows' or 'columns'"
            raise ArgumentError(message("OrthogonalRegularizer", "mode", expected=expected, got=repr(mode)))
        self.mode = mode

    def __call__(self, x: Tensor) -> Tensor:
        if x.ndim != 2:
            got = tuple(x.shape)
            raise ArgumentError(message("OrthogonalRegularizer", "it takes a matrix", got=got))
        rows = x if self.mode == "rows" else x.T
        unit = rows / F.sqrt(F.clip((rows * rows).sum(axis=1, keepdims=True), 1e-12))
        cosines = abs(unit @ unit.T)  # (r, c) @ (c, r) -> (r, r)
        count = rows.shape[0]
        pairs = max(count * (count - 1) / 2, 1)
        return (cosines.sum() - (unit * unit).sum()) * (0.5 * self.factor / pairs)  # less the diagonal


REGULARIZERS: dict[str, type[Regularizer]] = {
    "l1": L1,
    "l2": L2,
    "l1_l2": L1L2,
    "orthogonal": OrthogonalRegularizer,
}


def get(identifier: Any) -> Any:
    """A regularizer from its name, its config, a function of one Tensor, itself, or None.

    >>> get("l2").l2
    0.01
    """
    if identifier is None or isinstance(identifier, Regularizer):
        return identifier
    classes = {cls.__name__: cls for cls in REGULARIZERS.values()} | REGULARIZERS
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]](**identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in classes:
        return classes[identifier]()
    if callable(identifier):
        return identifier
    expected = f"one of {', '.join(REGULARIZERS)}, a Regularizer or a function"
    raise ArgumentError(message("regularizer", "it is not known", expected=expected, got=repr(identifier)))


def serialize(regularizer: Any, where: str) -> dict[str, Any] | None:
    """Class name and config, for files; a function of the user's own is refused."""
    if regularizer is None:
        return None
    if type(regularizer) in REGULARIZERS.values():
        return {"class_name": type(regularizer).__name__, "config": regularizer.get_config()}
    hint = "Only the regularizers of minicnn.regularizers can."
    raise ArgumentError(message(where, "its regularizer cannot be written to a file", hint=hint))
