"""Output sizes against a window that is really moved, and the question turned round."""

from __future__ import annotations

import random

import pytest

from minicnn import calculators as calc
from minicnn.errors import ArgumentError, ShapeError


def positions(size: int, kernel: int, stride: int, pad: tuple[int, int], dilation: int) -> list[list[int]]:
    """The pixels under each position of a window, counted by moving it; padding has negative numbers."""
    padded = [-1] * pad[0] + list(range(size)) + [-2] * pad[1]
    found, at = [], 0
    while at + dilation * (kernel - 1) < len(padded):
        found.append([padded[at + dilation * tap] for tap in range(kernel)])
        at += stride
    return found


def random_case(rng: random.Random) -> dict:
    padding = rng.choice(["valid", "same", rng.randint(0, 4), (rng.randint(0, 4), rng.randint(0, 4))])
    return {
        "size": rng.randint(1, 40),
        "kernel": rng.randint(1, 9),
        "stride": rng.randint(1, 5),
        "padding": padding,
        "dilation": rng.randint(1, 3),
    }


def test_a_thousand_cases_against_counting():
    rng, fitted, lossy = random.Random(0), 0, 0
    while fitted < 1000:
        case = random_case(rng)
        try:
            found = calc.output_size(**case)
        except ShapeError:
            reach = case["dilation"] * (case["kernel"] - 1) + 1
            assert case["padding"] != "same"
            pads = {"valid": (0, 0)}.get(str(case["padding"]), case["padding"])
            total = 2 * pads if isinstance(pads, int) else sum(pads)
            assert case["size"] + total < reach
            continue
        fitted += 1
        windows = positions(case["size"], case["kernel"], case["stride"], found.pad, case["dilation"])
        assert found.size == int(found) == len(windows)
        assert found.formula.endswith(f"= {len(windows)}")
        reach = case["dilation"] * (case["kernel"] - 1) + 1
        covered = (len(windows) - 1) * case["stride"] + reach
        assert found.lost == case["size"] + sum(found.pad) - covered
        lossy += found.lost > 0
        assert ("rounded down" in str(found)) == (found.lost > 0)
        if case["padding"] == "same":
            assert found.size == -(-case["size"] // case["stride"])
    assert lossy > 200


def test_the_explanation_has_the_numbers():
    assert str(calc.output_size(32, 5, 2)).splitlines() == [
        "⌊(32 + 0 + 0 − 5) / 2⌋ + 1 = 14",
        "(32 − 5) / 2 = 13.5 is rounded down to 13: the last pixel is in no window.",
    ]
    text = str(calc.output_size(11, 3, 4, padding=1))
    assert text.endswith("the last 2 pixels of the 13 with padding are in no window.")
    text = str(calc.output_size(10, 3, 2, padding=1))
    assert text.endswith("the last pixel of the 12 with padding is in no window, all of them padding.")


def test_ceil_mode_loses_nothing_but_padding():
    assert calc.output_size(6, 3, 2).lost == 1
    found = calc.output_size(6, 3, 2, ceil_mode=True)
    assert (found.size, found.pad, found.lost) == (3, (0, 1), 0)


def test_transposed_sizes_undo_convolutions():
    rng = random.Random(1)
    for _ in range(300):
        size, kernel, stride = rng.randint(1, 20), rng.randint(1, 7), rng.randint(1, 4)
        padding = rng.choice(["valid", "same"])
        found = calc.transposed_size(size, kernel, stride, padding)
        written = {i * stride + tap for i in range(size) for tap in range(kernel)}
        if padding == "valid":
            assert found.size == max(max(written) + 1, size * stride)
        else:
            assert found.size == size * stride
        if found.size >= kernel:
            pads = found.pad
            assert len(positions(found.size, kernel, stride, pads, 1)) == size
        assert found.formula.endswith(f"= {found.size}")


def test_which_padding_keeps_the_size():
    for kernel in (1, 3, 5, 7):
        ((pad, found),) = calc.solve(32, size=32, kernel=kernel)
        assert pad == (kernel // 2, kernel // 2) and found.size == 32
    ((pad, _),) = calc.solve(32, size=32, kernel=4)
    assert pad == (1, 2)


def test_solving_finds_all_and_only_the_solutions():
    rng = random.Random(2)
    for _ in range(200):
        case = {k: v for k, v in random_case(rng).items() if k != "padding"} | {"padding": rng.randint(0, 3)}
        try:
            output = calc.output_size(**case).size
        except ShapeError:
            continue
        case["stride"] = min(case["stride"], case["size"] + 2 * case["padding"])
        for name in ("size", "kernel", "stride"):
            found = calc.solve(output, **(case | {name: None}))
            assert case[name] in [value for value, _ in found]
            assert all(result.size == output for _, result in found)
        found = calc.solve(output, **(case | {"padding": None}))
        assert (case["padding"],) * 2 in [value for value, _ in found]
        assert [result.lost for _, result in found] == sorted(result.lost for _, result in found)
    assert calc.solve(10, size=5, kernel=7, padding="valid", stride=None) == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: calc.solve(32, size=32), "Expected exactly one of size, kernel, stride, padding to be None"),
        (lambda: calc.output_size(0, 3), "output_size: size. Expected a positive integer, got 0."),
        (lambda: calc.output_size(3, 2.5), "output_size: kernel. Expected a positive integer, got 2.5."),
        (lambda: calc.output_size(3, 3, padding="full"), "the padding is not understood"),
        (lambda: calc.output_size(3, 3, padding=None), "the padding is not understood"),
        (lambda: calc.output_size(3, 3, padding=1.5), "the padding is not understood"),
        (lambda: calc.stack(3, 64), "stack: kernels. Expected a list of kernel sizes, got 3."),
        (lambda: calc.stack([], 64), "stack: kernels. Expected a list of kernel sizes, got []."),
        (lambda: calc.output_size(3, 3, stride=0), "strides is not an integer"),
        (lambda: calc.transposed_size(3, 3, 2, output_padding=2), "output_padding is too large"),
        (lambda: calc.solve(3, size=5, padding="full"), "the padding is not understood"),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ArgumentError) as error:
        call()
    assert sentence in str(error.value)


def test_a_window_that_does_not_fit():
    with pytest.raises(ShapeError, match="the kernel is larger than the padded input"):
        calc.output_size(3, 5)
