"""Where windows fall: by hand, against counting them one by one, and the sentences of its errors."""

from __future__ import annotations

import math
import random

import pytest

from minicnn import geometry
from minicnn.errors import ArgumentError, ShapeError
from minicnn.geometry import output_size, resolve_window, same_padding


def count_windows(size, kernel, stride, pad, dilation):
    """Lay the taps of the kernel down at 0, stride, 2·stride, … while all are on the padded line."""
    line = range(-pad[0], size + pad[1])
    start, count = -pad[0], 0
    while all(start + tap * dilation in line for tap in range(kernel)):
        start, count = start + stride, count + 1
    return count


def random_cases(number):
    rng = random.Random(5)
    for _ in range(number):
        size, kernel = rng.randint(1, 20), rng.randint(1, 6)
        yield size, kernel, rng.randint(1, 5), (rng.randint(0, 4), rng.randint(0, 4)), rng.randint(1, 4)


def test_by_hand():
    assert output_size(28, 3, 1, (0, 0)) == 26
    assert output_size(227, 11, 4, (0, 0)) == 55  # AlexNet's first layer
    assert output_size(5, 3, 1, (1, 1), dilation=2) == 3
    assert same_padding(28, 3, 1) == (1, 1)
    assert same_padding(28, 3, 2) == (0, 1)
    window, out_hw = resolve_window("here", (28, 30), (5, 3), (1, 2), ((1, 2), (0, 1)))
    assert window == ((1, 2), ((1, 2), (0, 1)), (1, 1))
    assert out_hw == (27, 15)


def test_output_size_counts_windows():
    for case in random_cases(1000):
        size, kernel, stride, pad, dilation = case
        assert max(output_size(size, kernel, stride, pad, dilation), 0) == count_windows(*case), case


def test_resolve_window_counts_windows_and_refuses_those_that_do_not_fit():
    for (h, kh, sh, rows, dh), (w, kw, sw, columns, dw) in zip(
        random_cases(1000), reversed(list(random_cases(1000))), strict=True
    ):
        expected = count_windows(h, kh, sh, rows, dh), count_windows(w, kw, sw, columns, dw)
        arguments = ("here", (h, w), (kh, kw), (sh, sw), (rows, columns), (dh, dw))
        if 0 in expected:
            with pytest.raises(ShapeError, match="here: the kernel is larger than the padded input"):
                resolve_window(*arguments)
        else:
            assert resolve_window(*arguments) == (((sh, sw), (rows, columns), (dh, dw)), expected)


def tensorflow_same(size, kernel, stride, dilation):
    """The rule as TensorFlow documents it (tf.nn, "Notes on padding"), with the dilated kernel size."""
    kernel = (kernel - 1) * dilation + 1
    total = max(kernel - stride, 0) if size % stride == 0 else max(kernel - (size % stride), 0)
    return total // 2, total - total // 2


def test_same_padding_is_tensorflows():
    for size, kernel, stride, _, dilation in random_cases(1000):
        pad = same_padding(size, kernel, stride, dilation)
        assert pad == tensorflow_same(size, kernel, stride, dilation)
        assert output_size(size, kernel, stride, pad, dilation) == math.ceil(size / stride)


@pytest.mark.parametrize(
    ("padding", "resolved"),
    [
        ("valid", "valid"),
        ("SAME", "same"),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ([[1, 2], [3, 4]], ((1, 2), (3, 4))),
    ],
)
def test_forms_of_padding(padding, resolved):
    assert geometry.resolve_padding(padding, "here") == resolved


@pytest.mark.parametrize(
    "padding", ["full", -1, True, 1.0, None, (1, 2, 3), (1, -1), ((1,), (2,)), ((1, 2), "3")]
)
def test_refused_padding(padding):
    with pytest.raises(ArgumentError, match=r"^Conv2D: "):
        geometry.resolve_padding(padding, "Conv2D")


