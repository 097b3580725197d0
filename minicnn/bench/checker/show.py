"""What a check found, as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .cases import WAYS, Case
from .check import Report
from .operations import arguments, result_names, truth
from .trial import TOLERANCE, Failure

__all__ = ["case_in_words", "facts", "report_lines", "training_line"]

_SHOWN = 12  # rows and columns of an array that are shown
_MOST_MATRICES = 4
_MOST_ELEMENTS = 200  # of an operand that is shown


def report_lines(report: Report, width: int = 80) -> list[str]:
    """A kernel's report; lines are at most `width` wide where numbers allow it."""
    head = f"{report.name} ({report.op})"
    if report.accepted:
        lines = _wrapped(f"{head}: accepted. {_agreement(report)}", width)
        return lines + _refusals(report, width)
    if report.diagnosis is None:
        problem = report.problem or "It refuses every case."
        lines = [*_wrapped(f"{head}: WRONG. {problem}", width), *_refusals(report, width)]
        return lines + (_smallest(report, report.smallest, width) if report.smallest else [])
    name = report.diagnosis.name or "by a bug that has no name here"
    if not report.diagnosis.name and report.smallest is not None and report.smallest.kind == "raised":
        name = f"it ends in {report.smallest.problem.partition(':')[0]}"
    detail = f" ({report.diagnosis.detail})" if report.diagnosis.detail else ""
    lines = _wrapped(f"{head}: WRONG, {name}{detail}.", width)
    lines += _wrapped(report.diagnosis.why, width, 2)
    if report.diagnosis.look:
        lines += _wrapped(f"Where to look: {report.diagnosis.look}", width, 2)
    if report.problem:
        lines += _wrapped(f"In a larger case it did worse. {report.problem}", width, 2)
    lines += _refusals(report, width)
    return lines + (_smallest(report, report.smallest, width) if report.smallest else [])


def training_line(reports: Sequence[Report], module: str) -> str:
    """How to train with the accepted kernels of a file.

    >>> training_line([Report("bias_grad", "mine", 1)], "own")
    'To train with it: import own, then with minicnn.backend.override(bias_grad=own.mine): model.fit(x, y)'
    """
    if not module.isidentifier():
        return "To train with it, give the file a name that Python can import, such as my_kernel.py."
    kernels = ", ".join(
        f"{r.op}={module}.{r.name}" for r in {r.op: r for r in reports if r.accepted}.values()
    )
    return (
        f"To train with it: import {module}, then with minicnn.backend.override({kernels}): model.fit(x, y)"
    )


def facts(report: Report) -> dict[str, Any]:
    """A report for JSON: what `report_lines` says, and the arrays of the smallest failing case."""
    found: dict[str, Any] = {"name": report.name, "op": report.op, "accepted": report.accepted}
    found |= {"cases": report.cases, "failed": len(report.failures), "refused": len(report.refused)}
    found |= {"problem": report.problem, "diagnosis": report.diagnosis, "smallest": None}
    if report.smallest is not None:
        case, attempt = report.smallest.case, report.smallest.attempt
        smallest: dict[str, Any] = {"case": case_in_words(report.op, case), "kind": report.smallest.kind}
        smallest |= {"problem": report.smallest.problem, "where": attempt.where, "printed": attempt.printed}
        arguments_ = arguments(report.op, case).items()
        smallest["arguments"] = {
            name: getattr(value, "tolist", lambda v=value: v)() for name, value in arguments_
        }
        smallest["expected"] = [array.tolist() for array in truth(report.op, case)]
        arrays = (r for r in attempt.results if isinstance(r, np.ndarray) and r.size <= _MOST_ELEMENTS)
        smallest["got"] = [array.tolist() for array in arrays]
        found["smallest"] = smallest
    return found


