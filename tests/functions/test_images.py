"""Transposed, depthwise and rounded-up windows, padding and upsampling: against loops and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from minicnn import functions as F
from minicnn.errors import MinicnnError
from minicnn.geometry import resolve_transposed_window
from minicnn.inspect import gradcheck
from tests import oracles
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float64)]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# -- transposed convolution ---------------------------------------------------------------------------

TRANSPOSED = [
    (kernel, strides, padding, more, dilation)
    for kernel, strides, padding, more, dilation in itertools.product(
        [(1, 1), (2, 3), (3, 4), (5, 2)], [1, 2, (3, 2)], ["valid", "same"], [None, 0, 1], [1, (2, 3)]
    )
    if not more or strides != 1
]


@pytest.mark.parametrize("kernel, strides, padding, more, dilation", TRANSPOSED, ids=str)
def test_transposed_convolution_is_the_adjoint_of_convolution(kernel, strides, padding, more, dilation):
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩, A with the padding that the geometry names; where none is given, its own."""
    y, w = numbers(2, 4, 3, 5), numbers(*kernel, 2, 5, seed=1)
    back = F.conv2d_transpose(y, w, None, strides, padding, more, dilation).numpy()
    x = numbers(*back.shape, seed=2)
    g, out_hw = resolve_transposed_window("test", (4, 3), kernel, strides, padding, more, dilation)
    assert back.shape == (2, *out_hw, 2)
    forward = F.conv2d(x, w, None, strides, g.pad, dilation).numpy()[:, :4, :3]
    left, right = (forward * y).sum(), (x * back).sum()
    assert abs(left - right) <= EXACT * (np.abs(forward * y).sum() + np.abs(x * back).sum())
    if padding == "same" and more is None:
        np.testing.assert_array_equal(forward, F.conv2d(x, w, None, strides, "same", dilation).numpy())


@pytest.mark.parametrize("kernel, strides, padding, more, dilation", TRANSPOSED[::3], ids=str)
def test_gradients_of_transposed_convolution(kernel, strides, padding, more, dilation):
    x, w, b = numbers(2, 3, 4, 2), numbers(*kernel, 3, 2), numbers(3)
    result = gradcheck(
        lambda x, w, b: F.conv2d_transpose(x, w, b, strides, padding, more, dilation), [x, w, b]
    )
    assert result, result


def test_every_pixel_writes_its_filter():
    """By a loop that adds the filters one after the other into a large image, and cuts at the end."""
    x, w = numbers(1, 3, 4, 2), numbers(3, 2, 5, 2, seed=1)
    whole = np.zeros((1, 2 * 2 + 3, 3 * 3 + 2, 5))
    for i, j, u, v in itertools.product(range(3), range(4), range(3), range(2)):
        whole[0, 2 * i + u, 3 * j + v] += w[u, v] @ x[0, i, j]
    y = F.conv2d_transpose(x, w, strides=(2, 3)).numpy()
    assert_close(y[:, :, :11], whole, EXACT)
    assert y.shape == (1, 7, 12, 5) and not y[:, :, 11:].any()  # no filter reaches the last column
    same = F.conv2d_transpose(x, w, strides=(2, 3), padding="same").numpy()
    assert_close(same[:, :, :11], whole[:, :6], EXACT)


def test_the_algorithms_agree():
    x, w = numbers(2, 3, 4, 2), numbers(3, 2, 3, 2)
    one, other = (F.conv2d_transpose(x, w, strides=2, algorithm=a).numpy() for a in ("naive", "im2col"))
    assert_close(one, other, EXACT)


# -- depthwise convolution ----------------------------------------------------------------------------


