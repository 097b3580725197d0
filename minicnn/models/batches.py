"""Where batches come from: arrays, data sets that give batches by number, and iterables.

A source gives the batches of an epoch from any step on. Which samples a batch holds is a function of the
seed, the epoch and the step, so that an epoch can be continued where it was left; an iterable decides
itself what it gives.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .. import random
from ..checks import whole
from ..errors import ArgumentError, message
from . import arguments
from .structure import is_array, leaves, map_leaves, unpack

__all__ = ["Source", "pack", "source"]

_END = object()


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> tuple[Any, ...]:
    """A batch as `train_step` gets it: (x,), (x, y) or (x, y, sample_weight)."""
    return (
        (x,)
        if y is None and sample_weight is None
        else (x, y)
        if sample_weight is None
        else (x, y, sample_weight)
    )


class Source:
    """Base: `batches` gives an epoch's batches, `steps` says how many (None: only the end will tell)."""

    def __init__(self, steps: int | None, where: str) -> None:
        self._steps, self.where = steps, where
        self.class_weight: Mapping[int, float] | None = None
        self.seen = 0  # epochs the model was trained for before this fit; the order depends on it

    @property
    def steps(self) -> int | None:
        """Number of batches in an epoch, if it is known."""
        return self._steps

    def ready(self) -> bool:
        """Whether there is a batch left: a generator that ended cannot begin again."""
        return True

    def facts(self) -> dict[str, Any]:
        """What must be the same when a training is resumed."""
        return {"steps": self.steps}

    def get_state(self) -> dict[str, Any]:
        """Where the data is, beside the epoch and step; nothing where these say it all."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `get_state` gave."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        """The batches of epoch 0, 1, 2, … of this fit, from step `start` on."""
        raise NotImplementedError(f"{type(self).__name__} has no batches")

    def _packed(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, ...]:
        if self.class_weight is not None:
            if sample_weight is not None:
                problem = "class_weight and sample_weight exclude each other"
                raise ArgumentError(message(self.where, problem, hint="Multiply them into sample_weight."))
            sample_weight = arguments.each_class_weight(y, self.class_weight, self.where)
        return pack(x, y, sample_weight)

    def _ran_out(self) -> None:
        text = message(self.where, "the data ran out before steps were done", hint="The epoch ends here.")
        warnings.warn(text, UserWarning, stacklevel=2)


class _Numbered(Source):
    """Batches that can be asked for by number; with fewer steps than batches, epochs take turns on them."""

    shuffle = False

    def count(self) -> int:
        """Number of batches in all."""
        raise NotImplementedError(f"{type(self).__name__} has no count")

    @property
    def steps(self) -> int | None:
        return self._steps or self.count()

    def order(self, n: int, epoch: int) -> np.ndarray | None:
        """The order of n things in an epoch of this fit, None as they stand."""
        return random.permutation(n, "shuffle", 0, self.seen + epoch) if self.shuffle else None

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        total = self.count()
        steps = self._steps or total
        part = epoch % -(-total // steps)  # which part of the data this epoch sees
        first = part * steps
        yield from self._numbers(epoch - part, range(first + start, min(first + steps, total)))
        if first + steps > total:
            self._ran_out()

    def _numbers(self, epoch: int, numbers: range) -> Iterator[tuple[Any, ...]]:
        raise NotImplementedError(f"{type(self).__name__} has no batches")


class _Arrays(_Numbered):
    """Batches cut from arrays, one at a time."""

    def __init__(self, data: Any, size: int, shuffle: bool, steps: int | None, where: str) -> None:
        super().__init__(steps, where)
        self.data, self.size, self.shuffle = data, size, shuffle
        self.samples = len(next(leaves(data[0])))

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"samples": self.samples, "batch_size": self.size, "shuffle": self.shuffle}

    def count(self) -> int:
        return -(-self.samples // self.size)

    def _numbers(self, epoch: int, numbers: range) -> Iterator[tuple[Any, ...]]:
        order = self.order(self.samples, epoch)
        for number in numbers:
            chosen: Any = slice(number * self.size, (number + 1) * self.size)
            if order is not None:
                chosen = order[chosen]
            yield self._packed(*(_cut(item, chosen) for item in self.data))


def _cut(item: Any, chosen: Any) -> Any:
    return map_leaves(lambda value, _: value[chosen], item, "")


class _Given(Source):
    """What sources share that take whole batches from somebody else."""

    def __init__(self, data: Any, names: Any, steps: int | None, where: str) -> None:
        super().__init__(steps, where)
        self.data, self.names = data, names

    def _checked(self, batch: Any) -> tuple[Any, ...]:
        return self._packed(*arguments.samples(*unpack(batch, self.where), self.where, self.names))


class _DataSet(_Given, _Numbered):
    """An object with ``__len__`` and ``__getitem__``, as `utils.PyDataset`; batches are shuffled whole."""

    def __init__(self, data: Any, names: Any, shuffle: bool, steps: int | None, where: str) -> None:
        super().__init__(data, names, steps, where)
        self.shuffle = shuffle
        if len(data) == 0:
            raise ArgumentError(message(where, "there is no batch", got=f"{type(data).__name__} of length 0"))

    def count(self) -> int:
        return len(self.data)

    def _numbers(self, epoch: int, numbers: range) -> Iterator[tuple[Any, ...]]:
        getattr(self.data, "on_epoch_begin", lambda: None)()
        order = self.order(len(self.data), epoch)
        for number in numbers:
            yield self._checked(self.data[number if order is None else int(order[number])])
        getattr(self.data, "on_epoch_end", lambda: None)()


class _Iterable(_Given):
    """A generator, or an object that makes iterators; with `steps`, an epoch goes on where the last ended."""

    def __init__(self, data: Any, names: Any, steps: int | None, where: str) -> None:
        super().__init__(data, names, steps, where)
        self.once = hasattr(data, "__next__")
        self._held: Any = _END  # a batch that `ready` has taken already
        self._end()

    def _end(self) -> None:
        """Between two passes over the data; the data may number them itself, as image folders do."""
        self._iterator: Any = None
        self._taken = 0  # batches of this pass that were used
        self._pass = getattr(self.data, "epoch", None)

    def _begin(self) -> None:
        self._end()
        self._iterator = iter(self.data)

    def get_state(self) -> dict[str, Any]:
        return {"pass": self._pass, "taken": self._taken}

    def set_state(self, state: Mapping[str, Any]) -> None:
        if state["pass"] is not None:
            self.data.epoch = self._pass = state["pass"]
        if state["taken"]:
            self._iterator, self._taken = iter(self.data), state["taken"]
            for _ in range(self._taken):
                self._next()

    def ready(self) -> bool:
        if self.once and self._held is _END:
            self._held = next(self.data, _END)
        return not self.once or self._held is not _END

    def _next(self) -> Any:
        held, self._held = self._held, _END
        return next(self._iterator, _END) if held is _END else held

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[Any, ...]]:
        if self._iterator is None or (self._steps is None and start == 0):
            self._begin()
            for _ in range(start):  # those an interrupted epoch has had
                self._next()
        step = start
        while self._steps is None or step < self._steps:
            batch = self._next()
            if batch is _END and step == 0 and not self.once:  # the pass ended with the last epoch
                self._begin()
                batch = self._next()
            if batch is _END:
                if self._steps is not None:
                    self._ran_out()
                self._end()
                return
            self._taken += 1
            yield self._checked(batch)
            step += 1


def source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    where: str,
    names: Any = None,
    batch_size: Any = None,
    steps: Any = None,
    shuffle: bool = False,
) -> Source:
    """The batches of what a user passed as x, y and sample_weight, or as an iterable x alone."""
    if steps is not None:
        steps = whole(steps, "steps", where)
    if is_iterable_of_batches(x):
        for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
            if value is not None:
                hint = "The batches it gives are (x, y) or (x, y, sample_weight), of the size it likes."
                problem = f"{name} cannot be given beside a {type(x).__name__}"
                raise ArgumentError(message(where, problem, hint=hint))
        if hasattr(x, "__getitem__") and hasattr(x, "__len__"):
            return _DataSet(x, names, shuffle, steps, where)
        return _Iterable(x, names, steps, where)
    data = arguments.samples(x, y, sample_weight, where, names)
    if batch_size is None:
        size = 32 if steps is None else -(-len(next(leaves(data[0]))) // steps)
    else:
        size = whole(batch_size, "batch_size", where)
    return _Arrays(data, size, shuffle, steps, where)


def is_iterable_of_batches(x: Any) -> bool:
    """Whether x gives whole batches: no array, list, tuple or dict, but something to iterate or index."""
    if isinstance(x, list | tuple | dict | str | bytes) or is_array(x) or hasattr(x, "__array__"):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")
