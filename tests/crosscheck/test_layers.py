"""Every layer against the real Keras: the same weights and input, the same random upstream gradient."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import minicnn
from minicnn import Tensor, grad, layers
from minicnn.errors import MinicnnError
from tests.crosscheck.reference import MARKS, assert_both_refuse, backends, run_keras, run_minicnn
from tests.layer_table import ROWS, Draw
from tests.tolerances import CANCELLING, CROSSCHECK, assert_close

pytestmark = MARKS

CONFIGS = [
    pytest.param(row.name, config, id=f"{row.name}{config}") for row in ROWS for config in row.configs()
]


@pytest.mark.parametrize("row", [row for row in ROWS if row.draw], ids=lambda row: row.name)
def test_by_hand(keras, row):
    """Keras gives what the table says by hand, so that both suites speak of the same layers."""
    kwargs, weights, x, y = row.by_hand
    layer = getattr(keras.layers, row.name)(**kwargs)
    layer.build(np.shape(x))
    layer.set_weights([np.array(w, np.float32) for w in weights])
    assert_close(layer(np.array(x, np.float32)), y, CROSSCHECK)


def test_there_are_600_configurations():
    assert len(CONFIGS) >= 600


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one element: Keras advises
@pytest.mark.parametrize("name, config", CONFIGS)
def test_random_configuration(keras, name, config):
    rng = np.random.default_rng(config.x_shape)
    x = rng.normal(size=config.x_shape).astype(np.float32)
    ours, theirs = make(keras, name, config)
    assert_same_description(ours, theirs, config.x_shape)
    weights = random_weights(rng, ours, theirs)
    gy = rng.normal(size=ours.compute_output_shape(config.x_shape)).astype(np.float32)
    expected, expected_grads = run_keras(theirs, weights, x, gy)
    tolerance = CANCELLING if name.endswith("Normalization") else CROSSCHECK
    for _ in backends():
        y, grads = run_minicnn(ours, x, ours.trainable_weights, gy)
        assert y.shape == ours.compute_output_shape(config.x_shape)
        assert_close(y, expected, CROSSCHECK)
        assert len(grads) == 1 + len(weights)
        for result, reference in zip(grads, expected_grads, strict=True):
            assert_close(result, reference, tolerance)


def random_weights(rng, ours, theirs):
    """Set them in both and return the learned ones; statistics must not be negative."""
    weights = [rng.normal(scale=0.5, size=w.shape).astype(np.float32) for w in ours.weights]
    weights = [w if own.learnable else np.abs(w) for w, own in zip(weights, ours.weights, strict=True)]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return weights[: len(ours.trainable_weights)]


def make(keras, name, config):
    """The layer here and there, built; initial weights that JAX draws would cost a compilation each."""

    def zeros(shape, dtype=None):
        return np.zeros(shape, dtype)

    ours = getattr(layers, name)(**config.kwargs)
    cls = getattr(keras.layers, name)
    quick = {argument: zeros for argument in arguments(cls) if argument.endswith("_initializer")}
    theirs = cls(**quick | config.kwargs, name=ours.name)
    assert_same_config(ours.get_config(), theirs.get_config())  # building changes axis and groups in Keras
    ours.build_for(config.x_shape)
    theirs.build(config.x_shape)
    return ours, theirs


def assert_same_description(ours, theirs, x_shape):
    """Shapes, also of unknown size; names, order, shapes and number of the weights; the config."""
    for open_axes in ((), (0,), range(len(x_shape) - 1)):
        shape = tuple(None if axis in open_axes else size for axis, size in enumerate(x_shape))
        assert ours.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))
    described = [(w.name, w.path, w.shape) for w in ours.weights]
    assert described == [(w.name, w.path, tuple(w.shape)) for w in theirs.weights]
    assert [w.path for w in ours.trainable_weights] == [w.path for w in theirs.trainable_weights]
    assert ours.count_params() == theirs.count_params()


def assert_same_config(ours, theirs):
    shared = {key for key in ours.keys() & theirs.keys() if key != "dtype" and "initializer" not in key}
    assert {key: ours[key] for key in shared} == {key: theirs[key] for key in shared}


# What Keras takes and we refuse, always in a sentence (tests/layers/test_refusals.py).
NOT_OURS = {
    "alpha_constraint",
    "beta_constraint",
    "bias_constraint",
    "depthwise_constraint",
    "dtype",
    "gamma_constraint",
    "kernel_constraint",
    "lora_alpha",
    "lora_rank",
    "pointwise_constraint",
    "quantization_config",
    "renorm",
    "renorm_clipping",
    "renorm_momentum",
    "synchronized",
}


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.draw])
def test_arguments_and_defaults(keras, name):
    ours, theirs = arguments(getattr(layers, name)), arguments(getattr(keras.layers, name))
    assert theirs.keys() - ours.keys() <= NOT_OURS | {"name"}
    everywhere = arguments(layers.Layer).keys()  # Keras hides them behind **kwargs
    assert ours.keys() - theirs.keys() <= {"algorithm", "ceil_mode"} | everywhere
    for argument in ours.keys() & theirs.keys():
        if theirs[argument] is not inspect.Parameter.empty:
            assert ours[argument] == theirs[argument], argument


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.draw])
def test_arguments_given_by_position(keras, name):
    """An argument that both know stands at the same place, or Keras code would mean something else here."""
    ours = inspect.signature(getattr(layers, name)).parameters.values()
    ours = [p.name for p in ours if p.kind is p.POSITIONAL_OR_KEYWORD]
    theirs = list(arguments(getattr(keras.layers, name)))
    for argument in set(ours) & set(theirs):
        assert ours.index(argument) == theirs.index(argument), argument


def arguments(cls):
    """Name and default of every argument, also of those that **kwargs passes on to a base class."""
    found = {}
    for base in cls.__mro__:
        inherited = base.__module__.startswith("minicnn") and base.__name__[0] != "_"
        if base is cls or (inherited and "__init__" in vars(base)):
            own = list(inspect.signature(base.__init__).parameters.values())[1:]
            found = {p.name: p.default for p in own if p.kind is not p.VAR_KEYWORD} | found
    return found


WITH_INITIALIZERS = {
    "Conv2D": {"filters": 2, "kernel_size": 3},
    "Conv2DTranspose": {"filters": 2, "kernel_size": 3},
    "Dense": {"units": 2},
    "DepthwiseConv2D": {"kernel_size": 3},
    "SeparableConv2D": {"filters": 2, "kernel_size": 3},
}


@pytest.mark.parametrize("name", WITH_INITIALIZERS)
def test_initializers_in_the_config(keras, name):
    kwargs = WITH_INITIALIZERS[name]
    ours = getattr(layers, name)(**kwargs).get_config()
    theirs = getattr(keras.layers, name)(**kwargs).get_config()
    names = [key for key in theirs if key.endswith("_initializer")]
    assert set(names) <= ours.keys()
    for argument in names:
        assert ours[argument]["class_name"] == theirs[argument]["class_name"]
        assert ours[argument]["config"].items() <= theirs[argument]["config"].items()


@pytest.mark.parametrize("number", range(12))
def test_input(keras, number):
    d = Draw("Input", number)
    kwargs = {"shape": tuple(d.choice(None, d.integer(1, 5)) for _ in range(d.integer(1, 4)))}
    kwargs |= d.some(
        batch_size=d.choice(None, d.integer(1, 3)), dtype=d.choice("float32", "float64"), name="in1"
    )
    ours, theirs = layers.Input(**kwargs), keras.layers.Input(**kwargs)
    assert ours.shape == theirs.shape
    assert str(ours.dtype) == theirs.dtype
    if "name" in kwargs:
        assert ours.name == theirs.name


def test_a_model_that_only_flattens(keras):
    x = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    results = []
    for package in (minicnn, keras):
        start = package.layers.Input((3, 4))
        model = package.Model(start, package.layers.Flatten()(start))
        assert model.output_shape == (None, 12)
        results.append(np.asarray(model.predict(x, verbose=0)))
    np.testing.assert_array_equal(*results)
    assert results[0].dtype == results[1].dtype


def test_ties_go_to_the_first_pixel(keras):
    """Max pooling of equal pixels: the gradient goes where Keras sends it."""
    x = np.ones((1, 4, 5, 1), np.float32)
    x[0, 1:3, 2] = 2
    ours, theirs = layers.MaxPooling2D(2, strides=1), keras.layers.MaxPooling2D(2, strides=1)
    gy = np.random.default_rng(0).normal(size=ours.compute_output_shape(x.shape)).astype(np.float32)
    expected, expected_grads = run_keras(theirs, [], x, gy)
    for _ in backends():
        y, grads = run_minicnn(ours, x, [], gy)
        np.testing.assert_array_equal(y, expected)
        assert_close(grads[0], expected_grads[0], CROSSCHECK)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("noise_shape", [None, (None, 500, 1), (200, 1, None)], ids=str)
def test_dropout_while_training(keras, rate, noise_shape):
    """The masks differ, what they do to the numbers does not."""
    x, gy = np.full((200, 500, 3), 3.0, np.float32), np.full((200, 500, 3), 2.0, np.float32)
    source = Tensor(x, requires_grad=True)
    y = layers.Dropout(rate, noise_shape, seed=1)(source, training=True)
    gx = grad(y, source, Tensor(gy)).numpy()
    expected = np.asarray(keras.layers.Dropout(rate, noise_shape, seed=1)(x, training=True))
    assert_close(np.unique(y.numpy()), np.unique(expected), CROSSCHECK)
    np.testing.assert_array_equal(gx == 0, y.numpy() == 0)  # backward draws the same mask
    assert_close(np.unique(gx), np.unique(expected) * 2 / 3, CROSSCHECK)
    drawn = np.prod([size for size, noise in zip(x.shape, noise_shape or x.shape, strict=True) if noise != 1])
    for result in (y.numpy(), expected):
        assert abs((result == 0).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / drawn)
        for axis in (0, 1, 2):  # where all is dropped or kept together
            together = np.ptp(result, axis=axis).max() == 0
            assert together == (noise_shape is not None and noise_shape[axis] == 1)


IMAGES, CONV, POOL = (2, 6, 7, 4), {"filters": 4, "kernel_size": 3}, {"pool_size": 2}
REFUSED = [
    ("Conv2D", CONV | {"strides": 2, "dilation_rate": 2}, IMAGES),
    ("Conv2D", CONV | {"strides": (1, 2), "dilation_rate": (2, 1)}, IMAGES),
    ("Conv2D", CONV | {"groups": 3}, IMAGES),
    ("Conv2D", CONV | {"groups": 2}, (2, 6, 7, 3)),
    ("Conv2D", CONV | {"groups": 0}, IMAGES),
    ("Conv2D", CONV | {"groups": -1}, IMAGES),
    ("Conv2D", CONV | {"groups": 1.5}, IMAGES),
    ("Conv2D", CONV | {"filters": 0}, IMAGES),
    ("Conv2D", CONV | {"filters": -2}, IMAGES),
    ("Conv2D", CONV | {"filters": 2.5}, IMAGES),
    ("Conv2D", CONV | {"filters": "4"}, IMAGES),
    ("Conv2D", CONV | {"filters": None}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": 0}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": -1}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": (3,)}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": (1, 2, 3)}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": "3"}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": 2.5}, IMAGES),
    ("Conv2D", CONV | {"strides": 0}, IMAGES),
    ("Conv2D", CONV | {"strides": (1, -1)}, IMAGES),
    ("Conv2D", CONV | {"strides": None}, IMAGES),
    ("Conv2D", CONV | {"dilation_rate": 0}, IMAGES),
    ("Conv2D", CONV | {"dilation_rate": -2}, IMAGES),
    ("Conv2D", CONV | {"padding": "full"}, IMAGES),
    ("Conv2D", CONV | {"padding": "causal"}, IMAGES),
    ("Conv2D", CONV | {"padding": None}, IMAGES),
    ("Conv2D", CONV | {"padding": -1}, IMAGES),
    ("Conv2D", CONV | {"data_format": "nhwc"}, IMAGES),
    ("Conv2D", CONV | {"activation": "nope"}, IMAGES),
    ("Conv2D", CONV | {"kernel_initializer": "nope"}, IMAGES),
    ("Conv2D", CONV | {"kernel_initializer": 3}, IMAGES),
    ("Conv2D", CONV | {"name": "a/b"}, IMAGES),
    ("Conv2D", CONV | {"unit": 1}, IMAGES),
    ("Conv2D", CONV | {"dtype": "int32"}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": 7}, IMAGES),
    ("Conv2D", CONV | {"kernel_size": 4, "dilation_rate": 2}, IMAGES),
    ("Conv2D", CONV, (6, 7, 4)),
    ("Conv2D", CONV, (2, 6, 7, 4, 2)),
    ("Conv2D", CONV, (2, 6, 7, 0)),
    ("MaxPooling2D", {"pool_size": 0}, IMAGES),
    ("MaxPooling2D", {"pool_size": (1, 2, 3)}, IMAGES),
    ("MaxPooling2D", {"pool_size": None}, IMAGES),
    ("MaxPooling2D", POOL | {"strides": 0}, IMAGES),
    ("MaxPooling2D", POOL | {"padding": "full"}, IMAGES),
    ("MaxPooling2D", POOL | {"data_format": "nhwc"}, IMAGES),
    ("MaxPooling2D", POOL, (6, 7, 4)),
    ("AveragePooling2D", {"pool_size": -1}, IMAGES),
    ("AveragePooling2D", POOL | {"strides": -1}, IMAGES),
    ("AveragePooling2D", POOL | {"padding": None}, IMAGES),
    ("AveragePooling2D", POOL | {"unit": 1}, IMAGES),
    ("AveragePooling2D", POOL, (2, 6, 7, 4, 1)),
    ("Flatten", {"data_format": "nhwc"}, IMAGES),
    ("Flatten", {}, ()),
    ("Dense", {"units": 0}, (2, 5)),
    ("Dense", {"units": -1}, (2, 5)),
    ("Dense", {"units": 2.5}, (2, 5)),
    ("Dense", {"units": None}, (2, 5)),
    ("Dense", {"units": 3, "activation": 3}, (2, 5)),
    ("Dense", {"units": 3, "unit": 3}, (2, 5)),
    ("Dense", {"units": 3}, (5,)),
    ("Dense", {"units": 3}, ()),
    ("Dropout", {"rate": -0.1}, (2, 5)),
    ("Dropout", {"rate": 1.5}, (2, 5)),
    ("Dropout", {"rate": float("nan")}, (2, 5)),
    ("Dropout", {"rate": None}, (2, 5)),
    ("Dropout", {"rate": 0.5, "seed": "x"}, (2, 5)),
    ("ReLU", {"max_value": -1}, (2, 5)),
    ("ReLU", {"negative_slope": -0.1}, (2, 5)),
    ("ReLU", {"negative_slope": None}, (2, 5)),
    ("ReLU", {"threshold": -1.0}, (2, 5)),
    ("Softmax", {"axis": 2}, (2, 5)),
    ("Softmax", {"axis": -3}, (2, 5)),
    ("Softmax", {"axis": 1.5}, (2, 5)),
    ("Activation", {"activation": "nope"}, (2, 5)),
    ("Activation", {"activation": 3}, (2, 5)),
    ("InputLayer", {"shape": (3, -1)}, None),
    ("InputLayer", {"shape": (3, 2.5)}, None),
    ("InputLayer", {"shape": "abc"}, None),
    ("InputLayer", {"shape": 3}, None),
]


@pytest.mark.parametrize("name, kwargs, shape", REFUSED, ids=lambda value: str(value).replace(" ", ""))
def test_what_keras_refuses_is_refused_in_a_sentence(keras, name, kwargs, shape):
    assert_both_refuse(keras, name, kwargs, shape)


@pytest.mark.parametrize(
    "name, kwargs, first, second",
    [
        ("Conv2D", {"filters": 2, "kernel_size": 1}, (1, 3, 3, 2), (1, 3, 3, 4)),
        ("Conv2DTranspose", {"filters": 2, "kernel_size": 1}, (1, 3, 3, 2), (1, 3, 3, 4)),
        ("DepthwiseConv2D", {"kernel_size": 1}, (1, 3, 3, 2), (1, 3, 3, 4)),
        ("SeparableConv2D", {"filters": 2, "kernel_size": 1}, (1, 3, 3, 2), (1, 3, 3, 4)),
        ("Dense", {"units": 2}, (1, 3), (1, 4)),
    ],
)
def test_a_built_layer_refuses_other_channels(keras, name, kwargs, first, second):
    for package, kind in ((keras.layers, ValueError), (layers, MinicnnError)):
        layer = getattr(package, name)(**kwargs)
        layer(np.zeros(first, np.float32))
        with pytest.raises(kind):
            layer(np.zeros(second, np.float32))


@pytest.mark.parametrize(
    "name, kwargs, shape", [("Conv2D", CONV, (8, 8, None)), ("Dense", {"units": 2}, (None,))]
)
def test_unknown_channels_are_refused(keras, name, kwargs, shape):
    for package, kind in ((keras.layers, Exception), (layers, MinicnnError)):
        with pytest.raises(kind):
            getattr(package, name)(**kwargs)(package.Input(shape))
