"""Tensors: what they take, how they mix with numbers and arrays, and their operators."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from minicnn import Parameter, Tensor, functions
from minicnn.autograd import _wrap
from minicnn.backend import arrays as backend_arrays
from minicnn.errors import ArgumentError, BackendError
from minicnn.optimizers import SGD
from tests.tolerances import KERNEL, assert_close

EXACT = KERNEL[np.dtype(np.float64)]


def leaf(*values, dtype="float64"):
    return Tensor(np.array(values, dtype), requires_grad=True)


# -- what goes into a Tensor -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.0, "float32"),
        ([1.0, 2.0], "float32"),
        (np.array([1.0]), "float64"),
        (np.float64(1.0), "float64"),
        (np.array([1.0], "float16"), "float32"),
        (np.array([1, 2], "uint8"), "uint8"),
        ([1, 2], "int64"),
        ([True], "bool"),
    ],
)
def test_dtype_of_data(data, dtype):
    assert Tensor(data).dtype == dtype


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ([[1.0], [1.0, 2.0]], "Tensor: the data is not a rectangular array of numbers. Got [[1.0], [1.0, 2"),
        (["a"], "Tensor: the data is not numeric. Expected numbers, got ['a'] of dtype <U1."),
        (None, "Tensor: the data is not numeric. Expected numbers, got None of dtype object."),
        (1j, "Tensor: the data is not numeric. Expected numbers, got 1j of dtype complex128."),
        (Tensor([1.0]), "Tensor: the data is a Tensor already. Use x.detach()."),
    ],
)
def test_refused_data(data, sentence):
    with pytest.raises(ArgumentError) as error:
        Tensor(data)
    assert str(error.value).startswith(sentence)


def test_facts_of_a_tensor():
    x = Tensor([[1.0, 2.0]], requires_grad=True, name="x")
    assert (x.shape, x.ndim, x.size, len(x)) == ((1, 2), 2, 2, 1)
    assert repr(x) == "Tensor([[1. 2.]], shape=(1, 2), dtype=float32, name='x', requires_grad=True)"
    assert repr(x * x) == "Tensor([[1. 4.]], shape=(1, 2), dtype=float32, creator=MultiplyFunction)"
    assert x.detach().data is x.data and not x.detach().requires_grad
    assert float(Tensor([3.0])) == 3.0 and int(Tensor([3.0])) == 3 and bool(Tensor([3.0]))


def test_parameter():
    w = Parameter([1.0, 2.0], name="w")
    assert w.trainable and w.requires_grad
    memory = w.data
    w.assign(Tensor([3.0, 4.0]))
    assert w.data is memory and memory.tolist() == [3.0, 4.0]
    w.trainable = False
    assert not w.requires_grad
    with pytest.raises(ArgumentError) as error:
        w.assign([1.0])
    assert str(error.value) == "assign to 'w': the shape differs. Expected (2,), got (1,)."


# -- dtypes and operands -----------------------------------------------------------------------------


def test_scalars_are_not_rounded_to_float32_on_the_way():
    x = Tensor(np.float64([1.0]))
    for scalar in (0.1, [0.1], np.float64(0.1)):
        assert (x * scalar).item() == 0.1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "scalar", [2, 2.0, True, np.float32(2), np.float64(2), np.int64(2), np.array(2.0), np.array(2)]
)
def test_scalars_are_weak(dtype, scalar):
    x = leaf(1.5, 2.5, dtype=dtype)
    for y in (x + scalar, scalar + x, x * scalar, scalar * x, x - scalar, scalar - x, x / scalar, scalar / x):
        assert isinstance(y, Tensor) and y.dtype == dtype
    (scalar * x).sum().backward()
    assert x.grad.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("other", ["float32", "float64", "int32", "uint8", "bool"])
def test_arrays_follow_the_tensor(dtype, other):
    x, array = leaf(1.0, 2.0, dtype=dtype), np.array([1, 1], other)
    assert (x + array).dtype == dtype and (array + x).dtype == dtype
    assert isinstance(array + x, Tensor)
    assert (array @ x).dtype == dtype


def test_two_float_tensors_of_different_dtype_are_refused():
    with pytest.raises(ArgumentError) as error:
        leaf(1.0, dtype="float32") + leaf(1.0, dtype="float64")
    assert str(error.value) == (
        "AddFunction: two float dtypes in one operation. Got float32 and float64. "
        "Convert one: x.astype('float32')."
    )
    x = leaf(1.0, dtype="float32")
    y = x.astype("float64") + leaf(1.0)
    assert y.dtype == np.float64
    y.backward()
    assert x.grad.dtype == np.float32


def test_integers():
    i = Tensor([1, 2])
    assert (i + i).dtype == np.int64 and (i * 3).dtype == np.int64
    assert (i + 0.5).dtype == np.float32 and (i / i).dtype == np.float32
    assert functions.exp(i).dtype == np.float32
    x = leaf(0.5, 0.5)
    y = x * i
    assert y.dtype == np.float64
    y.sum().backward()
    assert x.grad.numpy().tolist() == [1.0, 2.0]
    assert not (i + i).requires_grad


BINARY = ["+", "-", "*", "/", "**", "@"]


@pytest.mark.parametrize("operator", BINARY)
@pytest.mark.parametrize("swapped", [False, True])
def test_operators_with_arrays_equal_numpys(operator, swapped):
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.5, 2.0, (3, 3)), rng.uniform(0.5, 2.0, (3, 3))
    compute = eval(f"lambda a, b: a {operator} b")
    x = Tensor(a if not swapped else b, requires_grad=True)
    y = compute(a, x) if swapped else compute(x, b)
    assert isinstance(y, Tensor)
    assert_close(y.numpy(), compute(a, b), EXACT)
    y.sum().backward()
    assert x.grad.shape == (3, 3)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_comparisons_compare_elements(operator):
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])
    compare = eval(f"lambda a, b: a {operator} b")
    y = compare(Tensor(a), Tensor(b))
    assert y.dtype == bool
    np.testing.assert_array_equal(y.numpy(), compare(a, b))
    np.testing.assert_array_equal(compare(Tensor(a), b).numpy(), compare(a, b))
    assert (Tensor(a) == None) is False  # noqa: E711


def test_tensors_can_be_keys():
    x, y = Tensor([1.0]), Tensor([1.0])
    assert {x: 1, y: 2}[x] == 1


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ArgumentError, match=r"^add: the shapes do not broadcast\. Got \(2,\) and \(3,\)\."):
        leaf(1.0, 2.0) + leaf(1.0, 2.0, 3.0)


def test_iteration_and_numpy():
    x = leaf(1.0, 2.0)
    first, second = x
    (first * second).backward()
    assert x.grad.numpy().tolist() == [2.0, 1.0]
    assert np.asarray(x).tolist() == [1.0, 2.0]
    assert np.array(x, dtype="f4").dtype == np.float32
    assert np.asarray(x.T).shape == (2,)


# -- devices -----------------------------------------------------------------------------------------


class FarArray:
    """What another device's array looks like from here."""

    def __init__(self, array):
        self.array, self.base = np.asarray(array), None

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)

    def __array__(self, dtype=None, copy=None):
        return self.array


