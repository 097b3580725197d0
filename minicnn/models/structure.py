"""Several inputs or outputs: arrays in lists, tuples and dicts, and what goes with an output by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..autograd import Tensor
from ..errors import ArgumentError, message

__all__ = ["is_array", "leaves", "map_leaves", "nested", "outputs_by_name", "spread", "unpack"]


def is_array(value: Any) -> bool:
    """Whether a value is an array with axes (NumPy's, a Tensor, or what NumPy can read as one)."""
    return (isinstance(value, Tensor) or hasattr(value, "__array__")) and getattr(value, "ndim", 0) > 0


def nested(value: Any) -> bool:
    """Whether a value holds several arrays; a list of numbers, however deep, is one array.

    >>> nested([[1, 2], [3, 4]]), nested([Tensor([1, 2]), Tensor([3, 4])])
    (False, True)
    """
    if isinstance(value, dict):
        return True
    return isinstance(value, list | tuple) and any(is_array(item) or nested(item) for item in value)


def map_leaves(function: Callable[[Any, str], Any], value: Any, name: str) -> Any:
    """`function(array, name)` of every array; lists stay lists, dicts dicts, None None."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: map_leaves(function, item, f"{name}[{key!r}]") for key, item in value.items()}
    if nested(value):
        return [map_leaves(function, item, f"{name}[{i}]") for i, item in enumerate(value)]
    return function(value, name)


def leaves(value: Any) -> Iterator[Any]:
    """The arrays in a structure."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif value is not None:
        yield value


def outputs_by_name(y_pred: Any, names: Sequence[str] | None) -> dict[str, Tensor]:
    """The outputs of a model by name: as the graph calls them, by the keys of a dict, or numbered from 1."""
    if isinstance(y_pred, dict):
        order = names if names and set(names) == set(y_pred) else sorted(y_pred)
        return {name: y_pred[name] for name in order}
    found = list(y_pred) if isinstance(y_pred, list | tuple) else [y_pred]
    if names is None or len(names) != len(found):
        names = [f"output_{i + 1}" for i in range(len(found))]
    return dict(zip(names, found, strict=True))


def spread(given: Any, names: Sequence[str], what: str, where: str, missing: bool = True) -> list[Any]:
    """One entry for each output, from a list in their order or a dict by name.

    With `missing`, outputs that a dict does not name get None.
    """
    if isinstance(given, dict):
        unknown = [key for key in given if key not in names]
        absent = [] if missing else [name for name in names if name not in given]
        if unknown or absent:
            problem = f"{what} does not go with the outputs"
            got = ", ".join(map(str, given))
            hint = f"Write None for {absent[0]!r} if it has none." if absent and not unknown else None
            raise ArgumentError(message(where, problem, expected=", ".join(names), got=got, hint=hint))
        return [given.get(name) for name in names]
    if not isinstance(given, list | tuple) or len(given) != len(names):
        expected = f"one entry for each of {', '.join(names)}"
        got = f"{len(given)} entries" if isinstance(given, list | tuple) else "a single one"
        raise ArgumentError(
            message(where, f"{what} does not go with the outputs", expected=expected, got=got)
        )
    return list(given)


def unpack(data: Any, where: str = "training data") -> tuple[Any, Any, Any]:
    """x, y and sample_weight of a batch ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``."""
    if not isinstance(data, list | tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        expected, got = "x, (x, y) or (x, y, sample_weight)", f"{len(data)} items"
        raise ArgumentError(message(where, "not a batch", expected=expected, got=got))
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight
