"""Layers that run as one: which, when not, and that nobody can tell by the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, backend, fusion, grad, layers, no_grad, use_backend, utils
from minicnn.autograd import observe
from minicnn.backend.registry import builtin
from tests.tolerances import assert_close


@pytest.fixture(autouse=True)
def compiled():
    with use_backend("numba"):
        yield


@pytest.fixture
def images():
    rng = np.random.default_rng(3)
    return rng.standard_normal((6, 12, 13, 3), dtype="float32"), rng.integers(0, 4, 6)


def stack(*middle):
    utils.set_random_seed(4)
    return Sequential([layers.Input((12, 13, 3)), *middle, layers.Flatten(), layers.Dense(4, "softmax")])


def plain():
    return stack(
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 3, padding="same"),
        layers.ReLU(),
        layers.MaxPooling2D(2, 2),
        layers.Dropout(0.25),
    )


def normalized():
    return stack(
        layers.Conv2D(8, 3, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 3, padding="same"),
        layers.BatchNormalization(scale=False),
    )


def residual():
    utils.set_random_seed(4)
    x = inputs = layers.Input((12, 13, 3))
    x = shortcut = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(x))
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.MaxPooling2D()(layers.Conv2D(8, 1)(x))
    return Model(inputs, layers.Dense(4, "softmax")(layers.GlobalAveragePooling2D()(x)))


NETS = [plain, normalized, residual]


def nodes_of(model, x, **kwargs):
    """Class names of the nodes on the tape of one forward pass, first to last."""
    found, stack = {}, [model(Tensor(x), **kwargs).creator]
    while stack:
        node = stack.pop()
        if node is not None and node.number not in found:
            found[node.number] = type(node).__name__
            stack += [edge.node for edge in node.edges]
    return [found[number] for number in sorted(found)]


def trained(make, images, on):
    x, y = images
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    with fusion(on):
        losses = model.fit(x, y, batch_size=3, epochs=3, verbose=0).history["loss"]
    return model, losses


@pytest.mark.parametrize("make", NETS)
def test_training_gives_the_same_bits(make, images):
    (fused, losses), (single, expected) = (trained(make, images, on) for on in (True, False))
    assert losses == expected
    for ours, theirs in zip(fused.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("make", NETS)
def test_predictions_are_the_same_but_for_a_folded_normalization(make, images):
    model, _ = trained(make, images, True)
    found = model.predict(images[0])
    with fusion(False):
        expected = model.predict(images[0])
    if make is plain:
        np.testing.assert_array_equal(found, expected)
    assert_close(found, expected, 1e-5)


def test_what_runs_as_one(images):
    x = images[0]
    names = nodes_of(plain(), x, training=True)
    assert names[:2] == ["FusedConv2DPoolFunction"] * 2
    with fusion(False):
        names = nodes_of(plain(), x, training=True)
    expected = ["Conv2D", "ReLU", "MaxPool2D", "Conv2D", "ReLU", "MaxPool2D"]
    assert names[:6] == [f"{name}Function" for name in expected]


@pytest.mark.parametrize("op", ["conv2d_forward", "bias_activation_forward", "max_pool2d_forward", "im2col"])
def test_nothing_is_fused_over_an_overridden_kernel(op, images):
    called = []

    def kernel(*args, **kwargs):
        called.append(op)
        return builtin(op, "numpy")(*args, **kwargs)

    with backend.override(**{op: kernel}):
        names = nodes_of(plain(), images[0])
    assert called and "FusedConv2DPoolFunction" not in names


def test_an_override_in_backward_alone_is_used(images):
    x, y = images
    model = plain()
    loss = (model(Tensor(x)) * Tensor(np.eye(4, dtype="float32")[y])).sum()
    called = []

    def bias_grad(gy):
        called.append(gy.shape)
        return gy.reshape(-1, gy.shape[-1]).sum(axis=0)

    expected = grad(loss, model.trainable_weights, retain_graph=True)
    with backend.override(bias_grad=bias_grad):
        found = grad(loss, model.trainable_weights)
    assert len(called) == 3  # two convolutions and the dense layer
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours.numpy(), theirs.numpy(), 1e-5)


def test_an_observer_sees_every_operation(images):
    seen = []
    with observe(lambda phase, node, arrays: seen.append(type(node).__name__)):
        plain()(images[0])
    assert seen[:3] == ["Conv2DFunction", "ReLUFunction", "MaxPool2DFunction"]
    seen.clear()
    with observe(lambda phase, node, arrays: seen.append(type(node).__name__), fused=True):
        plain()(images[0])
    assert seen[0] == "FusedConv2DPoolFunction"


def test_a_normalization_is_folded_only_where_no_gradient_is_wanted(images):
    model, x = normalized(), images[0]
    assert "BatchNormInferenceFunction" in nodes_of(model, x, training=False)
    seen = []
    note = lambda phase, node, arrays: seen.append(type(node).__name__)  # noqa: E731
    with no_grad(), observe(note, fused=True):
        model(x, training=False)
    assert not any(name.startswith("BatchNorm") for name in seen)
    seen.clear()
    with no_grad(), observe(note, fused=True):
        model(x, training=True)  # by the statistics of the batch, which have to be taken
    assert any(name.startswith("BatchNorm") for name in seen)


def test_what_is_looked_at_is_not_skipped(images):
    """A layer whose output somebody reads, or that is penalised for it, runs by itself."""
    x = inputs = layers.Input((12, 13, 3))
    x = inner = layers.Conv2D(4, 3, activation="relu")(x)
    model = Model(inputs, [inner, layers.MaxPooling2D()(x)])
    inner, pooled = model(images[0])
    assert inner.shape == (6, 10, 11, 4) and pooled.shape == (6, 5, 5, 4)
    penalised = stack(
        layers.Conv2D(4, 3, activation="relu", activity_regularizer="l2"), layers.MaxPooling2D()
    )
    penalised(images[0], training=True)
    assert len(penalised.losses) == 1


@pytest.mark.parametrize(
    "pool",
    [
        layers.MaxPooling2D(3, 2),
        layers.MaxPooling2D(2, 1),
        layers.MaxPooling2D(2, padding="same"),
        layers.AveragePooling2D(2),
    ],
)
def test_other_poolings_stay_by_themselves(pool, images):
    model = stack(layers.Conv2D(4, 3, activation="relu"), pool)
    assert "FusedConv2DFunction" in nodes_of(model, images[0])
