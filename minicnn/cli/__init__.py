"""The command line: ``minicnn train | evaluate | predict | summary | calc | …``, one file a command.

A command reads its arguments, calls the library and prints; what a command needs only while it runs
(matplotlib, pillow, rich, safetensors) it imports then, so that ``minicnn --help`` comes at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__
from . import bench, calc, datasets, doctor, evaluate, kernel, predict, summary, train
from .terminal import Commands

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: minicnn train mnist_subset",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"minicnn {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _minicnn(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train, test and use small convolutional networks."""
    if context.invoked_subcommand is None:
        print(context.get_help())


for module in (train, evaluate, predict, summary, doctor):
    app.command(epilog=module.EXAMPLE)(getattr(module, module.__name__.rpartition(".")[2]))
app.add_typer(bench.app, name="bench")
app.add_typer(calc.app, name="calc")
app.add_typer(datasets.app, name="datasets")
app.add_typer(kernel.app, name="kernel")


def main() -> None:
    """Run the command line with the arguments of this process."""
    app(prog_name="minicnn")