def test_two_devices_in_one_operation(monkeypatch):
    monkeypatch.setitem(backend_arrays._DEVICES, FarArray, ("far", np))
    here, far = leaf(1.0), _wrap(FarArray([1.0]))
    for operands, number in (((here, far), "0 lives on 'cpu' and input 1 on 'far'"), ((far, here), "'far'")):
        with pytest.raises(BackendError, match="AddFunction: input 0 lives on") as error:
            operands[0] + operands[1]
        assert number in str(error.value) and "Tensor(other.numpy())" in str(error.value)
    assert far.numpy().tolist() == [1.0]


def test_an_unknown_kind_of_array_is_named():
    with pytest.raises(BackendError, match=r"Expected one of ndarray, got FarArray\."):
        _wrap(FarArray([1.0])).numpy()


def test_a_copied_tensor_is_another_tensor():
    x = leaf(1.0, 2.0)
    other = copy.copy(x)
    assert other is not x and other.numpy().tolist() == [1.0, 2.0]


def test_a_parameter_has_memory_of_its_own():
    """An optimizer writes into Parameters: the array one was made from must not change with it."""
    array = np.ones(2, np.float32)
    parameter = Parameter(array)
    SGD(0.1).apply([Tensor([1.0, 1.0])], [parameter])
    np.testing.assert_array_equal(array, [1, 1])
    np.testing.assert_array_equal(parameter.numpy(), np.float32([0.9, 0.9]))
