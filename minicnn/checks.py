"""What counts as a number where a user passes one: NumPy's numbers do, True and False do not."""

from __future__ import annotations

from numbers import Real
from typing import Any

from .errors import ArgumentError, message


def is_integer(value: Any) -> bool:
    """Whether a value is an integer.

    >>> is_integer(3), is_integer(3.0), is_integer(True)
    (True, False, False)
    """
    return hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "ndim", 0) == 0


def is_number(value: Any) -> bool:
    """Whether a value is an integer or a float.

    >>> is_number(0.5), is_number("0.5"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def number(value: Any, name: str, where: str, low: float | None = None, high: float | None = None) -> float:
    """The number a user passed as `name`; ArgumentError unless it is one from `low` to `high`.

    >>> number(1, "rate", "Dropout", 0, 1)
    1.0
    """
    if is_number(value) and (low is None or value >= low) and (high is None or value <= high):
        return float(value)
    limits = "" if low is None else f" of at least {low}" if high is None else f" from {low} to {high}"
    raise ArgumentError(message(where, name, expected=f"a number{limits}", got=repr(value)))


def whole(value: Any, name: str, where: str, minimum: int = 1) -> int:
    """The integer a user passed as `name`; ArgumentError unless it is at least `minimum`.

    >>> whole(32, "batch_size", "fit")
    32
    """
    if not is_integer(value) or value < minimum:
        expected = "a positive integer" if minimum == 1 else f"an integer of at least {minimum}"
        raise ArgumentError(message(where, name, expected=expected, got=repr(value)))
    return int(value)
