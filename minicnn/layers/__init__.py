"""Layers with Keras 3's names and arguments."""

from __future__ import annotations

from .activation import Activation, ReLU, Softmax
from .base import Layer
from .conv import Conv2D
from .core import Dense, Flatten, Input, InputLayer
from .dropout import Dropout
from .pool import AveragePooling2D, MaxPooling2D
from .registry import LAYERS, allow

__all__ = [
    "LAYERS",
    "Activation",
    "AveragePooling2D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPooling2D",
    "ReLU",
    "Softmax",
    "allow",
]

allow(
    Activation,
    AveragePooling2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    InputLayer,
    MaxPooling2D,
    ReLU,
    Softmax,
)
