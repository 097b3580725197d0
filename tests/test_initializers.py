"""Initializers: by name, class, function and config; special matrices; what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Sequential, initializers, layers, utils
from minicnn.errors import ArgumentError, ShapeError
from tests.tolerances import KERNEL, MOMENTS, assert_close


@pytest.mark.parametrize("name", initializers.INITIALIZERS)
def test_names_classes_and_configs(name):
    cls = initializers.INITIALIZERS[name]
    made = [initializers.get(identifier) for identifier in (name, cls.__name__, cls, cls())]
    made.append(initializers.get(initializers.serialize(made[0])))
    assert {type(initializer) for initializer in made} == {cls}
    utils.set_random_seed(0)
    first = made[0]((4, 3), "float64")
    assert (first.shape, first.dtype) == ((4, 3), np.float64)
    assert cls.__name__ in initializers.__all__


def test_identity():
    expected = [[2, 0, 0], [0, 2, 0]]
    np.testing.assert_array_equal(initializers.Identity(gain=2)((2, 3)), expected)
    x = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(layers.Dense(3, kernel_initializer="identity")(x).numpy(), x)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (3, 3, 2, 8), (2, 2, 1, 9)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(shape, dtype):
    """Perpendicular columns of length `gain`; rows where there are fewer of them."""
    w = initializers.Orthogonal(gain=3.0)(shape, dtype)
    assert (w.shape, w.dtype) == (shape, dtype)
    matrix = w.reshape(-1, shape[-1])
    matrix = matrix if len(matrix) >= shape[-1] else matrix.T
    assert_close(matrix.T @ matrix, 9 * np.eye(matrix.shape[1]), KERNEL[np.dtype(dtype)])


def test_all_orthogonal_matrices_are_equally_likely():
    """Then the diagonal has mean 0 and variance 1/n; without the change of signs, QR favours one sign."""
    utils.set_random_seed(0)
    n = 4
    diagonals = np.array([np.diag(initializers.Orthogonal()((n, n))) for _ in range(2000)])
    assert np.abs(diagonals.mean(0)).max() < 3 * MOMENTS
    assert np.abs(diagonals.var(0) * n - 1).max() < 5 * MOMENTS


def test_the_seed():
    made = initializers.Orthogonal(seed=3)
    np.testing.assert_array_equal(made((4, 4)), made((4, 4)))
    free = initializers.Orthogonal()
    assert not np.array_equal(free((4, 4)), free((4, 4)))


def test_functions_and_their_shapes(tmp_path):
    layer = layers.Dense(2, kernel_initializer=lambda shape, dtype: np.arange(6.0).reshape(shape))
    layer.build_for((None, 3))
    np.testing.assert_array_equal(layer.kernel.numpy(), [[0, 1], [2, 3], [4, 5]])
    assert layer.kernel.dtype == np.float32
    with pytest.raises(ArgumentError, match=r"it cannot be written to a file\. Only those of minicnn\.init"):
        Sequential([layers.Input((3,)), layer]).save(tmp_path / "m.safetensors")
    wrong = layers.Dense(2, kernel_initializer=lambda shape, dtype: np.zeros(3), name="d")
    with pytest.raises(ShapeError) as caught:
        wrong.build_for((None, 3))
    problem = "the initializer of 'kernel' made another shape. Expected (3, 2), got (3,)."
    assert str(caught.value) == f"Dense 'd': {problem}"


@pytest.mark.parametrize(
    "make, text",
    [
        (
            lambda: initializers.Identity()((2, 3, 4)),
            "Identity: it makes a matrix. Expected two sizes, got (2, 3, 4).",
        ),
        (
            lambda: initializers.Orthogonal()((3,)),
            "Orthogonal: it makes a matrix. Expected at least two sizes, got (3,).",
        ),
        (lambda: initializers.Constant("a"), "Constant: value. Expected a number, got 'a'."),
        (
            lambda: initializers.RandomNormal(stddev=-1),
            "RandomNormal: stddev. Expected a number of at least 0, got -1.",
        ),
        (
            lambda: initializers.RandomUniform(maxval=None),
            "RandomUniform: maxval. Expected a number, got None.",
        ),
        (lambda: initializers.VarianceScaling(0), "VarianceScaling: scale is not positive. Got 0."),
        (lambda: initializers.get(3), None),
    ],
)
def test_what_is_refused(make, text):
    with pytest.raises((ArgumentError, ShapeError)) as caught:
        make()
    assert text in (None, str(caught.value))
    assert text or str(caught.value).endswith("lecun_normal, an Initializer or a function, got 3.")
