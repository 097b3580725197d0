"""Patterns: the notes' examples, ten thousand sampled ones, and sentences for what is none."""

from __future__ import annotations

import random

import numpy as np
import pytest

from minicnn import Model, Sequential, layers
from minicnn.applications import VGG16, build, fold, parse, pattern_layers, recognise
from minicnn.applications.pattern import Maybe, Pattern, Repeat, Word
from minicnn.calculators import without_memory
from minicnn.errors import ArgumentError, ShapeError

GRAMMAR = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"
NOTES = {
    "INPUT -> FC": "INPUT FC",
    "INPUT -> CONV -> RELU -> FC": "INPUT CONV RELU FC",
    "INPUT -> [CONV -> RELU -> POOL]* 2 -> FC -> RELU -> FC": "INPUT" + " CONV RELU POOL" * 2 + " FC RELU FC",
    "INPUT -> [CONV -> RELU -> CONV -> RELU -> POOL]* 3 -> [FC -> RELU]* 2 -> FC": (
        "INPUT" + " CONV RELU CONV RELU POOL" * 3 + " FC RELU FC RELU FC"
    ),
}


@pytest.mark.parametrize("text", NOTES)
def test_the_notes_examples(text):
    pattern = parse(text)
    assert str(pattern) == text.replace("* ", "*")
    assert pattern.expand() == NOTES[text].split()
    model = build(pattern, input_shape=(32, 32, 3))
    assert model.predict(np.zeros((2, 32, 32, 3)), verbose=0).shape == (2, 10)
    assert recognise(model).expand() == pattern.expand()
    assert parse(GRAMMAR).match(pattern.expand()) is not None


def test_the_grammar_itself():
    pattern = parse(GRAMMAR)
    assert str(pattern) == GRAMMAR
    assert pattern.letters == ("N", "M", "K")
    assert pattern.expand(N=0, M=0, K=0) == ["INPUT", "FC"]
    assert pattern.expand(optional=False, N=2, M=1, K=1) == [
        "INPUT",
        "CONV",
        "RELU",
        "CONV",
        "RELU",
        "FC",
        "RELU",
        "FC",
    ]
    counts = {"N": 2, "M": 3, "K": 2}
    assert pattern.match(pattern.expand(**counts)) == counts
    assert pattern.match(["INPUT", "CONV", "FC"]) is None
    words = [
        "INPUT",
        "CONV",
        "RELU",
        "CONV",
        "RELU",
        "POOL",
        "CONV",
        "RELU",
        "POOL",
        "FC",
    ]  # POOL? is there now and then
    assert pattern.match(words) == {"N": 1, "M": 3, "K": 0}
    model = build(GRAMMAR, **counts, input_shape=(32, 32, 3))
    assert pattern.match(recognise(model).expand()) == counts


def sampled(rng: random.Random, depth: int = 0) -> tuple:
    """Random parts: words, optional parts, repetitions by number or letter."""
    parts = []
    for _ in range(rng.randint(1, 3)):
        part = Word(rng.choice(["CONV", "RELU", "POOL"]))
        if depth < 3 and rng.random() < 0.35:
            part = Repeat(sampled(rng, depth + 1), rng.choice([None, 1, 2, 3, "N", "M", "K"]))
        parts.append(Maybe(part) if rng.random() < 0.2 else part)
    return tuple(parts)


def test_ten_thousand_sampled_patterns_go_round():
    rng, spaces = random.Random(0), ["", " ", "  "]
    for number in range(10_000):
        dense = tuple(Word(word) for word in ("FC", "RELU") * rng.randint(0, 2))
        pattern = Pattern((Word("INPUT"), *sampled(rng), *dense, Word("FC")))
        text = str(pattern)
        for sign in ("->", "*", "?", "["):
            text = text.replace(sign, rng.choice(spaces) + sign + rng.choice(spaces))
        assert parse(text) == pattern == parse(str(pattern))
        counts = {letter: rng.randint(0, 2) for letter in pattern.letters}
        optional = rng.random() < 0.5
        words = pattern.expand(optional, **counts)
        if len(words) > 40:
            continue
        settings = {"optional": optional, **counts}
        found = recognise(pattern_layers(pattern, **settings))
        assert found.expand() == words
        assert parse(str(found)) == found and len(str(found)) <= len(" -> ".join(words))
        if number % 100 == 0 and words.count("POOL") <= 5:
            with without_memory():
                assert recognise(build(pattern, **settings)) == found
                bound = pattern.match(words)
            assert bound is not None and pattern.expand(optional, **bound) == words


