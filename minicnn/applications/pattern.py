"""The course notes' grammar of layers: ``INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC``.

A pattern is parsed, printed, expanded into a list of words, built as a model, and found in a model.

=============  ==========================================================================================
``A -> B``     A, then B
``[A -> B]*3``  the part in brackets three times; ``*N`` as often as N says when the pattern is used
``A?``         A or nothing
=============  ==========================================================================================

Source: Stanford's CS231n, Convolutional Networks, "Layer Patterns".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import whole
from ..errors import ArgumentError, message

__all__ = ["WORDS", "Pattern", "fold", "parse"]

WORDS = ("INPUT", "CONV", "RELU", "POOL", "FC")
_LONGEST = 10_000  # words of an expanded pattern


@dataclass(frozen=True)
class Word:
    """One layer."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Maybe:
    """A part that may be absent."""

    part: Word | Repeat

    def __str__(self) -> str:
        return f"{self.part}?"


@dataclass(frozen=True)
class Repeat:
    """A part in brackets: `count` times, an integer or a letter; None for brackets alone."""

    parts: tuple[Any, ...]
    count: int | str | None

    def __str__(self) -> str:
        inside = " -> ".join(map(str, self.parts))
        return f"[{inside}]" if self.count is None else f"[{inside}]*{self.count}"


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern; ``str(pattern)`` prints it in the one normal spelling.

    >>> pattern = parse("INPUT -> [CONV -> RELU -> POOL]* 2 -> FC -> RELU -> FC")
    >>> print(pattern)
    INPUT -> [CONV -> RELU -> POOL]*2 -> FC -> RELU -> FC
    >>> pattern.expand()
    ['INPUT', 'CONV', 'RELU', 'POOL', 'CONV', 'RELU', 'POOL', 'FC', 'RELU', 'FC']
    """

    parts: tuple[Any, ...]

    def __str__(self) -> str:
        return " -> ".join(map(str, self.parts))

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters that stand for numbers, in order."""
        return tuple(dict.fromkeys(_letters(self.parts)))

    def expand(self, optional: bool = True, **counts: int) -> list[str]:
        """All words, every letter replaced by its number; parts with ``?`` are there if `optional`.

        Raises ArgumentError where a letter has no number, or a number no letter.
        """
        return list(self._words(self._checked(counts), optional))

    def _checked(self, counts: Mapping[str, int]) -> dict[str, int]:
        given = {letter: whole(count, letter, f"pattern {self}", 0) for letter, count in counts.items()}
        if set(given) != set(self.letters):
            expected = ", ".join(self.letters) or "none, it has no letters"
            got = ", ".join(given) or "none"
            hint = "Write expand(N=2, M=1, …)."
            problem = "the numbers of its letters"
            raise ArgumentError(message(f"pattern {self}", problem, expected=expected, got=got, hint=hint))
        return given

    def _words(self, counts: Mapping[str, int], optional: bool) -> Iterator[str]:
        for number, word in enumerate(_expanded(self.parts, counts, optional), 1):
            if number > _LONGEST:
                problem = f"it has more than {_LONGEST:,} layers"
                raise ArgumentError(message(f"pattern {self}", problem, hint="Use smaller numbers."))
            yield word

    def match(self, words: Sequence[str]) -> dict[str, int] | None:
        """Numbers for the letters with which this pattern gives `words`; None if there are none.

        Parts with ``?`` are taken to be there every time if that is possible, else never, else now and then.

        >>> pattern = parse("INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC")
        >>> pattern.match("INPUT CONV RELU CONV RELU POOL FC".split())
        {'N': 2, 'M': 1, 'K': 0}
        """
        text = "".join(f"{word} " for word in words)
        for maybe in ("", "{0}", "?"):
            found = self._search(text, {}, len(words), maybe)
            if found is not None:
                return found
        return None

    def _search(self, text: str, counts: dict[str, int], most: int, maybe: str) -> dict[str, int] | None:
        """Fix one letter after the other; a start that nothing can follow is given up at once."""
        if not re.fullmatch(_regex(self.parts, counts, maybe), text):
            return None
        if len(counts) == len(self.letters):
            return counts
        letter = self.letters[len(counts)]
        for count in range(most + 1):
            found = self._search(text, {**counts, letter: count}, most, maybe)
            if found is not None:
                return found
        return None


def _letters(parts: Sequence[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Maybe):
            yield from _letters([part.part])
        elif isinstance(part, Repeat):
            yield from _letters(part.parts)
            if isinstance(part.count, str):
                yield part.count


def _expanded(parts: Sequence[Any], counts: Mapping[str, int], optional: bool) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Word):
            yield part.name
        elif isinstance(part, Maybe):
            yield from _expanded([part.part] if optional else [], counts, optional)
        elif _gives_words(part, counts, optional):
            for _ in range(_times(part, counts)):
                yield from _expanded(part.parts, counts, optional)


def _times(part: Repeat, counts: Mapping[str, int]) -> int:
    return counts[part.count] if isinstance(part.count, str) else 1 if part.count is None else part.count