def case_in_words(op: str, case: Case) -> str:
    """A case as a sentence has it.

    >>> from .cases import all_cases
    >>> case_in_words("conv2d_forward", all_cases("conv2d_forward")[15])
    '1 image of 7x5, kernel 3x2, stride (2, 1), float64'
    """
    p = case.problem
    words = [f"{p.batch} image{'s' * (p.batch > 1)} of {p.in_hw[0]}x{p.in_hw[1]}"]
    if p.channels > 1:
        words.append(f"{p.channels} channels")
    if not op.startswith(("dense", "bias")):
        words.append(f"kernel {p.kernel_hw[0]}x{p.kernel_hw[1]}")
    if p.filters > 1 and op.startswith(("conv", "dense", "depth", "bias")):
        words.append(f"{p.filters} filters")
    if p.g.stride != (1, 1):
        words.append(f"stride {p.g.stride}")
    sides = zip(("top", "bottom", "left", "right"), (*p.g.pad[0], *p.g.pad[1]), strict=True)
    pads = [f"{name} {size}" for name, size in sides if size]
    words += [f"padding {', '.join(pads)}"] * bool(pads)
    words += [f"dilation {p.g.dilation}"] * (p.g.dilation != (1, 1))
    words += [f"{p.groups} groups"] * (p.groups > 1 and op.startswith("conv"))
    words.append(case.dtype)
    words += [WAYS[case.way]] * (case.way != "plain")
    return ", ".join(words)


def _agreement(report: Report) -> str:
    tried = report.cases - len(report.refused)
    errors = ", ".join(
        f"{error:.0e} in {dtype}" if error else f"0 in {dtype}" for dtype, error in report.errors
    )
    return f"{tried} cases agree with the loops in float64; largest error {errors}."


def _refusals(report: Report, width: int) -> list[str]:
    """What was refused by NotImplementedError."""
    if not report.refused:
        return []
    first = report.refused[0]
    said = f" ({first.problem!r})" if first.problem else ""
    words = case_in_words(report.op, first.case)
    count = f"{len(report.refused)} cases of {report.cases}"
    text = f"It refuses {count} by NotImplementedError{said}, such as {words}."
    return _wrapped(text, width, 2)


def _smallest(report: Report, failure: Failure, width: int) -> list[str]:
    """The smallest failing case: operands, then expected and got beside each other."""
    op, case, attempt = report.op, failure.case, failure.attempt
    lines = ["", *_wrapped(f"The smallest failing case: {case_in_words(op, case)}.", width, 2)]
    if failure.kind != "ended":
        lines += _wrapped(f"{failure.problem[0].upper()}{failure.problem[1:]}.", width, 2)
    if attempt.where:
        lines += _wrapped(f"At {attempt.where}", width, 2)
    if attempt.printed:
        lines += [
            *_wrapped("It printed:", width, 2),
            *(f"    {line}" for line in attempt.printed.splitlines()),
        ]
    given = arguments(op, case)
    rest = [f"{name} = {_plain(value)}" for name, value in given.items() if not isinstance(value, np.ndarray)]
    lines += ["", *(_wrapped(", ".join(rest), width, 4) if rest else [])]
    operands = [_block(name, name, a) for name, a in given.items() if isinstance(a, np.ndarray)]
    lines += [f"    {line}".rstrip() for line in _beside(operands, width - 4)]
    if failure.kind in ("shape", "values", "dtype"):
        lines += ["", *(f"    {line}".rstrip() for line in _compared(op, failure, width - 4))]
    return lines


def _compared(op: str, failure: Failure, width: int) -> list[str]:
    """Expected and got beside each other; of values, the slices that differ, what is wrong with a mark."""
    name, number = result_names(op)[failure.which], failure.which
    expected, got = truth(op, failure.case)[number], failure.attempt.results[number]
    title = f"expected {name}"
    if failure.kind == "dtype":
        return [f"{title} of dtype {failure.problem.rpartition(' ')[2]}, got {got.dtype}"]
    if failure.kind == "shape":
        return _beside([_block(name, title, expected), _block(name, "got", got)], width)
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)) or 1.0
    bound = TOLERANCE[failure.case.dtype] * scale
    with np.errstate(invalid="ignore"):
        right = (np.abs(got - expected) <= bound) | (got == expected) | (np.isnan(got) & np.isnan(expected))
    blocks = [_block(name, title, expected, ~right, mark=" "), _block(name, "got", got, ~right)]
    return [*_beside(blocks, width), "(* is wrong)"]


# -- arrays as text ---------------------------------------------------------------------------------------


