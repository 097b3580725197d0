"""Schedules: values by hand, files, what is refused; Keras' own are compared in crosscheck/."""

from __future__ import annotations

import json

import pytest

from minicnn import optimizers, schedules
from minicnn.errors import ArgumentError

DECAY = schedules.ExponentialDecay(0.1, 10, 0.5)
ALL = [
    DECAY,
    schedules.InverseTimeDecay(0.1, 10, 0.5, staircase=True),
    schedules.PolynomialDecay(0.1, 10, cycle=True),
    schedules.CosineDecay(0.1, 10, warmup_target=0.3, warmup_steps=2),
    schedules.PiecewiseConstantDecay([3, 5], [0.3, 0.2, 0.1]),
    schedules.WarmUp(DECAY, 5),
    schedules.WarmUp(0.2, 5, 0.1),
    schedules.OneCycle(0.3, 20),
]


@pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)
def test_a_file_keeps_them(schedule):
    again = schedules.get(json.loads(json.dumps(schedules.serialize(schedule))))
    assert type(again) is type(schedule)
    assert [again(step) for step in range(30)] == [schedule(step) for step in range(30)]
    optimizer = optimizers.Adam(schedule)
    config = json.loads(json.dumps(optimizer.get_config()))
    other = optimizers.get({"class_name": "Adam", "config": config})
    optimizer.iterations = other.iterations = 7
    assert other.learning_rate == optimizer.learning_rate == schedule(7)


def test_warm_up_by_hand():
    schedule = schedules.WarmUp(DECAY, 4)
    assert [schedule(step) for step in (0, 1, 2, 4, 14)] == [0, 0.025, 0.05, 0.1, 0.05]
    assert schedules.WarmUp(0.5, 0)(0) == 0.5


def test_one_cycle_by_hand():
    schedule = schedules.OneCycle(1.0, 8, div_factor=2, final_div_factor=10, final_share=0.5)
    expected = [0.5, 0.75, 1, 0.75, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1]
    assert [schedule(step) for step in range(10)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
            "ExponentialDecay: decay_steps. Expected a number above 0, got 0.",
        ),
        (
            lambda: schedules.CosineDecay(-1, 5),
            "CosineDecay: initial_learning_rate. Expected a number of at least 0, got -1.",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([5, 3], [1, 2, 3]),
            "PiecewiseConstant: boundaries and values. Expected rising boundaries and one value more than "
            "those, got boundaries=[5, 3], values=[1, 2, 3].",
        ),
        (
            lambda: schedules.OneCycle(1, 5, final_share=1),
            "OneCycle: final_share. Expected a number from 0 to below 1, got 1.",
        ),
        (
            lambda: schedules.get("cosine"),
            "schedule: it is not known. Expected one of CosineDecay, ExponentialDecay, InverseTimeDecay, "
            "OneCycle, PiecewiseConstantDecay, PolynomialDecay, WarmUp, got 'cosine'.",
        ),
    ],
)
def test_what_is_refused(make, text):
    with pytest.raises(ArgumentError) as error:
        make()
    assert str(error.value) == text


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="LearningRateSchedule has no __call__"):
        schedules.LearningRateSchedule()(0)
