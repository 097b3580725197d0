"""``minicnn calc``: sizes, parameters, MACs, memory, receptive fields and patterns, before any training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .. import applications, calculators
from ..errors import ArgumentError, message
from ..models import load_model
from ..models.summary import readable_size
from .architectures import ARCHITECTURES
from .terminal import check_choice, console

__all__ = ["app", "model", "params", "pattern", "size", "stack", "table", "which"]

app = typer.Typer(no_args_is_help=True, help="Arithmetic on networks: sizes, parameters, memory, fields.")

Kernel = Annotated[int, typer.Option("--kernel", "-k", metavar="N", help="Height and width of the window.")]
Stride = Annotated[int, typer.Option("--stride", "-s", metavar="N", help="Pixels from window to window.")]
Padding = Annotated[
    str, typer.Option("--padding", "-p", metavar="P", help="valid, same, a number, or before,after.")
]
Dilation = Annotated[int, typer.Option("--dilation", metavar="N", help="Distance of the kernel's taps.")]
Shape = Annotated[str, typer.Argument(metavar="HxWxC", help="Height, width and channels of an image.")]
InputShape = Annotated[
    str | None, typer.Option("--input", metavar="HxWxC", help="Shape of an image, where MODEL is no file.")
]
Network = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=f"A .safetensors file, vgg16, {', '.join(ARCHITECTURES)}, or a pattern (INPUT -> CONV -> FC).",
    ),
]
Counts = Annotated[
    list[str] | None, typer.Argument(metavar="[N=2 M=3 K=1]", help="Numbers for the letters of a pattern.")
]


@app.command(epilog="Example: minicnn calc size 227 --kernel 11 --stride 4")
def size(
    pixels: Annotated[int, typer.Argument(metavar="SIZE", help="Height or width of the input.")],
    kernel: Kernel,
    stride: Stride = 1,
    padding: Padding = "valid",
    dilation: Dilation = 1,
    ceil: Annotated[bool, typer.Option("--ceil", help="Round up, as PyTorch's ceil_mode.")] = False,
    transposed: Annotated[bool, typer.Option("--transposed", help="Of a transposed convolution.")] = False,
    output_padding: Annotated[
        int | None, typer.Option("--output-padding", metavar="N", help="For --transposed.")
    ] = None,
) -> None:
    """Print the output size of a convolution or pooling, its formula, and what the floor costs."""
    pads = _padding(padding, "minicnn calc size")
    if transposed:
        if ceil:
            raise ArgumentError(message("minicnn calc size", "--ceil does not go with --transposed"))
        print(calculators.transposed_size(pixels, kernel, stride, pads, output_padding, dilation))
    elif output_padding is not None:
        raise ArgumentError(message("minicnn calc size", "--output-padding needs --transposed"))
    else:
        print(calculators.output_size(pixels, kernel, stride, pads, dilation, ceil))


@app.command(epilog="Example: minicnn calc which 32 --size 32 --kernel 5")
def which(
    output: Annotated[int, typer.Argument(metavar="OUTPUT", help="The output size you want.")],
    pixels: Annotated[int | None, typer.Option("--size", metavar="N", help="Size of the input.")] = None,
    kernel: Annotated[int | None, typer.Option("--kernel", "-k", metavar="N", help="Of the window.")] = None,
    stride: Annotated[
        int | None, typer.Option("--stride", "-s", metavar="N", help="1 unless --find stride.")
    ] = None,
    padding: Annotated[
        str | None,
        typer.Option("--padding", "-p", metavar="P", help="As in calc size."),
    ] = None,
    find: Annotated[
        str, typer.Option("--find", metavar="WHAT", help="padding, kernel, stride or size.")
    ] = "padding",
    dilation: Dilation = 1,
) -> None:
    """Print which padding (or kernel, stride, input size) gives an output size."""
    where = "minicnn calc which"
    check_choice(find, ("padding", "kernel", "stride", "size"), "value to find", where)
    pads = None if padding is None else _padding(padding, where)
    if find != "padding" and pads is None:
        pads = "valid"
    if find != "stride" and stride is None:
        stride = 1
    found = calculators.solve(output, pixels, kernel, stride, pads, dilation)
    if not found:
        print(f"No {find} gives {output}.")
    for value, result in found:
        print(f"{find} {value}: {result}".replace("\n", "  "))


@app.command(epilog="Example: minicnn calc params 227x227x3 --filters 96 --kernel 11 --stride 4 --unshared")
def params(
    image: Shape,
    filters: Annotated[int, typer.Option("--filters", "-f", metavar="N", help="Output channels.")],
    kernel: Kernel,
    stride: Stride = 1,
    padding: Padding = "valid",
    groups: Annotated[int, typer.Option("--groups", metavar="N", help="Parts of the channels.")] = 1,
    bias: Annotated[bool, typer.Option("--bias/--no-bias", help="With biases.")] = True,
    unshared: Annotated[
        bool, typer.Option("--unshared", help="Every position has weights of its own.")
    ] = False,
) -> None:
    """Print the parameters of a convolution, with or without sharing."""
    where = "minicnn calc params"
    shape, pads = _shape(image, where), _padding(padding, where)
    print(calculators.conv_parameters(shape, filters, kernel, stride, pads, groups, bias, not unshared))


@app.command(epilog="Example: minicnn calc stack 3 3 3 --channels 64")
def stack(
    kernels: Annotated[list[int], typer.Argument(metavar="K...", help="Kernel sizes, first to last.")],
    channels: Annotated[int, typer.Option("--channels", "-c", metavar="C", help="In and out.")] = 64,
) -> None:
    """Print what a stack of convolutions sees and weighs, beside the one kernel that sees as much."""
    small = calculators.stack(kernels, channels)
    print(small)
    print(calculators.stack([small.receptive_field], channels))


@app.command(epilog="Example: minicnn calc model vgg16 --batch 32")
def model(
    name: Network,
    counts: Counts = None,
    image: InputShape = None,
    batch: Annotated[int, typer.Option("--batch", metavar="N", help="Images in a training step.")] = 32,
    optimizer: Annotated[str, typer.Option("--optimizer", metavar="NAME", help="For its state.")] = "adam",
) -> None:
    """Print parameters, MACs, memory and receptive field of every layer of MODEL, and what training keeps."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    network = _network(name, counts, image, "minicnn calc model")
    facts = calculators.layer_facts(network)
    view = Table(box=SIMPLE_HEAD, pad_edge=False)
    titles = ("layer", "output shape", "params", "MACs", "memory", "sees", "jump", "start")
    for title in titles:
        view.add_column(title, justify="left" if title in titles[:2] else "right", overflow="fold")
    for one in facts:
        view.add_row(
            one.name,
            str(one.output_shape),
            f"{one.params:,}",
            _number(one.macs),
            "?" if one.activation_bytes is None else readable_size(one.activation_bytes),
            *_view(one),
        )
    console().print(view)
    _print_totals(calculators.totals(facts))
    if all(one.values is not None for one in facts):
        _print_memory(calculators.training_memory(network, batch, optimizer), batch, optimizer)