def test_building():
    model = build("INPUT -> [CONV -> RELU -> POOL]*2 -> FC -> RELU -> FC", input_shape=(28, 28, 1), units=32)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", "ReLU", "MaxPooling2D"] * 2 + ["Flatten", "Dense", "ReLU", "Dense"]
    assert [layer.filters for layer in model.layers if isinstance(layer, layers.Conv2D)] == [32, 64]
    assert [layer.units for layer in model.layers if isinstance(layer, layers.Dense)] == [32, 10]


def test_recognising_other_models():
    with without_memory():
        assert str(recognise(VGG16())) == (
            "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [[CONV -> RELU]*3 -> POOL]*3 -> [FC -> RELU]*2 -> FC"
        )
    stack = [
        layers.Input((8, 8, 3)),
        layers.Conv2D(2, 3),
        layers.BatchNormalization(),
        layers.Activation("relu"),
    ]
    inner = Sequential([layers.Input((6, 6, 2)), layers.AveragePooling2D(), layers.Flatten()])
    model = Sequential([*stack, inner, layers.Dropout(0.5), layers.Dense(3), layers.Softmax()])
    assert str(recognise(model)) == "INPUT -> CONV -> RELU -> POOL -> FC"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "character 1: it cannot be read. Expected a word or [, got the end."),
        (
            "INPUT -> CNV",
            "character 10: it cannot be read. Expected a word or [, got 'CNV'. The words are INPUT,",
        ),
        ("INPUT -> [CONV", "Expected -> or ], got the end."),
        ("INPUT -> CONV]", "Expected -> or the end, got ']'."),
        ("INPUT -> [CONV]*x3", "Expected a number below 100000 or a letter, got 'x'"),
        ("INPUT -> [CONV]*1000000", "Expected a number below 100000 or a letter"),
        ("INPUT CONV", "Expected -> or the end, got 'CONV'."),
        ("INPUT -> § CONV", "Expected a word or [, got '§'."),
        ("INPUT -> []", "Expected a word or [, got ']'."),
        ("[" * 50, "Expected fewer brackets inside each other"),
        (3, "pattern: it is not text. Got 3."),
    ],
)
def test_what_is_no_pattern(text, sentence):
    with pytest.raises(ArgumentError) as error:
        parse(text)
    if "x3" not in str(text):
        assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: parse(GRAMMAR).expand(N=1), "Expected N, M, K, got N. Write expand(N=2"),
        (lambda: parse("INPUT -> FC").expand(N=1), "Expected none, it has no letters, got N."),
        (lambda: parse("INPUT -> [CONV]*N").expand(N=-1), "N. Expected an integer of at least 0, got -1."),
        (lambda: parse("INPUT -> [[CONV]*99999]*99999").expand(), "it has more than 10,000 layers"),
        (lambda: build("CONV -> FC"), "INPUT is not its first word"),
        (lambda: build("INPUT -> INPUT -> FC"), "INPUT is not its first word, and only that"),
        (lambda: build("INPUT -> FC -> CONV"), "CONV comes after FC, where there is no image any more"),
        (lambda: fold(["INPUT", "BN"]), "Expected INPUT, CONV, RELU, POOL, FC, got 'BN'."),
        (
            lambda: recognise(Sequential([layers.Conv2DTranspose(2, 3, name="up")])),
            "no word for Conv2DTranspose 'up'",
        ),
        (lambda: recognise(Sequential([layers.Dense(2, "tanh", name="d")])), "Got activation 'tanh'."),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ArgumentError) as error:
        call()
    assert sentence in str(error.value)


def test_nothing_very_often_takes_no_time():
    assert parse("INPUT -> [[[CONV?]*99999]*99999]*99999 -> FC").expand(optional=False) == ["INPUT", "FC"]


def test_a_graph_is_no_pattern():
    x = layers.Input((4, 4, 1))
    with pytest.raises(ArgumentError, match=r"not a Sequential model\. Got int\."):
        recognise(5)
    with pytest.raises(ArgumentError, match=r"not a Sequential model\. Got Functional\."):
        recognise(Model(x, layers.Conv2D(1, 2)(x)))


def test_too_many_poolings():
    with pytest.raises(ShapeError, match="larger than the padded input"):
        build("INPUT -> [POOL]*6 -> FC", input_shape=(32, 32, 3))


def test_vgg16_refuses_other_shapes():
    with pytest.raises(ArgumentError, match=r"VGG16: input_shape\. Expected \(height, width, channels\)"):
        VGG16(input_shape=(224, 224))
    with without_memory():
        assert VGG16(include_top=False).count_params() == 14_714_688
