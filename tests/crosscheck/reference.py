"""One layer or loss, run forward and backward in Keras on JAX and in minicnn, on the same numbers.

Layers, losses, optimizers and the training of random networks are compared on every backend. Keras takes
nearly all of the time, so it answers once: ``for _ in backends():`` goes round what minicnn computes. What
`fit` does around the steps is compared on the default backend alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from minicnn import Tensor, backend, grad, layers
from minicnn.errors import MinicnnError

# What every test here carries. Keras itself turns variables into arrays in a way that NumPy 2 warns of.
MARKS = [pytest.mark.crosscheck, pytest.mark.filterwarnings("ignore:__array__ implementation doesn't")]


def keras_vjp(function: Any, inputs: Any, gy: Any) -> tuple[Any, Any]:
    """Output of function(*inputs), and the gradients of the inputs under the upstream gradient gy."""
    import jax

    @jax.jit  # compiled once as a whole; operation by operation JAX would compile each of them
    def run(inputs: Any, gy: Any) -> Any:
        y, pull = jax.vjp(function, *inputs)
        return y, pull(gy)

    return run(tuple(inputs), gy)


def run_keras(layer: Any, weights: list[Any], x: Any, gy: Any) -> tuple[Any, list[Any]]:
    """y, and the gradients of x and of every weight; `layer` is built and holds the weights."""
    others = [variable.value for variable in layer.non_trainable_variables]  # the seeds of Dropout

    def call(x: Any, *weights: Any) -> Any:
        return layer.stateless_call(list(weights), others, x)[0]

    y, grads = keras_vjp(call, [x, *weights], gy)
    return np.asarray(y), [np.asarray(g) for g in grads]


def backends() -> Iterator[str]:
    """Every backend in turn, in force while the body of the loop runs."""
    for name in backend.available_backends():
        with backend.use_backend(name):
            yield name


def run_minicnn(function: Any, x: Any, weights: Any, gy: Any) -> tuple[Any, list[Any]]:
    """y, and the gradients of x and of every weight (Parameters that `function` uses)."""
    x = Tensor(x, requires_grad=True)
    y = function(x)
    return y.numpy(), [g.numpy() for g in grad(y, [x, *weights], Tensor(gy))]


def assert_both_refuse(keras: Any, name: str, kwargs: dict[str, Any], shape: Any) -> None:
    """A layer made like this, and called on an input of this shape, fails there, and here in a sentence."""

    def use(package: Any) -> None:
        layer = getattr(package, name)(**kwargs)
        if shape is not None:
            layer(np.zeros(shape, np.float32))

    with pytest.raises(Exception):  # noqa: B017 - Keras raises all kinds of exceptions
        use(keras.layers)
    with pytest.raises(MinicnnError, match=r"^\w.*: .+\.$"):
        use(layers)
