"""What Keras refuses of the layers for images, their shorter names, and how their weights start."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn import layers, utils
from tests.crosscheck.reference import MARKS, assert_both_refuse

pytestmark = MARKS

IMAGES, CONV = (2, 6, 7, 4), {"filters": 4, "kernel_size": 3}
REFUSED = [
    ("DepthwiseConv2D", {"kernel_size": 3} | wrong, shape)
    for wrong, shape in [
        ({"depth_multiplier": 0}, IMAGES),
        ({"depth_multiplier": 2.5}, IMAGES),
        ({"depth_multiplier": "2"}, IMAGES),
        ({"depth_multiplier": None}, IMAGES),
        ({"padding": "full"}, IMAGES),
        ({"kernel_size": 7}, IMAGES),
        ({"kernel_size": 0}, IMAGES),
        ({"strides": (1, -1)}, IMAGES),
        ({"groups": 2}, IMAGES),
        ({"data_format": "nhwc"}, IMAGES),
        ({}, (6, 7, 4)),
        ({}, (2, 6, 7, 4, 2)),
    ]
]
REFUSED += [("SeparableConv2D", {"filters": 4} | kwargs, shape) for _, kwargs, shape in REFUSED]
REFUSED += [
    ("SeparableConv2D", CONV | {"filters": 0}, IMAGES),
    ("SeparableConv2D", CONV | {"filters": None}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": 2, "dilation_rate": 2}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": (1, 2), "dilation_rate": (2, 1)}, IMAGES),
    ("Conv2DTranspose", CONV | {"groups": 2}, IMAGES),
    ("Conv2DTranspose", CONV | {"output_padding": 1}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": (2, 3), "output_padding": 2}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": 2, "output_padding": -1}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": 2, "output_padding": (1,)}, IMAGES),
    ("Conv2DTranspose", CONV | {"strides": 2, "output_padding": "a"}, IMAGES),
    ("Conv2DTranspose", CONV | {"padding": "full"}, IMAGES),
    ("Conv2DTranspose", CONV | {"padding": 1}, IMAGES),
    ("Conv2DTranspose", CONV | {"padding": ((1, 1), (1, 1))}, IMAGES),
    ("Conv2DTranspose", CONV | {"kernel_size": 0}, IMAGES),
    ("Conv2DTranspose", CONV | {"filters": 0}, IMAGES),
    ("Conv2DTranspose", CONV | {"filters": 2.5}, IMAGES),
    ("Conv2DTranspose", CONV, (6, 7, 4)),
    ("Conv2DTranspose", CONV, (2, 6, 7, 4, 2)),
    ("GlobalMaxPooling2D", {}, (6, 7, 4)),
    ("GlobalMaxPooling2D", {}, (2, 0, 7, 4)),
    ("GlobalMaxPooling2D", {"data_format": "nhwc"}, IMAGES),
    ("GlobalAveragePooling2D", {}, (2, 6, 7, 4, 1)),
    ("GlobalAveragePooling2D", {"data_format": "nhwc"}, IMAGES),
    *(
        ("AdaptiveAveragePooling2D", {"output_size": n}, IMAGES)
        for n in (0, -1, (3,), (1, 2, 3), None, 2.5, "3")
    ),
    ("AdaptiveAveragePooling2D", {"output_size": (None, 2)}, IMAGES),
    ("AdaptiveAveragePooling2D", {"output_size": 3, "data_format": "nhwc"}, IMAGES),
    *(("ZeroPadding2D", {"padding": n}, IMAGES) for n in (-1, (1, -1), (1,), (1, 2, 3), None, "same", 1.5)),
    ("ZeroPadding2D", {"padding": ((1, 2, 3), (1, 2))}, IMAGES),
    ("ZeroPadding2D", {}, (6, 7, 4)),
    *(
        ("Cropping2D", {"cropping": n}, IMAGES)
        for n in (-1, (1, -1), (1,), None, "same", 1.5, 3, (3, (1, 2)))
    ),
    ("Cropping2D", {"cropping": ((6, 0), (0, 0))}, IMAGES),
    ("Cropping2D", {}, (6, 7, 4)),
    *(("UpSampling2D", {"size": n}, IMAGES) for n in (0, -1, (1,), 2.5, None)),
    *(("UpSampling2D", {"interpolation": word}, IMAGES) for word in ("area", "nope", None)),
    ("UpSampling2D", {}, (6, 7, 4)),
]


@pytest.mark.parametrize("name, kwargs, shape", REFUSED, ids=lambda value: str(value).replace(" ", ""))
def test_what_keras_refuses_is_refused_in_a_sentence(keras, name, kwargs, shape):
    assert_both_refuse(keras, name, kwargs, shape)


SHORTER = {
    "AvgPool2D": "AveragePooling2D",
    "Convolution2D": "Conv2D",
    "Convolution2DTranspose": "Conv2DTranspose",
    "GlobalAvgPool2D": "GlobalAveragePooling2D",
    "GlobalMaxPool2D": "GlobalMaxPooling2D",
    "MaxPool2D": "MaxPooling2D",
    "SeparableConvolution2D": "SeparableConv2D",
}


@pytest.mark.parametrize("short, name", SHORTER.items())
def test_second_names(keras, short, name):
    for package in (keras.layers, layers):
        assert getattr(package, short) is getattr(package, name)


@pytest.mark.parametrize(
    "name, kwargs",
    [
        ("Conv2DTranspose", {"filters": 24, "kernel_size": 5}),
        ("DepthwiseConv2D", {"kernel_size": 7, "depth_multiplier": 8}),
        ("SeparableConv2D", {"filters": 48, "kernel_size": 7, "depth_multiplier": 4}),
    ],
)
def test_weights_start_in_the_same_range(keras, name, kwargs):
    """Glorot's limit follows from the shape, in which these kernels order their axes differently."""
    utils.set_random_seed(0)
    keras.utils.set_random_seed(0)
    found = []
    for package in (layers, keras.layers):
        layer = getattr(package, name)(**kwargs)
        layer(np.zeros((1, 9, 9, 16), np.float32))
        found.append([np.abs(w).max() for w in layer.get_weights()])
    np.testing.assert_allclose(*found, rtol=0.02)
