"""Running minicnn in this process, as a process of its own, and one small trained network."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from minicnn.backend.compiled import COMPILING
from minicnn.cli import app
from minicnn.datasets import mnist, mnist_subset

ROOT = Path(__file__).resolve().parents[2]


def run(*words: object, code: int = 0, **environment: str) -> SimpleNamespace:
    """Run a command in this process; `out` and `err` are what it printed."""
    environment = {"COLUMNS": "100", "TERM": "dumb", "MINICNN_BACKEND": ""} | environment
    result = CliRunner(env=environment).invoke(app, [str(word) for word in words], prog_name="minicnn")
    assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return SimpleNamespace(out=result.stdout, err=without_announcement(result.stderr))


def start(*words: object, program: str = "-m minicnn", **environment: str) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own, its output piped."""
    code = [sys.executable, "-W", "error", *program.split(" ", 1), *map(str, words)]
    env = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)


def finish(process: subprocess.Popen[bytes], code: int = 0, encoding: str = "utf-8") -> SimpleNamespace:
    """Wait for a process of `start`."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    return SimpleNamespace(out=out.decode(encoding), err=without_announcement(err.decode(encoding)))


def without_announcement(errors: str) -> str:
    """What stands on stderr beside the line that is said where no kernel has been compiled before."""
    return errors.replace(f"{COMPILING}{os.linesep}", "").replace(f"{COMPILING}\n", "")


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory) -> Path:
    """A folder with the first 60 training and 12 test images of mnist_subset."""
    folder = tmp_path_factory.mktemp("small_mnist")
    (x, y), (x_test, y_test) = mnist_subset.load_data()
    arrays = (x[:60], y[:60], x_test[:12], y_test[:12])
    for name, array in zip(mnist.FILES, arrays, strict=True):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / name).write_bytes(gzip.compress(header + array.tobytes()))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> SimpleNamespace:
    """A small network trained on 720 images: its `folder`, `model` file and what was printed."""
    folder = tmp_path_factory.mktemp("trained") / "new" / "folder"
    words = ("train", "mnist_subset", "--model", "small_cnn", "--limit", 800, "--epochs", 4)
    printed = run(*words, "--learning-rate", 0.01, "--seed", 5, "--save", folder)
    return SimpleNamespace(folder=folder, model=folder / "model.safetensors", **vars(printed))
