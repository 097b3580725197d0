"""minicnn doctor: its lines, its commands, and its exit code when something essential fails."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest

from minicnn import backend
from minicnn.cli import doctor

from .conftest import finish, run, start


def test_a_healthy_computer(tmp_path):
    out = run("doctor", MINICNN_HOME=str(tmp_path / "none" / "yet")).out
    lines = {line[8:24].strip(): line[:8].strip() for line in out.splitlines()}
    names = ("minicnn", "Python", "NumPy", "threads", "processor", "backends", "disk", "self-test")
    assert all(lines[name] == "ok" for name in names)
    assert lines["cifar10"] == "missing" and "minicnn datasets download cifar10" in out
    assert np.__version__ in out and str(tmp_path) in out
    assert out.endswith("minicnn works here.\n")


def test_what_is_missing_comes_with_its_command(monkeypatch):
    def nothing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", nothing)
    out = run("doctor").out
    for name in doctor._OPTIONAL:
        assert f"missing {name:16}for {doctor._OPTIONAL[name]}\n" in out
        assert f" -m pip install {name}\n" in out


def test_a_graphics_card_without_its_library(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_installed", lambda package: None)
    monkeypatch.setattr(doctor, "_GPU", tmp_path)
    assert doctor._gpu().command.endswith(" -m pip install cupy-cuda12x")
    monkeypatch.setattr(doctor, "_GPU", tmp_path / "none")
    assert doctor._gpu().text == "not needed: there is no NVIDIA driver"


def test_the_backend_that_is_used():
    out = run("doctor", MINICNN_BACKEND="").out
    assert "ok      backends        numpy, numba; numba is used\n" in out
    assert "plain sums in numpy and numba\n" in out
    out = run("doctor", MINICNN_BACKEND="numpy").out
    assert "ok      backends        numpy, numba; numpy is used (MINICNN_BACKEND)\n" in out
    out = run("doctor", code=1, MINICNN_BACKEND="abacus").out
    assert "WRONG   backends        MINICNN_BACKEND: there is no such backend." in out


def test_a_computer_without_numba(monkeypatch):
    monkeypatch.setattr(backend, "unavailable", lambda: "No module named 'numba'")
    out = run("doctor").out
    text = "numba cannot be imported (No module named 'numba'): the slower NumPy kernels run"
    assert f"missing backends        {text}\n" in out
    assert " -m pip install --upgrade numba llvmlite\n" in out
    assert "plain sums in numpy\n" in out and out.endswith("minicnn works here.\n")


def test_a_wrong_kernel_is_found():
    right = backend.kernel("conv2d_forward")
    with backend.override(conv2d_forward=lambda *a, **k: right(*a, **k) * 1.001):
        out = run("doctor", code=1).out
    assert "WRONG   self-test" in out and "wrong by 1.0e-03 of its size" in out


def test_a_kernel_that_fails_is_reported():
    def broken(*_, **__):
        raise ZeroDivisionError("oh")

    with backend.override(conv2d_forward=broken):
        assert "ZeroDivisionError: oh" in run("doctor", code=1).out


@pytest.mark.skipif(os.name != "posix", reason="a folder that is a file")
def test_a_cache_that_cannot_be_written(monkeypatch):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    out = run("doctor").out
    assert "cannot be written to (Permission denied)" in out and "export MINICNN_HOME=" in out


def test_nothing_heavy_is_imported():
    code = (
        "-c import sys; sys.argv = ['minicnn', 'doctor']\n"
        "from minicnn.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'keras', 'torch', 'jax', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    assert finish(start(program=code)).out.endswith("\n[]\n")
