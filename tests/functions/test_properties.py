"""Laws that hold for any shape, axis, index and window, tried on what hypothesis thinks up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minicnn import Tensor, grad
from minicnn import functions as F
from minicnn.functions.arithmetic import sum_to
from minicnn.geometry import output_size, resolve_window
from minicnn.inspect import gradcheck
from minicnn.random import derive_key
from tests import oracles
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float64)]
SUMS = 100 * EXACT  # inner products cancel
some = settings(max_examples=50, deadline=None)
seeds = st.integers(0, 2**32 - 1)
shapes = hnp.array_shapes(max_dims=4, max_side=4)


def numbers(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def gradient(function, x, gy):
    """The gradient of one input for an upstream gradient."""
    leaf = Tensor(x, requires_grad=True)
    return grad(function(leaf), leaf, gy).numpy()


def assert_adjoint(function, x, seed):
    """For a linear function ⟨gy, f(x)⟩ = ⟨gx, x⟩."""
    y = function(Tensor(x)).numpy()
    gy = numbers(y.shape, seed)
    gx = gradient(function, x, gy)
    assert gx.shape == x.shape
    scale = np.abs(gy * y).sum() + np.abs(gx * x).sum()
    assert abs((gy * y).sum() - (gx * x).sum()) <= EXACT * scale


# -- broadcasting ------------------------------------------------------------------------------------


@some
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), seeds)
def test_sum_to_is_the_adjoint_of_broadcasting(case, seed):
    shape, result = case.input_shapes[0], case.result_shape
    x, gy = numbers(shape, seed), numbers(result, seed + 1)
    assert sum_to(gy, shape).shape == shape
    direct, back = (gy * np.broadcast_to(x, result)).sum(), (sum_to(gy, shape) * x).sum()
    assert abs(direct - back) <= EXACT * max(np.abs(gy * np.broadcast_to(x, result)).sum(), 1.0)


@some
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seeds)
def test_arithmetic_of_any_shapes(case, seed):
    x, y, z = (numbers(shape, seed + i) for i, shape in enumerate(case.input_shapes))
    result = Tensor(x) * Tensor(y) - Tensor(z) / (Tensor(y) * Tensor(y) + 1.0)
    assert_close(result.numpy(), np.asarray(x * y - z / (y * y + 1)), EXACT)
    assert gradcheck(lambda x, y, z: x * y - z / (y * y + 1.0), [x, y, z], seed=seed % 100)


@some
@given(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3), seeds)
def test_where_gives_every_gradient_to_exactly_one(case, seed):
    c, x, y = (numbers(shape, seed + i) for i, shape in enumerate(case.input_shapes))
    leaves = [Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)]
    z = F.where(c > 0, *leaves)
    gz = numbers(z.shape, seed + 3)
    gx, gy = grad(z, leaves, gz)
    np.testing.assert_array_equal(z.numpy(), np.where(c > 0, x, y))
    np.testing.assert_allclose(gx.numpy().sum() + gy.numpy().sum(), gz.sum(), rtol=0, atol=SUMS)


# -- elements that move ------------------------------------------------------------------------------


@st.composite
def indexed(draw):
    """A shape and any basic index, or one with an integer or boolean array in it."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4))
    kind = draw(st.sampled_from(["basic", "integers", "one array", "mask"]))
    if kind == "basic":
        index = draw(hnp.basic_indices(shape, allow_newaxis=True))
    elif kind == "integers":
        index = draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3)))
    elif kind == "one array":
        axis = draw(st.integers(0, len(shape) - 1))
        picked = draw(st.lists(st.integers(-shape[axis], shape[axis] - 1), min_size=1, max_size=6))
        index = (slice(None),) * axis + (np.array(picked), ...)
    else:
        index = draw(hnp.arrays(bool, shape))
    return shape, index


