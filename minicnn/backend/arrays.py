"""Arrays and the device they live on: the array's type is the device.

A backend adds itself here with its array type and its array module; the rest of minicnn asks
these functions and never tests for NumPy by name.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import ArgumentError, BackendError, message

# array type -> (device name, array module)
_DEVICES: dict[type, tuple[str, ModuleType]] = {np.ndarray: ("cpu", np)}


def _home(array: Any) -> tuple[str, ModuleType]:
    """Device and array module of an array; BackendError for anything else."""
    for kind, home in _DEVICES.items():
        if isinstance(array, kind):
            return home
    known = ", ".join(kind.__name__ for kind in _DEVICES)
    raise BackendError(
        message(
            "minicnn",
            "an array of an unknown device",
            expected=f"one of {known}",
            got=type(array).__name__,
        )
    )


def device_of(array: Any) -> str:
    """The device an array lives on, for example ``"cpu"``; BackendError for anything else."""
    return _home(array)[0]


def same_device(arrays: Sequence[Any], where: str) -> str:
    """The one device of all arrays; BackendError naming both devices when they are mixed."""
    devices = [device_of(array) for array in arrays]
    for number, device in enumerate(devices):
        if device != devices[0]:
            raise BackendError(
                message(
                    where,
                    f"input 0 lives on {devices[0]!r} and input {number} on {device!r}",
                    expected="all inputs on one device",
                    got=f"{devices[0]!r} and {device!r}",
                    hint="Move one of them: Tensor(other.numpy()) under the backend you want.",
                )
            )
    return devices[0]


def xp(array: Any) -> ModuleType:
    """The array module (NumPy's namespace or its like) for the device of `array`."""
    return _home(array)[1]


def asarray(data: Any, dtype: Any = None, where: str = "Tensor") -> Any:
    """An array from numbers, nested lists or an array; Python floats become float32.

    Arrays keep their dtype (float16 widens to float32). ArgumentError for anything not numeric.
    """
    given = isinstance(data, np.ndarray | np.generic)
    try:
        array = np.asarray(data)
    except (ValueError, TypeError) as error:
        raise ArgumentError(
            message(
                where,
                "the data is not a rectangular array of numbers",
                got=_short(data),
                hint=f"({error})",
            )
        ) from error
    if array.dtype.kind not in "biuf":
        raise ArgumentError(
            message(
                where,
                "the data is not numeric",
                expected="numbers",
                got=f"{_short(data)} of dtype {array.dtype}",
            )
        )
    if dtype is not None:
        return array.astype(dtype, copy=False)
    if array.dtype.kind == "f" and (not given or array.dtype.itemsize not in (4, 8)):
        array = array.astype(np.float32)
    return array


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 60 else text[:57] + "…"


def to_numpy(array: Any) -> np.ndarray:
    """The same numbers as a NumPy array (no copy when they already are)."""
    device_of(array)
    return np.asarray(array)


def returned(value: Any, where: str) -> Any:
    """What an operation returned, as an array; ArgumentError where it is none (NumPy's scalars are)."""
    value = np.asarray(value) if isinstance(value, np.generic) else value
    if not isinstance(value, tuple(_DEVICES)):
        hint = "Operations take and return raw arrays."
        got = type(value).__name__
        raise ArgumentError(message(where, "it returned no array", expected="an array", got=got, hint=hint))
    return value


def is_own(array: Any, others: Sequence[Any]) -> bool:
    """True when `array` can be written and, beside itself, none of `others` (or None) has its memory."""
    sharing = [other for other in others if other is not None and shares_memory(array, other)]
    return getattr(array.flags, "writeable", True) and len(sharing) == 1


def shares_memory(a: Any, b: Any) -> bool:
    """True when both arrays are views of one buffer."""
    return a is b or owner(a) is owner(b)


def owner(array: Any) -> Any:
    """The array that the memory of a view belongs to; an array that is no view itself."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def checksum(array: Any) -> int:
    """A 32-bit sum of an array's bytes, to notice that somebody wrote into it."""
    return zlib.crc32(np.ascontiguousarray(to_numpy(array)).view(np.uint8).data)