@app.command(epilog="Example: minicnn calc table vgg16")
def table(name: Network, counts: Counts = None, image: InputShape = None) -> None:
    """Print the sizes and weights of MODEL in the form of the course notes' table of VGG."""
    print(calculators.notes_table(_network(name, counts, image, "minicnn calc table")))


@app.command(epilog='Example: minicnn calc pattern "INPUT -> [CONV -> RELU -> POOL]*N -> FC" N=2')
def pattern(
    text: Annotated[str, typer.Argument(metavar="PATTERN", help="A pattern, or a MODEL to find one in.")],
    counts: Counts = None,
    image: InputShape = None,
) -> None:
    """Print a layer pattern in its normal spelling and all its layers; of a MODEL, the pattern it follows."""
    if "->" not in text:
        found = applications.recognise(_network(text, counts, image, "minicnn calc pattern"))
        print(found)
        return
    found = applications.parse(text)
    print(found)
    if found.letters and not counts:
        print(f"Give numbers for {', '.join(found.letters)} to see its layers: {found.letters[0]}=2 …")
    else:
        print(" -> ".join(found.expand(**_counts(counts, "minicnn calc pattern"))))


# -- reading the command line ----------------------------------------------------------------------------


def _padding(text: str, where: str) -> Any:
    """``same``, ``1`` or ``1,2`` as the calculators take it.

    >>> _padding("same", "demo"), _padding("1", "demo"), _padding("1,2", "demo")
    ('same', 1, (1, 2))
    """
    if text in ("valid", "same"):
        return text
    parts = text.split(",")
    if len(parts) > 2 or not all(part.strip().isdecimal() for part in parts):
        expected = "valid, same, a number, or before,after"
        raise ArgumentError(
            message(where, "the padding is not understood", expected=expected, got=repr(text))
        )
    numbers = tuple(int(part) for part in parts)
    return numbers[0] if len(numbers) == 1 else numbers


