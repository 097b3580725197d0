"""How the command line speaks: sentences on stderr, exit codes, and text that every terminal can show.

Exit code 0 is success, 1 what ``minicnn doctor`` finds wrong, 2 a wrong argument or file, 130 Ctrl-C.
Anything else is a bug and comes with its traceback.
"""

from __future__ import annotations

import codecs
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from ..errors import ArgumentError, MinicnnError, message

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Commands", "check_at_least", "check_choice", "command_line", "console"]

# What typer raises for a wrong command line. It comes from click, which older versions of typer import
# and newer ones carry inside, and typer has no name for it; it is the parent of BadParameter in both.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

_ASCII = {"…": "...", "×": "x", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "█": "#", "→": "->", "←": "<-"}


class Commands(TyperGroup):
    """The group of all commands, which ends every error in one sentence and an exit code."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command and exit, as typer calls it."""
        for stream in (sys.stdout, sys.stderr):
            _never_fail(stream)
        try:
            code = super().main(*args, **(kwargs | {"standalone_mode": False}))
        except _UsageError as error:
            context = getattr(error, "ctx", None)
            where = context.command_path if context else "minicnn"
            text = getattr(error, "format_message", error.__str__)().strip().removesuffix(".")
            print(message(where, text, hint=f"See {where} --help."), file=sys.stderr)
            code = 2
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; typer calls it and would turn Ctrl-C into silence."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of our output has gone (minicnn ... | head); typer ends in silence
        except (MinicnnError, OSError, MemoryError, KeyboardInterrupt) as error:
            where = f"minicnn {ctx.invoked_subcommand or ''}".strip()
            print(_sentence(error, where), file=sys.stderr)
            raise typer.Exit(130 if isinstance(error, KeyboardInterrupt) else 2) from None


def console(quiet: bool = False) -> Console:
    """Return the console that a command prints on; it prints text as it is, without markup."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, quiet=quiet)


def check_choice(value: str, choices: Iterable[str], what: str, where: str) -> None:
    """ArgumentError unless `value` is one of the choices for `what`."""
    *first, last = choices
    if value not in (*first, last):
        problem, expected = f"there is no such {what}", f"{', '.join(first)} or {last}" if first else last
        raise ArgumentError(message(where, problem, expected=expected, got=repr(value)))


def check_at_least(value: int | None, least: int, option: str, where: str) -> None:
    """ArgumentError if the value of an option is given and too small."""
    if value is not None and value < least:
        raise ArgumentError(message(where, f"{option} is too small", expected=f"at least {least}", got=value))


def command_line(*words: str | Path) -> str:
    """Return a command that runs minicnn the way it was started now, ready to be pasted."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        python = "python" if _is_found("python", sys.executable) else sys.executable
        program = [python, "-m", "minicnn"]
    elif started.name.startswith("minicnn") and not _is_found(started.name, started):
        program = [str(started)]
    else:
        program = ["minicnn"]
    return shlex.join([*program, *(str(word) for word in words)])


def _is_found(name: str, path: str | Path) -> bool:
    """True when the shell finds this very file by its name."""
    found = shutil.which(name)
    return found is not None and Path(found).absolute() == Path(path).absolute()


def _sentence(error: BaseException, where: str) -> str:
    """Say what ended a command."""
    if isinstance(error, MinicnnError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return message(where, str(error) or "stopped by Ctrl-C")
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return message(where, f"{name}{error.strerror or error}")
    return message(where, "there is not enough memory", hint="Use smaller batches or images.")


def _never_fail(stream: Any) -> None:
    """Let a stream whose encoding is not Unicode (LANG=C) spell what it lacks."""
    if hasattr(stream, "reconfigure") and not str(stream.encoding).lower().startswith("utf"):
        stream.reconfigure(errors="minicnn.spell")


def _spell(error: UnicodeError) -> tuple[str, int]:
    """Replace characters that an encoding lacks: lines of tables by - | +, others by their like.

    >>> codecs.register_error("minicnn.spell", _spell)
    >>> "│ 28 × 28 …".encode("ascii", "minicnn.spell")
    b'| 28 x 28 ...'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_like, error.object[error.start : error.end])), error.end


def _like(character: str) -> str:
    if "\u2500" <= character <= "\u257f":  # box drawing
        return "-" if character in "─━═╌╍" else "|" if character in "│┃║" else "+"
    return _ASCII.get(character, "?")


codecs.register_error("minicnn.spell", _spell)
