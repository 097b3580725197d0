"""minicnn calc: every command of it, and what it refuses."""

from __future__ import annotations

import pytest

from minicnn import Sequential, layers

from .conftest import run

GRAMMAR = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"


def test_sizes():
    assert run("calc", "size", 227, "--kernel", 11, "--stride", 4).out == (
        "⌊(227 + 0 + 0 − 11) / 4⌋ + 1 = 55\nThe windows cover every pixel.\n"
    )
    assert " = 16\n" in run("calc", "size", 32, "-k", 3, "-s", 2, "-p", "same").out
    assert " = 34\n" in run("calc", "size", 32, "-k", 3, "-p", "1,3").out
    assert "+ 1 = 3\n" in run("calc", "size", 6, "-k", 3, "-s", 2, "--ceil").out
    assert "the last pixel is in no window" in run("calc", "size", 6, "-k", 3, "-s", 2).out
    out = run("calc", "size", 14, "-k", 3, "-s", 2, "-p", "same", "--transposed").out
    assert out.startswith("(14 − 1)·2 + 3 − 0 − 1 = 28\n")
    out = run("calc", "size", 14, "-k", 3, "-s", 2, "--transposed", "--output-padding", 1).out
    assert " = 30\n" in out


def test_which():
    assert run("calc", "which", 32, "--size", 32, "-k", 5).out == (
        "padding (2, 2): ⌊(32 + 2 + 2 − 5) / 1⌋ + 1 = 32  The windows cover every pixel.\n"
    )
    assert run("calc", "which", 26, "--size", 28, "--find", "kernel").out.startswith("kernel 3: ")
    assert run("calc", "which", 55, "--size", 227, "-k", 11, "--find", "stride").out.startswith("stride 4: ")
    assert run("calc", "which", 55, "-s", 4, "-k", 11, "--find", "size").out.startswith("size 227: ")
    assert run("calc", "which", 99, "--size", 28, "--find", "kernel").out == "No kernel gives 99.\n"


def test_parameters():
    alexnet = ("calc", "params", "227x227x3", "--filters", 96, "--kernel", 11, "--stride", 4)
    assert run(*alexnet).out == "(11·11·3 + 1)·96 = 34,944\n"
    assert run(*alexnet, "--unshared").out.endswith(" = 105,705,600\n")
    assert run(*alexnet, "--no-bias").out.endswith(" = 34,848\n")
    assert run("calc", "params", "8x8x4", "-f", 6, "-k", 3, "--groups", 2).out.endswith(" = 114\n")


def test_a_stack():
    small, large = run("calc", "stack", 3, 3, 3, "--channels", 10).out.splitlines()
    assert "27·C² = 2,700" in small and "7×7: sees 7×7 pixels with 49·C² = 4,900" in large


def test_a_model():
    out = run("calc", "model", "vgg16", COLUMNS="140").out
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert rows["block5_pool"][-3:] == ["212", "32", "16"]
    assert "Parameters: 138,357,544" in out and "15,470,264,320 MACs, 30,940,528,640 FLOPs" in out
    assert "Training with 32 images a step and adam keeps" in out and "saved for backward" in out


def test_a_file_an_architecture_and_a_pattern(tmp_path):
    model = Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3, name="c"), layers.Flatten()])
    model.save(tmp_path / "m.safetensors")
    assert "Parameters: 20 " in run("calc", "model", tmp_path / "m.safetensors").out
    assert "Parameters: 93,322 " in run("calc", "model", "notes_cnn").out
    out = run("calc", "model", GRAMMAR, "N=1", "M=2", "K=1", "--input", "16x16x3", "--batch", 8).out
    assert "(None, 4, 4, 64)" in out and "Training with 8 images" in out


def test_open_sizes_are_marked(tmp_path):
    layer = layers.ReLU(max_value=6)
    Sequential([layers.Input((None, 8, 1)), layers.Conv2D(2, 3), layer]).save(tmp_path / "m.safetensors")
    out = run("calc", "model", tmp_path / "m.safetensors").out
    assert "One image: ? (" in out and "Training with" not in out


def test_the_table():
    out = run("calc", "table", "vgg16").out
    assert "TOTAL memory: 15,237,608 values * 4 bytes = 60.95 MB / image (forward only)" in out
    assert "= 138,357,544" in out and "24M values, 93 MB" in out


def test_patterns():
    out = run("calc", "pattern", "INPUT->[CONV->RELU->POOL]* 2->FC").out.splitlines()
    assert out == [
        "INPUT -> [CONV -> RELU -> POOL]*2 -> FC",
        "INPUT" + " -> CONV -> RELU -> POOL" * 2 + " -> FC",
    ]
    assert "Give numbers for N, M, K to see its layers: N=2 …" in run("calc", "pattern", GRAMMAR).out
    out = run("calc", "pattern", GRAMMAR, "N=0", "M=0", "K=0").out
    assert out.splitlines()[1] == "INPUT -> FC"
    assert run("calc", "pattern", "vgg16").out.startswith("INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("size", 5, "-k", 7), "the kernel is larger than the padded input"),
        (("size", 5, "-k", 3, "-p", "full"), "Expected valid, same, a number, or before,after, got 'full'."),
        (("size", 5, "-k", 3, "--output-padding", 1), "--output-padding needs --transposed"),
        (("size", 5, "-k", 3, "--transposed", "--ceil"), "--ceil does not go with --transposed"),
        (("size", 5, "-k", 3, "--transposed", "-p", 1), "the padding is not a word"),
        (("which", 5, "-k", 3), "exactly one of size, kernel, stride, padding to be None"),
        (("which", 5, "-k", 3, "--find", "color"), "there is no such value to find"),
        (("params", "28x28", "-f", 2, "-k", 3), "Expected HxWxC, such as 28x28x1, got '28x28'."),
        (("params", "28x28x3", "-f", 2, "-k", 3, "--groups", 2), "Expected multiples of the 2 groups"),
        (("model", "resnet999"), "there is no such model. Expected a file, vgg16, notes_cnn"),
        (("model", "vgg16", "N=2"), "only a pattern takes numbers of letters. Got N=2."),
        (("model", GRAMMAR, "N=two"), "Expected a letter and a number, such as N=2, got 'N=two'."),
        (("model", GRAMMAR, "N=2"), "Expected N, M, K, got N."),
        (("model", "INPUT -> [POOL]*9 -> FC"), "The shapes: Input (32, 32, 3) → MaxPooling2D"),
        (("model", "vgg16", "--optimizer", "magic"), "magic"),
        (("pattern", "INPUT -> CNN"), "it cannot be read. Expected a word or [, got 'CNN'."),
        (("stack", 3, 0), "stack: kernel. Expected a positive integer, got 0."),
    ],
)
def test_refusals(words, sentence):
    assert sentence in run("calc", *words, code=2).err
