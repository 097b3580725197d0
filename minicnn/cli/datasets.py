"""``minicnn datasets``: which data sets there are and where they lie; ``download`` fetches one."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import datasets
from .terminal import check_choice, command_line, console

__all__ = ["app", "download", "list_all"]

_WHAT = {
    "mnist": "70,000 handwritten digits, 28 × 28, grey",
    "fashion_mnist": "70,000 pictures of clothes, 28 × 28, grey",
    "cifar10": "60,000 photos of 10 classes, 32 × 32, colour",
    "cifar100": "60,000 photos of 100 classes, 32 × 32, colour",
    "mnist_subset": "7,000 of MNIST's digits",
}
Name = Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(datasets.SOURCES)}.")]

app = typer.Typer(epilog="Example: minicnn datasets download fashion_mnist")


@app.callback(invoke_without_command=True)
def list_all(context: typer.Context) -> None:
    """List the data sets: what they are, how large, and where they lie or how to get them."""
    if context.invoked_subcommand is not None:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("name", "what", "size", "where"):
        table.add_column(title, justify="right" if title == "size" else "left", overflow="fold")
    for name in datasets.NAMES:
        table.add_row(name, _WHAT[name], _size(name), _where(name))
    console().print(table)


@app.command(epilog="Example: minicnn datasets download fashion_mnist")
def download(name: Name) -> None:
    """Bring the data set NAME into the cache and compare it with its published checksums."""
    where = "minicnn datasets download"
    check_choice(name, datasets.SOURCES, "data set to download", where)
    folder = datasets.download.fetch(datasets.SOURCES[name], where)
    console().print(f"{name} is in {folder}/", soft_wrap=True)


def _size(name: str) -> str:
    """Return how much is downloaded.

    >>> _size("cifar10"), _size("mnist_subset")
    ('170 MB', '1 MB')
    """
    source = datasets.SOURCES.get(name)
    return f"{sum(file.size for file in source.files) / 1e6:.0f} MB" if source else "1 MB"


def _where(name: str) -> str:
    source = datasets.SOURCES.get(name)
    if source is None:
        return "comes with minicnn"
    if datasets.download.is_cached(source):
        return str(datasets.download.cache_folder(source))
    return command_line("datasets", "download", name)
