"""Calls from one compiled function to another by name, instead of by a copy of it.

Numba copies what a function calls into its own machine code and optimises the copy once more: right for a few
instructions in an inner loop, a waste of seconds for a body that a driver calls once for every thread. So a
driver calls its bodies by names that the linker knows, and `call_by_name` emits such a call. A driver that
comes from disk needs them known before itself: `called_by` lists them, for the cache to keep beside it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import reduce
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from llvmlite import binding
from numba.core import cgutils

__all__ = ["Body", "call_by_name", "called_by", "keep", "offer"]

# Library -> what its code calls by name -> that one's library, which must live as long.
_called: WeakKeyDictionary[Any, dict[Body, Any]] = WeakKeyDictionary()


# Functions made inside others, by module and name, where those that make them have made the names their own.
_offered: dict[tuple[str, str], Any] = {}


def offer(function: Any) -> Any:
    """Let a compiled function that was made inside another one be found by its name; returns it."""
    written = getattr(function, "py_func", function)
    _offered[written.__module__, written.__qualname__] = function
    return function


class Body(NamedTuple):
    """A compiled function for some types of arguments, as another process finds it."""

    module: str
    name: str
    types: tuple

    @property
    def symbol(self) -> str:
        """Its name to the linker."""
        types = hashlib.sha256(repr(self.types).encode()).hexdigest()[:16]
        return f"minicnn.{self.module}.{self.name}.{types}"

    def provide(self, function: Any = None) -> Any:
        """Compile or load the function, tell the linker where it is, and return its library."""
        function = function or self.find()
        function.compile(self.types)
        compiled = function.overloads[self.types]
        address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        binding.add_symbol(self.symbol, address)
        return compiled.library

    def find(self) -> Any:
        """The function; None if it is not where its name says, as one inside another that was not offered."""
        if (self.module, self.name) in _offered:
            return _offered[self.module, self.name]
        names, place = self.name.split("."), sys.modules.get(self.module)
        return reduce(lambda inside, name: getattr(inside, name, None), names, place)


def keep(library: Any, bodies: Iterable[Body], libraries: Iterable[Any]) -> None:
    """Note what a library calls by name, and keep that as long as the library itself."""
    _called[library] = dict(zip(bodies, libraries, strict=True))


def called_by(library: Any) -> list[Body]:
    """What a library's code calls by name; the copies in it, of other libraries, call by name as well."""
    copied = [body for other in library._linking_libraries for body in called_by(other)]
    return list(dict.fromkeys([*_called.get(library, ()), *copied]))


def call_by_name(context: Any, builder: Any, function: Any, signature: Any, arguments: list) -> None:
    """Emit the call of a function; what it returns, and whether it failed, is not looked at."""
    written = function.py_func
    body = Body(written.__module__, written.__qualname__, tuple(signature.args))
    _called.setdefault(context.active_code_library, {})[body] = body.provide(function)
    kind = context.call_conv.get_function_type(signature.return_type, signature.args)
    callee = cgutils.get_or_insert_function(builder.module, kind, body.symbol)
    context.call_conv.call_function(builder, callee, signature.return_type, signature.args, arguments)