def _block(
    name: str, title: str, array: np.ndarray, wrong: np.ndarray | None = None, mark: str = "*"
) -> list[str]:
    """An array, matrix by matrix, under a title; with `wrong`, only those that have something wrong."""
    lines = [f"{title} {tuple(map(int, array.shape))}"]
    if wrong is None and array.size > _MOST_ELEMENTS:
        return [*lines, "  (too large to show)"]
    marks = np.zeros(array.shape, bool) if wrong is None else wrong
    if array.ndim == 6:  # a row for every window, a column for every tap
        n, oh, ow, kh, kw, c = array.shape
        array, marks = (a.reshape(n, oh * ow, kh * kw, c) for a in (array, marks))
    shown = 0
    for words, index in _matrices(array.shape, weights=name.endswith("w")):
        if wrong is not None and not marks[index].any():
            continue
        shown += 1
        if shown > _MOST_MATRICES:
            return [*lines, "  ..."]
        lines += [f"  {words}"] * bool(words)
        lines += _grid(np.atleast_2d(array[index]), np.atleast_2d(marks[index]), mark * (wrong is not None))
    return lines


def _matrices(shape: tuple[int, ...], weights: bool) -> Iterator[tuple[str, Any]]:
    """Name and index of every matrix in an array: by image and channel, or by channel and filter."""
    all_ = slice(None)
    if len(shape) == 4:
        for a, b in np.ndindex(*(shape[2:] if weights else (shape[0], shape[3]))):
            words = f"[:, :, {a}, {b}]" if weights else f"[{a}, :, :, {b}]"
            alone = shape[2:] == (1, 1) if weights else (shape[0], shape[3]) == (1, 1)
            yield "" if alone else words, (all_, all_, a, b) if weights else (a, all_, all_, b)
    elif len(shape) <= 2:
        yield "", ...
    else:
        for index in np.ndindex(*shape[:-2]):
            yield f"[{', '.join(map(str, index))}]", index


def _grid(matrix: np.ndarray, wrong: np.ndarray, mark: str) -> list[str]:
    """Rows of numbers; of a large matrix the part around the first wrong one."""
    first = np.argwhere(wrong)[0] if wrong.any() else np.zeros(2, int)
    start = [max(0, min(int(at) - 2, size - _SHOWN)) for at, size in zip(first, matrix.shape, strict=True)]
    part = tuple(slice(at, at + _SHOWN) for at in start)
    cells = [[_number(v) for v in row] for row in matrix[part]]
    cells = [
        [c + (mark if w else " " * bool(mark)) for c, w in zip(r, ws, strict=True)]
        for r, ws in zip(cells, wrong[part], strict=True)
    ]
    wide = max((len(c) for row in cells for c in row), default=1)
    lines = ["  " + " ".join(c.rjust(wide) for c in row) for row in cells]
    if matrix.shape[0] > _SHOWN or matrix.shape[1] > _SHOWN:
        ends = [min(at + _SHOWN, size) - 1 for at, size in zip(start, matrix.shape, strict=True)]
        lines.append(f"  (rows {start[0]}-{ends[0]}, columns {start[1]}-{ends[1]})")
    return lines


def _number(value: Any) -> str:
    """A number in few characters.

    >>> _number(np.float64(3.0)), _number(np.float32(0.123456)), _number(np.nan)
    ('3', '0.1235', 'nan')
    """
    value = float(value)
    return (
        str(int(value)) if np.isfinite(value) and value == int(value) and abs(value) < 1e6 else f"{value:.4g}"
    )


def _beside(blocks: Sequence[list[str]], width: int) -> list[str]:
    """Blocks of lines beside each other; those that do not fit come below."""
    lines: list[str] = []
    row: list[list[str]] = []
    for block in blocks:
        if row and sum(map(_wide, [*row, block])) + 3 * len(row) > width:
            lines += [*_row(row), ""]
            row = []
        row.append(block)
    return lines + _row(row)


def _wide(block: list[str]) -> int:
    return max(map(len, block))


def _row(blocks: list[list[str]]) -> list[str]:
    height = max(map(len, blocks), default=0)
    filled = [
        [line.ljust(_wide(block)) for line in [*block, *[""] * (height - len(block))]] for block in blocks
    ]
    return ["   ".join(line) for line in zip(*filled, strict=True)]


def _plain(value: Any) -> str:
    """A tuple without the names of its fields."""
    return str(tuple(value)) if isinstance(value, tuple) else str(value)


def _wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    space = " " * indent
    return textwrap.wrap(
        text, min(width, 100), initial_indent=space, subsequent_indent=space, break_long_words=False
    )
