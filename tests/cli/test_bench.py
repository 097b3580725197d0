"""minicnn bench: what it prints and writes, and what it refuses. No time is asserted."""

from __future__ import annotations

import json

import pytest

from minicnn import backend
from minicnn.bench import layers as lab
from minicnn.kernels.conv2d import reference

from .conftest import run

SMALL = "mb1ic2ih5oc3oh5kh3sh1ph1"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """One call makes a sample, and the roofs are measured with small matrices."""
    from minicnn.bench import roof

    monkeypatch.setattr(lab, "_TURN", 0.0)
    monkeypatch.setattr(lab, "_REST", 0.0)
    monkeypatch.setattr(roof.measure_roof, "__defaults__", (1, 64, 100_000))


def layers(*words, **settings):
    settings = {"MINICNN_BACKEND": "numpy"} | settings
    return run("bench", "layers", "--problem", SMALL, "--rounds", 1, "--threads", 1, *words, **settings)


def test_layers_prints_a_table():
    printed = layers("--problem", "mb1ic2ih4oc2kh3", COLUMNS="200")
    assert printed.out.count("numpy im2col") == 6 and "input_grad" in printed.out
    assert "GFLOP/s count 2 FLOPs for each multiply-accumulate" in printed.out
    assert "all 75 elements against the seven loops in float64" in printed.out
    assert "Measured roofs: GEMM" in printed.out and "1 thread, load" in printed.out
    assert "[6/6]" in printed.err


def test_layers_of_a_set():
    printed = run("bench", "layers", "--set", "mnist", "--batch", 1, "--pass", "forward", "--rounds", 1)
    assert "1× conv1" in printed.out.replace("\n", " ") and "mb1ic32ih13oc64oh11kh3sh1ph0" in printed.out


def test_layers_writes_what_was_asked_for(tmp_path):
    files = {option: tmp_path / name for option, name in (("json", "a.json"), ("plot", "c.png"))}
    options = [word for option, path in files.items() for word in (f"--{option}", path)]
    layers("--algorithm", "all", *options, "--markdown", tmp_path / "b.md")
    content = json.loads(files["json"].read_text(encoding="utf-8"))
    assert content["manifest"]["threads"] == 1 and content["roof"]["flops"] > 0
    assert [(r["which"], r["algorithm"]) for r in content["results"]][:2] == [
        ("forward", "im2col"),
        ("forward", "naive"),
    ]
    assert all(r["status"] == "ok" and r["times"]["median"] > 0 for r in content["results"])
    assert (tmp_path / "b.md").read_text(encoding="utf-8").count("numpy naive") == 3
    assert files["plot"].read_bytes().startswith(b"\x89PNG")


def test_a_wrong_kernel_is_printed_without_a_time(tmp_path):
    def shifted(x, w, g, groups, out_hw):
        return reference.conv2d_forward(x, w, g, groups, out_hw)[:, ::-1].copy()

    with backend.override(conv2d_forward=shifted):
        printed = layers("--pass", "forward", "--json", tmp_path / "a.json", COLUMNS="200")
    assert "INVALID: numpy override, forward of" in printed.out
    (row,) = [line for line in printed.out.splitlines() if "1× mb1" in line]
    assert "INVALID" in row and "(" not in row
    (result,) = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
    assert result["times"] is None and result["samples"] == [] and result["error"] > 0.1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "minicnn bench layers: either --set or --problem says what to measure."),
        (("--set", "mnist", "--problem", SMALL), "either --set or --problem"),
        (("--set", "vgg17"), "there is no such layer set. Expected mnist, deep,"),
        (("--problem", "mb1ic2"), "descriptor 'mb1ic2': it lacks oc, the output channels."),
        (("--problem", SMALL, "--batch", 3), "--batch goes with --set; a descriptor has its own mb."),
        (("--problem", SMALL, "--pass", "forward,backward"), "there is no such pass. Expected forward,"),
        (("--problem", SMALL, "--backend", "fortran"), "there is no such backend."),
        (
            ("--problem", SMALL, "--algorithm", "fft"),
            "there is no such algorithm. Expected all, auto, direct, gemm, im2col",
        ),
        (("--problem", SMALL, "--against", "caffe"), "there is no such peer. Expected some of torch,"),
        (("--problem", SMALL, "--threads", 0), "--threads is too small. Expected at least 1, got 0."),
        (("--problem", SMALL, "--threads", 5000), "--threads is larger than the number of cores."),
        (("--problem", SMALL, "--rounds", 0), "--rounds is too small."),
        (("--problem", SMALL, "--json", "no/such/a.json"), "--json no/such/a.json: there is no such folder."),
        (("--problem", SMALL, "--plot", "a.txt"), "--plot. Expected a name that ends in .png, .pdf or .svg"),
    ],
)
def test_what_layers_refuses(words, said):
    assert said in run("bench", "layers", *words, code=2).err


QUICK = ("--batch", 2, "--steps", 1, "--rounds", 1, "--seconds", 0.001, "--threads", 1)


@pytest.mark.parametrize(("command", "title"), [("train", "Training"), ("predict", "Prediction")])
def test_whole_networks(command, title, tmp_path):
    files = ("--json", tmp_path / "a.json", "--markdown", tmp_path / "a.md", "--plot", tmp_path / "a.png")
    printed = run("bench", command, *QUICK, *files, COLUMNS="200")
    assert f"{title} of whole networks" in printed.out and "minicnn numba" in printed.out
    assert "conv1 forward" in printed.out and "the notes' MNIST CNN, 93,322 parameters." in printed.out
    (result,) = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
    assert result["status"] == "ok" and result["training"] == (command == "train")
    assert f"### {title}" in (tmp_path / "a.md").read_text(encoding="utf-8")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_training_to_an_accuracy(small_mnist):
    words = ("train", *QUICK, "--to-accuracy", 0.05, "--data-dir", small_mnist)
    printed = run("bench", *words, COLUMNS="200")
    assert "to accuracy" in printed.out and "epochs, 0." in printed.out
    assert "epoch 1, " in printed.err


def test_scaling(tmp_path):
    words = ("--batches", "1,2,3", "--thread-counts", "1", "--rounds", 1, "--seconds", 0.001, "--steps", 1)
    files = ("--json", tmp_path / "a.json", "--plot", tmp_path / "a.png")
    printed = run("bench", "scaling", *words, *files, COLUMNS="200")
    assert "minicnn numba: a step of n images takes" in printed.out
    results = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["results"]
    assert list(results["batch"]) == ["1", "2", "3"] and list(results["threads"]) == ["1"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--net", "xception"), "there is no such network. Expected mnist, deep,"),
        (("train", "--batch", 0), "--batch is too small."),
        (("predict", "--steps", 0), "--steps is too small."),
        (("predict", "--seconds", 0), "--seconds cannot be used. Expected more than 0"),
        (("train", "--against", "torch,caffe"), "there is no such peer."),
        (("train", "--data-dir", "x"), "--data-dir goes with --to-accuracy."),
        (
            ("train", "--to-accuracy", 99),
            "--to-accuracy. Expected a share between 0 and 1, such as 0.99, got 99",
        ),
        (("train", "--net", "cifar", "--to-accuracy", 0.5), "--to-accuracy needs a network for digits."),
        (("scaling", "--batches", "8,x"), "--batches. Expected positive integers between commas, got 'x'."),
        (("scaling", "--thread-counts", "9999"), "--thread-counts. Expected positive integers up to"),
        (("scaling", "--plot", "nowhere/a.png"), "there is no such folder"),
    ],
)
def test_what_networks_refuse(words, said):
    assert said in run("bench", *words, code=2).err
