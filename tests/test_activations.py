"""Activations by name."""

from __future__ import annotations

import pytest

from minicnn import activations
from minicnn import functions as F
from minicnn.errors import ArgumentError


def test_names():
    assert activations.get(None) is activations.linear
    for name, function in activations.ACTIVATIONS.items():
        assert activations.get(name) is function and activations.get(function) is function
        assert activations.get(activations.serialize(function)) is function
    assert activations.serialize(activations.get("swish")) == "silu"
    assert activations.serialize(activations.get("hard_swish")) == "hard_silu"
    assert activations.gelu is F.gelu and activations.exponential is F.exp


def test_what_is_refused():
    with pytest.raises(
        ArgumentError, match=r"activation: it is not known\. Expected one of elu, .*, got 'x'\."
    ):
        activations.get("x")
    with pytest.raises(
        ArgumentError, match=r"here: its activation cannot be written to a file\. Got <lambda>\."
    ):
        activations.serialize(lambda x: x, "here")
