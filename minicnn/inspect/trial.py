"""Training steps that leave no trace: a model tried out, and afterwards put back bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import random
from ..autograd import Tensor, grad
from ..context import frame, no_grad


@contextmanager
def untouched(model: Any) -> Iterator[None]:
    """Whatever is done to the model inside: afterwards layers, weights and random numbers are as before."""
    layers = [(layer, dict(vars(layer))) for layer in model._walk()]
    weights = [(w, w.data, w.data.copy(), w.grad, w.requires_grad, w._version[0]) for w in model.weights]
    state = random._State
    seed, drawn, streams = state.seed, state.drawn, dict(state.streams)
    try:
        yield
    finally:
        for layer, attributes in layers:
            vars(layer).clear()
            vars(layer).update(attributes)
        for w, data, values, gradient, requires_grad, version in weights:
            data[...] = values
            w.data, w.grad, w.requires_grad = data, gradient, requires_grad
            w._version[0] = version
        state.seed, state.drawn, state.streams = seed, drawn, streams


def copied(optimizer: Any) -> Any:
    """An optimizer with the same settings and no state."""
    return type(optimizer)(**optimizer.get_config())


def total_loss(model: Any, x: Any, y: Any, training: bool, step: int = 0) -> tuple[Tensor, Tensor]:
    """The loss as training adds it up, and the prediction."""
    with frame(), random.at_step(step):
        prediction = model(x, training=training)
        loss = model.loss(y, prediction).mean()
        for penalty in model.losses:
            loss = loss + penalty
    return loss, prediction


def gradients(model: Any, x: Any, y: Any) -> dict[str, np.ndarray]:
    """The gradient of every trainable weight, by path."""
    loss, _ = total_loss(model, x, y, training=True)
    own = model.trainable_weights
    return {w.path: g.numpy() for w, g in zip(own, grad(loss, own), strict=True)} if own else {}


def value(model: Any, x: Any, y: Any) -> float:
    """The loss alone, without penalties, as `evaluate` gives it."""
    with no_grad():
        return float(np.mean(model.loss(y, model(x, training=False)).numpy()))


def train(model: Any, optimizer: Any, x: Any, y: Any, steps: int, goal: float = -np.inf) -> float:
    """Steps on one batch, until the loss is at most `goal`; returns the smallest or, if none is, NaN."""
    best = np.inf
    for step in range(steps):
        loss, _ = total_loss(model, x, y, True, step)
        if not np.isfinite(loss.item()):
            return np.nan
        own = model.trainable_weights
        if not own:
            break
        optimizer.apply(grad(loss, own), own)
        if step % 10 == 9 or step == steps - 1:
            best = min(best, value(model, x, y))
            if best <= goal:
                break
    return best
