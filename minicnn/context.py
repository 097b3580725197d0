"""What is in force around a computation: recording, debugging, observers and scopes.

Each is a context variable, so a ``with`` block acts on the code inside it, in this thread only, and
whatever happens inside, the state before it comes back. `minicnn.autograd` reads them all and exports
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from copy import copy
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, NamedTuple

Observer = Callable[[str, Any, dict[str, Any]], None]


class Scope(NamedTuple):
    """Where in a model an operation ran: layer path, which call of it, and the calls so far by path."""

    path: str
    call: int
    counts: dict[Any, int]


recording: ContextVar[bool] = ContextVar("minicnn_recording", default=True)
debugging: ContextVar[bool] = ContextVar("minicnn_debugging", default=False)
fusing: ContextVar[bool] = ContextVar("minicnn_fusing", default=True)
observers: ContextVar[tuple[Observer, ...]] = ContextVar("minicnn_observers", default=())
current_scope: ContextVar[Scope | None] = ContextVar("minicnn_scope", default=None)
_frame: ContextVar[dict[Any, int] | None] = ContextVar("minicnn_frame", default=None)
_aside: ContextVar[bool] = ContextVar("minicnn_aside", default=False)


class Switch:
    """A context variable set inside a ``with`` block or a decorated function; may be nested."""

    def __init__(self, variable: ContextVar[Any], value: Any) -> None:
        self._variable, self._value = variable, value
        self._tokens: list[Token[Any]] = []

    def _new(self) -> Any:
        """The value inside the block."""
        return self._value

    def __enter__(self) -> None:
        self._tokens.append(self._variable.set(self._new()))

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._tokens.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with copy(self):
                return function(*args, **kwargs)

        @wraps(function)
        def step_by_step(*args: Any, **kwargs: Any) -> Iterator[Any]:
            # Between two items the generator waits, and the code that asked for them must not be inside.
            items, sent = function(*args, **kwargs), None
            while True:
                with copy(self):
                    try:
                        item = items.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield item

        return step_by_step if isgeneratorfunction(function) else inside

    def __copy__(self) -> Switch:
        return type(self)(self._variable, self._value)


class _Adding(Switch):
    """Adds its value to the tuple in force."""

    def _new(self) -> Any:
        return (*self._variable.get(), self._value)


class _Observing(_Adding):
    """Adds an observer, for whom every operation runs by itself."""

    def __init__(self, variable: ContextVar[Any], value: Any) -> None:
        super().__init__(variable, value)
        self._apart = Switch(fusing, False)

    def __enter__(self) -> None:
        super().__enter__()
        self._apart.__enter__()

    def __exit__(self, *_: object) -> None:
        self._apart.__exit__()
        super().__exit__()


class _Counting(Switch):
    """Starts every block with an empty dict."""

    def _new(self) -> Any:
        return {}


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Record nothing: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``."""
    switch = Switch(recording, False)
    return switch if function is None else switch(function)


def is_grad_enabled() -> bool:
    """Whether operations are recorded now."""
    return recording.get()


def debug() -> Switch:
    """``with debug():`` notices by checksum when a saved array was written to before backward."""
    return Switch(debugging, True)


def observe(function: Observer, fused: bool = False) -> Switch:
    """Call ``function(phase, node, arrays)`` for every operation run inside, in both directions.

    `phase` is ``"forward"`` (arrays: inputs, output) or ``"backward"`` (arrays: gy, grads). Operations run
    one by one, so that each is seen; with `fused` as they do unobserved, several at once where that pays.
    """
    return (_Adding if fused else _Observing)(observers, function)


class fusion:
    """Whether operations that follow each other may run as one: ``fusion(False)`` for good, or a ``with``.

    Fused or not, the results are the same bits, but for batch normalization folded into a convolution while
    predicting (1e-5 of the largest). Where a kernel is overridden or an observer listens, operations run one
    by one in any case.

    >>> with fusion(False):
    ...     fusing.get()
    False
    """

    def __init__(self, on: bool) -> None:
        self._token: Token[bool] | None = fusing.set(bool(on))

    def __enter__(self) -> fusion:
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            fusing.reset(self._token)
            self._token = None


def frame() -> Switch:
    """Count calls of the same layer 0, 1, 2, … across this block, instead of in each outermost call."""
    return _Counting(_frame, None)


@contextmanager
def aside() -> Iterator[None]:
    """Run something that counts nothing for the calls around it, such as building a layer."""
    tokens = current_scope.set(None), _frame.set({}), _aside.set(True)
    try:
        yield
    finally:
        current_scope.reset(tokens[0])
        _frame.reset(tokens[1])
        _aside.reset(tokens[2])


def is_aside() -> bool:
    """Whether what runs now is only tried out, on made-up data, and should leave no trace."""
    return _aside.get()


@contextmanager
def scope(name: str) -> Iterator[Scope]:
    """Name the operations run inside: path ``"outer/name"`` and the number of this call of it."""
    parent, shared = current_scope.get(), _frame.get()
    path = f"{parent.path}/{name}" if parent else name
    counts = parent.counts if parent else {} if shared is None else shared
    here = Scope(path, counts.get(path, 0), counts)
    counts[path] = here.call + 1
    token = current_scope.set(here)
    try:
        yield here
    finally:
        current_scope.reset(token)
