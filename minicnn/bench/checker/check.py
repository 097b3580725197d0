"""Check a kernel: run all cases, find the smallest that fails, and name the bug.

>>> def my_bias_grad(gy):
...     return gy.mean(axis=tuple(range(gy.ndim - 1)))
>>> report = check("bias_grad", my_bias_grad)
>>> report.accepted, report.diagnosis.name
(False, 'averaged instead of summed')
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ...errors import BackendError
from .cases import Case, all_cases, simpler
from .diagnosis import Diagnosis, diagnose
from .operations import arguments, checked_operation, truth
from .trial import LOST, TOLERANCE, Attempt, Failure, attempt, judge, relative_error, takes_out

__all__ = ["Report", "check", "check_by", "signature_problem"]

_TRIES = 200  # to make the smallest failing case smaller still


@dataclass(frozen=True)
class Report:
    """What a check found. `smallest` is the smallest failing case of the bug that `diagnosis` names."""

    op: str
    name: str
    cases: int
    failures: tuple[Failure, ...] = ()
    refused: tuple[Failure, ...] = ()
    diagnosis: Diagnosis | None = None
    smallest: Failure | None = None
    errors: tuple[tuple[str, float], ...] = ()
    """The largest relative error of all cases that passed, by dtype."""
    problem: str = ""
    """Why it could not be tried at all, or what it did to its process."""

    @property
    def accepted(self) -> bool:
        """Whether no case failed, and not all were refused."""
        return not (self.failures or self.problem or len(self.refused) == self.cases)


def check(op: str, fn: Callable[..., Any], file: str = "") -> Report:
    """Check a function as a kernel for an operation, in this process.

    Raises ArgumentError for an operation that cannot be checked.
    """
    checked_operation(op, "kernel check")
    name = getattr(fn, "__name__", type(fn).__name__)
    problem = signature_problem(op, fn)
    if problem:
        return Report(op, name, 0, problem=problem)
    return check_by(lambda case: attempt(fn, op, case, file), op, name, takes_out(fn))


def signature_problem(op: str, fn: Callable[..., Any]) -> str:
    """A sentence if a function cannot be called with the arguments of an operation."""
    given = arguments(op, all_cases(op)[0])
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*given)
    except TypeError:
        return f"{op} is called with ({', '.join(given)}), but it takes {signature}."
    return ""


def check_by(call: Callable[[Case], Attempt], op: str, name: str, out: bool) -> Report:
    """Check a kernel that `call` calls, wherever it is; `out` says whether it takes an array to write in."""
    # A max pooling has two results, and its reference no out.
    cases = [case for case in all_cases(op) if case.way != "out" or (out and op != "max_pool2d_forward")]
    passed, failures, refused = [], [], []
    errors, problem, ended = dict.fromkeys(TOLERANCE, 0.0), "", None
    for case in cases:
        try:
            found = call(case)
        except BackendError as error:  # it did not return, or its process ended
            problem, ended = str(error), Failure(case, "ended", str(error), Attempt())
            break
        failure = judge(op, case, found)
        if found.refused:
            refused.append(Failure(case, "refused", found.error, found))
        elif failure is not None:
            failures.append(failure)
        else:
            passed.append(case)
            pairs = zip(found.results, truth(op, case), strict=True)
            largest = max(relative_error(result, right, spread=True) for result, right in pairs)
            errors[case.dtype] = max(errors[case.dtype], largest)
    diagnosis, smallest = None, ended
    if failures:
        diagnosis, smallest = diagnose(op, passed, failures), _shrunk(call, op, _smallest(failures))
    largest_errors, failed = tuple(errors.items()), tuple(failures)
    return Report(op, name, len(cases), failed, tuple(refused), diagnosis, smallest, largest_errors, problem)


def _smallest(failures: list[Failure]) -> Failure:
    """The smallest failure of the gravest kind: wrong numbers before bad manners, plain cases first."""

    def key(f: Failure) -> tuple[bool, bool, bool, int]:
        return f.kind not in LOST, f.case.way != "plain", f.kind in ("raised", "result"), f.case.size

    return min(failures, key=key)


def _shrunk(call: Callable[[Case], Attempt], op: str, smallest: Failure) -> Failure:
    """A failing case made smaller as long as it fails in the same way."""
    tries, going = 0, True
    while going and tries < _TRIES:
        going = False
        for problem in simpler(op, smallest.case.problem):
            case = replace(smallest.case, problem=problem)
            if case.size >= smallest.case.size:
                continue
            tries += 1
            try:
                failure = judge(op, case, call(case))
            except BackendError:
                return smallest
            if failure is not None and failure.kind == smallest.kind:
                smallest, going = failure, True
                break
    return smallest
