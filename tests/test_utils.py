"""set_random_seed, clear_session, to_categorical."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Tensor, layers, random, utils
from minicnn.errors import ArgumentError


def test_one_hot_by_hand():
    rows = utils.to_categorical([0, 2, 1])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]


@pytest.mark.parametrize(
    "x",
    [
        [1, 0],
        (1, 0),
        np.array([1, 0], "uint8"),
        np.array([1.0, 0.0]),
        np.array([[1], [0]]),
        Tensor([1, 0]),
        np.array([True, False]),
    ],
)
def test_forms_of_classes(x):
    assert utils.to_categorical(x, 3).tolist() == [[0, 1, 0], [1, 0, 0]]


def test_more_axes():
    classes = np.arange(6).reshape(2, 3)
    rows = utils.to_categorical(classes)
    assert rows.shape == (2, 3, 6)
    np.testing.assert_array_equal(rows.argmax(axis=-1), classes)
    assert utils.to_categorical(np.zeros((2, 1, 1), int), 4).shape == (2, 1, 4)


@pytest.mark.parametrize(
    ("x", "k", "text"),
    [
        ([0, 3], 3, "to_categorical: a class is too large. Expected classes below num_classes=3, got 3."),
        ([-1, 0], None, "to_categorical: not class indices. Expected integers of at least 0, got -1 … 0."),
        ([0.5], None, "to_categorical: not class indices. Expected integers of at least 0, got 0.5 … 0.5."),
        (
            [np.nan],
            None,
            "to_categorical: not class indices. Expected integers of at least 0, got nan … nan.",
        ),
        ([], None, "to_categorical: not class indices. Expected integers of at least 0, got 0 values."),
    ],
)
def test_refused_classes(x, k, text):
    with pytest.raises(ArgumentError) as error:
        utils.to_categorical(x, k)
    assert str(error.value) == text


def test_set_random_seed_repeats_what_is_built_after_it():
    weights = []
    for _ in range(2):
        utils.set_random_seed(5)
        dense = layers.Dense(3)
        dense(np.ones((1, 2)))
        weights.append(dense.get_weights()[0])
    np.testing.assert_array_equal(*weights)
    assert random.get_seed() == 5


def test_clear_session_counts_names_from_the_start():
    utils.clear_session()
    assert [layers.Dense(1).name, layers.Dense(1).name, layers.Flatten().name] == [
        "dense",
        "dense_1",
        "flatten",
    ]
    utils.clear_session()
    assert layers.Dense(1).name == "dense"
