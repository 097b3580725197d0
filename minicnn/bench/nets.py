"""The networks of the lab, each described once; every framework builds its own from the description.

A network is a list of parts. Convolutions and poolings that are `same` are padded by (kernel − 1) / 2 on both
sides, with stride 2, too; Keras has no such padding and gets a ZeroPadding2D there, as in its own ResNet50.
Xception is here for its layers only: its poolings follow no ReLU, so that zeros would not do as padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["NETS", "Conv", "Dense", "Drop", "Flat", "GlobalPool", "Net", "Pool", "Residual", "Separable"]


class Conv(NamedTuple):
    """A convolution, then batch normalization if `norm`, then ReLU if `relu`; with a bias if not `norm`."""

    filters: int
    kernel: int
    stride: int = 1
    same: bool = True
    groups: int = 1
    norm: bool = False
    relu: bool = True


class Separable(NamedTuple):
    """ReLU if `before`, a depthwise 3×3 and a 1×1 convolution, batch normalization, ReLU if `after`."""

    filters: int
    before: bool = True
    after: bool = False


class Pool(NamedTuple):
    """Max pooling."""

    size: int
    stride: int
    same: bool = False


class Residual(NamedTuple):
    """The sum of `main` and `shortcut` (nothing: the input itself), then ReLU if `relu`."""

    main: tuple[Any, ...]
    shortcut: tuple[Any, ...]
    relu: bool = True


class Dense(NamedTuple):
    """A dense layer with bias."""

    units: int
    relu: bool = True


class Drop(NamedTuple):
    """Dropout."""

    rate: float


class Flat(NamedTuple):
    """An image as a row."""


class GlobalPool(NamedTuple):
    """The mean of every channel."""


@dataclass(frozen=True)
class Net:
    """A network that classifies: images (h, w, c), parts (behind the last comes softmax), usual batch."""

    title: str
    image: tuple[int, int, int]
    parts: tuple[Any, ...]
    batch: int
    parameters: int
    """How many there must be, moving statistics among them; every framework is checked."""

    @property
    def classes(self) -> int:
        """Units of the last layer."""
        return self.parts[-1].units


def _vgg(*blocks: tuple[int, int]) -> list[Any]:
    """Blocks of 3×3 convolutions, (filters, how many), each with a pooling behind it."""
    parts: list[Any] = []
    for filters, count in blocks:
        parts += [Conv(filters, 3)] * count + [Pool(2, 2)]
    return parts


def _bottleneck(filters: int, stride: int, project: bool) -> Residual:
    """1×1, 3×3, 1×1 with four times the filters; the stride at the 3×3, as everybody has it since 2016."""
    main = (
        Conv(filters, 1, norm=True),
        Conv(filters, 3, stride, norm=True),
        Conv(4 * filters, 1, norm=True, relu=False),
    )
    shortcut = (Conv(4 * filters, 1, stride, norm=True, relu=False),) if project else ()
    return Residual(main, shortcut)


def _resnet50() -> list[Any]:
    parts: list[Any] = [Conv(64, 7, 2, norm=True), Pool(3, 2, same=True)]
    for filters, count in ((64, 3), (128, 4), (256, 6), (512, 3)):
        stride = 1 if filters == 64 else 2
        parts += [_bottleneck(filters, stride if i == 0 else 1, project=i == 0) for i in range(count)]
    return [*parts, GlobalPool(), Dense(1000)]


def _xception_block(first: int, second: int, before: bool = True) -> Residual:
    """Two separable convolutions and a pooling beside a 1×1 convolution with stride 2."""
    main = (Separable(first, before=before), Separable(second), Pool(3, 2, same=True))
    return Residual(main, (Conv(second, 1, 2, norm=True, relu=False),), relu=False)


def _xception() -> list[Any]:
    parts: list[Any] = [Conv(32, 3, 2, same=False, norm=True), Conv(64, 3, same=False, norm=True)]
    parts += [_xception_block(128, 128, before=False), _xception_block(256, 256), _xception_block(728, 728)]
    parts += [Residual((Separable(728),) * 3, (), relu=False)] * 8 + [_xception_block(728, 1024)]
    parts += [Separable(1536, before=False, after=True), Separable(2048, before=False, after=True)]
    return [*parts, GlobalPool(), Dense(1000)]


def _alexnet() -> list[Any]:
    convolutions: list[Any] = [Conv(96, 11, 4, same=False), Pool(3, 2), Conv(256, 5, groups=2), Pool(3, 2)]
    convolutions += [Conv(384, 3), Conv(384, 3, groups=2), Conv(256, 3, groups=2), Pool(3, 2)]
    return [*convolutions, Flat(), Dense(4096), Drop(0.5), Dense(4096), Drop(0.5), Dense(1000)]


_MNIST = [Conv(32, 3, same=False), Pool(2, 2), Conv(64, 3, same=False), Pool(2, 2), Conv(64, 3, same=False)]
_DEEP = [
    Conv(64, 7),
    Pool(2, 2),
    *_vgg((128, 2), (256, 2)),
    Flat(),
    Dense(128),
    Drop(0.5),
    Dense(64),
    Drop(0.5),
]
_SMALL = (32, 2), (64, 2), (128, 2)
_VGG16 = (64, 2), (128, 2), (256, 3), (512, 3), (512, 3)
_TOP = [Flat(), Dense(4096), Dense(4096), Dense(1000)]

NETS: dict[str, Net] = {
    "mnist": Net("the notes' MNIST CNN", (28, 28, 1), (*_MNIST, Flat(), Dense(64), Dense(10)), 64, 93_322),
    "deep": Net("the notes' deep 28×28 CNN", (28, 28, 1), (*_DEEP, Dense(10)), 32, 1_413_834),
    "cifar": Net("a VGG-style CIFAR net", (32, 32, 3), (*_vgg(*_SMALL), Flat(), Dense(10)), 64, 307_498),
    "alexnet": Net("AlexNet (2012), two groups", (227, 227, 3), tuple(_alexnet()), 16, 60_965_224),
    "vgg16": Net("VGG16 (2014)", (224, 224, 3), (*_vgg(*_VGG16), *_TOP), 4, 138_357_544),
    "resnet50": Net("a ResNet-50-shaped net (2015)", (224, 224, 3), tuple(_resnet50()), 8, 25_610_152),
    "xception": Net("Xception (2016)", (299, 299, 3), tuple(_xception()), 4, 22_910_480),
}
"""By the name that the command line takes."""
