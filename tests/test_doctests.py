"""Every example in a docstring is run; kernels/ under its installed name, minicnn.kernels."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module_names() -> list[str]:
    """The import names of all Python files of the library."""
    names = []
    for top, prefix in (("minicnn", ()), ("kernels", ("minicnn",))):
        for file in sorted((ROOT / top).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            names.append(".".join(prefix + parts).removesuffix(".__init__"))
    return names


@pytest.mark.parametrize("name", module_names())
def test_examples(name, monkeypatch, tmp_path, threads_restored):
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)  # an example may write files
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0, f"{failed} examples of {name} failed, as printed above"
