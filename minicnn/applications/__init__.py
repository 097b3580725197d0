"""Known architectures, and the layer-pattern grammar that describes many of them."""

from __future__ import annotations

from .pattern import Pattern, fold, parse
from .patterned import build, pattern_layers, recognise
from .vgg import VGG16

__all__ = ["VGG16", "Pattern", "build", "fold", "parse", "pattern_layers", "recognise"]
