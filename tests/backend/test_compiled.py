"""The default backend where Numba is and is not, and what is said while kernels are compiled."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest

from minicnn.backend import compiled
from minicnn.backend.compiled import COMPILING, Announcement
from minicnn.callbacks.progress import ProgressBar
from minicnn.kernels.compiled import jit

ROOT = Path(__file__).resolve().parents[2]


def run(code: str, **variables: str) -> subprocess.CompletedProcess:
    """Run a program in a process of its own, without the variable that names a backend."""
    environment = {name: value for name, value in os.environ.items() if name != "MINICNN_BACKEND"}
    environment |= {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


# -- the default ---------------------------------------------------------------------------------------


def test_the_default_is_the_compiled_backend():
    code = "import sys, minicnn; print('numba' in sys.modules, minicnn.backend.current_backend())"
    assert run(code).stdout == "False numba\n"


WITHOUT_NUMBA = """
import sys, warnings
sys.modules[{missing!r}] = None  # as if it were not installed
import minicnn
from minicnn import backend, functions, Tensor
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    minicnn.set_threads(1)
    print(len(caught), backend.threads())
    print(functions.relu(Tensor([-1.0, 2.0])).numpy(), functions.relu(Tensor([3.0])).numpy())
print(len(caught), caught[0].category.__name__, backend.current_backend())
print(caught[0].message)
try:
    with backend.use_backend("numba"):
        functions.relu(Tensor([-1.0]))
except minicnn.errors.BackendError as error:
    print(error)
"""


@pytest.mark.parametrize("missing", ["numba", "llvmlite"])
def test_without_numba_the_reference_runs_and_one_sentence_says_so(missing):
    done = run(WITHOUT_NUMBA.format(missing=missing))
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    reason = re.search(r"imported \((.*)\), so", lines[3]).group(1)
    assert missing in reason
    assert lines == [
        "0 1",
        "[0. 2.] [3.]",
        "1 RuntimeWarning numpy",
        f"minicnn: Numba cannot be imported ({reason}), so the slower NumPy kernels run; "
        "`python -m pip install numba` brings the others, MINICNN_BACKEND=numpy ends this warning.",
        f"backend 'numba': Numba cannot be imported ({reason}). Use use_backend(\"numpy\").",
    ]


@pytest.mark.parametrize("variable", ["numpy", "numba"])
def test_a_backend_that_was_asked_for_is_taken_without_a_warning(variable):
    code = "import sys, minicnn; sys.modules['numba'] = None; print(minicnn.backend.current_backend())"
    assert run(code, MINICNN_BACKEND=variable, PYTHONWARNINGS="error").stdout == f"{variable}\n"


# -- the announcement ----------------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch) -> Terminal:
    """Make both streams one terminal; what is written there."""
    screen = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    return screen


def test_a_spinner_in_a_terminal(monkeypatch):
    screen, said = terminal(monkeypatch), Announcement()
    said.begin()
    streams = sys.stdout, sys.stderr
    assert COMPILING in screen.getvalue()
    said.end()
    assert streams == (screen, screen), "what others print goes its own way"
    shown = screen.getvalue()
    assert shown.endswith("\x1b[2K"), "the line is erased"
    said.end()  # nothing is shown: nothing to take away
    assert screen.getvalue() == shown
    said.begin()
    said.end()
    assert screen.getvalue().count("\x1b[?25l") == 2, "a spinner for each compilation"


def test_beside_the_bar_of_fit(monkeypatch):
    screen, bar, said = terminal(monkeypatch), ProgressBar(), Announcement()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": 3})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    said.begin()  # in the first step
    said.end()
    bar._drawn = 0.0
    bar.on_train_batch_end(0, {"loss": 0.5})
    said.begin()
    said.end()
    bar.on_epoch_end(0, {"loss": 0.5})
    bar.on_train_end()
    shown = screen.getvalue()
    assert (
        shown.index(COMPILING) < shown.index("1/3") < shown.rindex(COMPILING) < shown.rindex("loss: 0.5000")
    )
    assert (sys.stdout, sys.stderr) == (screen, screen)


def test_one_line_elsewhere(monkeypatch):
    said, stream = Announcement(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    for _ in range(3):
        said.begin()
        said.end()
    assert stream.getvalue() == f"{COMPILING}\n"


def test_streams_that_cannot_be_written(monkeypatch):
    screen, closed = terminal(monkeypatch), Terminal()
    for stream in (closed, None):
        monkeypatch.setattr(sys, "stderr", stream)
        closed.close()
        said = Announcement()
        said.begin()
        said.end()
    said = Announcement()
    monkeypatch.setattr(sys, "stderr", screen)
    said.begin()
    assert COMPILING in screen.getvalue()
    monkeypatch.setattr(sys, "stderr", closed)  # it goes away while the spinner turns
    said.end()


def event(module: str) -> SimpleNamespace:
    return SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=SimpleNamespace(__module__=module))})


def test_one_announcement_for_a_kernel_and_all_it_is_made_of():
    said = []
    watch = jit._Watch(lambda: said.append("begin"), lambda: said.append("end"))
    outer, inner = event("minicnn.kernels.pool2d.numba_cpu"), event("minicnn.kernels.compiled.parallel")
    for _ in range(2):
        watch.on_start(outer)
        watch.on_start(inner)
        watch.on_end(inner)
        assert said[-1] == "begin"
        watch.on_end(outer)
    assert said == ["begin", "end", "begin", "end"]


def test_the_user_s_own_numba_functions_are_not_announced(monkeypatch):
    said = []
    watch = jit._Watch(lambda: said.append("begin"), lambda: said.append("end"))
    monkeypatch.setitem(numba.core.event._registered, "numba:compile", [watch])

    @numba.njit
    def own(x):
        return x + 1

    assert own(1) == 2 and said == []
    own.py_func.__module__ = "minicnn.kernels.mine"
    assert own(1.0) == 2.0 and said == ["begin", "end"]


SPIN = """
import numpy as np, sys
from minicnn import backend, functions, Tensor
functions.softmax(functions.relu(Tensor(np.ones((3, 4)))))
print("done")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_the_first_process_announces_and_the_second_is_silent(tmp_path):
    variables = {"MINICNN_KERNEL_CACHE": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    assert run(SPIN, **variables).stderr == f"{COMPILING}\n"
    assert run(SPIN, **variables).stderr == ""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "MINICNN_BACKEND": "numba"}
    for folder, spins in ((tmp_path, False), (tmp_path / "new", True)):
        shown = in_a_terminal(environment | {"MINICNN_KERNEL_CACHE": str(folder)})
        assert (COMPILING in shown) == spins
        assert shown.endswith("done\r\n")


def in_a_terminal(environment) -> str:
    """What SPIN writes to a terminal."""
    import pty

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SPIN], env=environment, stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 4096):
            shown += part
    except OSError:  # Linux: everyone at the other end has gone
        pass
    os.close(leader)
    assert process.wait(120) == 0, shown
    return shown.decode()


def test_a_broken_numba_is_a_reason_like_a_missing_one(monkeypatch):
    compiled.unavailable.cache_clear()
    monkeypatch.setitem(sys.modules, "minicnn.kernels.compiled.parallel", None)
    monkeypatch.delattr("minicnn.kernels.compiled.parallel", raising=False)
    try:
        assert "halted" in compiled.unavailable()
    finally:
        compiled.unavailable.cache_clear()