@pytest.mark.parametrize("strides, padding, dilation", [(1, "valid", 2), (2, "same", 1), ((1, 3), 1, 1)])
@pytest.mark.parametrize("multiplier", [1, 3])
def test_depthwise_is_convolution_with_a_group_for_each_channel(strides, padding, dilation, multiplier):
    x, w, b = numbers(2, 6, 7, 4), numbers(3, 2, 4, multiplier, seed=1), numbers(4 * multiplier)
    window = (strides, padding, dilation)
    as_groups = w.reshape(3, 2, 1, 4 * multiplier)
    y = F.depthwise_conv2d(x, w, b, *window)
    assert_close(y.numpy(), F.conv2d(x, as_groups, b, *window, groups=4).numpy(), EXACT)
    result = gradcheck(lambda x, w, b: F.depthwise_conv2d(x, w, b, *window), [x, w, b])
    assert result, result


# -- pooling rounded up -------------------------------------------------------------------------------

# (size, pool, stride, padding) and the number of positions by PyTorch's definition, worked out by hand:
# ⌈(size + 2·padding − pool) / stride⌉ + 1, less one if the last window starts at size + padding or later
ROUNDED_UP = [
    ((5, 2, 2, 0), 3),  # 0 2 4: the last one holds a single pixel
    ((4, 2, 2, 0), 2),  # fits exactly
    ((6, 3, 2, 0), 3),  # 0 2 4
    ((5, 1, 3, 0), 2),  # 0 3; ⌈4 / 3⌉ + 1 = 3, but 6 is behind the image
    ((4, 1, 3, 0), 2),  # 0 3
    ((6, 1, 4, 0), 2),  # 0 4; 8 is behind the image
    ((5, 2, 2, 1), 3),  # in the padded image 0 2 4; 6 would be padding after the image
    ((4, 3, 3, 1), 2),  # 0 3
    ((7, 3, 3, 1), 3),  # 0 3 6
    ((2, 3, 2, 0), 1),  # the window is larger than the image
]


@pytest.mark.parametrize("case, positions", ROUNDED_UP, ids=str)
@pytest.mark.parametrize("pool", ["max", "avg"])
def test_pooling_rounded_up(pool, case, positions):
    size, kernel, stride, padding = case
    x = numbers(2, size, size + 1, 3)
    function = getattr(F, f"{pool}_pool2d")
    y = function(x, kernel, stride, padding, ceil_mode=True).numpy()
    assert y.shape[1] == positions
    assert_close(y, oracles.pool2d_rounded_up(x, kernel, stride, padding, pool), EXACT)
    result = gradcheck(lambda x: function(x, kernel, stride, padding, ceil_mode=True), [x])
    assert result, result


@pytest.mark.parametrize(
    "size, kernel, stride", list(itertools.product(range(1, 9), (1, 2, 3), (1, 2, 3, 4)))
)
def test_same_padding_leaves_nothing_to_round(size, kernel, stride):
    x = numbers(1, size, size, 1)
    one, other = (F.avg_pool2d(x, kernel, stride, "same", ceil_mode=up).numpy() for up in (False, True))
    np.testing.assert_array_equal(one, other)


# -- padding and upsampling ---------------------------------------------------------------------------


def test_cropping_undoes_padding():
    x = numbers(2, 3, 4, 2)
    for amount in (0, 2, (1, 3), ((0, 1), (2, 3)), ((1, 2), 3)):
        np.testing.assert_array_equal(F.crop2d(F.pad2d(x, amount, value=np.nan), amount).numpy(), x)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "Bilinear"])
def test_upsampling_keeps_a_constant_image(interpolation):
    y = F.upsample2d(np.full((1, 3, 2, 1), 7.0), (2, 5), interpolation).numpy()
    np.testing.assert_allclose(y, np.full((1, 6, 10, 1), 7.0), rtol=EXACT)


