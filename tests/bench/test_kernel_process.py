"""Files of kernels in a process of their own: whatever they do, a sentence says it and where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minicnn.bench import layers as lab
from minicnn.bench.checker.cases import all_cases
from minicnn.bench.checker.check import check_by
from minicnn.bench.checker.remote import KernelProcess, decoded, encoded
from minicnn.bench.checker.show import report_lines
from minicnn.bench.checker.trial import Attempt
from minicnn.bench.descriptors import parse
from minicnn.bench.layer_sets import Layer
from minicnn.bench.problem import PASSES
from minicnn.bench.roof import Roof
from minicnn.errors import BackendError, FileFormatError

ROOT = Path(__file__).resolve().parents[2]
HEAD = "import os\nimport numpy as np\nimport minicnn\n"
MARK = '@minicnn.kernel("bias_grad")\ndef own(gy):\n'


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Write a file and start the process that holds it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    started = []

    def start(text, limit=60.0, only="", name="own.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        started.append(KernelProcess(path, 1, limit, only))
        return started[-1]

    yield start
    for found in started:
        found.close()


def report_of(found):
    (kernel,) = found.kernels()
    return check_by(
        lambda case: found.attempt(kernel["name"], case), kernel["op"], kernel["name"], kernel["out"]
    )


def test_a_right_kernel(process):
    found = process(HEAD + MARK + "    print('hello')\n    return gy.reshape(-1, gy.shape[-1]).sum(axis=0)\n")
    assert found.kernels() == [{"name": "own", "op": "bias_grad", "problem": "", "out": False}]
    assert report_of(found).accepted


def test_a_wrong_kernel_says_where_and_what_it_printed(process):
    found = process(HEAD + MARK + "    print('shape', gy.shape)\n    return gy.sum(axis=7)\n")
    report = report_of(found)
    assert report.smallest.problem.startswith("AxisError: axis 7 is out of bounds")
    assert report.smallest.attempt.where == "own.py, line 7: return gy.sum(axis=7)"
    assert report.smallest.attempt.printed == "shape (1, 1)\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "while True: pass",
            " line 6 (while True: pass): it did not return within 1 seconds and was stopped.",
        ),
        (
            "__import__('ctypes').string_at(0)",
            ", line 6 (__import__('ctypes').string_at(0)): it ended its process by SIGSEGV: memory was",
        ),
        ("os._exit(3)", "own.py: it ended its process with exit code 3."),
    ],
)
def test_a_kernel_that_takes_its_process_down(process, body, said):
    found = process(HEAD + MARK + f"    {body}\n", limit=1.0 if "while" in body else 60.0)
    report = report_of(found)
    assert not report.accepted and report.smallest.case == all_cases("bias_grad")[0]
    assert said in report.problem
    assert found.kernels()  # started again


def test_what_went_wrong_before_the_end_is_not_lost(process):
    body = "    if gy.size > 20: os._exit(3)\n    return 2 * gy.reshape(-1, gy.shape[-1]).sum(axis=0)\n"
    report = report_of(process(HEAD + MARK + body))
    assert report.diagnosis.name == "wrong by a factor" and report.smallest.case.size < 5
    text = " ".join(" ".join(report_lines(report)).split())
    assert "In a larger case it did worse. own.py: it ended its process with exit code 3." in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1 +\n", "own.py, line 1: invalid syntax: x = 1 +."),
        ("import no_such_module\n", "own.py, line 1: ModuleNotFoundError: No module named 'no_such_module'."),
        ("\n1 / 0\n", "own.py, line 2: ZeroDivisionError: division by zero."),
        ("raise SystemExit\n", "own.py, line 1: SystemExit."),
        ("x = 1\n", "own.py: it marks no function as a kernel. Expected @minicnn.kernel("),
        (
            "import minicnn\n\n@minicnn.kernel('conv2d')\ndef own(): pass\n",
            "own.py, line 3: minicnn.kernel: there is no operation 'conv2d'. Expected conv2d_forward or conv",
        ),
    ],
)
def test_files_that_cannot_be_loaded(process, text, said):
    with pytest.raises(FileFormatError) as error:
        process(text).kernels()
    assert said in str(error.value)


def test_a_file_that_never_comes_to_its_end(process):
    with pytest.raises(
        BackendError, match=r"own.py, line 1 \(while True: pass\): it did not return within 1 s"
    ):
        process("while True: pass\n", limit=1.0).kernels()


def test_a_file_may_import_its_neighbours(process, tmp_path):
    (tmp_path / "neighbour.py").write_text("def total(gy):\n    return gy.sum(axis=0)\n", encoding="utf-8")
    found = process(HEAD + "from neighbour import total\nown = minicnn.kernel('bias_grad')(total)\n")
    assert [kernel["name"] for kernel in found.kernels()] == ["total"]


def test_a_signature_that_does_not_fit(process):
    found = process(HEAD + '@minicnn.kernel("im2col")\ndef own(x):\n    return x\n')
    assert found.kernels()[0]["problem"].startswith("im2col is called with (x, kernel_hw, g, out_hw), but it")


@pytest.mark.parametrize(
    "results",
    [
        (np.float32([[1, np.nan]]), np.arange(3, dtype=np.uint8)),
        (np.zeros(3, complex), np.array([None, "x"])),
        (None, 3.5, "text"),
        (np.zeros((1000, 1000)),),
        (np.zeros(2, [("a", int)]),),
    ],
)
def test_results_travel(results):
    found = decoded(encoded(Attempt(results, changed=("x",), where="a.py, line 3")))
    assert found.changed == ("x",) and found.where == "a.py, line 3"
    for before, after in zip(results, found.results, strict=True):
        assert type(before).__name__ == type(after).__name__
        if isinstance(before, np.ndarray):
            assert before.shape == after.shape and before.dtype.kind in (after.dtype.kind, "V")
            if before.dtype.kind in "fiu" and before.size < 1000:
                np.testing.assert_array_equal(before, after)


# -- in the lab -------------------------------------------------------------------------------------------

CONVOLUTION = """
from minicnn.kernels.conv2d import reference
calls = []

