"""Whole networks: the truth gate, peers that go wrong, what is reported. No time is asserted."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import minicnn
from minicnn import calculators
from minicnn.bench import network_report, networks, report
from minicnn.bench.nets import NETS, Conv, Net
from minicnn.bench.networks import NetworkPlan, bench_network, seconds_to_accuracy
from minicnn.bench.peers.keras_network import functional
from minicnn.bench.peers.session import spread_out
from minicnn.datasets import mnist_subset
from minicnn.errors import ArgumentError

ROOT = Path(__file__).resolve().parents[2]
PLAN = NetworkPlan("mnist", True, 4, ("numpy",), (), 1, rounds=1, seconds=0.001, steps=2)


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(networks, "_REST", 0.0)


def bench(plan, *hows):
    """Measure with fake peers that go wrong in these ways."""
    programs = {how: ("tests.bench.fake_network", how) for how in hows}
    said = []
    return bench_network(replace(plan, peers=tuple(hows)), said.append, programs)


def shown(results):
    """Everything that the lab would print or write about some results."""
    tables = [network_report.network_table(results)]
    tables += [network_report.parts_table(result) for result in results if result.parts]
    page = report.markdown(tables, [], network_report.network_lines(results))
    return page, json.loads(report.to_json(results=results))["results"]


@pytest.mark.parametrize("name", [name for name in NETS if name != "xception"])
def test_the_networks_have_the_parameters_they_should(name):
    with calculators.without_memory():
        assert functional(minicnn, NETS[name], pads_itself=True).count_params() == NETS[name].parameters


def test_a_net_for_layer_sets_only():
    with pytest.raises(NotImplementedError, match="Separable is here for the layer sets only"):
        functional(minicnn, NETS["xception"], pads_itself=True)


def test_strided_padding_is_the_same_with_and_without_a_layer_for_it():
    net = Net("t", (8, 8, 2), (Conv(3, 3, 2, norm=True), *NETS["resnet50"].parts[-2:]), 1, 0)
    models = [functional(minicnn, net, pads_itself) for pads_itself in (True, False)]
    assert len(models[1].layers) == len(models[0].layers) + 1
    models[1].set_weights(models[0].get_weights())
    x = np.arange(256.0, dtype=np.float32).reshape(2, 8, 8, 2) / 256
    np.testing.assert_array_equal(models[0].predict(x), models[1].predict(x))


@pytest.mark.parametrize("training", [True, False])
def test_ours_and_a_peer(training):
    ours, theirs = bench(replace(PLAN, training=training, rounds=5), "right")
    for result in (ours, theirs):
        assert result.status == "ok" and result.error < 1e-6 and len(result.samples) == 5
        assert result.speed.median > 0 and result.first_step > 0 and result.peak_memory >= 0
    assert set(ours.against) == {"right"} and theirs.against == {} and theirs.parts == {}
    phases = {name.rpartition(" ")[2] for name in ours.parts}
    assert phases == ({"forward", "backward", "else"} if training else {"forward", "else"})
    assert "conv1 forward" in ours.parts and all(seconds >= 0 for seconds in ours.parts.values())
    page, _ = shown([ours, theirs])
    assert "| minicnn numpy |" in page and "ours / right" in page and "by layer and pass" in page
    speeds, parts = network_report.picture([ours, theirs])
    assert list(speeds["mnist, batches of 4"]) == ["minicnn numpy", "right"] and "mnist" in parts


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("other weights", "INVALID", "its probabilities differ from the reference's by"),
        ("other network", "failed", "ValueError: 93,323 parameters instead of 93,322."),
        ("diverges", "failed", "its loss is no longer a number"),
        ("fails", "failed", "'predictions' failed. Got ValueError: no prediction today."),
    ],
)
def test_a_peer_that_goes_wrong_has_no_time(how, status, said):
    ours, theirs = bench(PLAN, how)
    assert ours.status == "ok" and ours.speed is not None and ours.against == {}
    assert theirs.status == status and said in theirs.note
    page, (_, entry) = shown([ours, theirs])
    assert f"| {how} | {status} |  |  |  |" in page and f"{status}: {how}, mnist: {theirs.note}" in page
    for fact in ("first_step", "peak_memory", "speed", "to_accuracy"):
        assert entry[fact] is None
    assert entry["samples"] == []


def test_our_gradients_are_part_of_the_gate(monkeypatch):
    monkeypatch.setattr(networks, "GRADIENT_TOLERANCE", -1.0)
    (ours,) = bench(PLAN)
    assert ours.status == "INVALID" and "a gradient differs from the reference's by 0" in ours.note
    assert ours.speed is None and ours.samples == []


def test_missing_peers_are_failures_with_the_command_that_helps():
    plan = replace(PLAN, peers=("torch",))
    _, theirs = bench_network(plan, lambda line: None, {"torch": ("tests.bench.fake_peer", "missing")})
    assert theirs.note == "torch: torch is not installed. Install it: pip install torch"


def test_the_data_fit_into_memory():
    assert replace(PLAN, steps=None, batch=64).batches == 64
    assert replace(PLAN, steps=None, net="vgg16", batch=4).batches == 13
    assert replace(PLAN, steps=None, net="vgg16", batch=512).batches == 1


def test_spread_out_takes_from_everywhere():
    assert list(spread_out(np.arange(6).reshape(2, 3))) == [0, 1, 2, 3, 4, 5]
    assert list(spread_out(np.arange(10), most=4)) == [0, 3, 6, 9]


def test_time_to_accuracy():
    (x, y), (x_test, y_test) = mnist_subset.load_data()
    x, x_test = (images[..., None].astype(np.float32) / 255 for images in (x[:640], x_test[:200]))
    results = bench(replace(PLAN, batch=32), "right")
    data = ((x, y[:640].astype(np.int64)), (x_test, y_test[:200].astype(np.int64)))
    said = []
    programs = {"right": ("tests.bench.fake_network", "right")}
    seconds_to_accuracy(replace(PLAN, batch=32), results, 0.6, data, said.append, programs)
    (first, second) = [result.to_accuracy for result in results]
    assert first[1:] == second[1:] and first[2] >= 0.6  # the same training, to the last bit
    assert f"epoch {first[1]}" in said[first[1] - 1] and "to accuracy" in shown(results)[0]


def test_of_many_parts_the_longest_are_shown():
    (ours,) = bench(replace(PLAN, training=False))
    ours.parts = {f"conv{i} forward": float(i) for i in range(1, 101)}
    rows = network_report.parts_table(ours).rows
    assert [row[0] for row in rows[:2]] == ["conv72 forward", "conv73 forward"]
    assert rows[-2] == ["71 others", "2556000.000", "50.6 %"] and rows[-1] == ["all", "5050000.000", "100 %"]


def test_a_line_through_step_times():
    a, b, worst = network_report.fit_line([(n, 0.001 + 0.0002 * n) for n in (8, 32, 128, 512)])
    assert (a, b) == (pytest.approx(0.001), pytest.approx(0.0002)) and worst < 1e-9
    assert network_report.fit_line([(8, 1.0), (16, 2.0), (32, 3.0), (64, 8.0)])[2] > 0.15
    (line,) = network_report.scaling_lines({"us": [(8, 1.8), (16, 2.6), (32, 4.2)], "them": [(8, 1.0)]})
    assert line.startswith("us: a step of n images takes 1000.00 ms + 100.0000 ms · n;")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch", "torch-nhwc", "keras-tensorflow", "keras-jax"])
def test_a_real_peer_builds_the_same_networks(name):
    package = {"keras-jax": "jax", "keras-tensorflow": "tensorflow"}.get(name, "torch")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    for net in ("mnist", "deep"):
        ours, theirs = bench_network(replace(PLAN, net=net, batch=2, peers=(name,)), lambda line: None)
        assert (ours.status, theirs.status) == ("ok", "ok"), theirs.note
        assert theirs.error < 1e-5 and theirs.speed is not None


def test_pictures_of_nothing_are_refused():
    from minicnn.visualize import bench_plot

    with pytest.raises(ArgumentError, match="nothing to draw"):
        bench_plot.bench_layers([], (1.0, 1.0), [])
    with pytest.raises(ArgumentError, match="nothing to draw"):
        bench_plot.bench_networks({}, {})
    with pytest.raises(ArgumentError, match="nothing to draw"):
        bench_plot.bench_scaling({"batch": {}})
