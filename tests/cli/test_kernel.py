"""minicnn kernel check and bench: what they print and write, their exit codes, and what they refuse."""

from __future__ import annotations

import json
import sys

import pytest

from minicnn.bench import layers as lab

from .conftest import ROOT, run

SMALL = "mb1ic2ih5oc3oh5kh3sh1ph1"
HEAD = "import numpy as np\nimport minicnn\n"
WRONG = """
@minicnn.kernel("conv2d_weight_grad")
def wrong(x, gy, w_shape, g, groups):
    return np.zeros(w_shape, x.dtype)
"""
RAISES = """
@minicnn.kernel("im2col")
def raises(x, kernel_hw, g, out_hw):
    return x.reshape(-1, no_such_name)
"""
BIAS = """
@minicnn.kernel("bias_grad")
def bias(gy):
    return gy.reshape(-1, gy.shape[-1]).sum(axis=0)
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One call makes a sample, and the roofs are measured with small matrices."""
    from minicnn.bench import roof

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(lab, "_TURN", 0.0)
    monkeypatch.setattr(lab, "_REST", 0.0)
    monkeypatch.setattr(roof.measure_roof, "__defaults__", (1, 64, 100_000))


@pytest.fixture
def written(tmp_path):
    """Write a file of kernels."""

    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def example():
    return run("kernel", "check", "--example").out


def flat(text):
    return " ".join(text.split())


def test_the_example_is_a_file_that_is_accepted(written):
    text = example()
    assert '@minicnn.kernel("conv2d_forward")' in text and len(text.splitlines()) < 40
    printed = run("kernel", "check", written(text), COLUMNS="80")
    said = flat(printed.out)
    assert "my_conv2d (conv2d_forward): accepted. 113 cases agree with the loops in float64" in said
    line = "import mine, then with minicnn.backend.override(conv2d_forward=mine.my_conv2d): model.fit(x, y)"
    assert f"To train with it: {line}" in printed.out.splitlines()
    printed = run("kernel", "check", written(text, "my-conv.py"), COLUMNS="80")
    assert "To train with it, give the file a name that Python can import" in printed.out


def test_all_kernels_of_a_file_are_checked(written, tmp_path):
    path = written(HEAD + WRONG + BIAS + RAISES)
    printed = run("kernel", "check", path, "--json", tmp_path / "a.json", code=1, COLUMNS="80")
    said = flat(printed.out)
    assert "wrong (conv2d_weight_grad): WRONG, nothing computed." in said
    assert "bias (bias_grad): accepted. 108 cases" in said
    assert "raises (im2col): WRONG, it ends in NameError." in said
    assert "NameError: name 'no_such_name' is not defined. At mine.py, line 14: return x.reshape(" in said
    assert said.endswith("with minicnn.backend.override(bias_grad=mine.bias): model.fit(x, y)")
    assert "Traceback" not in printed.out + printed.err and max(map(len, printed.out.splitlines()[:-1])) <= 80
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["kernels"]
    assert [(k["name"], k["accepted"]) for k in found] == [
        ("wrong", False),
        ("bias", True),
        ("raises", False),
    ]
    assert found[0]["diagnosis"]["name"] == "nothing computed" and found[0]["smallest"]["got"] == [
        [[[[0.0]]]]
    ]


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_reports_can_be_read_in_any_terminal(written, encoding):
    from .conftest import finish, start

    process = start("kernel", "check", written(HEAD + WRONG), PYTHONIOENCODING=encoding, LC_ALL="C")
    printed = finish(process, code=1, encoding=encoding)
    assert "WRONG, nothing computed" in printed.out and "?" not in printed.out


def test_bench_times_right_kernels_beside_ours(written, tmp_path):
    files = ("--json", tmp_path / "a.json", "--markdown", tmp_path / "a.md", "--plot", tmp_path / "a.png")
    words = ("--problem", SMALL, "--rounds", 5, "--threads", 1, "--backend", "numpy")
    printed = run("kernel", "bench", written(example()), *words, *files, COLUMNS="200")
    assert "time / yours" in printed.out and "above 1, yours is faster" in flat(printed.out)
    assert "numpy / my_conv2d: geometric mean" in printed.out and "[1/1]" in printed.err
    results = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
    assert [(r["contestant"], r["which"], r["status"]) for r in results] == [
        ("my_conv2d", "forward", "ok"),
        ("numpy", "forward", "ok"),
    ]
    assert "| my_conv2d |" in (tmp_path / "a.md").read_text(encoding="utf-8")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_of_bench_fits_into_a_narrow_terminal(written):
    words = ("--problem", "mb2ic2ih7iw6oc3oh4ow5kh3kw2sh2sw1ph1pw0dh0dw0", "--rounds", 5, "--threads", 1)
    printed = run("kernel", "bench", written(example()), *words, "--backend", "numpy", COLUMNS="80")
    (mine,) = [
        line for line in printed.out.splitlines() if line.startswith("  problem1   forward   my_conv2d ")
    ]
    (ours,) = [line for line in printed.out.splitlines() if "  problem1   forward   numpy im2col " in line]
    assert mine.rstrip().endswith(")") and ours.rstrip().endswith(("]", "?")) and len(mine) <= 80
    assert "(GFLOP/s, error: in a wider terminal, --json or --markdown.)" in flat(printed.out)
    assert "problem1 is mb2ic2ih7iw6oc3oh4ow5kh3kw2sh2sw1ph1pw0." in printed.out


