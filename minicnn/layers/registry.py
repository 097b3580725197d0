"""Layers to plain data and back: only names on a list are ever made, no code is ever run."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from ..context import Switch
from ..errors import ArgumentError, FileFormatError, MinicnnError, message
from .base import Layer

# Layer classes by name: what a saved model may contain. Models add themselves.
LAYERS: dict[str, type[Layer]] = {}


def allow(*classes: type[Layer]) -> None:
    """Put classes on the list."""
    LAYERS.update({cls.__name__: cls for cls in classes})


_custom: ContextVar[Mapping[str, Any] | None] = ContextVar("minicnn_custom_objects", default=None)


def custom_objects_now() -> Mapping[str, Any]:
    """What the names in a description stand for beside the classes on the list."""
    return _custom.get() or {}


def custom_object_scope(objects: Mapping[str, Any]) -> Switch:
    """Inside this block descriptions may also name these classes and functions of the user's own.

    >>> class Twice(Layer):
    ...     def call(self, x):
    ...         return x * 2
    >>> with custom_object_scope({"Twice": Twice}):
    ...     deserialize({"class_name": "Twice", "config": {"name": "t"}})
    <Twice 't', not built>
    """
    return Switch(_custom, {**custom_objects_now(), **objects})


def serialize(layer: Layer) -> dict[str, Any]:
    """Class name and config of a layer; ArgumentError if its config lacks what its class must be given."""
    config = layer.get_config()
    parameters = inspect.signature(type(layer).__init__).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)][1:]
    lacking = [p.name for p in named if p.default is p.empty and p.name not in config]
    if lacking and type(layer).from_config.__func__ is Layer.from_config.__func__:  # type: ignore[attr-defined]
        hint = f"Write get_config: return super().get_config() | {{{lacking[0]!r}: …}}."
        problem = f"its get_config lacks {lacking[0]!r}, which its __init__ requires"
        raise ArgumentError(message(layer.where, problem, hint=hint))
    return {"class_name": type(layer).__name__, "config": config}


def deserialize(data: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The layer that `serialize` described; FileFormatError for anything else.

    `custom_objects` maps names to layer classes of your own.
    """
    if custom_objects:
        with custom_object_scope(custom_objects):
            return deserialize(data)
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        raise FileFormatError(message("model file", "a layer is not described by a class name and a config"))
    known, name = {**LAYERS, **custom_objects_now()}, data.get("class_name")
    if not isinstance(name, str) or name not in known:
        hint = "Pass your own classes with custom_objects={name: class}."
        expected, problem = ", ".join(known), "it names an unknown layer class"
        raise FileFormatError(
            message("model file", problem, expected=expected, got=reprlib.repr(name), hint=hint)
        )
    try:
        return known[name].from_config(dict(data["config"]))
    except FileFormatError:
        raise
    except (MinicnnError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        problem = f"its {name} layer cannot be made from its config"
        raise FileFormatError(message("model file", problem, hint=f"({error})")) from error