@settings(max_examples=150, deadline=None)
@given(indexed(), seeds)
def test_any_index(case, seed):
    """Like NumPy forward; backward, every element gets the sum of the gradients of its copies."""
    shape, index = case
    x = numbers(shape, seed)
    y = Tensor(x)[index]
    np.testing.assert_array_equal(y.numpy(), x[index])
    gy = numbers(y.shape, seed + 1)
    places = np.arange(x.size).reshape(shape)[index]
    expected = np.bincount(places.ravel(), gy.ravel(), minlength=x.size).reshape(shape)
    np.testing.assert_allclose(gradient(lambda x: x[index], x, gy), expected, rtol=0, atol=EXACT)


@some
@given(shapes, st.data(), seeds)
def test_transposed_and_reshaped(shape, data, seed):
    x = numbers(shape, seed)
    order = data.draw(st.permutations(range(len(shape))))
    signed = [axis - len(shape) * data.draw(st.integers(0, 1)) for axis in order]
    np.testing.assert_array_equal(F.transpose(x, signed).numpy(), x.transpose(order))
    assert_adjoint(lambda x: F.transpose(x, signed), x, seed + 1)
    assert_adjoint(lambda x: F.reshape(x, (-1, shape[0])), x, seed + 2)


@some
@given(shapes, st.lists(st.integers(1, 3), min_size=1, max_size=4), st.data(), seeds)
def test_concatenated_and_taken_apart_again(shape, sizes, data, seed):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts = []
    for size in sizes:
        part = list(shape)
        part[axis] = size
        parts.append(numbers(tuple(part), seed + len(parts)))
    leaves = [Tensor(part, requires_grad=True) for part in parts]
    y = F.concatenate(leaves, axis)
    np.testing.assert_array_equal(y.numpy(), np.concatenate(parts, axis))
    for gradient_of_part, part in zip(grad(y, leaves, y.numpy()), parts, strict=True):
        np.testing.assert_array_equal(gradient_of_part.numpy(), part)


# -- reductions --------------------------------------------------------------------------------------


@some
@given(shapes, st.data(), st.booleans(), seeds)
def test_reductions_over_any_axes(shape, data, keepdims, seed):
    """Sum and mean are linear; the gradient of a maximum is where NumPy's argmax is."""
    axes = data.draw(st.none() | hnp.valid_tuple_axes(len(shape), min_size=1))
    x = numbers(shape, seed)
    for function, reference in ((F.sum, np.sum), (F.mean, np.mean), (F.max, np.max)):
        expected = np.asarray(reference(x, axis=axes, keepdims=keepdims))
        assert_close(function(x, axes, keepdims).numpy(), expected, EXACT)
        assert_adjoint(lambda x, function=function: function(x, axes, keepdims), x, seed + 1)


@some
@given(shapes, st.data(), seeds)
def test_softmax_over_any_axis(shape, data, seed):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = numbers(shape, seed)
    p = F.softmax(x, axis).numpy()
    rows = [oracles.softmax(row) for row in np.moveaxis(x, axis, -1).reshape(-1, shape[axis])]
    assert_close(np.moveaxis(p, axis, -1).reshape(-1, shape[axis]), rows, EXACT)
    gx = gradient(lambda x: F.softmax(x, axis), x, numbers(shape, seed + 1))
    np.testing.assert_allclose(gx.sum(axis), 0, atol=EXACT)  # the outputs sum to 1 whatever happens
    assert_close(F.softmax(x + 100.0, axis).numpy(), p, SUMS)


@some
@given(hnp.array_shapes(min_dims=2, max_dims=3, max_side=4), seeds)
def test_cross_entropy_is_minus_the_log_of_a_probability(shape, seed):
    z, classes = numbers(shape, seed), np.random.default_rng(seed).integers(0, shape[-1], shape[:-1])
    one_hot = (classes[..., None] == np.arange(shape[-1])).astype(float)
    expected = np.reshape(
        [
            oracles.cross_entropy(*pair)
            for pair in zip(z.reshape(-1, shape[-1]), one_hot.reshape(-1, shape[-1]), strict=True)
        ],
        shape[:-1],
    )
    for target in (classes, one_hot):
        assert_close(F.softmax_cross_entropy(z, target).numpy(), expected, EXACT)
    probabilities = F.softmax(z).numpy()
    gz = gradient(lambda z: F.softmax_cross_entropy(z, classes), z, np.ones(shape[:-1]))
    np.testing.assert_allclose(gz, probabilities - one_hot, rtol=0, atol=EXACT)