def test_bench_gives_no_time_to_a_wrong_kernel(written, tmp_path):
    words = ("--problem", SMALL, "--rounds", 1, "--backend", "numpy", "--json", tmp_path / "a.json")
    path = written(example() + WRONG + BIAS)
    printed = run("kernel", "bench", path, *words, code=1, COLUMNS="200")
    assert "INVALID: wrong is wrong and gets no time." in printed.out
    assert "bias is right, but only convolutions are measured, not bias_grad." in printed.out
    results = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
    assert {r["contestant"] for r in results} == {"my_conv2d", "numpy"}


def test_bench_of_wrong_kernels_alone_measures_nothing(written):
    printed = run("kernel", "bench", written(HEAD + WRONG), "--problem", SMALL, code=1)
    assert "INVALID: wrong is wrong" in printed.out and "median" not in printed.out
    assert "mine.py: no right kernel of the file computes a pass of these convolutions." in printed.err


def test_bench_of_other_kernels_measures_nothing(written):
    printed = run("kernel", "bench", written(HEAD + BIAS), "--problem", SMALL, code=2)
    assert "no right kernel of the file computes a pass" in printed.err


def test_a_missing_peer_is_a_line(written, monkeypatch):
    from minicnn.bench import workers

    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(workers.PEERS, "torch", (("tests.bench.fake_peer", "missing"), {}))
    words = ("--problem", SMALL, "--rounds", 1, "--backend", "numpy", "--against", "torch")
    printed = run("kernel", "bench", written(example()), *words, COLUMNS="200")
    assert "torch: torch is not installed. Install it: pip install torch" in printed.err
    assert "numpy im2col" in printed.out and "torch / my_conv2d" not in printed.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check",), "minicnn kernel check: it needs a file with a kernel. Expected FILE.py."),
        (("check", "no/such.py"), "no/such.py: there is no such file. Expected a Python file with a kernel"),
        (("check", "."), ".: this is a folder."),
        (("check", "mine.py", "--example"), "--example goes without a file."),
        (("check", "mine.py", "--timeout", 0), "--timeout cannot be used. Expected more than 0"),
        (("check", "mine.py", "--json", "no/a.json"), "--json no/a.json: there is no such folder."),
        (("bench",), "minicnn kernel bench: it needs a file with a kernel."),
        (("bench", "mine.py", "--set", "vgg17"), "there is no such layer set."),
        (("bench", "mine.py", "--set", "mnist", "--problem", SMALL), "either --set or --problem"),
        (("bench", "mine.py", "--rounds", 0), "--rounds is too small."),
        (("bench", "mine.py", "--against", "caffe"), "there is no such peer."),
        (("bench", "mine.py", "--backend", "fortran"), "there is no such backend."),
        (("check", "empty.py"), "empty.py: it marks no function as a kernel."),
        (("check", "text.txt"), "text.txt: this is no Python file. Expected a name that ends in .py."),
        (
            ("check", "other.py"),
            "other.py, own: softmax_forward cannot be checked. Expected one of conv2d_for",
        ),
    ],
)
def test_what_is_refused(written, monkeypatch, tmp_path, words, said):
    written(HEAD + BIAS)
    written(HEAD, "empty.py")
    written(HEAD, "text.txt")
    written(HEAD + '@minicnn.kernel("softmax_forward")\ndef own(x):\n    return x\n', "other.py")
    monkeypatch.chdir(tmp_path)
    assert said in run("kernel", *words, code=2).err


def test_help_names_the_operations():
    printed = run("kernel", "--help")
    assert "max_pool2d_input_grad" in printed.out and '@minicnn.kernel("OPERATION")' in flat(printed.out)
