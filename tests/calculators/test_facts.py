"""Counts and receptive fields: the published numbers, plain loops, and gradients of real networks."""

from __future__ import annotations

import random

import numpy as np
import pytest

from minicnn import Model, Sequential, Tensor, layers
from minicnn import calculators as calc
from minicnn.applications import VGG16
from minicnn.errors import ArgumentError


@pytest.fixture(scope="module")
def vgg():
    with calc.without_memory():
        return VGG16()


def test_the_notes_parameters():
    image = (227, 227, 3)
    assert int(calc.conv_parameters(image, 96, 11, 4)) == 34_944
    assert int(calc.conv_parameters(image, 96, 11, 4, use_bias=False)) == 34_848
    assert int(calc.conv_parameters(image, 96, 11, 4, shared=False)) == 105_705_600
    assert int(calc.dense_parameters(4096, 1000)) == 4_097_000


def test_stacks_of_small_kernels():
    small, large = calc.stack([3, 3, 3], channels=10), calc.stack([7], channels=10)
    assert (small.receptive_field, small.weights) == (7, 2700)
    assert (large.receptive_field, large.weights) == (7, 4900)


def test_parameters_are_those_of_real_layers():
    rng = random.Random(0)
    for _ in range(50):
        groups = rng.choice([1, 2])
        h, w, c, f = (
            rng.randint(7, 12),
            rng.randint(7, 12),
            groups * rng.randint(1, 4),
            groups * rng.randint(1, 4),
        )
        window = {"kernel_size": (rng.randint(1, 5), rng.randint(1, 5)), "strides": rng.randint(1, 3)}
        window |= {"padding": rng.choice(["valid", "same"]), "groups": groups, "use_bias": rng.random() < 0.5}
        layer = layers.Conv2D(f, **window)
        _, oh, ow, _ = layer(layers.Input((h, w, c))).shape
        count = calc.conv_parameters((h, w, c), f, **window)
        assert int(count) == layer.count_params()
        assert (
            int(calc.conv_parameters((h, w, c), f, **window, shared=False)) == oh * ow * layer.count_params()
        )


def test_vgg16(vgg):
    facts = calc.layer_facts(vgg)
    fields = [one.receptive_field[0] for one in facts if one.kind in ("Conv2D", "MaxPooling2D")]
    assert fields == [3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212]
    last = next(one for one in facts if one.name == "block5_pool")
    assert (last.jump, last.start) == ((32, 32), (16, 16))
    found = calc.totals(facts)
    assert found.params == 138_357_544
    assert found.macs == 15_470_264_320 and found.flops == 2 * found.macs
    assert sum(one.params for one in facts[:19]) == VGG16_BASE


VGG16_BASE = 14_714_688


def macs_by_counting(x_shape, w_shape, stride, transposed):
    """Multiplications of the plain loops; a transposed convolution writes one kernel for each input pixel."""
    h, w = x_shape
    kh, kw, a, b = w_shape
    if transposed:
        return sum(kh * kw * a * b for _ in range(h) for _ in range(w))
    return sum(kh * kw * a * b for i in range(0, h - kh + 1, stride) for j in range(0, w - kw + 1, stride))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_macs(stride):
    x = layers.Input((11, 9, 4))
    conv, back = layers.Conv2D(6, 3, stride), layers.Conv2DTranspose(5, 3, stride)
    facts = {one.kind: one for one in calc.layer_facts(Model(x, [conv(x), back(x)]))}
    assert facts["Conv2D"].macs == macs_by_counting((11, 9), (3, 3, 4, 6), stride, transposed=False)
    assert facts["Conv2DTranspose"].macs == macs_by_counting((11, 9), (3, 3, 5, 4), stride, transposed=True)


def test_macs_of_the_other_layers():
    x = layers.Input((8, 8, 6))
    outputs = [
        layers.DepthwiseConv2D(3, depth_multiplier=2)(x),
        layers.SeparableConv2D(5, 3)(x),
        layers.Dense(7)(x),
        layers.MaxPooling2D()(x),
        layers.Conv2D(4, 3, groups=2)(x),
    ]
    macs = [one.macs for one in calc.layer_facts(Model(x, outputs))]
    assert macs == [0, 36 * 9 * 12, 36 * 9 * 6 + 36 * 6 * 5, 64 * 6 * 7, 0, 36 * 9 * 3 * 4]
    a, b = layers.Input((4, 6)), layers.Input((6, 5))
    assert [one.macs for one in calc.layer_facts(Model([a, b], layers.Dot((2, 1))([a, b])))] == [
        0,
        0,
        4 * 5 * 6,
    ]


def test_open_sizes_and_foreign_layers_are_not_guessed():
    class Own(layers.Layer):
        def call(self, x):
            return x * 2

    x = layers.Input((None, 28, 3))
    model = Model(x, Own()(layers.Conv2D(4, 3)(x)))
    conv, own = calc.layer_facts(model)[1:]
    assert (conv.macs, conv.values, conv.activation_bytes) == (None, None, None)
    assert conv.receptive_field == (3, 3)
    assert (own.macs, own.receptive_field, own.jump, own.start, own.smallest_field) == (None,) * 5
    assert calc.totals([conv, own]).macs is None and calc.totals([conv, own]).flops is None


