"""The exceptions of minicnn, and the one sentence pattern their messages follow.

Every message reads: ``<where>: <what is wrong>. Expected <…>, got <…>. <what to do>``.
Each class also derives from the built-in exception a Python user would expect to catch.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ArgumentError",
    "BackendError",
    "FileAccessError",
    "FileFormatError",
    "GradientError",
    "MinicnnError",
    "NonFiniteError",
    "ShapeError",
    "message",
]


class MinicnnError(Exception):
    """Base of everything minicnn raises on purpose."""


class ShapeError(MinicnnError, ValueError):
    """Sizes that do not fit together; in a network, with the shapes that led there and what would help."""

    explained = False  # whether its text has these already
    fixes: tuple[Any, ...] = ()  # changes that were tried and build, see `minicnn.models.advice`


class ArgumentError(MinicnnError, ValueError):
    """An argument outside what a function, layer or command accepts."""


class BackendError(MinicnnError, RuntimeError):
    """A backend, kernel or algorithm that is missing, or arrays of two devices in one operation."""


class GradientError(MinicnnError, RuntimeError):
    """A gradient that cannot be computed, or would be wrong."""


class FileAccessError(MinicnnError, OSError):
    """A file that cannot be read or written: missing, read-only, disk full."""


class FileFormatError(MinicnnError, ValueError):
    """A file whose content is not what its format promises."""


class NonFiniteError(MinicnnError, ArithmeticError):
    """A training whose numbers became NaN or infinite."""


def message(
    where: str,
    problem: str,
    *,
    expected: object = None,
    got: object = None,
    hint: str | None = None,
) -> str:
    """Build an error message in the project's one voice.

    Parameters
    ----------
    where : the function, layer or file the reader should look at.
    problem : what is wrong, without a final full stop.
    expected, got : what would have been right, and what came; the pair is left out when both are None.
    hint : what to do about it, a sentence of its own.

    Returns
    -------
    str : the whole message.

    Examples
    --------
    >>> message("Dense 'out'", "the number of units is not positive", expected="at least 1", got=0)
    "Dense 'out': the number of units is not positive. Expected at least 1, got 0."
    """
    text = f"{where}: {problem}."
    if expected is not None and got is not None:
        text += f" Expected {expected}, got {got}."
    elif expected is not None:
        text += f" Expected {expected}."
    elif got is not None:
        text += f" Got {got}."
    if hint:
        text += f" {hint}"
    return text