# -- matrices ----------------------------------------------------------------------------------------


@some
@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=4), seeds)
def test_matmul_of_any_shapes(case, seed):
    x, y = (numbers(shape, seed + i) for i, shape in enumerate(case.input_shapes))
    assert_close(F.matmul(x, y).numpy(), np.asarray(np.matmul(x, y)), EXACT)
    assert_adjoint(lambda x: F.matmul(x, y), x, seed + 2)
    assert_adjoint(lambda y: F.matmul(x, y), y, seed + 3)


@some
@given(shapes, st.integers(1, 4), seeds)
def test_dense_is_matmul_plus_bias(shape, units, seed):
    x, w, b = numbers(shape, seed), numbers((shape[-1], units), seed + 1), numbers(units, seed + 2)
    y = F.dense(x, w, b).numpy()
    expected = oracles.matmul(x.reshape(-1, shape[-1]), w).reshape(*shape[:-1], units) + b
    assert_close(y, expected, EXACT)
    assert_adjoint(lambda x: F.dense(x, w), x, seed + 3)
    assert_adjoint(lambda w: F.dense(x, w), w, seed + 4)
    assert_adjoint(lambda b: F.dense(x * 0.0, w, b), b, seed + 5)


# -- windows -----------------------------------------------------------------------------------------


@st.composite
def windows(draw, dilated=True):
    """Image size, kernel size, keyword arguments and the resolved window; every window sees a pixel."""
    size = st.integers(1, 7)
    hw, kernel = (draw(size), draw(size)), (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    small = st.integers(0, min(kernel) - 1)
    pads = st.tuples(st.tuples(small, small), st.tuples(small, small))
    options = {
        "strides": draw(st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))),
        "padding": draw(st.sampled_from(["valid", "same"]) | small | pads),
    }
    if dilated:
        options["dilation_rate"] = draw(st.integers(1, 2) | st.tuples(st.integers(1, 2), st.integers(1, 2)))
    try:
        g, out_hw = resolve_window("test", hw, kernel, *options.values())
    except ValueError:
        hw = (hw[0] + 6, hw[1] + 6)
        g, out_hw = resolve_window("test", hw, kernel, *options.values())
    return hw, kernel, options, g, out_hw


@settings(max_examples=60, deadline=None)
@given(windows(), st.sampled_from([(1, 1, 1), (1, 2, 3), (2, 1, 2), (3, 2, 1)]), st.booleans(), seeds)
def test_convolution_with_any_window(window, grouping, bias, seed):
    hw, kernel, options, g, out_hw = window
    groups, c, f = grouping
    x, w = numbers((2, *hw, groups * c), seed), numbers((*kernel, c, groups * f), seed + 1)
    b = numbers(groups * f, seed + 2) if bias else None
    expected = oracles.conv2d_forward(x, w, g, groups, out_hw) + (0 if b is None else b)
    assert_close(F.conv2d(x, w, b, groups=groups, **options).numpy(), expected, EXACT)
    gy = numbers(expected.shape, seed + 3)
    leaves = [Tensor(a, requires_grad=True) for a in (x, w, b) if a is not None]
    gx, gw, *gb = grad(F.conv2d(*leaves, groups=groups, **options), leaves, gy)
    assert_close(gx.numpy(), oracles.conv2d_input_grad(gy, w, x.shape, g, groups), EXACT)
    assert_close(gw.numpy(), oracles.conv2d_weight_grad(x, gy, w.shape, g, groups), EXACT)
    if gb:
        assert_close(gb[0].numpy(), gy.sum((0, 1, 2)), EXACT)


