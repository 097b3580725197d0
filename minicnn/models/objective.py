"""What a model is trained for: the losses and metrics of `compile`, one entry for each output."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import losses, metrics
from ..autograd import Tensor
from ..checks import is_number
from ..errors import ArgumentError, message
from .structure import leaves, spread

__all__ = ["Logs", "Objective"]


class Logs(Mapping[str, Any]):
    """The means so far, computed when somebody reads them."""

    def __init__(self, trackers: Mapping[str, metrics.Metric]) -> None:
        self._trackers = trackers

    def __getitem__(self, name: str) -> Any:
        return self._trackers[name].result()

    def __iter__(self) -> Iterator[str]:
        return iter(self._trackers)

    def __len__(self) -> int:
        return len(self._trackers)


def resolve_losses(given: Any) -> Any:
    """Loss objects for what compile was given: one, or a list or dict of them and of None."""
    if isinstance(given, dict) and "class_name" not in given:
        return {name: resolve_losses(item) for name, item in given.items()}
    if isinstance(given, list | tuple):
        return [resolve_losses(item) for item in given]
    return None if given is None else losses.get(given)


class Objective:
    """Losses, their weights and metrics, laid out over the outputs once these are known.

    `trackers` maps the names of the logs to metrics: "loss", with several losses "name_loss" for each
    output, then the metrics, with several outputs "name_metric". All sums of an epoch are in them.
    """

    def __init__(self, loss: Any, loss_weights: Any, plain: Any, weighted: Any, where: str) -> None:
        self.where = f"compile of {where}"
        self.loss, self.loss_weights = loss, loss_weights
        self.given = {"metrics": plain, "weighted_metrics": weighted}
        for name, value in self.given.items():
            if value is not None and not isinstance(value, list | tuple | dict):
                got, hint = repr(value), f"Write {name}=[{value!r}]."
                raise ArgumentError(message(self.where, name, expected="a list", got=got, hint=hint))
            for item in _identifiers(value):
                metrics.get(item)  # refuse an unknown name now, not at the first batch
        self.names: list[str] | None = None
        self.built = False
        self.trackers: dict[str, metrics.Metric] = {"loss": metrics.Mean("loss")}
        self._restored: dict[str, Any] = {}  # states for metrics that the first batch will make

    # -- laid out over the outputs -----------------------------------------------------------------------

    def lay_out(self, names: Sequence[str]) -> None:
        """Give every output its loss, weight and metrics."""
        self.names = list(names)
        several = isinstance(self.loss, list | dict)
        count = len(self.names)
        self._losses = (
            spread(self.loss, self.names, "loss", self.where, missing=False)
            if several
            else [self.loss] * count
        )
        self._weights = self._spread_weights()
        used = [name for name, loss in zip(self.names, self._losses, strict=True) if loss is not None]
        self._loss_means = {name: metrics.Mean(f"{name}_loss") for name in used if len(used) > 1}
        self._metrics = {kind: self._spread_metrics(kind) for kind in self.given}
        self._check_names()

    def _spread_weights(self) -> list[Any]:
        names, given = self.names or [], self.loss_weights
        if given is None:
            return [None] * len(names)
        given = [given] if is_number(given) and len(names) == 1 else given
        found = spread(given, names, "loss_weights", self.where)
        wrong = next((item for item in found if item is not None and not is_number(item)), None)
        if wrong is not None:
            raise ArgumentError(message(self.where, "loss_weights", expected="numbers", got=repr(wrong)))
        return found

    def _spread_metrics(self, kind: str) -> list[list[Any]]:
        names, given = self.names or [], self.given[kind]
        if not given:
            return [[] for _ in names]
        if len(names) == 1 and not isinstance(given, dict):
            return [list(_identifiers(given))]  # a single output has all of them
        return [list(_identifiers(item)) for item in spread(given, names, kind, self.where)]

    def _check_names(self) -> None:
        for kind, outputs in self._metrics.items():
            for items in outputs:
                names = ["loss", *(metrics.get(item).name for item in items)]
                if len(set(names)) < len(names):
                    got = ", ".join(names)
                    raise ArgumentError(message(self.where, f"two {kind} have one name", got=got))

    def build(self, outputs: Mapping[str, Tensor]) -> None:
        """Make the metrics, whose kind may depend on the outputs' shapes; at the first batch."""
        if self.names != list(outputs):
            self.lay_out(list(outputs))
        self.built = True
        self.trackers |= {mean.name: mean for mean in self._loss_means.values()}
        self._made: dict[str, list[list[metrics.Metric]]] = {}
        for kind, items in self._metrics.items():
            triples = zip(items, self._losses, outputs.items(), strict=True)
            self._made[kind] = [
                [self._track(kind, metrics.get(item, loss, output.shape), name) for item in chosen]
                for chosen, loss, (name, output) in triples
            ]

        restored, self._restored = self._restored, {}
        self.set_state(restored)

    def set_state(self, states: Mapping[str, Any]) -> None:
        """Put back the sums of an epoch by name, now or as soon as there are metrics to hold them."""
        if not self.built:
            self._restored = dict(states)
        elif states:
            if set(states) != set(self.trackers):
                expected, got = ", ".join(states), ", ".join(self.trackers)
                problem = "the metrics are not those of the interrupted training"
                raise ArgumentError(message(self.where, problem, expected=expected, got=got))
            for name, state in states.items():
                self.trackers[name].set_state(state)

    def _track(self, kind: str, metric: metrics.Metric, output: str) -> metrics.Metric:
        prefix = f"{output}_" if len(self.names or ()) > 1 else ""
        name = f"{prefix}{metric.name}"
        if name in self.trackers and kind == "weighted_metrics":
            name = f"{prefix}weighted_{metric.name}"
        self.trackers[name] = metric
        metric.reset_state()
        return metric

    @property
    def partial(self) -> bool:
        """Whether an output has no loss."""
        return self.built and None in self._losses

    # -- used at every batch -----------------------------------------------------------------------------

    def targets(self, y: Any) -> list[Any]:
        """The target of each output; those without a loss may be left out."""
        names = self.names or []
        if y is None:
            return [None] * len(names)
        used = [i for i, loss in enumerate(self._losses) if loss is not None]
        entries = [y] if not isinstance(y, list | dict) else y
        if isinstance(entries, list) and len(entries) == len(used) < len(names):
            found: list[Any] = [None] * len(names)
            for place, entry in zip(used, entries, strict=True):
                found[place] = entry
            return found
        return spread(entries, names, "y", self.where.removeprefix("compile of "))

    def weights(self, sample_weight: Any) -> list[Any]:
        """The sample weights of each output: one array counts for all."""
        names = self.names or []
        if not isinstance(sample_weight, list | dict):
            return [sample_weight] * len(names)
        where = self.where.removeprefix("compile of ")
        return spread(sample_weight, names, "sample_weight", where)

    def total(self, outputs: Mapping[str, Tensor], y: Any, sample_weight: Any) -> Tensor | None:
        """The weighted sum of the losses, None without any; each is counted in its own mean."""
        first = not self.built
        if first:
            self.build(outputs)
        total: Any = None
        rows = zip(
            outputs.items(),
            self.targets(y),
            self.weights(sample_weight),
            self._losses,
            self._weights,
            strict=True,
        )
        for (name, output), target, weights, loss, factor in rows:
            if loss is None:
                continue
            if first:
                self._warn_of_logits(loss, output)
            value = self._value(loss, name, output, target, weights)
            if name in self._loss_means:
                self._loss_means[name].add(value.item(), len(output))
            weighted = value if factor is None else value * float(factor)
            total = weighted if total is None else total + weighted
        return total

    def _value(self, loss: Any, name: str, output: Tensor, target: Any, weights: Any) -> Tensor:
        where = self.where.removeprefix("compile of ")
        if target is None:
            hint = "Pass y, or compile with None as the loss of this output."
            raise ArgumentError(message(where, f"output {name!r} has a loss but no target", hint=hint))
        value = loss(target, output) if weights is None else loss(target, output, weights)
        if value.ndim:
            hint = "Training needs a loss of one number: leave reduction out."
            raise ArgumentError(
                message(where, f"loss {loss.name!r} is not reduced", got=value.shape, hint=hint)
            )
        return value

    def _warn_of_logits(self, loss: Any, output: Tensor) -> None:
        mistake = losses.logits_mistake(loss, output)
        if mistake:
            warnings.warn(mistake, UserWarning, stacklevel=2)

    def count(self, outputs: Mapping[str, Tensor], y: Any, sample_weight: Any) -> None:
        """Count a batch in: metrics without its weights, weighted_metrics with them."""
        if not self.built:
            self.build(outputs)
        targets, weights = self.targets(y), self.weights(sample_weight)
        for kind, made in self._made.items():
            for group, output, target, weight in zip(made, outputs.values(), targets, weights, strict=True):
                for metric in group if target is not None else ():
                    if kind == "metrics" or weight is None:
                        metric.update_state(target, output.numpy())
                    else:
                        metric.update_state(target, output.numpy(), weight)

    def check_targets(self, y: Any) -> None:
        """Called when a loss is no number: say so if the reason is a target that is none."""
        for name, target in zip(self.names or [], self.targets(y), strict=True):
            for values in leaves(target):
                values = np.asarray(values)
                if values.dtype.kind == "f" and np.isnan(values).any():
                    where = self.where.removeprefix("compile of ")
                    got = f"{int(np.isnan(values).sum())} in this batch"
                    hint = "Leave those samples out, or give them the weight 0 and a number."
                    raise ArgumentError(
                        message(where, f"the targets of {name!r} hold NaN", got=got, hint=hint)
                    )


def _identifiers(given: Any) -> Iterator[Any]:
    """The metrics in lists and dicts, however deep; a config is a metric."""
    if isinstance(given, dict) and "class_name" not in given:
        given = list(given.values())
    if isinstance(given, list | tuple):
        for item in given:
            yield from _identifiers(item)
    elif given is not None:
        yield given
