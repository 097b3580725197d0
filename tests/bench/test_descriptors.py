"""Problem descriptors: worked examples, the round trip for any problem, what is refused; the layer sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import applications, calculators
from minicnn.bench.descriptors import describe, parse
from minicnn.bench.layer_sets import layer_set
from minicnn.bench.nets import NETS
from minicnn.bench.problem import Problem
from minicnn.errors import ArgumentError, MinicnnError, ShapeError
from minicnn.geometry import output_size


def test_a_worked_example():
    layer = parse("mb64ic32ih13oc64oh11kh3sh1ph0")
    assert layer == Problem.of(64, (13, 13), 32, 64, (3, 3))
    assert (layer.x_shape, layer.w_shape, layer.y_shape) == (
        (64, 13, 13, 32),
        (3, 3, 32, 64),
        (64, 11, 11, 64),
    )
    assert layer.macs == 64 * 11 * 11 * 3 * 3 * 32 * 64 and layer.flops == 2 * layer.macs
    assert layer.nbytes() == 4 * (64 * 13 * 13 * 32 + 3 * 3 * 32 * 64 + 64 * 11 * 11 * 64)
    assert layer.intensity() == layer.flops / layer.nbytes()
    assert describe(layer) == "mb64ic32ih13oc64oh11kh3sh1ph0"


def test_defaults_are_those_of_benchdnn():
    assert parse("ic3ih5oc4kh3").x_shape == (2, 5, 5, 3)  # a batch of 2, no padding
    assert parse("ic3ih5oc4kh3").out_hw == (3, 3)
    assert parse("ic3ih5oc4kh3oh5").g.pad == ((1, 1), (1, 1))  # padding follows from oh
    assert parse("ic3ih4oc4kh2oh4").g.pad == ((0, 1), (0, 1))  # an odd pixel goes to the end
    assert parse("ic3ih5oc4kh3dh1ph2").g.dilation == (2, 2)  # dh counts the pixels between taps
    assert parse("ic3ih224oc64oh112kh7sh2ph3").g.pad == ((3, 2), (3, 2))  # the end gets what is needed
    assert parse("ic3ih56oc8oh28kh1sh2ph0").g.pad == ((0, 0), (0, 0))  # pixels that no window reads
    assert parse("g4_mb1_ic8ih6_oc8oh4_kh3").w_shape == (3, 3, 2, 8)
    assert parse('ic1ih4oc2kh3n"two words"').name == "two words"
    assert parse("ic1ih4oc2kh3nresnet:conv1").name == "resnet:conv1"
    wide = parse("ic1ih4iw9oc2kh3kw1")
    assert (wide.kernel_hw, wide.out_hw) == ((3, 1), (2, 9))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it lacks ic, the input channels"),
        ("ic3", "it lacks oc"),
        ("ic3oc4kh3", "it lacks ih, the height of the input"),
        ("ic3oc4ih3", "it lacks kh, the height of the kernel"),
        ("ic3ih5oc4kh3x", "it cannot be read from character 13 on"),
        ("ic3ic3", "ic is given twice"),
        ("mb0ic3", "mb is too small. Expected at least 1, got 0"),
        ("ic3ih5oc4kh7", "the kernel does not fit into the height. Expected kh with its dilation at most 5"),
        ("ic3ih5oc4kh3oh2ph0", "oh is too small for the other sizes. Expected at least oh3"),
        ("ic3ih5oc4kh3oh9ph0", "windows would lie in the padding alone, by ph0 and oh9"),
        ("g2ic3ih5oc4kh3", "the groups do not divide evenly. Expected a divisor of ic3 and oc4, got g2"),
        ("ic3ih5iw6oc4kh3sh2", "it has widths of its own but no sw"),
        ("ic3ih5iw6oc4kh3ph1", "no pw. Expected pw1 or another number beside ph1"),
        ('ic3ih5oc4kh3na"b', "a quotation mark inside the name"),
        ("ic" + "9" * 5000, "it cannot be read from character 12 on"),
    ],
)
def test_what_is_refused(text, said):
    with pytest.raises(ArgumentError) as error:
        parse(text)
    assert said in str(error.value) and str(error.value).startswith(f"descriptor {text[:80]!r}: ")


sizes = st.integers(1, 12)
problems = st.builds(
    lambda batch, in_hw, per_group, groups, kernel, stride, dilation, pads, name: (
        (batch, in_hw, per_group[0] * groups, per_group[1] * groups, kernel),
        {"stride": stride, "pad": pads, "dilation": dilation, "groups": groups, "name": name},
    ),
    sizes,
    st.tuples(sizes, sizes),
    st.tuples(sizes, sizes),
    st.integers(1, 4),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2),
    st.text("abz019_: -", max_size=8),
)


@given(problems)
def test_any_problem_comes_back(given_problem):
    positional, named = given_problem
    try:
        problem = Problem.of(*positional, **named)
    except ShapeError:
        return  # the kernel does not fit
    reach = [d * (k - 1) + 1 for d, k in zip(problem.g.dilation, problem.kernel_hw, strict=True)]
    if any(max(pads) >= r for pads, r in zip(problem.g.pad, reach, strict=True)):
        with pytest.raises(ArgumentError, match="padding alone"):
            parse(describe(problem))
        return
    assert parse(describe(problem)) == problem
    for axis in (0, 1):  # the padding that was dropped at the end was seen by no window
        window = (problem.kernel_hw[axis], problem.g.stride[axis])
        for pad in (named["pad"][axis], problem.g.pad[axis]):
            size = output_size(problem.in_hw[axis], *window, pad, problem.g.dilation[axis])
            assert size == problem.out_hw[axis]


@given(st.text(max_size=40) | st.text("gmbicohwkspdn0123456789_", max_size=40))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        problem = parse(text)
    except MinicnnError as error:
        assert str(error).endswith(".")
    else:
        assert parse(describe(problem)) == problem


# Convolutions alone, one image: VGG16 15.47 G less its dense layers' 0.12 G (Simonyan & Zisserman 2014);
# AlexNet's 105.4 + 223.9 + 149.5 + 112.1 + 74.8 M (Krizhevsky et al. 2012, with its two groups); ResNet-50
# 4.09 G with the stride at the 3×3; Xception 8.36 G.
@pytest.mark.parametrize(
    ("name", "macs", "convolutions"),
    [
        ("mnist", 2_756_736, 3),
        ("deep", 89_162_752, 5),
        ("alexnet", 665_784_864, 5),
        ("vgg16", 15_470_264_320 - (7 * 7 * 512 * 4096 + 4096 * 4096 + 4096 * 1000), 13),
        ("resnet50", 4_087_136_256, 53),
        ("xception", 8_355_355_496, 74),
    ],
)
def test_the_sets_have_the_known_work(name, macs, convolutions):
    layers = layer_set(name, batch=1)
    assert sum(layer.repeats * layer.problem.macs for layer in layers) == macs
    assert sum(layer.repeats for layer in layers) == convolutions


def test_the_sets_in_detail():
    assert [layer.repeats for layer in layer_set("vgg16")] == [1, 1, 1, 1, 1, 2, 1, 2, 3]
    assert all(layer.problem.batch == 4 for layer in layer_set("vgg16"))
    assert sum(layer.problem.depthwise for layer in layer_set("xception")) > 5
    for name in NETS:
        for problem, _ in layer_set(name):
            assert parse(describe(problem)) == problem
    with pytest.raises(ArgumentError, match="Expected one of mnist, deep, cifar"):
        layer_set("vgg17")


def test_the_vgg16_of_the_lab_is_that_of_applications():
    with calculators.without_memory():
        model = applications.VGG16()
    shapes = [layer.kernel.shape for layer in model.layers if type(layer).__name__ == "Conv2D"]
    ours = [(layer.problem.w_shape, layer.repeats) for layer in layer_set("vgg16")]
    assert sorted(shapes) == sorted(shape for shape, repeats in ours for _ in range(repeats))
    assert model.count_params() == NETS["vgg16"].parameters
