"""compile, and what happens to one batch: the steps that a model of one's own may override."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .. import optimizers, random
from ..autograd import Tensor, grad
from ..context import frame
from ..errors import ArgumentError, message
from ..metrics import Metric
from .arguments import check_compile
from .objective import Logs, Objective, resolve_losses
from .structure import leaves, outputs_by_name, unpack

__all__ = ["Steps"]


class Steps:
    """One step of training, evaluation or prediction, and the numbers that are counted in it.

    A step of one's own replaces `train_step` (and `test_step`); what it returns are the logs. A training
    in which two models compete needs little more than two optimizers here.

    Examples
    --------
    >>> from minicnn import Model, layers, utils
    >>> class Twice(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = layers.Dense(1, kernel_initializer="ones")
    ...     def call(self, x):
    ...         return self.dense(x)
    ...     def train_step(self, data):
    ...         x, y, sample_weight = utils.unpack_x_y_sample_weight(data)
    ...         y_pred = self(x, training=True)
    ...         loss = self.compute_loss(x, y, y_pred, sample_weight) * 2.0
    ...         self.optimizer.apply(grad(loss, self.trainable_weights), self.trainable_weights)
    ...         return {"loss": loss.item()}
    >>> model = Twice()
    >>> model.compile("sgd", "mse")
    >>> model.train_on_batch(Tensor([[1.0]]), Tensor([[3.0]]))
    8.0
    """

    optimizer: optimizers.Optimizer | None = None
    loss: Any = None
    _objective: Objective | None = None
    _metric_arguments: Any = ()
    _weighted_arguments: Any = ()
    _loss_weights: Any = None
    where: str
    losses: list[Any]
    trainable_weights: list[Any]

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Choose what to train with.

        Parameters
        ----------
        optimizer : name or Optimizer.
        loss : name, Loss or ``fn(y_true, y_pred)``; for several outputs one for all, a list, or a dict by
            the outputs' names, with None for an output that is not trained.
        loss_weights : list or dict of factors of these losses in their sum.
        metrics : list of names, Metrics or functions to report beside the loss; for several outputs a list
            or dict of such lists.
        weighted_metrics : the same, for metrics that take the sample weights into account.
        run_eagerly, auto_scale_loss : True or False; every step is eager, and none is in float16.
        steps_per_execution, jit_compile : 1, and "auto" or False.
        """
        where = f"compile of {self.where}"
        check_compile(run_eagerly, steps_per_execution, jit_compile, auto_scale_loss, where)
        chosen, found = optimizers.get(optimizer), resolve_losses(loss)
        objective = Objective(found, loss_weights, metrics, weighted_metrics, self.where)
        names = self._names("output_names")
        if names:
            objective.lay_out(names)
        self.optimizer, self.loss, self._objective = chosen, found, objective
        self._loss_weights = loss_weights
        self._metric_arguments, self._weighted_arguments = metrics or [], weighted_metrics or []

    def _names(self, which: str) -> list[str] | None:
        """The names of inputs or outputs, where a graph gives them."""
        return getattr(self, which) if "graph" in vars(self) else None

    def _check_compiled(self, method: str, loss: bool = False) -> None:
        """Refuse a model without an optimizer; with `loss`, one without a loss, too."""
        if self.optimizer is None or (loss and self.loss is None):
            raise ArgumentError(self._not_compiled(f"{method} of {self.where}"))

    def _not_compiled(self, where: str) -> str:
        hint = 'Call compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"]).'
        return message(where, "there is no loss or optimizer", hint=hint)

    # -- numbers that are counted ------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Metric]:
        """The means of the losses, the metrics of `compile`, and Metrics that are attributes of the model."""
        own = [value for value in vars(self).values() if isinstance(value, Metric)]
        return [*(self._objective.trackers.values() if self._objective else ()), *own]

    def metric_directions(self) -> dict[str, str | None]:
        """Whether a better model has a larger value ("up") or a smaller one ("down"), by name of the log."""
        trackers = {} if self._objective is None else self._objective.trackers
        losses = {name for name in trackers if name == "loss" or name.endswith("_loss")}
        own = {metric.name: metric.direction for metric in self.metrics}
        laid_out = {name: metric.direction for name, metric in trackers.items()}
        return own | laid_out | dict.fromkeys(losses, "down")

    @property
    def metrics_names(self) -> list[str]:
        """Names of the values that `evaluate` returns, in their order."""
        return self._in_order(Logs(self._objective.trackers)) if self._objective else []

    def reset_metrics(self) -> None:
        """Start counting afresh, as every epoch does."""
        if self._objective is not None:
            self._objective.set_state({})
        for metric in self.metrics:
            metric.reset_state()

    def _in_order(self, logs: Mapping[str, Any]) -> list[str]:
        """Names of logs as Keras lists the values: those of metrics, then the others by the alphabet."""
        known = dict.fromkeys(metric.name for metric in self.metrics if metric.name in logs)
        return [*known, *sorted(name for name in logs if name not in known)]

    def _as_keras(self, logs: Mapping[str, Any], return_dict: bool) -> Any:
        """A dict, one number, or a list: what Keras returns."""
        if return_dict:
            return dict(logs)
        values = [logs[name] for name in self._in_order(logs)]
        return values[0] if len(values) == 1 else values

    @contextmanager
    def _counting_apart(self) -> Iterator[None]:
        """Leave the numbers of an epoch in progress as they are."""
        saved = {id(metric): copy.deepcopy(vars(metric)) for metric in self.metrics}
        try:
            yield
        finally:
            for metric in self.metrics:
                if id(metric) in saved:
                    vars(metric).update(saved[id(metric)])
                else:
                    metric.reset_state()

    # -- the steps ---------------------------------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The Tensor that training minimises: the losses of `compile` and the model's own `losses`."""
        total = None
        if self._objective is not None:
            outputs = outputs_by_name(y_pred, self._names("output_names"))
            total = self._objective.total(outputs, y, sample_weight)
        for loss in self.losses:
            total = loss if total is None else total + loss
        if total is None:
            raise ArgumentError(self._not_compiled(f"training of {self.where}"))
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Mapping[str, Any]:
        """Count a batch in, and return the values so far; they are computed when somebody reads them."""
        objective = self._objective
        if objective is None:
            return {}
        objective.count(outputs_by_name(y_pred, self._names("output_names")), y, sample_weight)
        return Logs(
            objective.trackers | {metric.name: metric for metric in self.metrics[len(objective.trackers) :]}
        )

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """Forward, backward and update for one batch (x, y) or (x, y, sample_weight); returns the logs."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=True)  # type: ignore[operator]
        loss = self.compute_loss(x, y, y_pred, sample_weight, training=True)
        self._count_loss(loss, x, y)
        parameters = self._trained(loss)
        if parameters and self.optimizer is not None:
            self.optimizer.apply(grad(loss, parameters), parameters)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """Forward and counting for one batch, without training; returns the logs."""
        x, y, sample_weight = unpack(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        self._count_loss(self.compute_loss(x, y, y_pred, sample_weight, training=False), x, y)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch x or (x, …), which may hold more than is looked at."""
        return self(unpack(data)[0], training=False)  # type: ignore[operator]

    def _trained(self, loss: Tensor) -> list[Any]:
        """The weights to update; where an output has no loss, what only it depends on stays as it is."""
        parameters = self.trainable_weights
        if self._objective is None or not self._objective.partial:
            return parameters
        reached = _leaves_of(loss)
        return [parameter for parameter in parameters if id(parameter) in reached]

    def _count_loss(self, loss: Tensor, x: Any, y: Any) -> None:
        if self._objective is not None:
            value = loss.item()
            if math.isnan(value):
                self._objective.check_targets(y)
            self._objective.trackers["loss"].add(value, len(next(leaves(x))))  # type: ignore[attr-defined]

    def _run_train_step(self, data: Any) -> Mapping[str, Any]:
        """`train_step` with the random numbers of its place in the training."""
        optimizer = self.optimizer
        before = 0 if optimizer is None else optimizer.iterations
        with frame(), random.at_step(before):
            logs = self.train_step(data)
        if optimizer is not None and optimizer.iterations == before:
            optimizer.iterations += 1  # a step with other optimizers: dropout must draw anew all the same
        return logs


def _leaves_of(tensor: Tensor) -> set[int]:
    """The ids of the leaves a Tensor was computed from."""
    found: set[int] = set()
    seen: set[int] = set()
    nodes = [tensor.creator]
    while nodes:
        node = nodes.pop()
        if node is not None and node.number not in seen:
            seen.add(node.number)
            found.update(id(edge.leaf) for edge in node.edges if edge.leaf is not None)
            nodes.extend(edge.node for edge in node.edges)
    return found
