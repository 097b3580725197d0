"""Whether compiled kernels can run here, and what is said while they are compiled."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from typing import Any

__all__ = ["COMPILING", "Announcement", "announced", "unavailable"]

COMPILING = "minicnn: compiling kernels for this processor, once ..."


@cache
def unavailable() -> str:
    """Why compiled kernels cannot run here; empty where they can."""
    try:
        from ..kernels.compiled import parallel  # noqa: F401
    except Exception as error:  # missing, or installed and broken: then it may raise anything
        return str(error) or type(error).__name__
    return ""


class Announcement:
    """A spinner while something is compiled, where errors go to a terminal; elsewhere one line, once."""

    def __init__(self) -> None:
        self._spinner: Any = None
        self._said = False

    def begin(self) -> None:
        """Say that the compiler works; what cannot be written is not said."""
        with suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._begin()

    def _begin(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        # A console of its own: it goes along with whatever bar is live on another one, as that of `fit`,
        # which draws itself again. What others print meanwhile goes where it would have gone.
        console = Console(stderr=True, force_jupyter=False)
        if console.is_interactive and not Console().is_jupyter:  # a notebook's stream says it is a terminal
            spinner = Spinner("dots", COMPILING)
            self._spinner = Live(
                spinner, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._spinner.start(refresh=True)
        elif not self._said and sys.stderr is not None:
            self._said = True
            print(COMPILING, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Take the spinner away."""
        spinner, self._spinner = self._spinner, None
        if spinner is not None:
            with suppress(OSError, ValueError):
                spinner.stop()


@cache
def announced() -> None:
    """From now on, announce compilations of kernels."""
    from ..kernels.compiled.jit import when_compiling

    said = Announcement()
    when_compiling(said.begin, said.end)
