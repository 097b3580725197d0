"""Normalization layers: when the moving averages move, what freezing means, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, grad, layers, load_model, no_grad
from minicnn import functions as F
from minicnn.errors import ArgumentError, MinicnnError, ShapeError
from tests.tolerances import KERNEL, assert_close

SINGLE = KERNEL[np.dtype("float32")]
X = np.random.default_rng(0).normal(2, 3, size=(6, 4, 4, 3)).astype(np.float32)
MEAN, VAR = X.mean((0, 1, 2)), X.var((0, 1, 2))


def moving(layer):
    return [w.numpy().copy() for w in layer.non_trainable_weights]


def assert_followed(layer, times=1, momentum=0.99):
    keep = momentum**times
    assert_close(layer.moving_mean.numpy(), (1 - keep) * MEAN, SINGLE)
    assert_close(layer.moving_variance.numpy(), keep + (1 - keep) * VAR, SINGLE)


def sequential(layer):
    return Sequential([layers.Input(X.shape[1:]), layer])


def unbuilt(layer):
    return Sequential([layer])


def functional(layer):
    x = layers.Input(X.shape[1:])
    return Model(x, layer(x))


def nested(layer):
    return Sequential([layers.Input(X.shape[1:]), functional(layer)])


WAYS = [lambda layer: layer, sequential, unbuilt, functional, nested]


@pytest.mark.parametrize("way", WAYS, ids=["eager", "sequential", "unbuilt", "functional", "nested"])
def test_moving_averages_follow_the_batches_while_training(way):
    """By the variance divided by the number of values, once a call, and only then."""
    layer = layers.BatchNormalization()
    model = way(layer)
    model(X)
    assert_followed(layer, times=0)
    model(X, training=True)
    assert_followed(layer)
    with no_grad():
        model(X, training=True)
    assert_followed(layer, times=2)
    model(X, training=False)
    assert_followed(layer, times=2)


def test_training_moves_them_and_evaluation_does_not():
    layer = layers.BatchNormalization(momentum=0.5)
    model = Sequential([layers.Input(X.shape[1:]), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    y = np.zeros((6, 1))
    model.fit(X, y, batch_size=6, epochs=2, verbose=0)
    assert_followed(layer, times=2, momentum=0.5)
    before = moving(layer)
    model.evaluate(X, y, verbose=0)
    model.predict(X)
    model.fit(X, y, batch_size=6, epochs=1, verbose=0, validation_data=(10 * X, y))
    assert_followed(layer, times=3, momentum=0.5)
    assert not np.array_equal(moving(layer)[0], before[0])


def test_finding_out_a_shape_moves_nothing():
    class Block(layers.Layer):  # without compute_output_shape: graphs try it on zeros
        def build(self, input_shape):
            self.norm = layers.BatchNormalization()
            self.norm.build_for(input_shape)

        def call(self, x):
            return self.norm(x)

    block = Block()
    x = layers.Input(X.shape[1:])
    model = Model(x, block(x, training=True))
    assert_followed(block.norm, times=0)
    model(X)
    assert_followed(block.norm)


def test_inference_uses_the_moving_averages():
    layer = layers.BatchNormalization(momentum=0, epsilon=1e-6)
    trained = layer(X, training=True).numpy()
    assert_close(trained.mean((0, 1, 2)), np.zeros(3), 1e-6)
    assert_close(trained.std((0, 1, 2)), np.ones(3), SINGLE)
    assert_close(layer(X).numpy(), trained, SINGLE)
    assert_close(layer(X[:1]).numpy(), trained[:1], SINGLE)


def test_a_frozen_layer_is_in_inference_mode():
    layer = layers.BatchNormalization(momentum=0)
    layer(X, training=True)
    expected, before = layer(X).numpy(), layer.get_weights()
    layer.trainable = False
    x = Tensor(2 * X, requires_grad=True)
    y = layer(x, training=True)
    assert_close(y.numpy(), layer(2 * X).numpy(), SINGLE)
    for w, old in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)
    gx = grad(y, x, Tensor(np.ones_like(X)))  # through fixed statistics: γ / √(var + ε)
    assert_close(gx.numpy(), np.broadcast_to(1 / np.sqrt(VAR + 1e-3), X.shape), SINGLE)
    layer.trainable = True
    assert not np.allclose(layer(2 * X, training=True).numpy(), 2 * expected)


def test_averages_may_move_between_a_forward_and_its_backward():
    layer = layers.BatchNormalization()
    x = Tensor(X, requires_grad=True)
    first = layer(x)
    expected = grad(first, x, Tensor(X), retain_graph=True).numpy()
    layer(X, training=True)
    np.testing.assert_array_equal(grad(first, x, Tensor(X)).numpy(), expected)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-3, 0.02, 0.3, 0.5, 0.7])
def test_the_variance_of_equal_values_is_not_negative(epsilon):
    layer = layers.BatchNormalization(momentum=0, epsilon=epsilon)
    layer(np.full((4, 2), 3.0), training=True)
    assert 0 <= layer.moving_variance.numpy().min() <= layer.moving_variance.numpy().max() < 1e-6 * epsilon


def test_other_axes_are_those_of_the_transposed_input():
    channels_first = X.transpose(0, 3, 1, 2)
    for make in (
        layers.BatchNormalization,
        layers.LayerNormalization,
        lambda **kwargs: layers.GroupNormalization(3, **kwargs),
    ):
        first, last = make(axis=1), make()
        y = first(channels_first, training=True)
        assert_close(y.numpy().transpose(0, 2, 3, 1), last(X, training=True).numpy(), SINGLE)


def test_the_order_of_the_axes_means_nothing():
    shape = (2, 3, 4, 5)
    for axis in ([1, 3], [3, 1], [-1, -3]):
        layer = layers.LayerNormalization(axis)
        layer.build_for(shape)
        assert layer.gamma.shape == layer.beta.shape == (3, 5)


def test_minus_one_group_is_one_for_each_channel():
    layer = layers.GroupNormalization(-1, epsilon=1e-6)
    y = layer(X).numpy()
    assert_close(y.mean((1, 2)), np.zeros((6, 3)), 1e-6)
    assert layer.groups == -1 and type(layer).from_config(layer.get_config()).groups == -1
    assert_close(y, layers.GroupNormalization(3, epsilon=1e-6)(X).numpy(), SINGLE)


def test_penalties():
    norm = layers.BatchNormalization(gamma_regularizer="l2", beta_regularizer="l1", beta_initializer="ones")
    model = sequential(norm)
    assert [loss.item() for loss in model.losses] == pytest.approx([0.03, 0.03])
    norm.trainable = False
    assert model.losses == []


def test_files_keep_the_averages(tmp_path):
    model = sequential(layers.BatchNormalization())
    model(X, training=True)
    model.save(tmp_path / "m.safetensors")
    loaded = load_model(tmp_path / "m.safetensors")
    assert_followed(loaded.layers[-1])
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_functions_in_graphs_are_saved(tmp_path):
    x = layers.Input(X.shape[1:])
    y = F.group_norm(F.layer_norm(F.batch_norm(F.gelu(x), axis=1), axis=(1, 2)), 3)
    model = Model(x, F.leaky_relu(y, 0.1) + F.log_softmax(y))
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "m.safetensors").predict(X), model.predict(X))


NORMS = (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization)
REFUSED = [
    (NORMS, {"epsilon": -1}, "epsilon. Expected a number of at least 0, got -1."),
    (NORMS, {"axis": 1.5}, "axis. Expected an integer, got 1.5."),
    (NORMS[1:2], {"axis": [-1, 1]}, "axis. Expected axes counted from one end, got [-1, 1]."),
    (NORMS[1:2], {"axis": []}, "axis. Expected an integer, got []."),
    (NORMS[:1], {"momentum": 1.5}, "momentum. Expected a number from 0 to 1, got 1.5."),
    (NORMS[:1], {"renorm": True}, "it takes no argument 'renorm'."),
    (
        NORMS,
        {"gamma_constraint": "x"},
        "it takes no argument 'gamma_constraint'. Weight constraints are not supported; change the weights "
        "after a step instead.",
    ),
    (
        NORMS[2:],
        {"groups": 0},
        "groups. Expected a positive integer, or -1 for as many as channels, got 0.",
    ),
]


@pytest.mark.parametrize("kinds, kwargs, text", REFUSED, ids=str)
def test_arguments_that_are_refused(kinds, kwargs, text):
    for kind in kinds:
        with pytest.raises(ArgumentError) as caught:
            kind(**kwargs, name="n")
        assert str(caught.value) == f"{kind.__name__} 'n': {text}"


INPUTS = [
    ({"axis": 4}, X.shape, ArgumentError, "there is no such axis. Expected an axis from -4 to 3, got 4."),
    (
        {"axis": 0},
        X.shape,
        ArgumentError,
        "axis. Expected axes behind the batch axis, got axis 0 of 4 axes.",
    ),
    ({}, (4,), ArgumentError, "axis. Expected axes behind the batch axis, got axis -1 of 1 axes."),
    ({}, (2, None), ShapeError, "unusable input. Expected known sizes along axis -1, got (2, None)."),
]


@pytest.mark.parametrize("kind", NORMS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("kwargs, shape, error, text", INPUTS, ids=str)
def test_inputs_that_are_refused(kind, kwargs, shape, error, text):
    with pytest.raises(error) as caught:
        kind(**kwargs, name="n").build_for(shape)
    assert str(caught.value) == f"{kind.__name__} 'n': {text}"


@pytest.mark.parametrize("kind", NORMS, ids=lambda kind: kind.__name__)
def test_a_built_layer_refuses_other_channels(kind):
    kwargs = {"groups": 1} if kind is layers.GroupNormalization else {}
    layer = kind(name="n", center=False, scale=False, **kwargs)
    layer(X)
    for use in (layer, lambda x: layer.compute_output_shape(x.shape), lambda x: layer(x, training=True)):
        with pytest.raises(ShapeError) as caught:
            use(X[..., :2])
        problem = "axis -1 of the input does not fit the weights. Expected (3,), got (2,)."
        assert str(caught.value) == f"{kind.__name__} 'n': {problem}"


def test_groups_that_do_not_divide_and_axes_named_twice():
    with pytest.raises(ShapeError, match=r"Expected a divisor of the 3 channels, or -1, got 32\."):
        layers.GroupNormalization()(X)
    with pytest.raises(ArgumentError, match=r"an axis is named twice\. Got \[1, 1\]\."):
        layers.LayerNormalization([1, 1])(X)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: F.batch_norm(X, epsilon=-1),
            "batch_norm: epsilon. Expected a number of at least 0, got -1.",
        ),
        (
            lambda: F.batch_norm_inference(X, MEAN, VAR, axis=4),
            "batch_norm_inference: there is no such axis. Expected an axis from -4 to 3, got 4.",
        ),
        (
            lambda: F.layer_norm(X, axis=(1, "a")),
            "layer_norm: there is no such axis. Expected an axis from -4 to 3, got 'a'.",
        ),
        (lambda: F.group_norm(X, 0), "group_norm: groups. Expected a positive integer, got 0."),
        (
            lambda: F.group_norm(X, 2),
            "group_norm_forward: the channels cannot be cut into groups. Expected a divisor of 3, got 2.",
        ),
        (
            lambda: F.batch_norm(X, MEAN[:2]),
            "batch_norm_forward: gamma has the wrong shape. Expected (3,), got (2,).",
        ),
        (
            lambda: F.batch_norm(X[:0]),
            "batch_norm_forward: there is nothing to normalize over. Expected at least one value, "
            "got x (0, 4, 4, 3).",
        ),
        (
            lambda: F.gaussian_noise(X, -1, (0, 0)),
            "gaussian_noise: stddev. Expected a number of at least 0, got -1.",
        ),
    ],
)
def test_what_functions_refuse(call, text):
    with pytest.raises(MinicnnError) as caught:
        call()
    assert str(caught.value) == text
