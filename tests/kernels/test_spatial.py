"""Padding, cropping, upsampling: by hand, against loops, as adjoints, errors; crosscheck."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.kernels.spatial.reference import (
    crop2d,
    pad2d,
    upsample2d_forward,
    upsample2d_input_grad,
)
from tests import oracles
from tests.kernels.keras_layers import output_and_gradients
from tests.kernels.slopes import check_slopes
from tests.tolerances import CROSSCHECK, KERNEL, assert_close

PADS = [((0, 0), (0, 0)), ((1, 2), (3, 0)), ((0, 4), (0, 1)), ((2, 0), (1, 1))]
each_pads = pytest.mark.parametrize("pads", PADS)
each_size = pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 1), (1, 4), (5, 3)])
each_interpolation = pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
each_image = pytest.mark.parametrize("x_hw", [(3, 4), (1, 1), (1, 5), (2, 1)])


def image(*rows):
    return np.array(rows, np.float64).reshape(1, len(rows), len(rows[0]), 1)


def test_pad_and_crop_by_hand():
    x = image([1, 2], [3, 4])
    padded = pad2d(x, ((1, 0), (0, 2)), 9.0)
    np.testing.assert_array_equal(padded, image([9, 9, 9, 9], [1, 2, 9, 9], [3, 4, 9, 9]))
    np.testing.assert_array_equal(crop2d(padded, ((1, 0), (1, 2))), image([2], [4]))


def test_upsample_by_hand():
    x = image([0, 4])
    np.testing.assert_array_equal(upsample2d_forward(x, (2, 2)), image(*[[0, 0, 4, 4]] * 2))
    # by 4, pixel centres lie at -3/8, -1/8, 1/8 and 3/8 of a pixel from those of x
    y = upsample2d_forward(x, (1, 4), "bilinear")
    np.testing.assert_array_equal(y, image([0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4]))
    gx = upsample2d_input_grad(image([8, 0, 0, 0, 0, 0, 8, 0]), (1, 4), "bilinear")
    np.testing.assert_array_equal(gx, image([8, 8]))
    gx = upsample2d_input_grad(image([0, 0, 8, 0, 0, 16, 0, 0]), (1, 4), "bilinear")
    np.testing.assert_array_equal(gx, image([7 + 2, 1 + 14]))
    np.testing.assert_array_equal(upsample2d_input_grad(y, (1, 4)), image([2, 14]))


@each_pads
@pytest.mark.parametrize("value", [0.0, -1.5])
def test_pad_oracle(pads, value, dtype, draw):
    x = draw((2, 3, 4, 3), dtype)
    np.testing.assert_array_equal(pad2d(x, pads, value), oracles.pad(x, pads, value))


@each_pads
def test_crop_oracle(pads, dtype, draw):
    x = draw((2, 5, 6, 3), dtype)
    np.testing.assert_array_equal(crop2d(x, pads), oracles.crop(x, pads))


@each_pads
def test_pad_and_crop_are_adjoint(pads, draw):
    """⟨pad(x), gy⟩ = ⟨x, crop(gy)⟩, and cropping undoes padding."""
    x = draw((2, 3, 4, 3))
    y = pad2d(x, pads)
    gy = draw(y.shape)
    assert_close((y * gy).sum(), (x * crop2d(gy, pads)).sum(), 1e3 * KERNEL[x.dtype])
    np.testing.assert_array_equal(crop2d(y, pads), x)


def test_the_frame_may_be_infinite_or_nan(dtype, draw):
    x = draw((1, 2, 2, 1), dtype)
    for value in (-np.inf, np.nan):
        y = pad2d(x, ((1, 1), (1, 1)), value)
        np.testing.assert_array_equal(y[:, 0], np.full((1, 4, 1), value))
        np.testing.assert_array_equal(y[:, 1:3, 1:3], x)


@each_size
@each_interpolation
@each_image
def test_upsample_oracle(size, interpolation, x_hw, dtype, draw):
    x, gy = draw((2, *x_hw, 3), dtype), draw((2, x_hw[0] * size[0], x_hw[1] * size[1], 3), dtype)
    y = upsample2d_forward(x, size, interpolation)
    assert_close(y, oracles.upsample2d_forward(x, size, interpolation), KERNEL[dtype])
    gx = upsample2d_input_grad(gy, size, interpolation)
    assert_close(gx, oracles.upsample2d_input_grad(gy, size, interpolation), KERNEL[dtype])


@each_size
@each_interpolation
def test_upsample_adjoint(size, interpolation, draw):
    """⟨up(x), gy⟩ = ⟨x, input_grad(gy)⟩."""
    x = draw((2, 3, 4, 3))
    y = upsample2d_forward(x, size, interpolation)
    gy = draw(y.shape)
    gx = upsample2d_input_grad(gy, size, interpolation)
    assert_close((y * gy).sum(), (x * gx).sum(), 1e3 * KERNEL[x.dtype])


@each_interpolation
def test_slopes(interpolation, draw, rng):
    check_slopes(
        lambda x: upsample2d_forward(x, (3, 2), interpolation),
        (draw((2, 3, 4, 3)),),
        lambda gy: (upsample2d_input_grad(gy, (3, 2), interpolation),),
        rng,
    )


def test_bilinear_keeps_a_slope_and_its_edges(dtype):
    x = np.arange(6, dtype=dtype).reshape(1, 1, 6, 1)
    y = upsample2d_forward(x, (1, 3), "bilinear").ravel()
    assert_close(y, np.clip((np.arange(18) + 0.5) / 3 - 0.5, 0, 5), KERNEL[dtype])


@each_interpolation
def test_an_empty_batch(interpolation):
    y = upsample2d_forward(np.zeros((0, 2, 3, 4)), (2, 2), interpolation)
    assert y.shape == (0, 4, 6, 4)
    assert upsample2d_input_grad(y, (2, 2), interpolation).shape == (0, 2, 3, 4)


X = np.zeros((2, 4, 6, 3))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: pad2d(X, ((0, -1), (0, 0))),
            "pad2d: an amount is negative. Expected at least 0 on every side, got ((0, -1), (0, 0)).",
        ),
        (
            lambda: pad2d(X[0], PADS[1]),
            "pad2d: x has the wrong number of axes. Expected 4, got shape (4, 6, 3).",
        ),
        (
            lambda: crop2d(X, ((2, 2), (1, 1))),
            "crop2d: nothing is left of the image. "
            "Expected less than the 4 rows and 6 columns of x, got 4 and 2.",
        ),
        (
            lambda: upsample2d_forward(X, (2, 0)),
            "upsample2d_forward: a factor is too small. Expected whole numbers of at least 1, got (2, 0).",
        ),
        (
            lambda: upsample2d_forward(X, (2, 2), "bicubic"),
            "upsample2d_forward: there is no such interpolation. "
            "Expected one of nearest, bilinear, got 'bicubic'.",
        ),
        (
            lambda: upsample2d_input_grad(X, (3, 2)),
            "upsample2d_input_grad: gy is not a whole number of blocks. "
            "Expected multiples of (3, 2), got (4, 6).",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.crosscheck
@pytest.mark.parametrize("size", [(2, 2), (3, 4)])
@each_interpolation
def test_keras_upsampling(size, interpolation, draw):
    keras = pytest.importorskip("keras")
    x = draw((2, 3, 4, 3), np.float32)
    gy = draw((2, 3 * size[0], 4 * size[1], 3), np.float32)
    layer = keras.layers.UpSampling2D(size, interpolation=interpolation)
    y, gx, _ = output_and_gradients(layer, x, [], gy)
    assert_close(upsample2d_forward(x, size, interpolation), y, CROSSCHECK)
    assert_close(upsample2d_input_grad(gy, size, interpolation), gx, CROSSCHECK)


@pytest.mark.crosscheck
def test_keras_padding_and_cropping(draw):
    keras = pytest.importorskip("keras")
    x, amounts = draw((2, 5, 6, 3), np.float32), ((1, 0), (2, 3))
    expected = np.asarray(keras.layers.ZeroPadding2D(amounts)(x))
    np.testing.assert_array_equal(pad2d(x, amounts), expected)
    expected = np.asarray(keras.layers.Cropping2D(amounts)(x))
    np.testing.assert_array_equal(crop2d(x, amounts), expected)
