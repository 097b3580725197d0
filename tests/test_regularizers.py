"""Regularizers: their values and gradients by hand, where they apply, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, grad, layers, load_model, regularizers
from minicnn.errors import ArgumentError
from minicnn.inspect import gradcheck
from minicnn.regularizers import L1, L1L2, L2, OrthogonalRegularizer

X = np.array([[1.0, -2.0], [0.5, 4.0]])

BY_HAND = {
    "l1": (L1(0.1), 0.75),
    "l2": (L2(0.1), 0.1 * (1 + 4 + 0.25 + 16)),
    "both": (L1L2(0.2, 0.1), 1.5 + 2.125),
    # one pair of rows: |u·v| = |0.5 − 8| / (√5·√16.25)
    "orthogonal": (OrthogonalRegularizer(0.1), 0.1 * 7.5 / np.sqrt(5 * 16.25)),
    # one pair of columns: |−2 + 2| = 0
    "columns": (OrthogonalRegularizer(0.1, "columns"), 0.0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    regularizer, expected = BY_HAND[name]
    assert regularizer(Tensor(X)).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("regularizer", [L1(0.3), L2(0.3), L1L2(0.1, 0.2), OrthogonalRegularizer(0.3)])
def test_gradient(regularizer):
    result = gradcheck(regularizer, [np.random.default_rng(0).normal(size=(3, 4))])
    assert result, result


def test_a_single_row_has_no_pair():
    assert OrthogonalRegularizer()(Tensor([[3.0, 4.0]])).item() == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("name", regularizers.REGULARIZERS)
def test_names_and_configs(name):
    made = regularizers.get(name)
    again = regularizers.get(regularizers.serialize(made, "test"))
    assert type(again) is type(made) and again.get_config() == made.get_config()
    assert regularizers.get(made) is made


def test_what_is_refused():
    with pytest.raises(ArgumentError, match=r"regularizer: it is not known. Expected one of l1, l2, l1_l2, "):
        regularizers.get("l3")
    with pytest.raises(ArgumentError, match=r"L2: l2. Expected a finite number from 0, got -1\."):
        L2(-1)
    with pytest.raises(ArgumentError, match=r"mode. Expected 'rows' or 'columns', got 'x'"):
        OrthogonalRegularizer(mode="x")
    with pytest.raises(ArgumentError, match=r"it takes a matrix. Got \(2,\)"):
        OrthogonalRegularizer()(Tensor([1.0, 2.0]))
    layer = layers.Dense(1, kernel_regularizer=lambda w: w.sum())
    with pytest.raises(ArgumentError, match=r"its regularizer cannot be written to a file"):
        layer.get_config()


def values(layer):
    return [loss.item() for loss in layer.losses]


def dense(**kwargs):
    layer = layers.Dense(2, kernel_initializer="ones", bias_initializer="ones", **kwargs)
    layer.build_for((None, 3))
    return layer


def test_weights_are_penalised_while_they_are_trainable():
    layer = dense(kernel_regularizer=L2(0.5), bias_regularizer=L1(0.25))
    assert values(layer) == [3.0, 0.5]
    (gkernel,) = grad(layer.losses[0], [layer.kernel])
    np.testing.assert_array_equal(gkernel.numpy(), np.ones((3, 2)))
    layer.trainable = False
    assert values(layer) == []


def test_inner_layers_count_once():
    inner = dense(kernel_regularizer="l2")
    model = Sequential([layers.Input((3,)), inner, layers.Dense(3), layers.Dense(1, bias_regularizer="l1")])
    assert values(model) == pytest.approx([0.06, 0.0])
    x = layers.Input((3,))
    shared = Model(x, inner(x) + inner(x))
    assert len(shared.losses) == 1


def test_outputs_are_penalised_in_every_call_of_the_last_pass():
    shared = dense(activity_regularizer=L1(0.5))
    x = layers.Input((3,))
    model = Model(x, shared(x) + shared(x * 2.0))
    assert model.losses == []
    for _ in range(2):  # a pass forgets the one before
        model(np.ones((1, 3)))
        assert values(model) == [4.0, 7.0]
    shared(np.zeros((2, 3)))
    assert values(shared) == [1.0]  # the mean over two samples
    assert model.losses == []  # the layer ran elsewhere since


def test_own_layers_add_losses():
    class Centred(layers.Layer):
        def call(self, x):
            self.add_loss(x.mean() * x.mean())
            return x

    model = Sequential([layers.Input((2,)), Centred(), dense_like := layers.Dense(1)])
    model(np.full((2, 2), 3.0))
    assert values(model) == [9.0]
    assert values(dense_like) == []


def test_files_keep_regularizers(tmp_path):
    model = Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Conv2D(2, 2, kernel_regularizer=L1L2(0.1, 0.2), activity_regularizer="l2"),
        ]
    )
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    for net in (model, loaded):
        net(np.ones((1, 4, 4, 1)))
    assert len(values(model)) == 2 and values(model) == values(loaded)
