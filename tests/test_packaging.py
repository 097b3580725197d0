"""The package as users get it: a complete wheel, a fresh environment, a light import."""

from __future__ import annotations

import configparser
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

TWO_STEPS = """
import sys
import numpy as np, minicnn
from minicnn import layers

assert minicnn.__file__.startswith(sys.prefix), minicnn.__file__
m = minicnn.Sequential([
    layers.Input((28, 28, 1)),
    layers.Conv2D(4, 3, activation="relu"),
    layers.MaxPooling2D(2),
    layers.Flatten(),
    layers.Dense(10, activation="softmax"),
])
m.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
(x, y), _ = minicnn.datasets.mnist_subset.load_data()
x = x[:64, ..., None] / 255.0
before = m.predict(x, verbose=0)
m.fit(x, y[:64], batch_size=32, epochs=1, verbose=0)
after = m.predict(x, verbose=0)
assert not np.array_equal(before, after)
m.save("two_steps.safetensors")
again = minicnn.load_model("two_steps.safetensors")
np.testing.assert_array_equal(again.predict(x, verbose=0), after)
"""


def options() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


def installed_name(path: Path) -> str:
    """Where a file or folder of the checkout lies once installed."""
    relative = path.relative_to(ROOT).as_posix()
    return f"minicnn/{relative}" if relative.split("/")[0] == "kernels" else relative


def library_files() -> list[Path]:
    found = [file for top in ("minicnn", "kernels") for file in (ROOT / top).rglob("*")]
    return [file for file in found if file.is_file() and "__pycache__" not in file.parts]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("minicnn", "kernels"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    # With the setuptools of this environment, so that nothing is downloaded.
    pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", "wheels", ".", cwd=source)
    (built,) = (source / "wheels").iterdir()
    return built


@pytest.fixture(scope="module")
def fresh_python(tmp_path_factory) -> Path:
    """The Python of a new environment that knows minicnn's requirements, but not minicnn.

    It reads the requirements from this environment: a folder named in a .pth file is searched,
    but the .pth files in it, by which minicnn may be installed here, are not read.
    """
    folder = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    scheme = sysconfig.get_paths("venv", vars={"base": str(folder), "platbase": str(folder)})
    here = "\n".join(site.getsitepackages())
    Path(scheme["purelib"], "requirements_from_here.pth").write_text(here, encoding="utf-8")
    return Path(scheme["scripts"]) / "python"


def pip(*arguments: str, cwd: Path) -> None:
    run(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments, cwd=cwd)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command without this process's PYTHONPATH and return what it prints."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=kept | environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, f"{command} printed:\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_package_list_names_every_folder():
    folders = {file.parent for file in library_files() if file.suffix == ".py"}
    on_disk = {installed_name(folder).replace("/", ".") for folder in folders}
    listed = options()["options"]["packages"].split()
    assert sorted(on_disk) == listed, "setup.cfg lists packages in order, each folder with Python"


def test_the_wheel_holds_every_file_and_nothing_beside_minicnn(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    packed = {name for name in names if ".dist-info/" not in name}
    assert packed == {installed_name(file) for file in library_files()}
    assert {name.split("/")[0] for name in packed} == {"minicnn"}
    licences = {name.rsplit("/", 1)[1] for name in names if "dist-info" in name}
    assert {"LICENSE", "NOTICE"} <= licences


@pytest.mark.slow
def test_the_wheel_trains_in_a_fresh_environment(wheel, fresh_python, tmp_path):
    pip(
        "--python",
        str(fresh_python),
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
        cwd=tmp_path,
    )
    run(fresh_python, "-W", "error", "-c", TWO_STEPS, cwd=tmp_path)
    assert "train" in run(fresh_python.with_name("minicnn"), "--help", cwd=tmp_path)


def test_a_checkout_works_without_installation(fresh_python, tmp_path):
    code = "import minicnn.kernels.conv2d as c; print(c.__file__)"
    printed = run(fresh_python, "-W", "error", "-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert Path(printed.strip()).is_relative_to(ROOT / "kernels")


def test_import_is_light(tmp_path):
    heavy = [
        "cupy",
        "keras",
        "matplotlib",
        "numba",
        "PIL",
        "pooch",
        "requests",
        "rich",
        "safetensors",
        "scipy",
        "typer",
    ]
    code = f"import sys, minicnn; print(sorted(set(sys.modules) & set({heavy})))"
    assert run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT)) == "[]\n"