@some
@given(windows(dilated=False), seeds)
def test_pooling_with_any_window(window, seed):
    hw, kernel, options, g, out_hw = window
    x, gy = numbers((2, *hw, 2), seed), numbers((2, *out_hw, 2), seed + 1)
    largest, argmax = oracles.max_pool2d_forward(x, kernel, g, out_hw)
    assert_close(F.max_pool2d(x, kernel, **options).numpy(), largest, EXACT)
    gx = gradient(lambda x: F.max_pool2d(x, kernel, **options), x, gy)
    assert_close(gx, oracles.max_pool2d_input_grad(gy, argmax, x.shape, kernel, g), EXACT)
    assert_close(
        F.avg_pool2d(x, kernel, **options).numpy(), oracles.avg_pool2d_forward(x, kernel, g, out_hw), EXACT
    )
    gx = gradient(lambda x: F.avg_pool2d(x, kernel, **options), x, gy)
    assert_close(gx, oracles.avg_pool2d_input_grad(gy, x.shape, kernel, g), EXACT)


@some
@given(windows(), seeds)
def test_im2col_and_col2im_are_adjoint(window, seed):
    """And a convolution is im2col and one matrix product."""
    hw, kernel, options, g, out_hw = window
    x = numbers((2, *hw, 2), seed)
    cols = F.im2col(x, kernel, **options)
    np.testing.assert_array_equal(cols.numpy(), oracles.im2col(x, kernel, g, out_hw))
    assert_adjoint(lambda x: F.im2col(x, kernel, **options), x, seed + 1)
    assert_adjoint(lambda c: F.col2im(c, x.shape, **options), numbers(cols.shape, seed + 2), seed + 3)
    w = numbers((*kernel, 2, 3), seed + 4)
    rows = cols.reshape((math.prod(cols.shape[:3]), -1))  # (n·oh·ow, kh·kw·c)
    product = F.matmul(rows, w.reshape(-1, 3)).reshape(2, *out_hw, 3)
    assert_close(product.numpy(), F.conv2d(x, w, **options).numpy(), EXACT)


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_strides_of_pooling_default_to_the_pool_size(pool):
    x = numbers((1, 7, 6, 2), 0)
    np.testing.assert_array_equal(pool(x, (3, 2)).numpy(), pool(x, (3, 2), strides=(3, 2)).numpy())
    assert pool(x, (3, 2)).shape == (1, output_size(7, 3, 3, (0, 0)), output_size(6, 2, 2, (0, 0)), 2)


# -- dropout -----------------------------------------------------------------------------------------


@some
@given(shapes, st.floats(0, 0.95), seeds, st.integers(0, 100))
def test_dropout_drops_or_scales_and_backward_does_the_same(shape, rate, seed, step):
    key = derive_key("test", 0, seed=seed)
    x = 1.0 + np.abs(numbers(shape, seed))
    factor = F.dropout(x, rate, key, step).numpy() / x
    kept = factor > 0
    np.testing.assert_allclose(factor[kept], 1 / (1 - rate), rtol=EXACT)
    gy = numbers(shape, seed + 1)
    gx = gradient(lambda x: F.dropout(x, rate, key, step), x, gy)
    np.testing.assert_allclose(gx, np.where(kept, gy / (1 - rate), 0), rtol=EXACT)


def test_dropout_keeps_its_share_and_draws_anew_in_every_step():
    key = derive_key("test", 0, seed=0)
    first, second = (F.dropout(np.ones(10_000), 0.3, key, step).numpy() > 0 for step in (0, 1))
    deviation = math.sqrt(0.3 * 0.7 / 10_000)
    assert abs(first.mean() - 0.7) < 4 * deviation
    assert abs((first & second).mean() - 0.49) < 4 * deviation
    np.testing.assert_array_equal(first, F.dropout(np.ones(10_000), 0.3, key, 0).numpy() > 0)
