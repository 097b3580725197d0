"""The truth gate and the peers: no time for a wrong kernel, and no end of the lab by anybody's fault.

No time is asserted anywhere; whether there is one, is.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path

import numpy as np
import pytest

from minicnn import backend
from minicnn.bench import layers as lab
from minicnn.bench import report, truth
from minicnn.bench.descriptors import parse
from minicnn.bench.layer_sets import Layer
from minicnn.bench.problem import PASSES
from minicnn.bench.roof import Roof, measure_roof
from minicnn.bench.workers import PEERS, Worker, check_peers
from minicnn.errors import ArgumentError, BackendError
from minicnn.kernels.conv2d import reference

from .. import oracles

ROOT = Path(__file__).resolve().parents[2]
SMALL = "mb2ic3ih6oc4oh6kh3sh1ph1"
ROOF = Roof(1e11, 1e10)


def plan(*descriptors, passes=PASSES, algorithm="auto", rounds=2):
    chosen = [Layer(parse(text), 1) for text in descriptors or (SMALL,)]
    return lab.Plan(chosen, passes, ("numpy",), algorithm, 1, rounds)


@pytest.fixture
def fake(monkeypatch):
    """Start a peer that goes wrong in some way."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(lab, "_TURN", 0.0)  # one call makes a sample: nothing here is about time
    monkeypatch.setattr(lab, "_REST", 0.0)
    started = []

    def start(how="right", **settings):
        worker = Worker("fake", 1, ("tests.bench.fake_peer", how), **settings)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.close()


def bench(chosen, workers=()):
    return list(lab.bench_layers(chosen, workers, ROOF, lambda line: None))


def shown(results):
    """Everything that the lab would print or write about some results."""
    tables = [report.layer_table(results, "t")]
    lines = report.layer_summary(results)
    return report.markdown(tables, [], lines), json.loads(report.to_json(results=results))["results"]


# -- the truth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize(
    "text",
    [
        "mb2ic6ih5oc4oh3kh3sh2ph1g2",
        "mb2ic2ih7iw5oc3kh3kw2sh2sw1dh1dw0ph2pw1",
        "mb1ic4ih4oc8oh4kh2ph0",  # padding at the end alone
    ],
)
def test_single_elements_follow_the_definition(text, which):
    """The sampled sums against the test suite's own loop oracle, which shares no code with them."""
    problem = parse(text)
    a, b = (array.astype(np.float64) for array in truth.operands(problem, which))
    window = (problem.g, problem.groups)
    expected = {
        "forward": lambda: oracles.conv2d_forward(a, b, *window, problem.out_hw),
        "input_grad": lambda: oracles.conv2d_input_grad(a, b, problem.x_shape, *window),
        "weight_grad": lambda: oracles.conv2d_weight_grad(a, b, problem.w_shape, *window),
    }[which]()
    element = {"forward": truth._y, "input_grad": truth._gx, "weight_grad": truth._gw}[which]
    for index in np.ndindex(expected.shape):
        assert element(problem, a, b, *index) == pytest.approx(expected[index], abs=1e-12)


@pytest.mark.parametrize("which", PASSES)
@pytest.mark.parametrize("limits", [(10**9, 10**9), (0, 10**9), (0, 0)])
def test_what_is_compared_depends_on_the_work(monkeypatch, which, limits):
    monkeypatch.setattr(truth, "LOOPS_LIMIT", limits[0])
    monkeypatch.setattr(truth, "IM2COL_LIMIT", limits[1])
    problem = parse(SMALL)
    operands = truth.operands(problem, which)
    found = truth.truth_of(problem, which, *operands)
    shape = problem.shapes(which)[2]
    right = truth._reference(problem, which, *operands, "im2col").astype(np.float32)
    verdict = found.verdict(right, shape)
    assert verdict.valid and verdict.error < 1e-6
    words = {
        (10**9, 10**9): "seven loops",
        (0, 10**9): "im2col in float64",
        (0, 0): "elements against the def",
    }
    assert words[limits] in verdict.checked
    wrong = right.copy()
    wrong[-1, -1, -1, -1] += np.float32(0.01)  # a corner is always among the samples
    assert not found.verdict(wrong, shape).valid
    wrong[-1, -1, -1, -1] = np.nan
    assert not found.verdict(wrong, shape).valid and math.isnan(found.verdict(wrong, shape).error)
    assert not found.verdict(right.astype(np.float64), shape).valid
    assert not found.verdict(right[..., :-1], shape).valid
    assert not found.verdict(None, shape).valid


