"""Layers on several inputs against the real Keras: values, all gradients, shapes."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Tensor, grad, layers
from tests.crosscheck.reference import MARKS, backends, keras_vjp
from tests.layer_table.merge import BY_HAND, draw_case
from tests.tolerances import CROSSCHECK, assert_close

pytestmark = MARKS


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("number", range(10))
def test_random_configuration(keras, name, number):
    kwargs, shapes = draw_case(name, number)
    rng = np.random.default_rng(number)
    inputs = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    ours, theirs = (getattr(module, name)(**kwargs) for module in (layers, keras.layers))
    shape = ours.compute_output_shape([tuple(shape) for shape in shapes])
    assert shape == tuple(theirs.compute_output_shape([tuple(shape) for shape in shapes]))
    gy = rng.normal(size=shape).astype(np.float32)
    theirs.build([tuple(shape) for shape in shapes])
    expected, expected_grads = keras_vjp(lambda *xs: theirs(list(xs)), inputs, gy)
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    for _ in backends():
        y = ours(tensors)
        assert_close(y.numpy(), expected, CROSSCHECK)
        for result, reference in zip(grad(y, tensors, Tensor(gy)), expected_grads, strict=True):
            assert_close(result.numpy(), reference, CROSSCHECK)


def test_ties(keras):
    x = np.array([[1.0, 2.0]], np.float32)
    for name in ("Maximum", "Minimum"):
        theirs = getattr(keras.layers, name)()
        theirs.build([(1, 2)] * 2)
        _, expected = keras_vjp(lambda a, b, layer=theirs: layer([a, b]), [x, x], np.ones_like(x))
        tensors = [Tensor(x, requires_grad=True) for _ in range(2)]
        found = grad(getattr(layers, name)()(tensors), tensors, Tensor(np.ones_like(x)))
        for result, reference in zip(found, expected, strict=True):
            np.testing.assert_array_equal(result.numpy(), reference)
