"""The notes' table of VGG, row for row, and its right sums."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minicnn import Sequential, layers
from minicnn import calculators as calc
from minicnn.applications import VGG16
from minicnn.errors import ArgumentError


@pytest.fixture(scope="module")
def vgg():
    with calc.without_memory():
        return VGG16()


def squeezed(line: str) -> str:
    return re.sub(r"\s+", " ", line).strip()


def test_the_sums(vgg):
    lines = calc.notes_table(vgg).splitlines()
    assert lines[-3] == "TOTAL memory: 15,237,608 values * 4 bytes = 60.95 MB / image (forward only)"
    assert lines[-2] == "TOTAL params: 138,344,128 weights + 13,416 biases = 138,357,544"
    assert "24M values, 93 MB" in lines[-1] and "60.95 MB" in lines[-1]


def test_row_for_row(vgg, shared_data: Path):
    for file in sorted((shared_data.parent / "seeds").glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        if "CONV3-64: [224x224x64]" in text:
            break
    start = text.index("INPUT: [224x224x3]")
    notes = text[start : text.index("TOTAL memory", start)].strip().splitlines()
    ours = calc.notes_table(vgg).split("\n\n")[0].splitlines()
    assert len(ours) == len(notes) == 22
    for mine, theirs in zip(ours, notes, strict=True):
        assert squeezed(mine) == squeezed(theirs)


def test_no_remark_for_other_models():
    model = Sequential([layers.Input((32, 32, 3)), layers.Conv2D(12, 5, activation="relu"), layers.Flatten()])
    assert "93 MB" not in calc.notes_table(model)


def test_layers_without_a_row():
    model = Sequential([layers.Input((8, 8, 3)), layers.BatchNormalization(name="bn")])
    with pytest.raises(ArgumentError, match="it has no row for a layer"):
        calc.notes_table(model)
    model = Sequential([layers.Input((None, 8, 3)), layers.Conv2D(2, 3)])
    with pytest.raises(ArgumentError, match="a size is open"):
        calc.notes_table(model)
