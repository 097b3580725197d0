"""Medians, intervals and verdicts on samples that are made up; no clock is read here."""

from __future__ import annotations

import pytest

from minicnn import random
from minicnn.bench.statistics import compare, spread
from minicnn.errors import ArgumentError


def times(n, median, noise, stream):
    return list(median * (1 + noise * random.uniform((n,), "times", stream, low=-1, high=1, seed=3)))


def test_spread():
    found = spread(range(1, 12))
    assert (found.median, found.p10, found.p90, found.samples) == (6, 2, 10, 11)


def test_a_clear_difference():
    found = compare(times(9, 1.0, 0.05, 0), times(9, 1.5, 0.05, 1))
    assert found.verdict == "faster" and 1.3 < found.low < found.ratio < found.high < 1.7
    assert compare(times(9, 1.5, 0.05, 0), times(9, 1.0, 0.05, 1)).verdict == "slower"


def test_no_difference():
    found = compare(times(9, 1.0, 0.1, 0), times(9, 1.0, 0.1, 1))
    assert found.verdict == "too noisy to tell apart" and found.low <= 1 <= found.high
    assert str(found).endswith("(too noisy to tell apart)")


def test_a_difference_that_the_noise_hides():
    found = compare([1.0] * 7, [1.1, 9.0, 1.1, 9.0, 1.1, 9.0, 9.0])
    assert found.low == pytest.approx(1.1) and found.high == pytest.approx(9.0)
    assert found.verdict == "too noisy to tell apart"  # it may be next to nothing


def test_a_difference_that_is_larger_than_the_noise():
    assert compare([1.0] * 7, [4.0, 9.0, 4.0, 9.0, 4.0, 9.0, 9.0]).verdict == "faster"
    assert compare([4.0, 9.0, 4.0, 9.0, 4.0, 9.0, 9.0], [1.0] * 7).verdict == "slower"


def test_pairs_share_the_moods_of_the_machine():
    slow = [1, 1, 2, 1, 2, 2, 1, 1, 2]  # half of the time everything takes twice as long
    found = compare(
        [s * t for s, t in zip(slow, times(9, 1.0, 0.01, 0), strict=True)], [1.2 * s for s in slow]
    )
    assert found.verdict == "faster"


def test_the_interval_is_the_same_for_the_same_seed():
    samples = times(7, 1.0, 0.2, 0), times(7, 1.3, 0.2, 1)
    assert compare(*samples, seed=5) == compare(*samples, seed=5)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    inside = 0
    for stream in range(0, 400, 2):
        found = compare(times(15, 1.0, 0.2, stream), times(15, 1.1, 0.2, stream + 1))
        inside += found.low <= 1.1 <= found.high
    assert 0.85 <= inside / 200 <= 0.99


def test_few_samples_have_no_interval():
    found = compare([1.0] * 4, [2.0] * 4)
    assert (found.ratio, found.low, found.verdict) == (2.0, None, "too few rounds to tell")
    assert str(found) == "2.00 (too few rounds to tell)"


@pytest.mark.parametrize("samples", [[], [0.0], [float("nan")], [-1.0]])
def test_what_is_no_time(samples):
    with pytest.raises(ArgumentError, match="these are not times. Expected one or more positive numbers"):
        spread(samples)


def test_pairs_are_pairs():
    with pytest.raises(ArgumentError, match="not pairs. Expected equally many, got 2 and 3"):
        compare([1.0, 2.0], [1.0, 2.0, 3.0])