@minicnn.kernel("conv2d_forward")
def own(x, w, g, groups, out_hw):
    calls.append(1)
    y = reference.conv2d_forward(x, w, g, groups, out_hw)
    return y + (len(calls) > FINE)
"""
IM2COL = """
from minicnn.kernels.im2col import reference

@minicnn.kernel("im2col")
def own(x, kernel_hw, g, out_hw):
    return reference.im2col(x, kernel_hw, g, out_hw)
"""


def bench(found, op, descriptor="mb2ic3ih6oc4oh6kh3sh1ph1", rounds=2):
    plan = lab.Plan(
        [Layer(parse(descriptor), 1)], PASSES, ("numpy",), "auto", 1, rounds, (lab.Own("own", op, found),)
    )
    return list(lab.bench_layers(plan, [], Roof(1e11, 1e10), lambda line: None))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(lab, "_TURN", 0.0)
    monkeypatch.setattr(lab, "_REST", 0.0)


def test_own_kernels_are_timed_beside_ours(process, quick):
    found = process(HEAD + CONVOLUTION.replace("FINE", "1000"), only="own")
    own, ours = bench(found, "conv2d_forward")
    assert (own.contestant, own.which, own.ours, own.status) == ("own", "forward", True, "ok")
    assert (ours.contestant, ours.ours) == ("numpy", False) and set(own.against) == {"numpy"}
    assert own.times is not None and ours.times is not None and own.error < 1e-5


@pytest.mark.parametrize("fine", [0, 3])
def test_a_kernel_that_is_wrong_in_the_lab_has_no_time(process, quick, fine):
    """From the start, or after some calls."""
    found = process(HEAD + CONVOLUTION.replace("FINE", str(fine)), only="own")
    own, ours = bench(found, "conv2d_forward")
    assert own.status == "INVALID" and own.times is None and own.samples == [] and own.error > 0.01
    assert ours.status == "ok" and own.against == {}


def test_im2col_runs_inside_the_convolution(process, quick):
    results = bench(process(HEAD + IM2COL, only="own"), "im2col")
    assert [(r.which, r.contestant, r.status) for r in results] == [
        *(("forward", "own", "ok"), ("forward", "numpy", "ok")),
        *(("weight_grad", "own", "ok"), ("weight_grad", "numpy", "ok")),
    ]


def test_a_kernel_that_is_too_slow_for_the_lab_is_stopped(process, quick, monkeypatch):
    monkeypatch.setattr("minicnn.bench.checker.remote._GRACE", 0.0)
    slow = CONVOLUTION.replace("calls.append(1)", "import time; time.sleep(30)")
    own, ours = bench(process(HEAD + slow, limit=1.0, only="own"), "conv2d_forward", rounds=1)
    assert own.status == "failed" and "it did not return within 1 seconds and was stopped." in own.note
    assert ours.status == "ok"


@pytest.mark.parametrize(
    ("op", "descriptor", "passes"),
    [
        ("conv2d_weight_grad", "mb1ic2ih4oc2kh3", {"weight_grad"}),
        ("conv2d_forward", "g2mb1ic2ih4oc2kh3", set()),
        ("depthwise_conv2d_forward", "g2mb1ic2ih4oc2kh3", {"forward"}),
        ("depthwise_conv2d_forward", "mb1ic2ih4oc2kh3", set()),
        ("col2im", "mb1ic2ih4oc2kh3", {"input_grad"}),
        ("im2col", "mb1ic2ih4oc2kh3", {"forward", "weight_grad"}),
        ("bias_grad", "mb1ic2ih4oc2kh3", set()),
    ],
)
def test_which_passes_a_kernel_takes_part_in(op, descriptor, passes):
    own = lab.Own("own", op, None)
    assert {which for which in PASSES if own.takes(parse(descriptor), which)} == passes
