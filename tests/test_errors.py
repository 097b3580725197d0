"""The one sentence pattern of all errors, and the built-in exceptions they can be caught as."""

from __future__ import annotations

import pytest

from minicnn import errors
from minicnn.errors import message


def test_by_hand():
    text = message("Conv2D 'c'", "it does not fit", expected="at most 5", got=7, hint="Use a smaller one.")
    assert text == "Conv2D 'c': it does not fit. Expected at most 5, got 7. Use a smaller one."


@pytest.mark.parametrize(
    ("details", "end"),
    [
        ({}, ""),
        ({"expected": "a list"}, " Expected a list."),
        ({"got": "'x'"}, " Got 'x'."),
        ({"hint": "Do this."}, " Do this."),
        ({"expected": 0, "got": False}, " Expected 0, got False."),
        ({"expected": 1, "hint": "Do this."}, " Expected 1. Do this."),
    ],
)
def test_what_is_not_known_is_left_out(details, end):
    assert message("fit", "no", **details) == f"fit: no.{end}"


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ShapeError, ValueError),
        (errors.ArgumentError, ValueError),
        (errors.BackendError, RuntimeError),
        (errors.GradientError, RuntimeError),
        (errors.FileAccessError, OSError),
        (errors.FileFormatError, ValueError),
    ],
)
def test_each_error_is_ours_and_a_builtin_one(error, builtin):
    assert issubclass(error, errors.MinicnnError)
    assert issubclass(error, builtin)
    assert str(error("a: b.")) == "a: b."


def test_the_list_above_is_complete():
    public = {name for name in errors.__all__ if name != "message"}
    assert public == {kind.__name__ for kind in errors.MinicnnError.__subclasses__()} | {"MinicnnError"}
