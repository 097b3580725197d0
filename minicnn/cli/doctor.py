"""``minicnn doctor``: what works on this computer, what is missing, and the command that gets it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import typer

from .. import __version__, backend, datasets, layers, random
from ..autograd import Tensor
from ..context import no_grad
from ..errors import BackendError
from .terminal import command_line, console

__all__ = ["doctor"]

EXAMPLE = "Example: minicnn doctor"
_GPU = Path("/proc/driver/nvidia/version")
_ROOM = 2**30  # bytes that data sets and networks need at least
_TOLERANCE = 1e-10  # of the self-test, in float64
# What is of use beside what is installed anyway: package, what for.
_OPTIONAL = {
    "numba": "compiled kernels",
    "keras": "comparing with Keras",
    "jax": "running Keras",
    "tensorflow-cpu": "running Keras",
    "torch": "comparing with PyTorch",
}


class Finding(NamedTuple):
    """A line of the report: "ok", "missing" (something optional) or "WRONG"; what is found; what to do."""

    state: str
    name: str
    text: str
    command: str = ""


def doctor() -> None:
    """Say what works here, what is missing, and the exact command that gets it."""
    out, failed = console(), False
    for state, name, text, command in _findings():
        failed |= state == "WRONG"
        style = {"ok": "green", "WRONG": "bold red"}.get(state, "yellow")
        out.print(f"{state:8}{name:16}{text}", style=style, soft_wrap=True)
        if command:
            out.print(f"{'':24}{command}", soft_wrap=True)
    if failed:
        raise typer.Exit(1)
    out.print("\nminicnn works here.", style="bold green")


def _findings() -> Iterator[Finding]:
    yield Finding("ok", "minicnn", __version__)
    yield Finding("ok", "Python", f"{platform.python_version()} in {sys.prefix}")
    yield from _computer()
    yield _backends()
    yield from map(_package, _OPTIONAL)
    yield _gpu()
    yield _notebooks()
    yield from _data()
    yield _self_test()


def _computer() -> Iterator[Finding]:
    config: Any = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    library = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    yield Finding("ok", "NumPy", f"{np.__version__} with BLAS {library}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = [f"{name}={os.environ[name]}" for name in sorted(os.environ) if name.endswith("_NUM_THREADS")]
    yield Finding("ok", "threads", ", ".join([f"{cores} cores to use", *limits]))
    found = config.get("SIMD Extensions", {})
    features = ", ".join([*found.get("baseline", []), *found.get("found", [])]) or "not known"
    yield Finding("ok", "processor", f"{platform.machine()}, {features}")


def _backends() -> Finding:
    names = ", ".join(backend.available_backends())
    if backend.unavailable():
        text = f"numba cannot be imported ({backend.unavailable()}): the slower NumPy kernels run"
        return Finding("missing", "backends", text, _install("--upgrade numba llvmlite"))
    try:
        used = backend.current_backend()
    except BackendError as error:
        return Finding("WRONG", "backends", str(error), "unset MINICNN_BACKEND")
    chosen = " (MINICNN_BACKEND)" if os.environ.get("MINICNN_BACKEND") else ""
    return Finding("ok", "backends", f"{names}; {used} is used{chosen}")


def _installed(package: str) -> str | None:
    """The version of a package, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _install(package: str) -> str:
    return f"{sys.executable} -m pip install {package}"


def _package(name: str) -> Finding:
    found = _installed(name)
    if found is None and name == "tensorflow-cpu":
        found = _installed("tensorflow")
    if found is None:
        return Finding("missing", name, f"for {_OPTIONAL[name]}", _install(name))
    return Finding("ok", name, found)


def _gpu() -> Finding:
    found = next((v for v in map(_installed, ("cupy-cuda13x", "cupy-cuda12x", "cupy")) if v), None)
    if found is not None:
        return Finding(
            "ok", "CuPy", f"{found}, {'with' if _GPU.exists() else 'but without'} an NVIDIA driver"
        )
    if not _GPU.exists():
        return Finding("ok", "CuPy", "not needed: there is no NVIDIA driver")
    return Finding("missing", "CuPy", "for the NVIDIA GPU of this computer", _install("cupy-cuda12x"))


def _notebooks() -> Finding:
    if _installed("ipykernel") is None:
        return Finding("missing", "notebooks", "the kernel that runs them", _install("jupyterlab"))
    return Finding("ok", "notebooks", f"ipykernel {_installed('ipykernel')}")


def _data() -> Iterator[Finding]:
    folders = {name: datasets.download.cache_folder(source) for name, source in datasets.SOURCES.items()}
    folder = next(iter(folders.values())).parent
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        hint = "Name another folder: export MINICNN_HOME=/path/to/folder"
        yield Finding("missing", "cache", f"{place} cannot be written to ({error.strerror})", hint)
    else:
        yield Finding("ok", "cache", str(folder))
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GB free at {place}"
    hint = "Make room, or: export MINICNN_HOME=/path/to/folder"
    yield Finding("ok", "disk", text) if free > _ROOM else Finding("missing", "disk", text, hint)
    yield Finding("ok", "mnist_subset", "comes with minicnn")
    for name, source in datasets.SOURCES.items():
        if datasets.download.is_cached(source):
            yield Finding("ok", name, str(folders[name]))
        else:
            command = str(command_line("datasets", "download", name))
            yield Finding("missing", name, "not downloaded yet", command)


def _self_test() -> Finding:
    """A small convolution and its gradients beside sums written out by hand, in every backend that runs."""
    names = [name for name in backend.available_backends() if name != "numba" or not backend.unavailable()]
    for name in names:
        try:
            with backend.use_backend(name):
                error = _convolution_error()
        except Exception as failure:  # whatever is broken, it is to be reported
            return Finding("WRONG", "self-test", f"{name}: {type(failure).__name__}: {failure}")
        if not error < _TOLERANCE:
            text = f"{name}: a convolution is wrong by {error:.1e} of its size"
            return Finding("WRONG", "self-test", text, _install("--force-reinstall minicnn"))
    text = f"convolution and gradients agree with plain sums in {' and '.join(names)}"
    return Finding("ok", "self-test", text)


def _convolution_error() -> float:
    """The largest difference, as a share of the largest value."""
    x, w, gy = (
        random.uniform(shape, "doctor", 0, step, -1.0, 1.0, "float64", seed=0)
        for step, shape in enumerate([(2, 6, 5, 3), (3, 3, 3, 4), (2, 4, 3, 4)])
    )
    layer = layers.Conv2D(4, 3, use_bias=False, dtype="float64")
    with no_grad():
        layer(x)
    layer.set_weights([w])
    image = Tensor(x, requires_grad=True)
    y = layer(image)
    y.backward(gy)
    y_sum, gx_sum, gw_sum = np.zeros_like(gy), np.zeros_like(x), np.zeros_like(w)
    for i in range(3):
        for j in range(3):
            window = np.s_[:, i : i + 4, j : j + 3]  # the pixels that weight (i, j) meets: (n, oh, ow, c)
            y_sum += x[window] @ w[i, j]
            gx_sum[window] += gy @ w[i, j].T
            gw_sum[i, j] = np.einsum("nhwc,nhwf->cf", x[window], gy)
    pairs = [(y, y_sum), (image.grad, gx_sum), (layer.kernel.grad, gw_sum)]
    return max(float(np.abs(a.numpy() - b).max() / np.abs(b).max()) for a, b in pairs)
