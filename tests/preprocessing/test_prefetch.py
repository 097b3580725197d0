"""Prefetching: the same results with and without a thread, which ends in every way a loop can end."""

from __future__ import annotations

import gc
import threading

import pytest

from minicnn.preprocessing import prefetch


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("minicnn")]


@pytest.mark.parametrize("ahead", [0, 1, 3, 100])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_everything_in_order(ahead, count):
    assert list(prefetch(lambda i: i * i, count, ahead)) == [i * i for i in range(count)]
    assert threads() == []


@pytest.mark.parametrize("ahead", [1, 3])
def test_no_further_ahead_than_allowed(ahead):
    made = []
    items = prefetch(made.append, 20, ahead)
    for number in range(20):
        next(items)
        assert len(made) <= number + 1 + ahead
    assert made == list(range(20))
    assert list(items) == []


def test_it_works_while_the_consumer_does():
    """The second item is made before it is asked for."""
    made = [threading.Event() for _ in range(3)]
    items = prefetch(lambda i: made[i].set(), 3, 1)
    next(items)
    assert made[1].wait(10)
    items.close()


@pytest.mark.parametrize("ahead", [0, 2])
def test_an_error_comes_at_its_turn(ahead):
    def make(i):
        if i == 3:
            raise ValueError("number 3")
        return i

    got = []
    with pytest.raises(ValueError, match="number 3"):
        for item in prefetch(make, 10, ahead):
            got.append(item)
    assert got == [0, 1, 2]
    assert threads() == []


def test_leaving_early_ends_the_thread():
    made = []
    for item in prefetch(lambda i: made.append(i) or i, 1000, 4):
        if item == 2:
            break
    del item
    gc.collect()
    assert threads() == []
    assert len(made) <= 3 + 4, "what nobody waits for is not made"


def test_closing_and_dropping():
    for leave in (lambda items: items.close(), lambda items: None):
        items = prefetch(lambda i: i, 1000, 4)
        next(items)
        assert threads() != []
        leave(items)
        del items
        gc.collect()
        assert threads() == []


def test_an_error_of_the_consumer():
    with pytest.raises(KeyError):
        for item in prefetch(lambda i: i, 1000, 4):
            raise KeyError(item)
    gc.collect()
    assert threads() == []


def test_nothing_starts_before_the_first_item_is_asked_for():
    items = prefetch(lambda i: i, 5, 2)
    assert threads() == []
    items.close()
