"""The kernel checker: right kernels are accepted, wrong ones rejected, and bugs called by their names."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import minicnn
from minicnn import backend
from minicnn.backend.marked import operation_of
from minicnn.bench.checker import example, files
from minicnn.bench.checker.bending import straight
from minicnn.bench.checker.cases import WAYS, Case, all_cases, case_of, simpler
from minicnn.bench.checker.check import check, signature_problem
from minicnn.bench.checker.diagnosis import _bent, _disturbs
from minicnn.bench.checker.mistakes import MISTAKES, mistakes_of
from minicnn.bench.checker.operations import (
    arguments,
    checkable,
    checked_operation,
    is_float,
    result_names,
    truth,
)
from minicnn.bench.checker.show import case_in_words, facts, report_lines
from minicnn.bench.checker.trial import TOLERANCE, attempt, judge, relative_error
from minicnn.bench.descriptors import parse
from minicnn.errors import ArgumentError
from minicnn.kernels.conv2d import reference

from .. import oracles
from ..tolerances import KERNEL
from .mutants import MUTANTS, SOURCES, compiled, mutated

each_op = pytest.mark.parametrize("op", checkable())

EXACT = KERNEL[np.dtype(np.float64)]
CONV = compiled(SOURCES["conv2d_forward", "im2col"])


def wide(op, case):
    """The arguments of a case in float64."""
    return {name: a.astype(np.float64) if is_float(a) else a for name, a in arguments(op, case).items()}


def bug(op, fn):
    """The name that a wrong kernel gets."""
    report = check(op, fn)
    assert not report.accepted
    return report.diagnosis.name


# -- the mark ---------------------------------------------------------------------------------------------


def test_the_mark_leaves_a_function_as_it_is():
    def mine(gy):
        return gy.sum(axis=0)

    assert minicnn.kernel("bias_grad")(mine) is mine
    assert operation_of(mine) == "bias_grad" and operation_of(len) is None and operation_of(3) is None


def test_a_compiled_function_can_be_marked():
    from numba import njit

    @minicnn.kernel("bias_grad")
    @njit
    def outside(gy):
        return gy.sum(axis=0)

    @njit
    @minicnn.kernel("bias_grad")
    def inside(gy):
        return gy.sum(axis=0)

    assert operation_of(outside) == operation_of(inside) == "bias_grad"


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (
            lambda: minicnn.kernel("conv2d_forwad"),
            "there is no operation 'conv2d_forwad'. Expected conv2d_forw",
        ),
        (lambda: minicnn.kernel("fft"), "there is no operation 'fft'. Expected one of activation_forward, "),
        (
            lambda: minicnn.kernel(len),
            'the name of an operation. Expected @minicnn.kernel("conv2d_forward").',
        ),
        (
            lambda: minicnn.kernel("im2col")(3),
            "minicnn.kernel: the kernel for 'im2col' is not a function. Got 3.",
        ),
        (
            lambda: minicnn.kernel("im2col")(len),
            "a builtin_function_or_method cannot be marked. Call it from",
        ),
    ],
)
def test_marks_that_are_refused(mark, said):
    with pytest.raises(ArgumentError) as error:
        mark()
    assert said in str(error.value)


# -- cases and their truth --------------------------------------------------------------------------------


@each_op
def test_the_loops_agree_with_the_tests_own(op):
    """Two sets of loops that share no code."""
    oracle = getattr(oracles, op, None) or {
        "dense_forward": oracles.matmul,
        "dense_input_grad": lambda gy, w: oracles.matmul(gy, w.T),
        "dense_weight_grad": lambda x, gy: oracles.matmul(x.T, gy),
        "bias_grad": lambda gy: gy.reshape(-1, gy.shape[-1]).sum(axis=0),
    }.get(op)
    for case in all_cases(op)[::4]:
        args = wide(op, case)
        if op.startswith("dense"):
            args = {name: a if name == "w" else a.reshape(-1, a.shape[-1]) for name, a in args.items()}
        found = oracle(*args.values())
        for ours, theirs in zip(
            truth(op, case), found if isinstance(found, tuple) else (found,), strict=True
        ):
            np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, rtol=EXACT, atol=EXACT)


@each_op
def test_cases_go_from_simple_to_large_and_hold_what_they_promise(op):
    cases = all_cases(op)
    assert len(set(cases)) == len(cases) > 70 and cases[0].size <= 4
    assert {case.way for case in cases} == set(WAYS) and {case.dtype for case in cases} == set(TOLERANCE)
    problems = [case.problem for case in cases]
    assert any(p.batch > 1 for p in problems) and any(p.in_hw[0] != p.in_hw[1] for p in problems)
    if "2d" in op or "col" in op:
        assert any(p.g.stride[0] != p.g.stride[1] for p in problems)
        assert any(p.g.dilation != (1, 1) for p in problems)
        pads = {tuple(size > 0 for side in p.g.pad for size in side) for p in problems}
        assert {(True, False, False, False), (False, True, False, False), (False, False, True, False)} <= pads
        assert any(min(p.kernel_hw) > min(p.g.stride) and min(p.out_hw) > 1 for p in problems)  # overlap
    for case in cases:
        assert case_of(json.loads(json.dumps(dataclasses.asdict(case)))) == case
        assert case_in_words(op, case)
        for name, array in arguments(op, case).items():
            if is_float(array):
                assert array.dtype == case.dtype and (case.way == "nan" or (array != 0).all()), name


def test_simpler_cases_are_simpler():
    problem = parse("g2mb2ic4ih9iw7oc6oh5ow7kh3kw2sh2sw1ph2pw2dh1dw2")
    found = list(simpler("conv2d_forward", problem))
    assert {p.batch for p in found} == {1, 2} and {p.groups for p in found} == {1, 2}
    assert any(p.g.pad == ((0, 0), (0, 0)) for p in found) and any(p.g.stride == (1, 1) for p in found)
    assert all(Case(p).size > 0 and p.channels % p.groups == 0 for p in found)


@each_op
def test_nothing_bent_is_the_truth(op):
    for case in all_cases(op):
        if case.way == "nan":
            continue
        for bent, right in zip(
            straight(op, wide(op, case), case.problem).result(), truth(op, case), strict=True
        ):
            assert bent.shape == right.shape and relative_error(bent, right) < EXACT, case


@each_op
def test_every_bug_that_is_known_disturbs_something(op):
    """Each bug that an operation can have gives a wrong result somewhere, under the same names everywhere."""
    cases = [case for case in all_cases(op) if case.way == "plain" and case.size < 300]
    for mistake in mistakes_of(op):
        names = set(_bent(op, cases[0], mistake))
        assert all(set(_bent(op, case, mistake)) == names for case in cases[::6])
        assert any(_disturbs(op, case, mistake, name) for name in names for case in cases), mistake.name


def test_operations_that_cannot_be_checked():
    with pytest.raises(
        ArgumentError, match="here: softmax_forward cannot be checked. Expected one of conv2d_f"
    ):
        checked_operation("softmax_forward", "here")
    with pytest.raises(ArgumentError, match="kernel check: dropout_forward cannot be checked"):
        check("dropout_forward", len)
    assert {result_names(op) for op in checkable()} >= {("y",), ("gx",), ("gw",), ("y", "argmax")}


# -- right kernels ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("op", "form"), SOURCES)
def test_right_kernels_are_accepted(op, form):
    report = check(op, compiled(SOURCES[op, form]))
    assert report.accepted and not report.refused and report.diagnosis is None
    assert report_lines(report)[0].startswith(f"kernel ({op}): accepted. {report.cases} cases agree with the")


def test_the_example_is_accepted():
    assert check("conv2d_forward", example.my_conv2d).accepted


PARTIAL = ("gemm", "winograd")
"""Algorithms for some shapes only, which refuse the others in a sentence."""


def every_algorithm():
    for op in checkable():
        for name in backend.available_backends():
            for algorithm in backend.algorithms(op, name):
                slow = [pytest.mark.slow] if name != "numpy" else []
                yield pytest.param(op, name, algorithm, marks=slow, id=f"{op}-{name}-{algorithm}")


@pytest.mark.parametrize(("op", "name", "algorithm"), list(every_algorithm()))
def test_no_false_alarm_over_all_algorithms(op, name, algorithm):
    run = backend.kernel(op, name, algorithm)

    def kernel(*args, out=None):
        try:
            return run(*args) if out is None else run(*args, out=out)
        except ArgumentError as error:
            if algorithm in PARTIAL:
                raise NotImplementedError(str(error)) from None
            raise

    report = check(op, kernel)
    assert report.accepted, report_lines(report)
    assert bool(report.refused) == (algorithm in PARTIAL)


# -- wrong kernels ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def verdicts():
    """The name that each mutant gets, None for one that is accepted; computed once."""
    known = {}

    def verdict(mutant):
        if mutant not in known:
            form, old, new, _ = mutant
            report = check(form.split()[0], compiled(mutated(form, old, new)))
            known[mutant] = report.diagnosis.name if report.diagnosis else None
            assert report.accepted == (report.diagnosis is None)
        return known[mutant]

    return verdict


def test_some_mutants_are_named(verdicts):
    """One of each family; the others take half a minute."""
    for mutant in MUTANTS[::8]:
        assert verdicts(mutant) == mutant[-1], mutant


@pytest.mark.slow
def test_every_mutant_is_rejected_and_nearly_every_one_named(verdicts):
    found = {mutant: verdicts(mutant) for mutant in MUTANTS}
    assert len(found) >= 40 and {mutant[0].split()[0] for mutant in MUTANTS} >= {
        *("conv2d_forward", "conv2d_input_grad", "conv2d_weight_grad", "im2col", "col2im", "bias_grad"),
        *("max_pool2d_forward", "max_pool2d_input_grad", "avg_pool2d_forward", "avg_pool2d_input_grad"),
    }
    assert [mutant for mutant, name in found.items() if name is None] == []
    wrong = [(mutant, name) for mutant, name in found.items() if name != mutant[-1]]
    assert len(found) - len(wrong) >= 36 and len(wrong) <= len(found) // 10, wrong


def test_every_bug_of_the_issue_has_its_mutant():
    named = {mutant[-1] for mutant in MUTANTS}
    assert named >= {
        *("kernel flipped", "padding off by one", "H and W swapped", "wrong dtype", "input overwritten"),
        *("stride ignored in the input gradient", "overlap not accumulated in col2im", "batch not summed"),
        *("bias gradient missing", "groups mixed up", "dilation ignored", "last of equal maxima"),
    }
    own = {"input overwritten", "wrong dtype", "NaN lost"}
    known = {mistake.name_in(op) for mistake in MISTAKES for op in checkable()}
    assert named <= known | own


def windows(x, kernel_hw, g, out_hw):
    """All windows, (n, oh, ow, kh, kw, c)."""
    return compiled(SOURCES["im2col", "taps"])(x, kernel_hw, g, out_hw)


def einsum(x, w, g, groups, out_hw, letters="ij"):
    i, j = letters
    cols = windows(x, w.shape[:2], g, out_hw)
    cols = cols.reshape(*cols.shape[:5], groups, -1)
    apart = w.reshape(*w.shape[:3], groups, -1)
    y = np.einsum(f"npq{i}{j}gc,ijcgk->npqgk", cols, apart)
    return y.reshape(len(x), *out_hw, -1)


def buffered(x, w, g, groups, out_hw, kept={}):  # noqa: B006 - the bug
    y = CONV(x, w, g, groups, out_hw)
    kept.setdefault((y.shape, y.dtype), np.empty_like(y))[...] = y
    return kept[y.shape, y.dtype]


def adding(x, w, g, groups, out_hw, out=None):
    y = CONV(x, w, g, groups, out_hw)
    if out is None:
        return y
    out += y
    return out


def flat(x, w, g, groups, out_hw):
    """Reads memory as if it were contiguous, as a C kernel would that is handed a pointer."""
    return CONV(np.asarray(x).ravel(order="K").reshape(x.shape), w, g, groups, out_hw)


def first_group(x, w, g, groups, out_hw):
    y = CONV(x, w, g, groups, out_hw)
    y[..., w.shape[3] // groups :] = 0
    return y


def half(x, w, g, groups, out_hw):
    return CONV(x.astype(np.float16), w.astype(np.float16), g, groups, out_hw).astype(x.dtype)


def conv_of(change):
    return lambda x, w, g, groups, out_hw: change(CONV(x, w, g, groups, out_hw))


WRONG = {
    "H and W swapped": [
        ("conv2d_forward", lambda x, w, g, groups, out_hw: einsum(x, w, g, groups, out_hw, "ji")),
        ("conv2d_forward", lambda x, w, g, groups, out_hw: CONV(x, w, g, groups, out_hw[::-1])),
    ],
    "axes in another order": [
        ("conv2d_forward", conv_of(lambda y: y.transpose(0, 3, 1, 2).copy())),
        ("im2col", lambda *args: windows(*args).transpose(0, 1, 2, 5, 3, 4).copy()),
    ],
    "nothing returned": [("conv2d_forward", conv_of(lambda y: None))],
    "wrong kind of result": [("max_pool2d_forward", lambda x, kernel_hw, g, out_hw: x)],
    "bias gradient missing": [("bias_grad", lambda gy: None)],
    "wrong by a factor": [("conv2d_forward", conv_of(lambda y: 2 * y))],
    "sign flipped": [("conv2d_forward", conv_of(lambda y: -y))],
    "negative values cut off": [("conv2d_forward", conv_of(lambda y: np.maximum(y, 0)))],
    "result overwritten by the next call": [("conv2d_forward", buffered)],
    "out ignored": [
        ("conv2d_forward", lambda x, w, g, groups, out_hw, out=None: CONV(x, w, g, groups, out_hw))
    ],
    "out not filled": [("conv2d_forward", adding)],
    "memory layout assumed": [("conv2d_forward", flat)],
    "result is a view of the input": [
        (
            "bias_grad",
            lambda gy: gy[0] if gy.shape[0] == 1 and gy.ndim == 2 else gy.reshape(-1, gy.shape[-1]).sum(0),
        )
    ],
    "NaN lost": [
        ("avg_pool2d_forward", lambda x, *rest: backend.kernel("avg_pool2d_forward")(np.nan_to_num(x), *rest))
    ],
    "positions not summed": [
        ("bias_grad", lambda gy: gy.sum(axis=0)),
        ("bias_grad", lambda gy: gy.sum(axis=(0, 1)) if gy.ndim == 4 else gy.sum(axis=0)),
    ],
    "a loop ends one too early": [
        ("conv2d_forward", conv_of(lambda y: np.where(np.arange(y.shape[2])[:, None] < y.shape[2] - 1, y, 0)))
    ],
    "groups mixed up": [("conv2d_forward", first_group)],
    "wrong dtype": [("conv2d_forward", half)],
    "": [
        ("conv2d_forward", conv_of(lambda y: y[:, ::-1, ::-1].copy() if y.shape[1] == 2 else y)),
        ("conv2d_forward", conv_of(lambda y: np.full_like(y, 7))),
    ],
}


@pytest.mark.parametrize(
    ("name", "op", "fn"),
    [pytest.param(name, *wrong, id=name) for name, all_ in WRONG.items() for wrong in all_],
)
def test_other_bugs_are_named(name, op, fn):
    assert bug(op, fn) == name


def test_no_name_but_a_pattern():
    def kernel(x, w, g, groups, out_hw):
        y = CONV(x, w, g, groups, out_hw)
        return y + 1 if groups > 1 else y

    report = check("conv2d_forward", kernel)
    assert report.diagnosis.name == ""
    assert "all of them with groups (10 of 10 such cases fail)" in report.diagnosis.why
    assert "WRONG, by a bug that has no name here." in report_lines(report)[0]
    assert report.smallest.case.problem.groups == 2 and report.smallest.case.size <= 6


def test_a_pattern_of_two_features():
    def kernel(x, w, g, groups, out_hw):
        y = CONV(x, w, g, groups, out_hw)
        return y + 1 if g[2] != (1, 1) or groups > 1 else y

    why = check("conv2d_forward", kernel).diagnosis.why
    assert "all of them with groups or dilation (19 of 19 such cases fail)" in why


def test_the_smallest_failing_case_is_made_smaller():
    """It fails only for large images; none of the cases is the smallest possible."""

    def kernel(x, w, g, groups, out_hw):
        y = CONV(x, w, g, groups, out_hw)
        if x.shape[2] >= 6:
            y[0, 0, 0, 0] += 1
        return y

    case = check("conv2d_forward", kernel).smallest.case
    assert case.problem.in_hw == (1, 6) and case.problem.channels == case.problem.filters == 1


def test_exceptions_of_one_number_are_a_guess():
    def kernel(x, w, g, groups, out_hw):
        if g[2] != (1, 1):
            raise ValueError("shapes (4,4) (3,3) not aligned")
        return CONV(x, w, g, groups, out_hw)

    diagnosis = check("conv2d_forward", kernel).diagnosis
    assert diagnosis.name == "dilation ignored" and diagnosis.why.startswith("A guess: the 10 cases (of 93)")


def test_what_is_refused_is_said():
    def kernel(x, w, g, groups, out_hw):
        if groups > 1:
            raise NotImplementedError("no groups")
        return CONV(x, w, g, groups, out_hw)

    report = check("conv2d_forward", kernel)
    assert report.accepted and len(report.refused) == 10
    text = " ".join(" ".join(report_lines(report)).split())
    assert "It refuses 10 cases of 113 by NotImplementedError ('no groups'), such as 1 image of 2x2," in text

    def nothing(x, w, g, groups, out_hw):
        raise NotImplementedError

    report = check("conv2d_forward", nothing)
    assert not report.accepted and "WRONG. It refuses every case." in report_lines(report)[0]


def test_the_signature_is_checked_first():
    report = check("conv2d_forward", lambda x, w: x)
    assert not report.accepted and report.cases == 0
    assert report.problem == "conv2d_forward is called with (x, w, g, groups, out_hw), but it takes (x, w)."
    assert signature_problem("conv2d_forward", reference.conv2d_forward) == ""
    assert signature_problem("bias_grad", lambda *args: None) == ""


@pytest.mark.parametrize(
    ("result", "kind", "problem"),
    [
        (lambda y: y[..., None], "shape", "the result y has shape (1, 1, 1, 1, 1) instead of (1, 1, 1, 1)"),
        (lambda y: y.astype(int), "dtype", "the result y has dtype int64 instead of float64"),
        (lambda y: y + 1, "values", "the result y is wrong"),
        (lambda y: y * np.nan, "values", "the result y has NaN where there should be none"),
        (lambda y: [y], "result", "it returned list instead of one array"),
        (lambda y: (y, y), "result", "it returned (ndarray, ndarray) instead of one array"),
        (lambda y: 1 / 0, "raised", "ZeroDivisionError: division by zero"),
        (lambda y: exit(3), "raised", "SystemExit: 3"),
    ],
)
def test_what_one_case_is_called(result, kind, problem):
    case = all_cases("conv2d_forward")[0]
    failure = judge("conv2d_forward", case, attempt(conv_of(result), "conv2d_forward", case, __file__))
    assert (failure.kind, failure.problem) == (kind, problem)
    assert ("test_checker.py, line" in failure.attempt.where) == (kind == "raised")


# -- what is shown ----------------------------------------------------------------------------------------


def test_a_report_reads_well():
    form, old, new, _ = next(m for m in MUTANTS if m[-1] == "overlap not accumulated in col2im")
    report = check("col2im", compiled(mutated(form, old, new)))
    assert report_lines(report, 80) == [
        "kernel (col2im): WRONG, overlap not accumulated in col2im (window by window).",
        "  What came back is what a kernel with this bug returns, in all 63 failing cases",
        "  (of 88).",
        "  Where to look: A pixel that several windows read gets the sum of what they",
        "  send back: += instead of =. With arrays of indices, gx[rows] += ... adds once",
        "  for each row; np.add.at adds every time.",
        "",
        "  The smallest failing case: 1 image of 2x3, kernel 2x2, float64.",
        "  2 of 6 elements of x are wrong.",
        "",
        "    x_shape = (1, 2, 3, 1), g = ((1, 1), ((0, 0), (0, 0)), (1, 1))",
        "    cols (1, 1, 2, 2, 2, 1)",
        "      -2  2  2  3",
        "       5  9  2 -4",
        "",
        "    expected x (1, 2, 3, 1)   got (1, 2, 3, 1)",
        "      -2   7   9                -2   5*  9",
        "       2   5  -4                 2   2* -4",
        "    (* is wrong)",
    ]
    found = json.loads(json.dumps(facts(report) | {"diagnosis": report.diagnosis.name}))
    assert found["smallest"]["got"] == [[[[[-2], [5], [9]], [[2], [2], [-4]]]]]
    assert found["smallest"]["arguments"]["x_shape"] == [1, 2, 3, 1]


@pytest.mark.parametrize("mutant", MUTANTS[::5], ids=lambda m: m[-1])
def test_reports_fit_into_a_terminal(mutant):
    form, old, new, _ = mutant
    report = check(form.split()[0], compiled(mutated(form, old, new)))
    for width in (60, 80, 200):
        assert max(map(len, report_lines(report, width))) <= width


def test_marks_of_files(tmp_path):
    path = tmp_path / "two.py"
    path.write_text(
        "import minicnn\n@minicnn.kernel('bias_grad')\ndef a(gy):\n    pass\n"
        "b = a\n@minicnn.kernel('im2col')\ndef c(x, kernel_hw, g, out_hw):\n    pass\n",
        encoding="utf-8",
    )
    assert [(name, op) for name, op, _ in files.load_kernels(path)] == [("a", "bias_grad"), ("c", "im2col")]
