"""What a shape error in a network says: the shapes that led to it, and changes that were tried and do build.

Every change is tried on copies of the layers whose weights take no memory; what fails is not proposed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any, NamedTuple

from ..context import Switch, aside
from ..errors import MinicnnError, ShapeError
from ..layers.base import Layer
from ..layers.core import Input, InputLayer
from ..layers.promised import promised_now, without_memory

__all__ = ["Fix", "explain", "following"]

_LARGEST = 2048  # pixels of a larger image that is tried
_SHOWN = 12  # shapes of a longer chain

_following: ContextVar[Sequence[Any]] = ContextVar("minicnn_following", default=())
_trying: ContextVar[bool] = ContextVar("minicnn_trying", default=False)


class Fix(NamedTuple):
    """A change that builds: what to do, the shape of the input, and the class and config of each layer."""

    text: str
    input_shape: tuple[Any, ...]
    layers: tuple[tuple[type[Layer], dict[str, Any]], ...]

    def build(self) -> list[Any]:
        """The input and the changed layers, not connected yet: what a Sequential takes."""
        stack = [kind.from_config(dict(config)) for kind, config in self.layers]
        return [Input(self.input_shape, name="tried"), *stack]


def following(layers: Sequence[Any]) -> Switch:
    """Inside this block the layer that is added has these behind it."""
    return Switch(_following, layers)


def explain(error: ShapeError, layer: Layer, inputs: Sequence[Any]) -> None:
    """Add the chain of shapes and working changes to an error of `layer`, called on symbols."""
    promised = promised_now.get()
    if error.explained or _trying.get() or (promised is not None and promised.by_a_file):
        return
    error.explained = True
    symbols = [symbol for symbol in inputs if hasattr(symbol, "node")]
    if len(symbols) != 1 or len(inputs) != 1:
        return  # several inputs: the message names their shapes
    chain, line = _chain(symbols[0])
    with Switch(_trying, True), aside(), without_memory():
        error.fixes = tuple(_fixes(*line, layer))
    if len(chain) == 1 and not error.fixes:
        return
    lines = [str(error), f"The shapes: {' → '.join(chain)} → {_title(layer)} does not fit."]
    if error.fixes:
        lines.append("Tried, and it builds with any one of these:")
        lines += [f"- {fix.text}" for fix in error.fixes]
    error.args = ("\n".join(lines),)


def _chain(symbol: Any) -> tuple[list[str], tuple[Any, bool, list[Layer]]]:
    """What led to a symbol, in words; and the layers in a row that end there.

    The words follow the first of several inputs. The row starts behind them, or at the model's input: with it
    come the shape before it, and which of the two it is.
    """
    words: list[str] = []
    row: list[Layer] = []
    straight, start = True, symbol.shape[1:]
    while True:
        node, shape = symbol.node, str(symbol.shape[1:])
        first = isinstance(node.op, InputLayer)
        words.append(f"{'Input' if first else _title(node.op)} {shape}")
        straight = straight and (first or (isinstance(node.op, Layer) and len(node.inputs) == 1))
        if not node.input_symbols:
            break
        straight = straight and len(node.input_symbols) == 1 and len(node.outputs) == 1
        symbol = node.input_symbols[0]
        if straight:
            row.append(node.op)
            start = symbol.shape[1:]
    words.reverse()
    if len(words) > _SHOWN:
        words = [*words[:2], "…", *words[-_SHOWN + 3 :]]
    return words, (start, straight, row[::-1])


def _title(op: Any) -> str:
    """Name and window of a layer: ``Conv2D 'c1' 3×3/2 same``."""
    if not isinstance(op, Layer):
        return type(op).__name__.removesuffix("Function")
    window = getattr(op, "kernel_size", getattr(op, "pool_size", None))
    if window is None:
        return op.where
    strides = getattr(op, "strides", (1, 1))
    text = f"{op.where} {window[0]}×{window[1]}"
    text += (
        "" if strides == (1, 1) else f"/{strides[0]}" + ("" if len(set(strides)) == 1 else f"×{strides[1]}")
    )
    padding = getattr(op, "padding", "valid")
    return text if padding == "valid" else f"{text} {padding}"


# -- what may help ---------------------------------------------------------------------------------------

_Stack = list[tuple[type[Layer], dict[str, Any]]]


def _fixes(shape: Any, from_input: bool, before: list[Layer], layer: Layer) -> Iterator[Fix]:
    """Working changes of the layers in a row, the failing one, and those behind it."""
    try:
        stack = [(type(one), one.get_config()) for one in (*before, layer, *_following.get())]
    except (MinicnnError, AttributeError):
        return  # layers of somebody's own that cannot be copied
    at = len(before)
    if _builds(Fix("as it is", shape, tuple(stack))):
        return  # with new weights it fits: the weights that are there do not
    for proposals in (_channels_last, _same_padding, _smaller_kernel, _larger_input, _one_pool_less):
        if not from_input and proposals in (_channels_last, _larger_input):
            continue
        for fix in proposals(shape, stack, at):
            if _builds(fix):
                yield fix
                break


def _builds(fix: Fix) -> bool:
    try:
        symbol, *stack = fix.build()
        for layer in stack:
            symbol = layer(symbol)
    except (MinicnnError, TypeError, ValueError, AttributeError, KeyError):
        return False
    return True


def _changed(stack: _Stack, at: int, **settings: Any) -> _Stack:
    kind, config = stack[at]
    return [*stack[:at], (kind, config | settings), *stack[at + 1 :]]


def _where(stack: _Stack, at: int) -> str:
    return f"{stack[at][0].__name__} {stack[at][1]['name']!r}"


def _channels_last(shape: Any, stack: _Stack, at: int) -> Iterator[Fix]:
    """Images that come with their channels first have a small first size."""
    if len(shape) == 3 and None not in shape and shape[0] in (1, 3, 4) and min(shape[1:]) > 4:
        turned = (*shape[1:], shape[0])
        text = f"Input({turned}): the images look channels-first; turn them with x.transpose(0, 2, 3, 1)"
        yield Fix(text, turned, tuple(stack))


def _same_padding(shape: Any, stack: _Stack, at: int) -> Iterator[Fix]:
    """In the layer that fails, else in all convolutions."""
    if stack[at][1].get("padding") == "valid":
        text = f'padding="same" in {_where(stack, at)}'
        yield Fix(text, shape, tuple(_changed(stack, at, padding="same")))
    everywhere = stack
    for i, (_, config) in enumerate(stack):
        if "kernel_size" in config and config.get("padding") == "valid":
            everywhere = _changed(everywhere, i, padding="same")
    yield Fix('padding="same" in every convolution', shape, tuple(everywhere))


def _smaller_kernel(shape: Any, stack: _Stack, at: int) -> Iterator[Fix]:
    """The largest window that fits."""
    config = stack[at][1]
    name = next((name for name in ("kernel_size", "pool_size") if name in config), None)
    if name is None:
        return
    own = config[name]
    for largest in range(max(own) - 1, 0, -1):
        window = tuple(min(size, largest) for size in own)
        settings: dict[str, Any] = {name: window}
        if config.get("strides") == own and name == "pool_size":
            settings["strides"] = window
        yield Fix(f"{name}={window} in {_where(stack, at)}", shape, tuple(_changed(stack, at, **settings)))


def _larger_input(shape: Any, stack: _Stack, at: int) -> Iterator[Fix]:
    """The fewest pixels more, found by halving."""
    if len(shape) != 3 or None in shape:
        return

    def larger(more: int) -> Fix:
        sizes = (shape[0] + more, shape[1] + more, shape[2])
        return Fix(f"Input({sizes}): larger images", sizes, tuple(stack))

    works = 1
    while not _builds(larger(works)):
        works *= 2
        if max(shape[:2]) + works > _LARGEST:
            return
    fails = works // 2
    while works - fails > 1:
        middle = (works + fails) // 2
        works, fails = (middle, fails) if _builds(larger(middle)) else (works, middle)
    yield larger(works)


def _one_pool_less(shape: Any, stack: _Stack, at: int) -> Iterator[Fix]:
    """The last pooling that may be left out."""
    for i in range(len(stack) - 1, -1, -1):
        if "pool_size" in stack[i][1]:
            yield Fix(f"without {_where(stack, i)}", shape, (*stack[:i], *stack[i + 1 :]))
