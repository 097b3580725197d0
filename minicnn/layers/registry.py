"""Layers to plain data and back: only names on a list are ever made, no code is ever run."""

from __future__ import annotations

from typing import Any

from ..errors import FileFormatError, MinicnnError, message
from .base import Layer

# Layer classes by name: what a saved model may contain. Models add themselves.
LAYERS: dict[str, type[Layer]] = {}


def allow(*classes: type[Layer]) -> None:
    """Put classes on the list."""
    LAYERS.update({cls.__name__: cls for cls in classes})


def serialize(layer: Layer) -> dict[str, Any]:
    """Class name and config of a layer."""
    return {"class_name": type(layer).__name__, "config": layer.get_config()}


def deserialize(data: Any, custom_objects: dict[str, type[Layer]] | None = None) -> Any:
    """The layer that `serialize` described; FileFormatError for anything else.

    `custom_objects` maps names to layer classes of your own.
    """
    known = LAYERS | (custom_objects or {})
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        raise FileFormatError(message("model file", "a layer is not described by a class name and a config"))
    name = data.get("class_name")
    if name not in known:
        hint = "Pass your own classes with custom_objects={name: class}."
        got = repr(name)
        raise FileFormatError(
            message(
                "model file", "it names an unknown layer class", expected=", ".join(known), got=got, hint=hint
            )
        )
    config = dict(data["config"])
    if custom_objects and issubclass(known[name], Layer) and hasattr(known[name], "takes_custom_objects"):
        config["custom_objects"] = custom_objects
    try:
        return known[name].from_config(config)
    except FileFormatError:
        raise
    except (MinicnnError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        problem = f"its {name} layer cannot be made from its config"
        raise FileFormatError(message("model file", problem, hint=f"({error})")) from error
