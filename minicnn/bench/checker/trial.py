"""One call of somebody's kernel: what came back, and what is wrong with it.

Nothing that the kernel does may end the check: an exception is a sentence with the line of the user's file.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import linecache
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .cases import Case
from .operations import arguments, is_float, result_names, truth

__all__ = ["LOST", "TOLERANCE", "Attempt", "Failure", "attempt", "judge", "relative_error", "takes_out"]

TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
"""Largest max|Δ| / max|expected| by dtype: that of the truth gate, which Winograd passes, too."""

LOST = ("raised", "result", "shape", "values")
"""Kinds of failures in which the numbers are wrong, or there are none."""

_PRINTED = 400  # characters of what a kernel prints that are kept


@dataclass
class Attempt:
    """What a call left: arrays, or `error` and the line `where` it happened; `refused`: NotImplementedError.

    `changed` names the inputs that are not what they were, `shared` those that a result shares memory with.
    """

    results: tuple[Any, ...] = ()
    error: str = ""
    where: str = ""
    refused: bool = False
    changed: tuple[str, ...] = ()
    shared: str = ""
    out_kept: bool = True
    earlier_kept: bool = True
    printed: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a case failed: a kind in one word, a sentence, and what came back."""

    case: Case
    kind: str
    problem: str
    attempt: Attempt = field(compare=False, repr=False)
    which: int = 0  # the result that is wrong, where there are two


def attempt(fn: Callable[..., Any], op: str, case: Case, file: str = "") -> Attempt:
    """Call a kernel once for a case; `file` is the one whose lines are worth naming."""
    given = {name: _laid_out(value, case.way) for name, value in arguments(op, case).items()}
    before = {name: value.copy() for name, value in given.items() if isinstance(value, np.ndarray)}
    found = Attempt()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _call(fn, op, case, given, found)
        except NotImplementedError as error:
            found.refused, found.error = True, str(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, too
            found.error, found.where = _described(error), _line_of(error, file)
    found.printed = printed.getvalue()[:_PRINTED]
    found.changed = tuple(name for name, value in before.items() if not _same(given[name], value))
    return found


def _call(fn: Callable[..., Any], op: str, case: Case, given: dict[str, Any], found: Attempt) -> None:
    """Call it the way the case says, and note what came back."""
    if case.way == "out":
        (expected,) = truth(op, case)
        out = np.full(expected.shape, np.nan, case.dtype)
        result = fn(*given.values(), out=out)
        found.out_kept = result is out
    else:
        earlier = _arrays(fn(*arguments(op, case, " again").values())) if case.way == "twice" else []
        kept = [r.copy() for r in earlier]
        result = fn(*given.values())
        found.earlier_kept = all(_same(r, k) for r, k in zip(earlier, kept, strict=True))
    found.results = result if isinstance(result, tuple) else (result,)
    for name, value in given.items() if op != "im2col" else ():  # windows are only read: a view will do
        if isinstance(value, np.ndarray) and any(np.shares_memory(r, value) for r in _arrays(result)):
            found.shared = name


def _arrays(result: Any) -> list[np.ndarray]:
    """The arrays among what a kernel returned."""
    return [r for r in (result if isinstance(result, tuple) else (result,)) if isinstance(r, np.ndarray)]


def takes_out(fn: Callable[..., Any]) -> bool:
    """Whether a function has a parameter for the array to write in."""
    try:
        return "out" in inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False


def _laid_out(value: Any, way: str) -> Any:
    """The same numbers in another order in memory."""
    if not isinstance(value, np.ndarray):
        return value
    if way == "every other":
        return np.repeat(value, 2, axis=-1)[..., ::2]
    if way == "backwards":
        return value[..., ::-1].copy()[..., ::-1]
    return np.asfortranarray(value) if way == "transposed" else value


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.array_equal(a, b, equal_nan=is_float(a)))


