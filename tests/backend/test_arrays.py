"""Arrays and devices: what becomes an array, who owns memory, and how writes are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import backend
from minicnn.backend import arrays
from minicnn.errors import ArgumentError, BackendError


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, "float32"),
        (2, "int64"),
        ([[1.0, 2]], "float32"),
        (np.ones(2), "float64"),
        (np.ones(2, "f2"), "float32"),
        (np.ones(2, "u1"), "uint8"),
        (np.float64(1), "float64"),
        ([True], "bool"),
    ],
)
def test_asarray(data, dtype):
    assert backend.asarray(data).dtype == dtype
    assert backend.asarray(data, "float64").dtype == np.float64


def test_asarray_does_not_copy_without_need():
    array = np.ones(3)
    assert backend.asarray(array) is array and backend.to_numpy(array) is array


def test_asarray_names_the_place():
    with pytest.raises(ArgumentError) as error:
        backend.asarray("x" * 100, where="Dense 'd'")
    text = "Dense 'd': the data is not numeric. Expected numbers, got 'xxxxx"
    assert str(error.value).startswith(text) and "…" in str(error.value)


def test_device():
    assert backend.device_of(np.ones(1)) == "cpu"
    assert backend.xp(np.ones(1)) is np
    for ask in (backend.device_of, backend.xp, backend.to_numpy):
        with pytest.raises(BackendError) as error:
            ask([1.0])
        text = "minicnn: an array of an unknown device. Expected one of ndarray, got list."
        assert str(error.value) == text


def test_one_device_for_all(monkeypatch):
    class Far:
        pass

    monkeypatch.setitem(arrays._DEVICES, Far, ("far", np))
    here = np.ones(1)
    assert backend.same_device([here, here], "add") == "cpu"
    assert backend.same_device([Far()], "add") == "far"
    with pytest.raises(BackendError) as error:
        backend.same_device([here, here, Far()], "concatenate")
    assert str(error.value) == (
        "concatenate: input 0 lives on 'cpu' and input 2 on 'far'. Expected all inputs on one device, "
        "got 'cpu' and 'far'. Move one of them: Tensor(other.numpy()) under the backend you want."
    )


def test_shared_memory():
    a = np.ones((4, 4))
    assert backend.shares_memory(a, a)
    assert backend.shares_memory(a[1:], a.T)
    assert backend.shares_memory(a.reshape(-1)[::2], a)
    assert not backend.shares_memory(a, a.copy())


def test_own_memory():
    a, b = np.ones(4), np.ones(4)
    assert backend.is_own(a, (b, a, None))
    assert not backend.is_own(a[:2], (a, a[:2]))
    assert not backend.is_own(a, (b, a, a))
    view = np.broadcast_to(b[:1], (4,))
    assert not backend.is_own(view, (a, view)), "it cannot be written"


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_checksum_sees_every_element(shape, dtype):
    array = np.zeros(shape, dtype)
    before = backend.checksum(array)
    assert backend.checksum(array.copy()) == before
    for index in np.ndindex(*shape):
        array[index] = 1
        assert backend.checksum(array) != before
        array[index] = 0


def test_checksum_of_a_view_is_that_of_its_elements():
    array = np.arange(24.0).reshape(4, 6)
    assert backend.checksum(array[:, ::2]) == backend.checksum(array[:, ::2].copy())