def _gives_words(part: Repeat, counts: Mapping[str, int], optional: bool) -> bool:
    """Whether a repetition gives any word: nothing a billion times over must not take long."""
    return _times(part, counts) > 0 and any(
        isinstance(inner, Word)
        or (isinstance(inner, Maybe) and optional)
        or (isinstance(inner, Repeat) and _gives_words(inner, counts, optional))
        for inner in part.parts
    )


def _regex(parts: Sequence[Any], counts: Mapping[str, int], maybe: str) -> str:
    """A regular expression for the words of a pattern, each followed by a space.

    Letters without a number repeat as often as they like; `maybe` stands behind parts with ``?``.
    """
    pieces = []
    for part in parts:
        if isinstance(part, Word):
            pieces.append(f"{part.name} ")
        elif isinstance(part, Maybe):
            pieces.append(f"(?:{_regex([part.part], counts, maybe)}){maybe}")
        else:
            free = isinstance(part.count, str) and part.count not in counts
            times = "*" if free else f"{{{_times(part, counts)}}}"
            pieces.append(f"(?:{_regex(part.parts, counts, maybe)}){times}")
    return "".join(pieces)


# -- reading ---------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"\s*(->|\[|\]|\*|\?|[A-Za-z]+|\d+)")


def parse(text: str) -> Pattern:
    """Read a pattern; ArgumentError says where it stops being one.

    >>> parse("INPUT->[[CONV->RELU]*N->POOL?]*M->[FC->RELU]*K->FC").letters
    ('N', 'M', 'K')
    """
    if not isinstance(text, str):
        raise ArgumentError(message("pattern", "it is not text", got=repr(text)))
    return _Reader(text).pattern()


class _Reader:
    """Goes through the text of a pattern once, from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def _next(self) -> str:
        """The next token, "" at the end."""
        found = _TOKEN.match(self.text, self.at)
        if found is None:
            return self.text[self.at :].strip()[:1]
        return found.group(1)

    def _take(self) -> str:
        token = self._next()
        self.at = self.text.index(token, self.at) + len(token)
        return token

    def _fail(self, expected: str) -> None:
        token = self._next()
        got = repr(token) if token else "the end"
        position = len(self.text) - len(self.text[self.at :].lstrip()) + 1
        where = f"pattern {self.text[:80]!r}, character {position}"
        hint = f"The words are {', '.join(WORDS)}."
        raise ArgumentError(message(where, "it cannot be read", expected=expected, got=got, hint=hint))

    def pattern(self) -> Pattern:
        parts = self._sequence()
        if self._next():
            self._fail("-> or the end")
        return Pattern(parts)

    def _sequence(self) -> tuple[Any, ...]:
        parts = [self._part()]
        while self._next() == "->":
            self._take()
            parts.append(self._part())
        return tuple(parts)

    def _part(self) -> Any:
        part: Any
        if self._next() == "[":
            part = self._group()
        elif self._next().upper() in WORDS:
            part = Word(self._take().upper())
        else:
            self._fail("a word or [")
        if self._next() == "*" and isinstance(part, Word):
            part = Repeat((part,), None)
        if self._next() == "*":
            self._take()
            part = Repeat(part.parts, self._count())
        if self._next() == "?":
            self._take()
            part = Maybe(part)
        return part

    def _group(self) -> Repeat:
        self._take()
        self.depth += 1
        if self.depth > 20:
            self._fail("fewer brackets inside each other")
        parts = self._sequence()
        if self._next() != "]":
            self._fail("-> or ]")
        self._take()
        self.depth -= 1
        return Repeat(parts, None)

    def _count(self) -> int | str:
        token = self._next()
        if token.isdecimal() and len(token) < 6:
            return int(self._take())
        if len(token) == 1 and token.isalpha():
            return self._take().upper()
        self._fail("a number below 100000 or a letter")
        return 0


# -- writing shorter -------------------------------------------------------------------------------------


def fold(words: Sequence[str]) -> Pattern:
    """The pattern of a list of words, repetitions written with ``*``.

    Short repetitions are folded before long ones, so that blocks of one kind come out alike.

    >>> print(fold("INPUT CONV RELU CONV RELU POOL CONV RELU CONV RELU POOL FC".split()))
    INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> FC
    """
    unknown = [word for word in words if word not in WORDS]
    if unknown or not words:
        got = repr(unknown[0]) if unknown else "no words"
        raise ArgumentError(message("fold", "not words of a pattern", expected=", ".join(WORDS), got=got))
    parts: list[Any] = [Word(word) for word in words]
    length = 1
    while 2 * length <= len(parts):
        folded = _fold_runs(parts, length)
        # What was folded may repeat in turn; what was not may do so in longer pieces.
        length = 1 if len(folded) < len(parts) else length + 1
        parts = folded
    return Pattern(tuple(parts))


def _fold_runs(parts: list[Any], length: int) -> list[Any]:
    """`parts` with every run of equal pieces of this length written once."""
    found: list[Any] = []
    at = 0
    while at < len(parts):
        piece, times = parts[at : at + length], 1
        while parts[at + times * length : at + (times + 1) * length] == piece:
            times += 1
        found += [Repeat(tuple(piece), times)] if times > 1 else piece[:1]
        at += length * times if times > 1 else 1
    return found
