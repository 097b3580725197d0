"""The base of all metrics, and the means and sums most of them are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor, no_grad
from ..errors import ShapeError, message

__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum", "array"]


def array(values: Any) -> np.ndarray:
    """What came from a user or a model, as a NumPy array."""
    return values.numpy() if isinstance(values, Tensor) else np.asarray(values)


class Metric:
    """Base: `update_state` after every batch, `result` at any time, `reset_state` at an epoch's start.

    `states` names the attributes that a checkpoint keeps; `direction` says whether a better model has a
    larger result ("up"), a smaller one ("down"), or neither (None).
    """

    states: tuple[str, ...] = ()
    direction: str | None = None

    def __init__(self, name: str | None = None) -> None:
        self.name = name or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self).__name__).lower()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no update_state")

    def result(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no result")

    def reset_state(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no reset_state")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def get_state(self) -> dict[str, Any]:
        """What has been counted so far, for a checkpoint."""
        values = ((name, getattr(self, name)) for name in self.states)
        return {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in values}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Put back what `get_state` gave."""
        for name in self.states:
            value = state[name]
            vars(self)[name] = value.copy() if isinstance(value, np.ndarray) else value

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric from what `get_config` gave."""
        return cls(**config)


def samplewise(values: Any, sample_weight: Any, reduce: Callable, where: str) -> tuple[np.ndarray, Any]:
    """One weighted value and one weight for each sample; what lies behind the weights' axes is reduced."""
    values = array(values).astype(np.float64)
    if sample_weight is not None:
        weights = array(sample_weight).astype(np.float64)
        if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
            weights = weights[..., 0]
        if values.ndim > weights.ndim:
            values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
        fits = weights.ndim == values.ndim
        if not fits or any(w not in (1, n) for w, n in zip(weights.shape, values.shape, strict=True)):
            problem = "sample_weight does not fit the values"
            raise ShapeError(message(where, problem, expected=values.shape, got=weights.shape))
        weights = np.broadcast_to(weights, values.shape)
        values = values * weights
        sample_weight = reduce(weights, axis=tuple(range(1, weights.ndim)))
    return reduce(values, axis=tuple(range(1, values.ndim))) if values.ndim > 1 else values, sample_weight


class Sum(Metric):
    """Sum of all values, each times its weight.

    >>> total = Sum(); total.update_state([1.0, 2.0]); total([3.0], sample_weight=[2])
    9.0
    """

    states = ("total",)

    def __init__(self, name: str = "sum") -> None:
        super().__init__(name)
        self.reset_state()

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        self.total += float(samplewise(values, sample_weight, np.sum, self.name)[0].sum())

    def result(self) -> float:
        return self.total

    def reset_state(self) -> None:
        self.total = 0.0


class Mean(Metric):
    """Mean of values, weighted by how many samples each stands for.

    >>> loss = Mean("loss"); loss.add(1.0, 3); loss.add(5.0, 1); loss.result()
    2.0
    """

    states = ("total", "count")

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name)
        self.reset_state()

    def add(self, value: float, count: float = 1) -> None:
        """Count `value` in for `count` samples."""
        self.total += value * count
        self.count += count

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        values, weights = samplewise(values, sample_weight, np.mean, self.name)
        self.total += float(values.sum())
        self.count += float(weights.sum()) if weights is not None else values.size

    def result(self) -> float:
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        self.total, self.count = 0.0, 0.0


class MeanMetricWrapper(Mean):
    """Mean of what a function ``fn(y_true, y_pred, **arguments)`` gives for every sample.

    >>> metric = MeanMetricWrapper(lambda y_true, y_pred: abs(y_pred - y_true), name="distance")
    >>> metric([1.0, 2.0], [1.0, 4.0])
    1.0
    """

    def __init__(self, fn: Callable, name: str | None = None, **arguments: Any) -> None:
        super().__init__(name or str(getattr(fn, "__name__", "metric")))
        self._fn, self._arguments = fn, arguments

    @no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self._fn(array(y_true), array(y_pred), **self._arguments)
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"fn": self._fn} | self._arguments