def _shape(text: str, where: str) -> tuple[int, int, int]:
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        expected = "HxWxC, such as 28x28x1"
        raise ArgumentError(message(where, "the shape of an image", expected=expected, got=repr(text)))
    h, w, c = (int(part) for part in parts)
    return h, w, c


def _counts(given: list[str] | None, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in given or []:
        letter, sign, count = item.partition("=")
        if not (sign and len(letter) == 1 and letter.isalpha() and count.isdecimal()):
            expected = "a letter and a number, such as N=2"
            raise ArgumentError(message(where, "numbers of a pattern", expected=expected, got=repr(item)))
        found[letter.upper()] = int(count)
    return found


def _network(name: str, counts: list[str] | None, image: str | None, where: str) -> Any:
    """The network a command is about, its weights not in memory."""
    shape = None if image is None else _shape(image, where)
    if counts and "->" not in name:
        raise ArgumentError(message(where, "only a pattern takes numbers of letters", got=" ".join(counts)))
    if "->" not in name and name not in (*ARCHITECTURES, "vgg16"):
        if not Path(name).exists():
            expected = f"a file, vgg16, {', '.join(ARCHITECTURES)}, or a pattern with ->"
            raise ArgumentError(message(where, "there is no such model", expected=expected, got=repr(name)))
        if shape is not None:
            raise ArgumentError(message(where, "--input does not go with a file, which knows its input"))
        return load_model(name)
    with calculators.without_memory():
        if name == "vgg16":
            return applications.VGG16(input_shape=shape or (224, 224, 3))
        if name in ARCHITECTURES:
            return ARCHITECTURES[name](shape or (28, 28, 1), 10)
        return applications.build(name, input_shape=shape or (32, 32, 3), **_counts(counts, where))


# -- printing --------------------------------------------------------------------------------------------


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _view(one: Any) -> tuple[str, str, str]:
    """Receptive field, jump and start; one number where height and width agree."""
    if one.fields is None:
        return "?", "?", "?"
    most, least = _pair(one.receptive_field), _pair(one.smallest_field)
    return most if most == least else f"{least}–{most}", _pair(one.jump), _pair(one.start)


def _pair(values: Any) -> str:
    """Two numbers, once if they are equal.

    >>> _pair((3, 3)), _pair((0.5, 2.0))
    ('3', '0.5×2')
    """
    return f"{values[0]:g}" if values[0] == values[1] else f"{values[0]:g}×{values[1]:g}"


def _print_totals(totals: Any) -> None:
    print(f"Parameters: {totals.params:,} ({readable_size(4 * totals.params)} in float32)")
    macs = "?" if totals.macs is None else f"{totals.macs:,} MACs, {totals.flops:,} FLOPs"
    print(f"One image: {macs} (1 MAC = 2 FLOPs; convolutions and dense layers), ", end="")
    size = totals.activation_bytes
    print(f"{_number(totals.values)} values" + ("" if size is None else f", {readable_size(size)}"))


def _print_memory(memory: Any, batch: int, optimizer: str) -> None:
    print(f"Training with {batch} images a step and {optimizer} keeps {readable_size(memory.total)}:")
    parts = {
        "weights": memory.parameters,
        "their gradients": memory.gradients,
        f"state of {optimizer}": memory.optimizer,
        "images": memory.batch,
        "saved for backward": memory.saved,
        "workspace": memory.workspace,
    }
    for what, nbytes in parts.items():
        print(f"  {what:20}{readable_size(nbytes):>12}")
    if memory.unknown:
        print(f"  What these layers save is not known and not in it: {', '.join(memory.unknown)}.")
