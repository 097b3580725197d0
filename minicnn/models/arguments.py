"""What users pass to fit, evaluate and predict, checked where it comes in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..checks import is_integer, is_number, whole
from ..errors import ArgumentError, ShapeError, message
from .structure import leaves, map_leaves, nested

__all__ = [
    "array",
    "arrays",
    "check_compile",
    "class_weights",
    "each_class_weight",
    "first_epoch",
    "is_due",
    "samples",
    "split",
    "verbosity",
]


def array(value: Any, name: str, where: str) -> np.ndarray:
    """`value` as an array of numbers with one entry per sample."""
    try:
        found = value.numpy() if isinstance(value, Tensor) else np.asarray(value)
    except ValueError as error:
        problem = f"{name} is not an array of samples"
        raise ArgumentError(message(where, problem, hint=f"({error})")) from error
    if found.dtype.kind not in "biuf" or found.ndim == 0:
        got = f"dtype {found.dtype}, shape {found.shape}"
        raise ArgumentError(message(where, f"{name} is not an array of samples", got=got))
    return found


def first_epoch(initial_epoch: Any, epochs: Any, where: str) -> int:
    """The number of the first epoch, which must not come after the last."""
    first = whole(initial_epoch, "initial_epoch", where, 0)
    if first > whole(epochs, "epochs", where, 0):
        got = f"epochs={epochs}, initial_epoch={initial_epoch}"
        raise ArgumentError(message(f"fit of {where}", "epochs end before they begin", got=got))
    return first


def arrays(x: Any, y: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Samples and targets of one input and one output, equally many and at least one."""
    if nested(x) or nested(y):
        raise ArgumentError(message(where, "it takes one input and one output", got="several arrays"))
    x, y, _ = samples(x, array(y, "y", where), None, where)
    return x, y


def samples(x: Any, y: Any, sample_weight: Any, where: str, names: Sequence[str] | None = None) -> Any:
    """x, y and sample_weight with arrays in them, equally many samples in each and at least one.

    A dict x becomes a list in the order of `names`, the inputs of a graph.
    """
    if isinstance(x, dict) and names is not None:
        x = in_order(x, names, where)
    x, y, sample_weight = (
        map_leaves(lambda value, path: array(value, path, where), item, name)
        for item, name in ((x, "x"), (y, "y"), (sample_weight, "sample_weight"))
    )
    sizes = [len(item) for item in leaves(x)]
    if len(set(sizes)) > 1:
        raise ShapeError(message(where, "the inputs differ in length", got=sizes))
    if not sizes or sizes[0] == 0:
        raise ArgumentError(message(where, "there is no sample"))
    for others, name, what in ((y, "y", "targets"), (sample_weight, "sample_weight", "weights")):
        for other in leaves(others):
            if len(other) != sizes[0]:
                problem, expected = f"x and {name} differ in length", f"{sizes[0]} {what}"
                raise ShapeError(message(where, problem, expected=expected, got=len(other)))
    return x, y, sample_weight


def in_order(x: dict[str, Any], names: Sequence[str], where: str) -> Any:
    """The inputs of a dict in the order of their names, a single one by itself."""
    if set(x) != set(names):
        expected, got = ", ".join(names), ", ".join(map(str, x))
        raise ArgumentError(message(where, "x does not name the inputs", expected=expected, got=got))
    return [x[name] for name in names] if len(names) > 1 else x[names[0]]


def split(data: Any, share: Any, where: str) -> tuple[Any, Any]:
    """(x, y, sample_weight) to train on, and to validate on or None: cut off at the end, as Keras does."""
    if not is_number(share) or not 0 <= share < 1:
        raise ArgumentError(message(where, "validation_split", expected="0 ≤ share < 1", got=repr(share)))
    n = len(next(leaves(data[0])))
    kept = int(n * (1 - share))
    if kept == 0:
        raise ArgumentError(message(where, "validation_split leaves nothing to train on", got=share))
    if kept == n:
        return data, None
    parts = (slice(0, kept), slice(kept, n))
    first, last = (
        tuple(map_leaves(lambda value, _, part=part: value[part], item, "") for item in data)  # type: ignore[misc]
        for part in parts
    )
    return first, last


def class_weights(given: Any, where: str) -> dict[int, float]:
    """The `class_weight` a user passed, checked."""
    right = isinstance(given, Mapping) and all(
        is_integer(label) and is_number(weight) and 0 <= weight < float("inf")
        for label, weight in given.items()
    )
    if not right:
        expected, got = "a dict {class index: weight from 0}", repr(given)
        raise ArgumentError(message(where, "class_weight", expected=expected, got=got))
    return {int(label): float(weight) for label, weight in given.items()}


def each_class_weight(y: Any, weights: Mapping[int, float], where: str) -> np.ndarray:
    """A weight for each sample from its class: y holds indices (n,), (n, 1) or one-hot rows (n, k)."""
    if not isinstance(y, np.ndarray) or y.ndim > 2:
        expected = "class indices (n,) or one-hot rows (n, k) of a single output"
        got = y.shape if isinstance(y, np.ndarray) else "no targets" if y is None else "several arrays"
        raise ArgumentError(message(where, "class_weight needs a class a sample", expected=expected, got=got))
    if y.ndim == 2:
        y = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]  # (n, k) -> (n,)
    classes, places = np.unique(y, return_inverse=True)
    return np.array([weights.get(round(float(c)), 1.0) for c in classes], np.float32)[places]


def is_due(epoch: int, every: Any, where: str) -> bool:
    """Whether to validate after this epoch: after every n-th, or after those named, counted from 1."""
    if isinstance(every, list | tuple | set) and all(is_integer(number) for number in every):
        return epoch + 1 in every
    if not is_integer(every):
        expected = "a positive integer or a list of epochs"
        raise ArgumentError(message(where, "validation_freq", expected=expected, got=repr(every)))
    return (epoch + 1) % whole(every, "validation_freq", where) == 0


def verbosity(verbose: Any, where: str) -> int:
    """0, 1 or 2."""
    if verbose not in (0, 1, 2, "auto"):
        raise ArgumentError(message(where, "verbose", expected='0, 1, 2 or "auto"', got=repr(verbose)))
    return 1 if verbose == "auto" else int(verbose)


def check_compile(
    run_eagerly: Any, steps_per_execution: Any, jit_compile: Any, auto_scale_loss: Any, where: str
) -> None:
    """Take Keras' settings of how a step is run where they say what happens here, refuse the others."""
    if jit_compile not in (None, False, "auto"):
        hint = "Nothing is compiled as a whole here; the kernels of the numba backend are."
        problem, expected = "jit_compile", '"auto" or False'
        raise ArgumentError(message(where, problem, expected=expected, got=repr(jit_compile), hint=hint))
    if not is_integer(steps_per_execution) or steps_per_execution != 1:
        hint = "Every batch is one step of its own, with its callbacks."
        got = repr(steps_per_execution)
        raise ArgumentError(message(where, "steps_per_execution", expected="1", got=got, hint=hint))
    for name, value in (("run_eagerly", run_eagerly), ("auto_scale_loss", auto_scale_loss)):
        if not isinstance(value, bool):  # both are fine: a step is always eager, and never in float16
            raise ArgumentError(message(where, name, expected="True or False", got=repr(value)))
