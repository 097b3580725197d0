"""Layers with Keras 3's names and arguments."""

from __future__ import annotations

from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .base import Layer
from .conv import Conv2D, Convolution2D
from .conv_transpose import Conv2DTranspose, Convolution2DTranspose
from .core import Dense, Flatten, Input, InputLayer
from .dropout import Dropout, SpatialDropout2D
from .noise import GaussianDropout, GaussianNoise
from .norm import BatchNormalization, GroupNormalization, LayerNormalization
from .pool import (
    AdaptiveAveragePooling2D,
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .registry import LAYERS, allow
from .separable import DepthwiseConv2D, SeparableConv2D, SeparableConvolution2D
from .spatial import Cropping2D, UpSampling2D, ZeroPadding2D

__all__ = [
    "ELU",
    "LAYERS",
    "Activation",
    "AdaptiveAveragePooling2D",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "PReLU",
    "ReLU",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout2D",
    "UpSampling2D",
    "ZeroPadding2D",
    "allow",
]

allow(
    Activation,
    AdaptiveAveragePooling2D,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    ELU,
    Flatten,
    GaussianDropout,
    GaussianNoise,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupNormalization,
    InputLayer,
    LayerNormalization,
    LeakyReLU,
    MaxPooling2D,
    PReLU,
    ReLU,
    SeparableConv2D,
    Softmax,
    SpatialDropout2D,
    UpSampling2D,
    ZeroPadding2D,
)