IMAGES, GREY = np.zeros((1, 3, 4, 2), "float32"), np.zeros((3, 4, 2), "float32")
NOT_IMAGES = (
    "the input is not a batch of images. Expected (n, h, w, c), got shape (3, 4, 2). Add the missing axis, "
    "for example x[..., None] for grey images or x[None] for one image."
)
AMOUNTS = "is not understood. Expected an integer, (rows, columns) or ((top, bottom), (left, right)), got"
FILTERS = np.zeros((2, 2, 3, 2), "float32")
SENTENCES = [
    (lambda: F.pad2d(GREY), f"pad2d: {NOT_IMAGES}"),
    (lambda: F.crop2d(GREY), f"crop2d: {NOT_IMAGES}"),
    (lambda: F.upsample2d(GREY), f"upsample2d: {NOT_IMAGES}"),
    (lambda: F.adaptive_avg_pool2d(GREY, 2), f"adaptive_avg_pool2d: {NOT_IMAGES}"),
    (lambda: F.depthwise_conv2d(GREY, FILTERS), f"depthwise_conv2d: {NOT_IMAGES}"),
    (lambda: F.conv2d_transpose(GREY, FILTERS), f"conv2d_transpose: {NOT_IMAGES}"),
    (lambda: F.pad2d(IMAGES, "same"), f"pad2d: padding {AMOUNTS} 'same'."),
    (lambda: F.pad2d(IMAGES, (1, 2, 3)), f"pad2d: padding {AMOUNTS} (1, 2, 3)."),
    (
        lambda: F.pad2d(IMAGES, (1, -1)),
        "pad2d: padding (left, right) is not an integer or a pair of integers. Expected integers of at least "
        "0, got -1.",
    ),
    (lambda: F.pad2d(IMAGES, 1, value="0"), "pad2d: value. Expected a number, got '0'."),
    (
        lambda: F.crop2d(IMAGES, (1, 2)),
        "crop2d: nothing is left of the images. Expected less than the width 4, got 2 + 2.",
    ),
    (
        lambda: F.upsample2d(IMAGES, 0),
        "upsample2d: size is not an integer or a pair of integers. Expected integers of at least 1, got 0.",
    ),
    (
        lambda: F.upsample2d(IMAGES, 2, "bicubic"),
        "upsample2d: interpolation. Expected 'nearest' or 'bilinear', got 'bicubic'.",
    ),
    (
        lambda: F.adaptive_avg_pool2d(IMAGES, (0, 1)),
        "adaptive_avg_pool2d: output_size is not an integer or a pair of integers. Expected integers of at "
        "least 1, got (0, 1).",
    ),
    (
        lambda: F.depthwise_conv2d(IMAGES, FILTERS),
        "depthwise_conv2d: wrong number of channels. Expected 3, got 2. Images are channels-last here: "
        "(n, h, w, c).",
    ),
    (
        lambda: F.depthwise_conv2d(IMAGES, FILTERS[0]),
        "depthwise_conv2d: the filters are not 4-dimensional. Expected (kh, kw, c, m), got (2, 3, 2).",
    ),
    (
        lambda: F.conv2d_transpose(IMAGES, FILTERS[..., :1]),
        "conv2d_transpose: wrong number of channels. Expected 1, got 2. Images are channels-last here: "
        "(n, h, w, c).",
    ),
    (
        lambda: F.conv2d_transpose(IMAGES, FILTERS, strides=2, output_padding=2),
        "conv2d_transpose: output_padding is too large. Expected less than the strides (2, 2), got (2, 2).",
    ),
    (
        lambda: F.conv2d_transpose(IMAGES, FILTERS, padding=1),
        'conv2d_transpose: the padding is not a word. Expected "valid" or "same", got 1.',
    ),
    (
        lambda: F.conv2d_transpose(IMAGES[:, :1], FILTERS, padding="same", output_padding=0),
        "conv2d_transpose: the output is empty. Expected at least 1, got height 0. Use a larger "
        "output_padding, or None.",
    ),
]


@pytest.mark.parametrize("call, text", SENTENCES, ids=lambda value: value[:50] if type(value) is str else "")
def test_refusals(call, text):
    with pytest.raises(MinicnnError) as caught:
        call()
    assert str(caught.value) == text