def _described(error: BaseException) -> str:
    """An exception in one line, without a full stop."""
    text = " ".join(str(error).split())[:300].removesuffix(".")
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def _line_of(error: BaseException, file: str) -> str:
    """The last line of the user's file on the way to an exception: ``my_conv.py, line 12: y[p] = …``."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    if not frames:
        return ""
    number = frames[-1].lineno or 0
    return f"{Path(file).name}, line {number}: {linecache.getline(file, number).strip()}"


def judge(op: str, case: Case, found: Attempt) -> Failure | None:
    """What is wrong with what came back, the gravest first; None if nothing is."""
    if found.refused:
        return None
    if found.error:
        return Failure(case, "raised", found.error, found)
    names, expected = result_names(op), truth(op, case)
    problem = _not_arrays(found.results, names)
    if problem:
        return Failure(case, "result", problem, found)
    for number, (name, result, right) in enumerate(zip(names, found.results, expected, strict=True)):
        if result.shape != right.shape:
            problem = f"the result {name} has shape {result.shape} instead of {right.shape}"
            return Failure(case, "shape", problem, found, number)
    if found.changed:
        return Failure(case, "changed", f"the input {' and '.join(found.changed)} was changed", found)
    for number, (name, result, right) in enumerate(zip(names, found.results, expected, strict=True)):
        dtype = case.dtype if is_float(right) else right.dtype
        if result.dtype != dtype:
            problem = f"the result {name} has dtype {result.dtype} instead of {dtype}"
            return Failure(case, "dtype", problem, found, number)
    for number, (name, result, right) in enumerate(zip(names, found.results, expected, strict=True)):
        error = relative_error(result, right, spread=case.way == "nan")
        if not error <= TOLERANCE[case.dtype]:
            return Failure(case, "values", _difference(name, error, result, right), found, number)
    return _manners(case, found)


def _not_arrays(results: tuple[Any, ...], names: tuple[str, ...]) -> str:
    """A sentence if the results are not as many arrays as they should be."""
    wanted = "one array" if len(names) == 1 else f"a tuple of {len(names)} arrays ({', '.join(names)})"
    kinds = [type(r).__name__ for r in results]
    if len(results) == len(names) and all(isinstance(r, np.ndarray) for r in results):
        return ""
    if kinds == ["NoneType"]:
        return f"it returned nothing instead of {wanted} (is there a return at its end?)"
    got = kinds[0] if len(kinds) == 1 else f"({', '.join(kinds)})"
    return f"it returned {got} instead of {wanted}"


def _difference(name: str, error: float, result: np.ndarray, right: np.ndarray) -> str:
    if np.isnan(right).any() and not np.isnan(result[np.isnan(right)]).all():
        return f"the NaN in the input does not reach {name}"
    wrong = int((~np.isclose(result, right, rtol=1e-4, atol=0, equal_nan=True)).sum())
    if np.isnan(error):
        return f"the result {name} has NaN where there should be none"
    if not wrong:
        return f"the result {name} is off by {error:.1e}"
    if right.size == 1:
        return f"the result {name} is wrong"
    return f"{wrong} of {right.size} elements of {name} {'is' if wrong == 1 else 'are'} wrong"


def _manners(case: Case, found: Attempt) -> Failure | None:
    """What else a kernel must not do, with a result that is right."""
    if found.shared:
        problem = f"the result shares memory with {found.shared}: whoever writes in it changes the input"
        return Failure(case, "shared", problem, found)
    if not found.out_kept:
        return Failure(case, "out", "it did not return the array that it was given as out", found)
    if not found.earlier_kept:
        problem = "the next call writes over the result of the one before: both are one array"
        return Failure(case, "twice", problem, found)
    return None


def relative_error(result: np.ndarray, expected: np.ndarray, spread: bool = False) -> float:
    """max|Δ| / max|expected|; NaN if there is a NaN on one side only.

    With `spread`, NaN may come back where none is expected: a fast algorithm mixes neighbours.

    >>> relative_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    0.5
    """
    result, lost = np.asarray(result, np.float64), np.isnan(expected)
    if np.isnan(result[lost]).sum() < lost.sum() or (not spread and np.isnan(result[~lost]).any()):
        return np.nan
    same = result == expected  # infinities
    delta = np.abs(np.where(same, 0, result) - np.where(same, 0, expected))
    finite = np.abs(expected[np.isfinite(expected)])
    scale = float(finite.max(initial=0.0)) or 1.0
    return float(delta[~np.isnan(delta)].max(initial=0.0)) / scale
