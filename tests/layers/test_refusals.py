"""Each layer's own examples of what it refuses, with the whole sentence."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import layers
from minicnn.errors import MinicnnError

CONSTRAINT = "Weight constraints are not supported; change the weights after a step instead."
CHANNELS_LAST = (
    "data_format. Expected 'channels_last', got 'channels_first'. "
    "Convert with x.transpose(0, 2, 3, 1): kernels here read channels from adjacent memory."
)
PADDINGS = '"valid", "same", an integer, (rows, columns) or ((top, bottom), (left, right))'
PAIR = "is not an integer or a pair of integers. Expected integers of at least 1, got"
NO_SHAPE = "wrong shape. Expected a tuple of positive integers (or None), without the batch axis, got"
SIDES = "is not understood. Expected an integer, (rows, columns) or ((top, bottom), (left, right)), got"
IMAGES = (2, 6, 7, 4)

CONSTRUCTORS = [
    ("Conv2D", {"kernel_constraint": "max_norm"}, f"it takes no argument 'kernel_constraint'. {CONSTRAINT}"),
    ("Conv2D", {"bias_constraint": None}, f"it takes no argument 'bias_constraint'. {CONSTRAINT}"),
    ("Dense", {"kernel_constraint": "non_neg"}, f"it takes no argument 'kernel_constraint'. {CONSTRAINT}"),
    ("Conv2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("MaxPooling2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("AveragePooling2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("Flatten", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("Conv2DTranspose", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("DepthwiseConv2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("GlobalMaxPooling2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("UpSampling2D", {"data_format": "channels_first"}, CHANNELS_LAST),
    ("SeparableConv2D", {"depth_multiplier": 0}, "depth_multiplier. Expected a positive integer, got 0."),
    (
        "DepthwiseConv2D",
        {"depthwise_constraint": "max_norm"},
        f"it takes no argument 'depthwise_constraint'. {CONSTRAINT}",
    ),
    (
        "Conv2DTranspose",
        {"strides": 2, "dilation_rate": 2},
        "strides and dilation exclude each other. Got strides=(2, 2), dilation_rate=(2, 2). "
        "Keras knows no such layer; minicnn.functions.conv2d_transpose computes it.",
    ),
    (
        "Conv2DTranspose",
        {"output_padding": 1},
        "output_padding is too large. Expected less than the strides (1, 1), got (1, 1).",
    ),
    (
        "Conv2DTranspose",
        {"padding": 1},
        'the padding is not a word. Expected "valid" or "same", got ((1, 1), (1, 1)).',
    ),
    ("ZeroPadding2D", {"padding": "same"}, f"padding {SIDES} 'same'."),
    ("Cropping2D", {"cropping": -1}, f"cropping (top, bottom) {PAIR.replace('1', '0')} -1."),
    (
        "UpSampling2D",
        {"interpolation": "bicubic"},
        "interpolation. Expected 'nearest' or 'bilinear', got 'bicubic'.",
    ),
    ("AdaptiveAveragePooling2D", {"output_size": (0, 1)}, f"output_size {PAIR} (0, 1)."),
    (
        "Dense",
        {"data_format": "channels_last"},
        "it takes no argument 'data_format'. Images are channels-last here: (n, h, w, c).",
    ),
    (
        "Conv2D",
        {"strides": 2, "dilation_rate": 2},
        "strides and dilation exclude each other. Got strides=(2, 2), dilation_rate=(2, 2). "
        "Keras knows no such layer; minicnn.functions.conv2d computes it.",
    ),
    ("Conv2D", {"groups": 3}, "filters and groups. Expected a multiple of the 3 groups, got 4."),
    ("Conv2D", {"groups": 0}, "groups. Expected a positive integer, got 0."),
    ("Conv2D", {"filters": -4}, "filters. Expected a positive integer, got -4."),
    ("Conv2D", {"filters": True}, "filters. Expected a positive integer, got True."),
    ("Conv2D", {"filters": 4.0}, "filters. Expected a positive integer, got 4.0."),
    ("Conv2D", {"kernel_size": (3, 0)}, f"kernel_size {PAIR} (3, 0)."),
    ("Conv2D", {"strides": -1}, f"strides {PAIR} -1."),
    ("Conv2D", {"dilation_rate": "2"}, f"dilation_rate {PAIR} '2'."),
    ("Conv2D", {"padding": "full"}, f"the padding is not understood. Expected {PADDINGS}, got 'full'."),
    ("MaxPooling2D", {"pool_size": 0}, f"pool_size {PAIR} 0."),
    ("AveragePooling2D", {"strides": (2,)}, f"strides {PAIR} (2,)."),
    ("Dense", {"units": 0}, "units. Expected a positive integer, got 0."),
    ("ReLU", {"max_value": -1}, "max_value. Expected a number of at least 0, got -1."),
    ("ReLU", {"negative_slope": None}, "negative_slope. Expected a number of at least 0, got None."),
    ("ReLU", {"threshold": float("nan")}, "threshold. Expected a number of at least 0, got nan."),
    ("Softmax", {"axis": (0, 1)}, "axis. Expected an integer, got (0, 1)."),
    ("InputLayer", {"shape": (3, -1)}, f"{NO_SHAPE} (3, -1)."),
    ("InputLayer", {"shape": 3}, f"{NO_SHAPE} 3."),
    ("InputLayer", {"batch_size": 0}, "batch_size. Expected a positive integer or None, got 0."),
]
REQUIRED = {
    "AdaptiveAveragePooling2D": {"output_size": 2},
    "Conv2DTranspose": {"filters": 4, "kernel_size": 3},
    "DepthwiseConv2D": {"kernel_size": 3},
    "SeparableConv2D": {"filters": 4, "kernel_size": 3},
    "Conv2D": {"filters": 4, "kernel_size": 3},
    "Dense": {"units": 2},
    "Dropout": {"rate": 0.5},
    "Activation": {"activation": "relu"},
    "InputLayer": {"shape": (2,)},
}


def named(cases):
    """Cases whose ids are the layer and what it is given, without the sentence."""
    return [pytest.param(*case, id=" ".join(map(str, case[:-1]))) for case in cases]


@pytest.mark.parametrize("name, kwargs, text", named(CONSTRUCTORS))
def test_constructors(name, kwargs, text):
    with pytest.raises(MinicnnError) as caught:
        getattr(layers, name)(**REQUIRED.get(name, {}) | kwargs, name="one")
    assert str(caught.value) == f"{name} 'one': {text}"


TOO_LARGE = "the kernel is larger than the padded input. Expected kernel"
ROOM = (
    "height at most 6 (input 6 + padding 0 + 0)",
    "width at most 7 (input 7 + padding 0 + 0)",
)
USE = 'Use a smaller kernel, a larger input or padding="same".'
NOT_IMAGES = (
    "the input is not a batch of images. Expected (n, h, w, c), got shape (6, 7, 4). "
    "Add the missing axis, for example x[..., None] for grey images or x[None] for one image."
)
CALLS = [
    *(
        (name, {}, (6, 7, 4), NOT_IMAGES)
        for name in ("MaxPooling2D", "GlobalAveragePooling2D", "AdaptiveAveragePooling2D", "ZeroPadding2D")
    ),
    (
        "Cropping2D",
        {"cropping": (1, 4)},
        IMAGES,
        "nothing is left of the images. Expected less than the width 7, got 4 + 4.",
    ),
    (
        "Conv2DTranspose",
        {"kernel_size": 4, "padding": "same", "output_padding": 0},
        (1, 1, 5, 2),
        "the output is empty. Expected at least 1, got height 0. Use a larger output_padding, or None.",
    ),
    (
        "Conv2D",
        {},
        (6, 7, 4),
        "the input is not a batch of images. Expected (n, h, w, c) with a known c, got (6, 7, 4). "
        "Grey images need a channel axis: x[..., None].",
    ),
    (
        "Conv2D",
        {"kernel_size": 7},
        IMAGES,
        f"{TOO_LARGE} {ROOM[0]}, got 7: ⌊(6 + 0 + 0 − 7) / 1⌋ + 1 = 0. {USE}",
    ),
    (
        "Conv2D",
        {"kernel_size": (1, 4), "dilation_rate": 3},
        IMAGES,
        f"{TOO_LARGE} {ROOM[1]}, got 4 (dilated by 3: 10): ⌊(7 + 0 + 0 − 10) / 1⌋ + 1 = -2. {USE}",
    ),
    (
        "Conv2D",
        {"groups": 2},
        (2, 6, 7, 3),
        "the groups do not divide evenly. Expected a divisor of the 3 channels and the 4 filters, got 2.",
    ),
    (
        "AveragePooling2D",
        {"pool_size": 8},
        IMAGES,
        f"{TOO_LARGE} {ROOM[0]}, got 8: ⌊(6 + 0 + 0 − 8) / 8⌋ + 1 = 0. {USE}",
    ),
    (
        "Dense",
        {},
        (5,),
        "unusable input. Expected (…, in) with a batch axis and a known last size, got (5,). "
        "Put a Flatten in front, or give the model a fixed image size.",
    ),
    (
        "Softmax",
        {"axis": 2},
        (2, 5),
        "there is no such axis. Expected an axis of its 2-dimensional input, got 2.",
    ),
    ("Flatten", {}, (), "the input has no batch axis. Got ()."),
]


@pytest.mark.parametrize("name, kwargs, shape, text", named(CALLS))
def test_calls(name, kwargs, shape, text):
    with pytest.raises(MinicnnError) as caught:
        getattr(layers, name)(**REQUIRED.get(name, {}) | kwargs, name="one")(np.zeros(shape))
    assert str(caught.value) == f"{name} 'one': {text}"


@pytest.mark.parametrize("name, kwargs, shape, text", named(CALLS))
def test_shapes_are_refused_without_data(name, kwargs, shape, text):
    """compute_output_shape knows what call would say, so a graph fails where it is written."""
    with pytest.raises(MinicnnError, match=rf"^{name} 'one': {text[:22]}"):
        getattr(layers, name)(**REQUIRED.get(name, {}) | kwargs, name="one").compute_output_shape(shape)


@pytest.mark.parametrize(
    "name, first, second, text",
    [
        (
            "Conv2D",
            IMAGES,
            (2, 6, 7, 3),
            "wrong number of channels. Expected 4 channels (4 per filter · 1 groups), got 3. "
            "Images are channels-last here: (n, h, w, c).",
        ),
        *(
            (
                name,
                IMAGES,
                (2, 6, 7, 3),
                "wrong number of channels. Expected 4, got 3. Images are channels-last here: (n, h, w, c).",
            )
            for name in ("Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D")
        ),
        (
            "Dense",
            (2, 5),
            (2, 6),
            "the last axis does not fit the weights. Expected 5 inputs for w (5, 2), got 6.",
        ),
    ],
)
def test_a_built_layer_keeps_its_channels(name, first, second, text):
    layer = getattr(layers, name)(**REQUIRED[name], name="one")
    layer(np.zeros(first))
    for use in (layer, lambda x: layer(layers.Input(x.shape[1:]))):
        with pytest.raises(MinicnnError) as caught:
            use(np.zeros(second))
        assert str(caught.value) == f"{name} 'one': {text}"


@pytest.mark.parametrize("name", ["Conv2D", "Dense"])
@pytest.mark.parametrize("argument", ["activation", "kernel_initializer", "bias_initializer"])
@pytest.mark.parametrize("value", ["nope", 3, {"class_name": "nope"}])
def test_unknown_names(name, argument, value):
    with pytest.raises(
        MinicnnError, match=rf"^{argument.split('_')[-1]}: it is not known\. Expected one of "
    ):
        getattr(layers, name)(**REQUIRED[name] | {argument: value})


def test_a_function_of_the_users_own_cannot_be_written():
    layer = layers.Dense(2, activation=lambda x: x * 2, name="one")
    with pytest.raises(MinicnnError) as caught:
        layer.get_config()
    assert str(caught.value) == (
        "Dense 'one': its activation cannot be written to a file. Got <lambda>. "
        "Put it into a Layer of your own with a get_config."
    )


def test_set_weights():
    layer = layers.Dense(2, name="one")
    layer.build_for((1, 3))
    with pytest.raises(MinicnnError) as caught:
        layer.set_weights([np.zeros((3, 2))])
    assert str(caught.value) == "set_weights of Dense 'one': wrong number of arrays. Expected 2, got 1."
    with pytest.raises(MinicnnError) as caught:
        layer.set_weights([np.zeros((3, 2)), np.zeros(3)])
    assert str(caught.value) == (
        "set_weights of Dense 'one': the array for 'one/bias' has another shape. Expected (2,), got (3,)."
    )