def test_the_sentence_for_padding():
    with pytest.raises(ArgumentError) as error:
        geometry.resolve_padding("full", "Conv2D 'c'")
    assert str(error.value) == (
        'Conv2D \'c\': the padding is not understood. Expected "valid", "same", an integer, (rows, columns) '
        "or ((top, bottom), (left, right)), got 'full'."
    )


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "3", None, (1, 2, 3), (1, 0), (1, True), [2.0, 2]])
def test_refused_pairs(value):
    with pytest.raises(ArgumentError) as error:
        geometry.pair(value, "MaxPooling2D 'p'", "pool_size")
    assert str(error.value) == (
        "MaxPooling2D 'p': pool_size is not an integer or a pair of integers. "
        f"Expected integers of at least 1, got {value!r}."
    )


def test_the_sentence_where_nothing_fits():
    with pytest.raises(ShapeError) as error:
        resolve_window("Conv2D 'conv1'", (3, 28), (7, 7), padding=1)
    assert str(error.value) == (
        "Conv2D 'conv1': the kernel is larger than the padded input. Expected kernel height at most 5 "
        "(input 3 + padding 1 + 1), got 7: ⌊(3 + 1 + 1 − 7) / 1⌋ + 1 = -1. "
        'Use a smaller kernel, a larger input or padding="same".'
    )
    with pytest.raises(ShapeError, match=r"kernel width at most 4 .*got 3 \(dilated by 2: 5\)"):
        resolve_window("Conv2D 'conv1'", (9, 4), (3, 3), dilation=2)


def test_formula_with_numbers():
    assert geometry.size_formula(7, 3, 2, (1, 0), 2) == "⌊(7 + 1 + 0 − 5) / 2⌋ + 1 = 2"


def test_shapes_with_open_sizes():
    shape = geometry.conv_shape("here", (None, 28, None, 3), (3, 3), 8, strides=2, padding="same")
    assert shape == (None, 14, None, 8)
    with pytest.raises(ShapeError, match="kernel height at most 2"):
        geometry.conv_shape("here", (None, 2, None, 3), (3, 3), 8)


# kernel 3 and stride 2: the windows of n pixels write 2·(n − 1) + 3; "same" makes 2·n of it
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "more", "dilation", "size", "pad"),
    [
        (3, 2, "valid", None, 1, 11, (0, 0)),
        (3, 2, "valid", 1, 1, 12, (0, 0)),  # one more, which no window reaches
        (3, 2, "same", None, 1, 10, (0, 1)),
        (3, 2, "same", 0, 1, 9, (1, 1)),
        (3, 2, "same", 1, 1, 10, (0, 1)),
        (2, 3, "valid", None, 1, 15, (0, 0)),  # at least stride pixels for each
        (2, 3, "valid", 0, 1, 14, (0, 0)),
        (2, 3, "same", None, 1, 15, (0, 0)),
        (2, 1, "same", None, 3, 5, (1, 2)),
        (4, 1, "same", 0, 1, 4, (2, 2)),
    ],
)
def test_transposed_windows(kernel, stride, padding, more, dilation, size, pad):
    args = ("here", (5, None), (kernel, kernel), stride, padding, more, dilation)
    window, out_hw = geometry.resolve_transposed_window(*args)
    assert out_hw == (size, None)
    assert window.pad[0] == pad


@pytest.mark.parametrize("value", [-1, True, 1.5, "12", None, (1,), (1, 2, 3), ((1, 2), (3,)), ((1, -1), 0)])
def test_refused_sides(value):
    with pytest.raises(ArgumentError, match=r"^ZeroPadding2D 'p': padding "):
        geometry.sides(value, "ZeroPadding2D 'p'", "padding")


def test_fans_and_work():
    assert geometry.fans(()) == (1, 1)
    assert geometry.fans((7,)) == (7, 7)
    assert geometry.fans((576, 64)) == (576, 64)
    assert geometry.fans((3, 5, 4, 8)) == (3 * 5 * 4, 3 * 5 * 8)
    assert geometry.conv_macs((11, 11), (3, 3, 32, 64)) == 11 * 11 * 3 * 3 * 32 * 64