def test_operands_are_the_same_for_everyone():
    problem = parse(SMALL)
    for first, second in zip(
        truth.operands(problem, "forward"), truth.operands(problem, "forward"), strict=True
    ):
        assert first.dtype == np.float32 and np.array_equal(first, second)
        assert first.min() < -0.5 and first.max() > 0.5


# -- ours -------------------------------------------------------------------------------------------------


def test_right_kernels_are_timed():
    results = bench(plan(SMALL, "g3mb2ic3ih6oc6oh6kh3ph1"))
    assert [r.status for r in results] == ["ok"] * 6
    assert all(r.times is not None and r.flops and r.percent_of_roof and r.error < 1e-5 for r in results)
    assert [r.algorithm for r in results] == ["im2col"] * 3 + ["depthwise"] * 3
    assert all((r.workspace is None) == (r.algorithm == "depthwise") for r in results)
    text, entries = shown(results)
    assert "INVALID" not in text and "of 0 passes" not in text
    assert all(len(entry["samples"]) == 2 and entry["times"]["median"] > 0 for entry in entries)


def flipped(x, w, g, groups, out_hw):
    """A true convolution: the kernel is flipped, the classic mistake."""
    return reference.conv2d_forward(x, np.ascontiguousarray(w[::-1, ::-1]), g, groups, out_hw)


def assert_no_time(results):
    (result,) = results
    assert result.status == "INVALID"
    assert (result.times, result.flops, result.percent_of_roof, result.samples) == (None, None, None, [])
    text, (entry,) = shown(results)
    assert "INVALID" in text and "| INVALID |  |  |  |" in text
    assert entry["times"] is None and entry["flops"] is None and entry["samples"] == []


def test_a_wrong_override_is_invalid_and_has_no_time():
    with backend.override(conv2d_forward=flipped):
        results = bench(plan(passes=("forward",)))
    assert results[0].error > 0.1
    assert_no_time(results)
    assert "disagrees with the definition (error" in shown(results)[0]


def test_a_wrong_registered_algorithm_is_invalid_beside_right_ones():
    backend.register("conv2d_forward", "numpy", "flipped", flipped)
    try:
        results = bench(plan(passes=("forward",), algorithm="all"))
    finally:
        backend.unregister("conv2d_forward", "numpy", "flipped")
    status = {result.algorithm: result.status for result in results}
    assert status == {"im2col": "ok", "naive": "ok", "flipped": "INVALID"}
    assert_no_time([result for result in results if result.algorithm == "flipped"])


def test_a_kernel_that_is_right_only_at_first_is_invalid():
    calls = []

    def tired(x, w, g, groups, out_hw):
        calls.append(1)
        y = reference.conv2d_forward(x, w, g, groups, out_hw)
        return y if len(calls) < 4 else np.zeros_like(y)

    with backend.override(conv2d_forward=tired):
        results = bench(plan(passes=("forward",)))
    assert "after the timed runs" in results[0].note
    assert_no_time(results)


def test_a_kernel_that_raises_has_failed():
    def broken(*_, **__):
        raise RuntimeError("out of registers")

    with backend.override(conv2d_weight_grad=broken):
        results = bench(plan())
    assert [r.status for r in results] == ["ok", "ok", "failed"]
    assert results[2].times is None and "out of registers" in shown(results)[0]


def test_the_loops_take_part_only_where_they_end():
    assert lab.algorithms_of(parse(SMALL), "forward", "numpy", "all") == ("im2col", "naive")
    large = parse("mb64ic32ih32oc32oh32kh3ph1")
    assert lab.algorithms_of(large, "forward", "numpy", "all") == ("im2col",)
    assert lab.algorithms_of(large, "forward", "numpy", "naive") == ("naive",)


# -- peers ------------------------------------------------------------------------------------------------


