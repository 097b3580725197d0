"""Recording, observers, scopes: in force inside their block, in this thread, and nowhere else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from minicnn import Tensor, no_grad, use_backend
from minicnn.backend import current_backend
from minicnn.context import (
    current_scope,
    debug,
    debugging,
    frame,
    is_grad_enabled,
    observe,
    observers,
    recording,
    scope,
)


def in_another_thread(function):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def test_no_grad_by_hand():
    x = Tensor([2.0], requires_grad=True)
    with no_grad():
        y = x * x
    assert not y.requires_grad and y.creator is None
    y = x * x
    assert y.requires_grad and y.creator is not None


def test_no_grad_as_decorator():
    @no_grad()
    def with_brackets():
        """Its own words."""
        return is_grad_enabled()

    @no_grad
    def without_brackets(value):
        return is_grad_enabled(), value

    assert with_brackets() is False and without_brackets(3) == (False, 3)
    assert with_brackets.__name__ == "with_brackets" and with_brackets.__doc__ == "Its own words."
    assert is_grad_enabled()


def test_a_decorated_function_may_call_itself():
    @no_grad
    def depth(n):
        return [is_grad_enabled(), *(depth(n - 1) if n else [])]

    assert depth(3) == [False] * 4
    assert is_grad_enabled()


def test_nested_blocks_and_one_switch_used_again():
    switch = no_grad()
    with switch:
        with switch, no_grad():
            assert not is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()
    with switch:
        assert not is_grad_enabled()
    assert is_grad_enabled()


def test_an_exception_restores_what_was_before():
    with pytest.raises(ZeroDivisionError), no_grad(), debug(), observe(print):
        _ = 1 / 0

    @no_grad
    def fails():
        raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert is_grad_enabled() and not debugging.get() and observers.get() == ()


def test_a_decorated_generator_is_inside_only_while_it_runs():
    @no_grad
    def items():
        received = yield is_grad_enabled()
        yield received, is_grad_enabled()
        return "end"

    def consume():
        return (yield from items())

    generator = consume()
    assert next(generator) is False
    assert is_grad_enabled(), "the code that asks for items is outside"
    assert generator.send("sent") == ("sent", False)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"
    assert is_grad_enabled()


def test_decorated_generators_side_by_side_leave_nothing_behind():
    @no_grad
    def items():
        yield is_grad_enabled()
        yield is_grad_enabled()

    first, second = items(), items()
    assert [next(first), next(second), next(first), next(second)] == [False] * 4
    assert list(first) == list(second) == []
    assert is_grad_enabled()
    started = items()
    next(started)
    started.close()
    assert is_grad_enabled()


def test_another_thread_is_not_affected():
    with no_grad(), debug(), observe(print), scope("here"), use_backend("numpy"):
        found = in_another_thread(
            lambda: (recording.get(), debugging.get(), observers.get(), current_scope.get())
        )
    assert found == (True, False, (), None)

    def enter_and_stay(entered, leave):
        with no_grad(), scope("there"):
            entered.set()
            leave.wait(10)

    entered, leave = threading.Event(), threading.Event()
    thread = threading.Thread(target=enter_and_stay, args=(entered, leave))
    thread.start()
    try:
        assert entered.wait(10)
        assert is_grad_enabled() and current_scope.get() is None
    finally:
        leave.set()
        thread.join()


def test_a_backend_chosen_in_a_thread_stays_there():
    def choose():
        use_backend("numpy")
        return current_backend()

    assert in_another_thread(choose) == "numpy"


def test_observers_see_forward_and_backward_in_order():
    seen = []
    x = Tensor([3.0], requires_grad=True)
    with observe(lambda phase, node, arrays: seen.append((phase, type(node).__name__, arrays))):
        y = x * x
        (y + 1.0).backward()
    assert [(phase, name) for phase, name, _ in seen] == [
        ("forward", "MultiplyFunction"),
        ("forward", "AddFunction"),
        ("backward", "AddFunction"),
        ("backward", "MultiplyFunction"),
    ]
    forward, last = seen[0][2], seen[3][2]
    assert [array is x.data for array in forward["inputs"]] == [True, True]
    assert forward["output"] is y.data
    assert last["gy"].tolist() == [1.0]
    assert [gx.tolist() for gx in last["grads"]] == [[3.0], [3.0]]


def test_observers_see_what_is_not_recorded():
    seen = []
    with no_grad(), observe(lambda phase, node, arrays: seen.append(phase)):
        Tensor([1.0]) + 1.0
    assert seen == ["forward"]


def test_nested_observers_are_called_from_the_outside_in():
    seen = []
    outer, inner = (observe(lambda *_, name=name: seen.append(name)) for name in ("outer", "inner"))
    with outer:
        with inner:  # made before the outer block was entered
            Tensor([1.0]) + 1.0
        Tensor([1.0]) + 1.0
    Tensor([1.0]) + 1.0
    assert seen == ["outer", "inner", "outer"]


def test_an_observer_may_compute():
    seen = []

    def observer(phase, node, arrays):
        with no_grad(), observe(lambda *_: None):
            seen.append((Tensor(arrays["output"]) if phase == "forward" else Tensor(arrays["gy"])).item())

    x = Tensor([3.0], requires_grad=True)
    with observe(observer):
        (x * x).backward()
    assert seen == [9.0, 1.0]


def test_scopes_name_path_and_call():
    with scope("net") as net:
        with scope("conv") as first:
            pass
        with scope("conv") as second, scope("inner") as inner:
            pass
        with scope("conv") as third:
            pass
    assert [(s.path, s.call) for s in (net, first, second, inner, third)] == [
        ("net", 0),
        ("net/conv", 0),
        ("net/conv", 1),
        ("net/conv/inner", 0),
        ("net/conv", 2),
    ]
    with scope("net") as again, scope("conv") as other:
        pass
    assert (again.call, other.call) == (0, 0), "without a frame each outermost call counts afresh"


def test_a_frame_counts_across_calls():
    switch = frame()
    for _ in range(2):  # each block begins at 0 again
        with switch:
            calls = []
            for _ in range(2):
                with scope("net") as net, scope("conv") as conv:
                    calls.append((net.call, conv.call))
        assert calls == [(0, 0), (1, 1)]


def test_nodes_keep_their_scope():
    x = Tensor([1.0], requires_grad=True)
    with scope("a"), scope("b"):
        y = x + x
    assert (y.creator.scope.path, y.creator.scope.call) == ("a/b", 0)
    assert (x + x).creator.scope is None


def test_a_scope_ends_with_an_exception():
    with pytest.raises(KeyError), scope("a"):
        raise KeyError
    assert current_scope.get() is None
