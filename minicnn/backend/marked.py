"""``@minicnn.kernel("conv2d_forward")``: say which operation a function of yours computes.

The mark is all that is added: the function stays what it was. ``minicnn kernel check FILE.py`` and
``minicnn kernel bench FILE.py`` find the marked functions of a file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import ArgumentError, message
from .registry import operations

__all__ = ["kernel", "operation_of"]

F = TypeVar("F", bound=Callable[..., Any])

_WHERE = "minicnn.kernel"
_EXAMPLE = '@minicnn.kernel("conv2d_forward")'


def kernel(op: str) -> Callable[[F], F]:
    """Mark a function as a kernel for an operation, and return it as it is.

    It is called with the arguments of the operation's reference kernel, in their order, and may leave out
    ``algorithm`` and ``out``. (The function that looks a kernel up is `minicnn.backend.kernel`.)

    Raises ArgumentError for an operation that does not exist, or something that cannot be called.

    >>> @kernel("bias_grad")
    ... def my_bias_grad(gy):
    ...     return gy.sum(axis=tuple(range(gy.ndim - 1)))
    >>> operation_of(my_bias_grad)
    'bias_grad'
    """
    if callable(op):
        raise ArgumentError(message(_WHERE, "it needs the name of an operation", expected=_EXAMPLE))
    if op not in operations():
        import difflib

        longer = [name for name in operations() if name.startswith(str(op))]
        close = longer or difflib.get_close_matches(str(op), operations(), n=3)
        expected = f"{' or '.join(close)}" if close else f"one of {', '.join(sorted(operations()))}"
        raise ArgumentError(message(_WHERE, f"there is no operation {op!r}", expected=expected))

    def mark(fn: F) -> F:
        if not callable(fn):
            raise ArgumentError(message(_WHERE, f"the kernel for {op!r} is not a function", got=repr(fn)))
        try:
            fn.__minicnn_kernel__ = op  # type: ignore[attr-defined]
        except AttributeError:  # written in C, for example
            hint = "Call it from a function of your own (def …) and mark that one."
            problem = f"a {type(fn).__name__} cannot be marked"
            raise ArgumentError(message(_WHERE, problem, hint=hint)) from None
        return fn

    return mark


def operation_of(fn: Any) -> str | None:
    """The operation that a function is marked with, None for one that is not."""
    op = getattr(fn, "__minicnn_kernel__", None)
    return op if isinstance(op, str) and callable(fn) else None
