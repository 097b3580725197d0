"""From what failed to the name of the bug.

For every bug in `mistakes.py` the results that a kernel with it would return are computed and compared with
what came back. The bug is named whose results are those of all failing cases; that it would not have
disturbed those that passed speaks for it. Where nothing can be compared (the kernel ended in exceptions), the
cases that a bug disturbs are compared with those that failed. Bugs of manners (changed inputs, wrong dtypes)
show themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np

from .bending import Bent, Variants, straight
from .cases import Case
from .mistakes import Mistake, mistakes_of
from .operations import arguments, is_float, truth
from .trial import LOST, TOLERANCE, Failure, relative_error

__all__ = ["Diagnosis", "diagnose", "pattern"]

_SHOWN = 8  # cases whose numbers must agree, where there are so many; a quarter of them otherwise
_HALF = 5e-3  # relative error that float16 leaves; a wrong formula leaves more
_LAYOUTS = ("every other", "backwards", "transposed")


@dataclass(frozen=True)
class Diagnosis:
    """The name of the bug ("" if it is not known), its variant, why it is believed, and where to look."""

    name: str
    detail: str = ""
    why: str = ""
    look: str = ""


def diagnose(op: str, passed: Sequence[Case], failures: Sequence[Failure]) -> Diagnosis:
    """Name the bug behind some failures."""
    lost = [f for f in failures if f.kind in LOST]
    if not lost:
        return _of_manners(failures)
    plain = [f for f in lost if f.case.way == "plain"]
    if not plain:
        return _of_ways(lost)
    return _of_precision(op, plain) or _of_nothing(op, plain) or _compared(op, passed, plain)


def _of_manners(failures: Sequence[Failure]) -> Diagnosis:
    """No wrong numbers, but what a kernel must not do."""
    found = {
        "changed": ("input overwritten", "Work on a copy, or in an array of your own: np.array(x)."),
        "dtype": (
            "wrong dtype",
            "The result has the dtype of the input: np.zeros(shape, x.dtype). Plain np.zeros makes float64; "
            "an index of a maximum is uint8 up to 256 taps, int32 beyond.",
        ),
        "shared": ("result is a view of the input", "Return an array of your own: .copy()."),
        "out": ("out ignored", "A kernel with a parameter out writes in it and returns it; or leave it out."),
        "twice": ("result overwritten by the next call", "Make a new array in every call."),
    }
    first = min(failures, key=lambda f: list(found).index(f.kind))
    name, look = found[first.kind]
    return Diagnosis(name, "", _sentence(first.problem), look)


def _of_ways(lost: Sequence[Failure]) -> Diagnosis:
    """All cases are right as long as they come as contiguous arrays, without NaN, and so on."""
    ways = {f.case.way for f in lost}
    if ways == {"nan"}:
        look = "Every comparison with NaN is false: np.maximum lets it through, > and max() do not."
        return Diagnosis("NaN lost", "", "Only the cases with a NaN in the input fail.", look)
    if ways <= set(_LAYOUTS):
        why = "Only arrays whose elements do not lie side by side in memory fail."
        return Diagnosis(
            "memory layout assumed", "", why, "Use np.ascontiguousarray before .data or .ctypes."
        )
    if ways == {"out"}:
        look = "out comes with arbitrary numbers in it: write 0 before you add, and return it."
        return Diagnosis("out not filled", "", "Only the cases with an array to write in fail.", look)
    return Diagnosis("", "", f"Only these ways to hand over the arrays fail: {', '.join(sorted(ways))}.")


def _of_precision(op: str, plain: Sequence[Failure]) -> Diagnosis | None:
    """Right up to the rounding of a narrower type than was asked for."""
    if any(f.kind != "values" for f in plain):
        return None
    worst = max(relative_error(f.attempt.results[f.which], truth(op, f.case)[f.which]) for f in plain)
    single = worst < TOLERANCE["float32"] and all(f.case.dtype == "float64" for f in plain)
    if not (single or worst < _HALF):
        return None
    narrow = "float32" if single else "float16"
    why = f"The results have the right dtype, but only the precision of {narrow}."
    look = f"Somewhere an array is made with dtype {narrow}: use x.dtype."
    return Diagnosis("wrong dtype", f"computed in {narrow}", why, look)


def _of_nothing(op: str, plain: Sequence[Failure]) -> Diagnosis | None:
    """What it returned is no array."""
    if any(f.kind != "result" for f in plain):
        return None
    nothing = all(f.attempt.results == (None,) for f in plain)
    name = "wrong kind of result"
    if nothing:
        name = "bias gradient missing" if op == "bias_grad" else "nothing returned"
    return Diagnosis(name, "", _sentence(plain[0].problem))


def _sentence(problem: str) -> str:
    return f"{problem[0].upper()}{problem[1:]}."


def _of_factor(op: str, plain: Sequence[Failure]) -> Diagnosis | None:
    """Every number is too large or too small by the same factor."""
    if any(f.kind != "values" or f.which for f in plain):
        return None
    got, expected = plain[0].attempt.results[0], truth(op, plain[0].case)[0]
    largest = np.abs(expected).argmax()
    factor = float(got.flat[largest] / expected.flat[largest])
    if all(_close(f.attempt.results[0], factor * truth(op, f.case)[0], f.case) for f in plain):
        return Diagnosis(
            "wrong by a factor", f"{factor:g}", f"Every number is {factor:g} times what it should be."
        )
    return None


# -- hypotheses -------------------------------------------------------------------------------------------


def _compared(op: str, passed: Sequence[Case], lost: Sequence[Failure]) -> Diagnosis:
    """The bug whose results are those that came back."""
    calm = [case for case in passed if case.way == "plain"]
    found: list[tuple[int, Mistake, str]] = []
    for mistake in mistakes_of(op):
        for detail in _bent(op, lost[0].case, mistake):
            explained = all(_explains(op, f, mistake, detail) for f in lost)
            shown = sum(_is_shown(op, f, mistake, detail) for f in lost) if explained else 0
            if shown >= min(_SHOWN, len(lost) / 4):
                found.append((sum(_disturbs(op, c, mistake, detail) for c in calm), mistake, detail))
    found = [entry for entry in found if entry[0] <= len(lost) // 2]
    if not found:
        return _guessed(op, calm, lost) or _of_factor(op, lost) or Diagnosis("", "", pattern(calm, lost))
    disturbed, mistake, detail = min(found, key=lambda entry: entry[0])
    why = f"What came back is what a kernel with this bug returns, in all {len(lost)} failing cases"
    why += f" (of {len(lost) + len(calm)})."
    if disturbed:
        why += f" But {disturbed} cases passed that it would disturb."
    return Diagnosis(mistake.name_in(op), detail, why, mistake.look)


def _guessed(op: str, calm: Sequence[Case], lost: Sequence[Failure]) -> Diagnosis | None:
    """Exceptions alone: the one bug that disturbs exactly the cases that failed."""
    if any(f.kind in ("shape", "values") for f in lost) or not calm:
        return None
    found: dict[Mistake, str] = {}
    for mistake in mistakes_of(op):
        for detail in _bent(op, lost[0].case, mistake) if mistake.of_numbers else ():
            inside = all(_disturbs(op, f.case, mistake, detail, unknown=True) for f in lost)
            if inside and not any(_disturbs(op, case, mistake, detail, unknown=True) for case in calm):
                found.setdefault(mistake, detail)
    if len(found) != 1:
        return None
    ((mistake, detail),) = found.items()
    why = (
        f"A guess: the {len(lost)} cases (of {len(lost) + len(calm)}) that this bug disturbs fail, no others."
    )
    return Diagnosis(mistake.name_in(op), detail, why, mistake.look)


def _explains(op: str, f: Failure, mistake: Mistake, detail: str) -> bool:
    """Whether a kernel with this bug may fail in this way."""
    predicted = _predicted(op, f.case, mistake, detail)
    if predicted is None:
        return True
    if f.kind == "raised":
        return mistake.misfits and _disturbs(op, f.case, mistake, detail)
    got = f.attempt.results
    return len(got) == len(predicted) and all(
        isinstance(a, np.ndarray) and a.shape == b.shape and _close(a, b, f.case)
        for a, b in zip(got, predicted, strict=True)
    )


def _is_shown(op: str, f: Failure, mistake: Mistake, detail: str) -> bool:
    """Whether numbers were compared."""
    return f.kind in ("shape", "values") and _predicted(op, f.case, mistake, detail) is not None


def _disturbs(op: str, case: Case, mistake: Mistake, detail: str, unknown: bool = False) -> bool:
    """Whether a kernel with this bug fails in this case; `unknown` where that cannot be said."""
    predicted = _predicted(op, case, mistake, detail)
    if predicted is None:
        return unknown
    pairs = zip(predicted, truth(op, case), strict=True)
    return any(a.shape != b.shape or not _close(a, b, case) for a, b in pairs)


def _close(a: np.ndarray, b: np.ndarray, case: Case) -> bool:
    return relative_error(a, b) <= TOLERANCE[case.dtype]


@lru_cache(maxsize=5000)
def _predicted(op: str, case: Case, mistake: Mistake, detail: str) -> tuple[np.ndarray, ...] | None:
    """What a kernel with this bug returns; None if it cannot."""
    variant = _bent(op, case, mistake)[detail]
    if variant is None:
        return None
    return variant.result() if isinstance(variant, Bent) else (variant(),)


@lru_cache(maxsize=2000)
def _bent(op: str, case: Case, mistake: Mistake) -> Variants:
    return mistake.bend(_straight(op, case))


@lru_cache(maxsize=1000)
def _straight(op: str, case: Case) -> Bent:
    args = {name: a.astype(np.float64) if is_float(a) else a for name, a in arguments(op, case).items()}
    return straight(op, args, case.problem)


# -- patterns ---------------------------------------------------------------------------------------------

_FEATURES: dict[str, Callable[[Case], bool]] = {
    "more than one image": lambda c: c.problem.batch > 1,
    "more than one channel": lambda c: c.problem.channels > 1,
    "more than one filter": lambda c: c.problem.filters > 1,
    "groups": lambda c: c.problem.groups > 1,
    "an image that is not square": lambda c: c.problem.in_hw[0] != c.problem.in_hw[1],
    "a kernel that is not square": lambda c: c.problem.kernel_hw[0] != c.problem.kernel_hw[1],
    "a stride above 1": lambda c: c.problem.g.stride != (1, 1),
    "two strides": lambda c: c.problem.g.stride[0] != c.problem.g.stride[1],
    "padding": lambda c: c.problem.g.pad != ((0, 0), (0, 0)),
    "padding at the top": lambda c: c.problem.g.pad[0][0] > 0,
    "padding at the bottom": lambda c: c.problem.g.pad[0][1] > 0,
    "padding on the left": lambda c: c.problem.g.pad[1][0] > 0,
    "padding on the right": lambda c: c.problem.g.pad[1][1] > 0,
    "dilation": lambda c: c.problem.g.dilation != (1, 1),
    "windows that overlap": lambda c: any(
        k > s and out > 1
        for k, s, out in zip(c.problem.kernel_hw, c.problem.g.stride, c.problem.out_hw, strict=True)
    ),
    "dtype float32": lambda c: c.dtype == "float32",
    "numbers that are not integers": lambda c: c.numbers == "reals",
    "negative numbers alone": lambda c: c.numbers == "negative",
    "equal maxima": lambda c: c.numbers == "few",
}


def pattern(passed: Iterable[Case], lost: Sequence[Failure]) -> str:
    """What the failing cases have in common, in one or two sentences."""
    cases, failing = [*passed, *(f.case for f in lost)], [f.case for f in lost]
    if len(failing) == len(cases):
        return f"All {len(cases)} cases fail."
    start, told = f"{len(failing)} of {len(cases)} cases fail", _told(cases, failing)
    if not told:
        return f"{start}; they have nothing in common that the others lack."
    parts = [f"{words} ({len(failing)} of {total} such cases fail)" for total, words in told]
    return f"{start}, all of them with {', '.join(parts)}."


def _told(cases: Sequence[Case], failing: Sequence[Case]) -> list[tuple[int, str]]:
    """Features of all failing cases (or of two, one or the other), and how many cases have them."""
    found = {words: {case for case in cases if has(case)} for words, has in _FEATURES.items()}
    shared = sorted((len(having), words) for words, having in found.items() if having.issuperset(failing))
    shared = [entry for entry in shared if entry[0] < len(cases)]
    if not shared:
        pairs = ((len(found[a] | found[b]), f"{a} or {b}", a, b) for a, b in combinations(found, 2))
        fits = [(n, words) for n, words, a, b in pairs if (found[a] | found[b]).issuperset(failing)]
        shared = [entry for entry in sorted(fits)[:1] if entry[0] < len(cases)]
    # What is nearly as common without failing is not what matters.
    return [entry for entry in shared if entry[0] < 1.5 * shared[0][0]][:3]
