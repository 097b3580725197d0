"""Normalization, noise and activations against the real Keras, beyond what one call of a layer shows."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import activations, layers
from minicnn.errors import MinicnnError
from tests.crosscheck.reference import MARKS, backends, keras_vjp, run_minicnn
from tests.crosscheck.test_layers import make, random_weights
from tests.layer_table import ROWS
from tests.tolerances import CROSSCHECK, MOMENTS, assert_close

pytestmark = MARKS

BATCH_NORM = [config for row in ROWS if row.name == "BatchNormalization" for config in row.configs()][:12]


@pytest.mark.parametrize("config", BATCH_NORM, ids=str)
def test_a_training_step_of_batch_normalization(keras, config):
    """Output, gradients, and where the moving averages are afterwards."""
    import jax

    rng = np.random.default_rng(config.x_shape)
    ours, theirs = make(keras, "BatchNormalization", config)
    weights = random_weights(rng, ours, theirs)
    x, gy = (rng.normal(1, 2, size=config.x_shape).astype(np.float32) for _ in range(2))
    fixed = [variable.value for variable in theirs.non_trainable_variables]

    @jax.jit
    def run(inputs, gy):
        def call(x, *weights):
            return theirs.stateless_call(list(weights), fixed, x, training=True)

        expected, pull, state = jax.vjp(call, *inputs, has_aux=True)
        return expected, state, pull(gy)

    expected, state, expected_grads = run((x, *weights), gy)
    # gx is 0 where N = 1 or 2, but for the rounding of gy less its mean
    scale = max(np.abs(g).max() for g in (gy, *expected_grads))
    start = ours.get_weights()
    for _ in backends():
        ours.set_weights(start)
        y, grads = run_minicnn(lambda x: ours(x, training=True), x, ours.trainable_weights, gy)
        assert_close(y, expected, CROSSCHECK)
        for result, reference in zip(grads, expected_grads, strict=True):
            assert np.abs(result - reference).max() <= CROSSCHECK * scale
        for w, reference in zip(ours.non_trainable_weights, state, strict=True):
            assert_close(w.numpy(), reference, CROSSCHECK)


X = np.random.default_rng(0).normal(scale=2, size=(3, 4, 5)).astype(np.float32)
CALLS = [(name, {}) for name in ("relu", "leaky_relu", "elu", "softmax", "log_softmax", "gelu")] + [
    ("relu", {"negative_slope": 0.3, "max_value": 2.0, "threshold": 0.5}),
    ("leaky_relu", {"negative_slope": 0.7}),
    ("elu", {"alpha": 0.4}),
    ("gelu", {"approximate": True}),
    ("softmax", {"axis": 1}),
    ("log_softmax", {"axis": 0}),
]


@pytest.mark.parametrize("name, kwargs", CALLS, ids=str)
def test_activations_as_functions(keras, name, kwargs):
    gy = np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
    expected, expected_grads = keras_vjp(lambda x: getattr(keras.activations, name)(x, **kwargs), [X], gy)
    for _ in backends():
        y, grads = run_minicnn(lambda x: getattr(activations, name)(x, **kwargs), X, [], gy)
        assert_close(y, expected, CROSSCHECK)
        assert_close(grads[0], expected_grads[0], CROSSCHECK)


def test_names_of_activations(keras):
    for name, function in activations.ACTIVATIONS.items():
        written = keras.activations.serialize(keras.activations.get(name))
        assert activations.serialize(function) == written


@pytest.mark.parametrize("shape", [(5,), (4, 1), (3, 4, 5), (3, 1, 5)], ids=str)
@pytest.mark.parametrize("axis", [-1, 1])
def test_masked_softmax(keras, shape, axis):
    rng = np.random.default_rng(2)
    mask, gy = rng.random(shape) < 0.6, rng.normal(size=X.shape).astype(np.float32)
    ours, theirs = layers.Softmax(axis), keras.layers.Softmax(axis)
    for given in (mask, rng.random(shape).astype(np.float32)):
        expected, expected_grads = keras_vjp(lambda x, given=given: theirs(x, mask=given), [X], gy)
        for _ in backends():
            y, grads = run_minicnn(lambda x, given=given: ours(x, mask=given), X, [], gy)
            assert_close(y, expected, CROSSCHECK)
            assert_close(grads[0], expected_grads[0], CROSSCHECK)


@pytest.mark.parametrize(
    "name, value", [("SpatialDropout2D", 0.3), ("GaussianNoise", 0.4), ("GaussianDropout", 0.2)]
)
def test_noise_while_training(keras, name, value):
    """The draws differ, their distribution does not."""
    x = np.full((200, 4, 5, 200), 2.0, np.float32)
    found = []
    for package in (layers, keras.layers):
        y = np.asarray(getattr(package, name)(value, seed=1)(x, training=True), np.float64)
        if name == "SpatialDropout2D":
            assert np.ptp(y, axis=(1, 2)).max() == 0
            y = y[:, 0, 0]
        found.append(y)
    ours, theirs = found
    assert abs(ours.mean() - theirs.mean()) < MOMENTS * theirs.std()
    assert_close(ours.std(), theirs.std(), MOMENTS)
    assert_close(((ours - 2) ** 4).mean(), ((theirs - 2) ** 4).mean(), 2 * MOMENTS)


IMAGES = (2, 6, 7, 4)
REFUSED = [
    ("BatchNormalization", {"axis": 4}, IMAGES),
    ("BatchNormalization", {"axis": -5}, IMAGES),
    ("BatchNormalization", {"axis": [3]}, IMAGES),
    ("BatchNormalization", {"axis": None}, IMAGES),
    ("BatchNormalization", {"momentum": "x"}, IMAGES),
    ("BatchNormalization", {"epsilon": None}, IMAGES),
    ("BatchNormalization", {"synchronized": True}, IMAGES),
    ("BatchNormalization", {"gamma_initializer": "nope"}, IMAGES),
    ("BatchNormalization", {"beta_regularizer": "nope"}, IMAGES),
    ("BatchNormalization", {"unit": 1}, IMAGES),
    ("LayerNormalization", {"axis": 4}, IMAGES),
    ("LayerNormalization", {"axis": [1, 4]}, IMAGES),
    ("LayerNormalization", {"axis": 1.5}, IMAGES),
    ("LayerNormalization", {"axis": "x"}, IMAGES),
    ("LayerNormalization", {"beta_initializer": 3}, IMAGES),
    ("GroupNormalization", {}, IMAGES),
    ("GroupNormalization", {"groups": 3}, IMAGES),
    ("GroupNormalization", {"groups": 0}, IMAGES),
    ("GroupNormalization", {"groups": -2}, IMAGES),
    ("GroupNormalization", {"groups": 2.0}, IMAGES),
    ("GroupNormalization", {"groups": 2, "axis": 4}, IMAGES),
    ("LeakyReLU", {"negative_slope": -0.1}, (2, 5)),
    ("LeakyReLU", {"negative_slope": None}, (2, 5)),
    ("ELU", {"alpha": "x"}, (2, 5)),
    ("PReLU", {"shared_axes": [5]}, IMAGES),
    ("PReLU", {"shared_axes": "x"}, IMAGES),
    ("PReLU", {"alpha_initializer": "nope"}, IMAGES),
    ("SpatialDropout2D", {"rate": 0.5}, (2, 5)),
    ("SpatialDropout2D", {"rate": 1.5}, IMAGES),
    ("SpatialDropout2D", {"rate": 0.5, "data_format": "nhwc"}, IMAGES),
    ("GaussianNoise", {"stddev": -0.1}, (2, 5)),
    ("GaussianNoise", {"stddev": 1.5}, (2, 5)),
    ("GaussianDropout", {"rate": 1.5}, (2, 5)),
    ("GaussianDropout", {"rate": 1}, (2, 5)),
    ("GaussianDropout", {"rate": None}, (2, 5)),
]


@pytest.mark.parametrize("name, kwargs, shape", REFUSED, ids=lambda value: str(value).replace(" ", ""))
def test_what_keras_refuses_is_refused_in_a_sentence(keras, name, kwargs, shape):
    def use(package):
        getattr(package, name)(**kwargs)(np.zeros(shape, np.float32), training=True)

    with pytest.raises(Exception):  # noqa: B017 - Keras raises all kinds of exceptions
        use(keras.layers)
    with pytest.raises(MinicnnError, match=r"^\w.*: .+\.$"):
        use(layers)


@pytest.mark.parametrize("name", ["BatchNormalization", "LayerNormalization", "GroupNormalization", "PReLU"])
def test_a_built_layer_refuses_other_sizes(keras, name):
    kwargs = {"groups": 2} if name == "GroupNormalization" else {}
    for package, kind in ((keras.layers, Exception), (layers, MinicnnError)):
        layer = getattr(package, name)(**kwargs)
        layer(np.zeros(IMAGES, np.float32))
        with pytest.raises(kind):
            layer(np.zeros((2, 6, 7, 6), np.float32))