def test_a_peer_is_compared(fake):
    results = bench(plan(rounds=5), [fake()])
    assert [r.contestant for r in results] == ["numpy", "fake"] * 3
    assert all(r.status == "ok" for r in results)
    for mine, theirs in zip(results[::2], results[1::2], strict=True):
        assert mine.against["fake"].low <= mine.against["fake"].ratio <= mine.against["fake"].high
        assert len(mine.samples) == len(theirs.samples) == 5 and theirs.against == {}
    text, _ = shown(results)
    assert "fake / ours" in text and "of 3 passes" in text


@pytest.mark.parametrize("how", ["wrong", "nan", "shape", "wrong later"])
def test_a_wrong_peer_is_invalid(fake, how):
    ours, theirs = bench(plan(passes=("forward",)), [fake(how)])
    assert ours.status == "ok" and ours.times is not None and ours.against == {}
    assert_no_time([theirs])


def test_a_peer_that_refuses_a_problem_goes_on_with_the_next(fake):
    results = bench(plan(passes=("forward", "input_grad")), [fake("refuses")])
    assert [r.status for r in results] == ["ok", "failed"] * 2
    assert "NotImplementedError: no such convolution here." in results[1].note


def test_a_peer_that_crashes(fake):
    results = bench(plan(passes=("forward", "input_grad")), [fake("crashes")])
    assert [r.status for r in results] == ["ok", "failed"] * 2
    assert "fake: it ended with exit code 3 at 'result', after printing 'out of luck'." in results[1].note
    assert "exit code 3" in results[3].note


def test_a_peer_that_hangs_is_stopped(fake):
    worker = fake("hangs", answer=0.5)
    ours, theirs = bench(plan(passes=("forward",)), [worker])
    assert ours.status == "ok" and theirs.status == "failed"
    assert theirs.note == "fake: no answer to 'result' within 0.5 seconds; it was stopped."
    assert worker._process.returncode is not None


def test_a_peer_that_is_missing(fake):
    with pytest.raises(BackendError) as error:
        fake("missing")
    assert str(error.value) == "fake: torch is not installed. Install it: pip install torch"


def test_what_a_peer_prints_before_it_serves_is_not_an_answer(fake):
    assert fake("babbles").versions == {"fake": "1.0"}


def test_a_program_that_is_no_peer(fake):
    with pytest.raises(BackendError, match="fake: it ended with exit code 1 at 'hello', after printing"):
        Worker("fake", 1, ("tests.bench.no_such_peer",))
    with pytest.raises(BackendError, match="the answer to 'hello' is not JSON; it was stopped. Got .*usage"):
        Worker("fake", 1, ("json.tool", "--help"))


def test_missing_peers_are_said_and_left_out():
    said = []
    with lab.peers_running(["torch"], 1, said.append, torch=("tests.bench.fake_peer", "missing")) as workers:
        assert workers == []
    assert said == ["torch: torch is not installed. Install it: pip install torch"]


def test_names_of_peers_are_checked():
    check_peers(("torch", "keras-jax"), "here")
    with pytest.raises(ArgumentError, match="here: there is no such peer. Expected some of torch,"):
        check_peers(("pytorch",), "here")


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_real_peer_agrees_with_the_definition(name, monkeypatch):
    package = {"torch": "torch", "torch-nhwc": "torch", "keras-jax": "jax", "keras-tensorflow": "tensorflow"}
    if importlib.util.find_spec(package[name]) is None:
        pytest.skip(f"{package[name]} is not installed")
    monkeypatch.setattr(lab, "_TURN", 0.0)
    problems = ("mb2ic4ih7oc6oh4kh3sh2ph1", "mb1ic3ih5oc4oh5kh2ph0", "g4mb2ic4ih6oc8oh6kh3ph1", SMALL)
    with Worker(name, 1) as worker:
        results = bench(plan(*problems, rounds=1), [worker])
    assert {r.status for r in results} == {"ok"}, [r.note for r in results if r.status != "ok"]


# -- the machine ------------------------------------------------------------------------------------------


def test_the_roof():
    roof = measure_roof(threads=2, rounds=1, gemm=64, triad=100_000)
    assert roof.flops > 0 and roof.bytes > 0
    assert roof.attainable(roof.ridge) == pytest.approx(roof.flops)
    assert roof.attainable(roof.ridge / 2) == pytest.approx(roof.flops / 2)