def test_shared_layers_are_counted_once_and_nested_models_followed():
    inner = Sequential([layers.Input((16, 16, 3)), layers.Conv2D(3, 3, padding="same"), layers.ReLU()])
    x = layers.Input((16, 16, 3))
    y = layers.MaxPooling2D()(inner(inner(x)))
    facts = calc.layer_facts(Model(x, y))
    assert [one.params for one in facts] == [0, 84, 0, 0]
    assert [one.macs for one in facts] == [0, 256 * 81, 256 * 81, 0]
    assert [one.receptive_field for one in facts] == [(1, 1), (3, 3), (5, 5), (6, 6)]


def test_branches_have_a_smallest_and_a_largest_field():
    x = layers.Input((16, 16, 3))
    wide = layers.Conv2D(4, 5, padding="same")(x)
    narrow = layers.Conv2D(4, 1)(x)
    facts = calc.layer_facts(Model(x, layers.Concatenate()([narrow, wide])))[-1]
    assert (facts.smallest_field, facts.receptive_field, facts.start) == ((1, 1), (5, 5), (0.5, 0.5))
    shortcut = layers.Conv2D(3, 3, padding="same")(x) + x
    facts = calc.layer_facts(Model(x, shortcut))[-1]
    assert (facts.smallest_field, facts.receptive_field) == ((1, 1), (3, 3))


KINDS = {
    "conv": lambda k, s: layers.Conv2D(1, k, dilation_rate=s),
    "pool": lambda k, s: layers.AveragePooling2D(k, s),
    "depthwise": lambda k, s: layers.DepthwiseConv2D(k, s),
    "transposed": lambda k, s: layers.Conv2DTranspose(1, k, s),
    "nearest": lambda k, s: layers.UpSampling2D(2),
    "bilinear": lambda k, s: layers.UpSampling2D(2, interpolation="bilinear"),
    "crop": lambda k, s: layers.Cropping2D(((1, 0), (0, 1))),
}


def random_net(rng: random.Random, size: int):
    """A random stack without padding, so that no view ends at the border."""
    kinds = rng.choices(list(KINDS), k=rng.randint(1, 4))
    stack = [KINDS[kind](rng.randint(1, 4), rng.randint(1, 2)) for kind in kinds]
    return Sequential([layers.Input((size, size, 1)), *stack])


def test_receptive_fields_are_what_gradients_reach():
    """All weights 1: the gradient of one value reaches just the pixels that it sees."""
    rng, exact, close = random.Random(3), 0, 0
    for _ in range(100):
        model = random_net(rng, 40)
        for weight in model.weights:
            weight.assign(np.ones(weight.shape, "float32") if "bias" not in weight.path else weight.numpy())
        x = Tensor(np.ones((1, 40, 40, 1), "float32"), requires_grad=True)
        y = model(x)
        at = y.shape[1] // 2
        facts = calc.layer_facts(model)[-1]
        extents = []
        for step in range(4):  # behind an upsampling neighbours see different numbers of pixels
            gy = np.zeros(y.shape, "float32")
            gy[0, at + step, at, 0] = 1
            x.grad = None
            y.backward(Tensor(gy), retain_graph=True)
            rows = np.flatnonzero(x.grad.numpy().any(axis=(0, 2, 3)))
            if not len(rows):  # between the windows that a transposed convolution writes
                continue
            extents.append(rows[-1] - rows[0] + 1)
            middle = (rows[0] + rows[-1] + 1) / 2
            assert abs(facts.start[0] + (at + step) * facts.jump[0] - middle) <= 1.5
        if not extents:
            continue
        enlarging = sum(isinstance(x, layers.UpSampling2D | layers.Conv2DTranspose) for x in model.layers)
        # Behind one, values see different numbers: the calculator gives a bound for the most.
        if enlarging:
            assert max(extents) <= facts.receptive_field[0]
            close += facts.receptive_field[0] == max(extents)
        else:
            assert max(extents) == facts.receptive_field[0]
            exact += 1
    assert exact > 15 and close > 30


def test_a_model_without_a_graph_is_refused():
    class Own(Model):
        def call(self, x):
            return x

    with pytest.raises(ArgumentError, match=r"the graph of the model is not known\. Got Own\."):
        calc.layer_facts(Own())
    with pytest.raises(ArgumentError, match="its input shape is not known yet"):
        calc.layer_facts(Sequential([layers.Dense(3)]))


def test_counting_takes_no_memory(vgg):
    assert all(not weight.numpy().any() for weight in vgg.layers[0].weights)
    with calc.without_memory():
        layer = layers.Dense(10_000)
        layer(layers.Input((25_000,)))  # 1 GB, were it written
    assert layer.count_params() == 25_001 * 10_000
