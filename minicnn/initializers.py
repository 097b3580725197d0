"""How weights start: distributions by name, as in Keras 3.

The scaled ones keep the variance of signals (Glorot & Bengio 2010; He et al. 2015; LeCun et al. 1998):
``variance = scale / n`` with n the fan-in, the fan-out or their mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import random
from .checks import number
from .errors import ArgumentError, ShapeError, message
from .geometry import fans

__all__ = [
    "INITIALIZERS",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
    "serialize",
]

# For a normal distribution cut at two standard deviations, the remaining one is this much smaller.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer:
    """Base: ``initializer(shape, dtype)`` gives an array; the same object twice gives other numbers.

    With `seed`, the numbers depend on that seed alone and repeat.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.seed = None if seed is None else random.check_seed(seed, type(self).__name__)

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        stream = random.next_stream("initializer") if self.seed is None else 0
        return self.draw(tuple(shape), dtype, stream)

    def draw(self, shape: tuple[int, ...], dtype: str, stream: int) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} has no draw")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return dict(vars(self))


class Constant(Initializer):
    """All weights equal `value`."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = number(value, "value", type(self).__name__)

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        return np.full(tuple(shape), self.value, dtype)


class Zeros(Constant):
    """All weights 0."""

    def __init__(self) -> None:
        super().__init__(0.0)

    def get_config(self) -> dict[str, Any]:
        return {}


class Ones(Constant):
    """All weights 1."""

    def __init__(self) -> None:
        super().__init__(1.0)

    def get_config(self) -> dict[str, Any]:
        return {}


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, 0 elsewhere: a Dense layer that starts by changing nothing."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = number(gain, "gain", "Identity")

    def __call__(self, shape: Sequence[int], dtype: str = "float32") -> np.ndarray:
        if len(shape) != 2:
            raise ShapeError(message("Identity", "it makes a matrix", expected="two sizes", got=tuple(shape)))
        return self.gain * np.eye(shape[0], shape[1], dtype=dtype)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        where = type(self).__name__
        self.minval, self.maxval = number(minval, "minval", where), number(maxval, "maxval", where)

    def draw(self, shape: tuple[int, ...], dtype: str, stream: int) -> np.ndarray:
        common: dict[str, Any] = {"dtype": dtype, "seed": self.seed}
        return random.uniform(shape, "initializer", stream, low=self.minval, high=self.maxval, **common)


class RandomNormal(Initializer):
    """Normal with `mean` and `stddev`."""

    sample = staticmethod(random.normal)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        where = type(self).__name__
        self.mean, self.stddev = number(mean, "mean", where), number(stddev, "stddev", where, 0)

    def draw(self, shape: tuple[int, ...], dtype: str, stream: int) -> np.ndarray:
        common: dict[str, Any] = {"dtype": dtype, "seed": self.seed}
        return self.sample(shape, "initializer", stream, mean=self.mean, stddev=self.stddev, **common)


class TruncatedNormal(RandomNormal):
    """Normal, with values further than two `stddev` from the mean drawn again."""

    sample = staticmethod(random.truncated_normal)


class Orthogonal(Initializer):
    """`gain` times a random matrix with perpendicular columns of length 1 (rows, where they are fewer).

    The matrix is (product of all sizes but the last, last size), so that signals keep their length.
    Source: Saxe et al. 2014.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = number(gain, "gain", "Orthogonal")

    def draw(self, shape: tuple[int, ...], dtype: str, stream: int) -> np.ndarray:
        if len(shape) < 2:
            expected = "at least two sizes"
            raise ShapeError(message("Orthogonal", "it makes a matrix", expected=expected, got=shape))
        rows, columns = int(np.prod(shape[:-1])), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        normal = random.normal(tall, "initializer", stream, dtype="float64", seed=self.seed)
        q, r = np.linalg.qr(normal)
        q *= np.where(np.diagonal(r) < 0, -1, 1)  # else not all orthogonal matrices were equally likely
        return (self.gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)


class VarianceScaling(Initializer):
    """Zero-mean weights with ``variance = scale / n``, n chosen by `mode`.

    mode : ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
    distribution : ``"truncated_normal"``, ``"untruncated_normal"`` or ``"uniform"``.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        for name, value, known in (
            ("mode", mode, ("fan_in", "fan_out", "fan_avg")),
            ("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform")),
        ):
            if value not in known:
                expected = f"one of {', '.join(known)}"
                raise ArgumentError(
                    message("VarianceScaling", f"unknown {name}", expected=expected, got=repr(value))
                )
        if number(scale, "scale", "VarianceScaling") <= 0:
            raise ArgumentError(message("VarianceScaling", "scale is not positive", got=scale))
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def draw(self, shape: tuple[int, ...], dtype: str, stream: int) -> np.ndarray:
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(n, 1.0)
        common: dict[str, Any] = {"dtype": dtype, "seed": self.seed}
        if self.distribution == "uniform":
            limit = float(np.sqrt(3 * variance))
            return random.uniform(shape, "initializer", stream, low=-limit, high=limit, **common)
        stddev = float(np.sqrt(variance))
        if self.distribution == "untruncated_normal":
            return random.normal(shape, "initializer", stream, stddev=stddev, **common)
        return random.truncated_normal(
            shape, "initializer", stream, stddev=stddev / _TRUNCATED_STDDEV, **common
        )


def _scaled(name: str, scale: float, mode: str, distribution: str, doc: str) -> type[VarianceScaling]:
    def __init__(self: VarianceScaling, seed: int | None = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    def get_config(self: VarianceScaling) -> dict[str, Any]:
        return {"seed": self.seed}

    return type(name, (VarianceScaling,), {"__init__": __init__, "get_config": get_config, "__doc__": doc})


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform", "Uniform, variance 1 / mean fan.")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Normal, variance 1 / mean fan.")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "Uniform, variance 2 / fan-in.")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "Normal, variance 2 / fan-in.")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "Uniform, variance 1 / fan-in.")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", "Normal, variance 1 / fan-in.")

INITIALIZERS: dict[str, type[Initializer]] = {
    "constant": Constant,
    "zeros": Zeros,
    "zero": Zeros,
    "ones": Ones,
    "one": Ones,
    "identity": Identity,
    "orthogonal": Orthogonal,
    "random_uniform": RandomUniform,
    "uniform": RandomUniform,
    "random_normal": RandomNormal,
    "normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
}


def get(identifier: Any) -> Any:
    """An initializer from its name, its config, its class, a function of (shape, dtype), or itself.

    >>> get("zeros")((2,)).tolist()
    [0.0, 0.0]
    """
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        return identifier
    classes = {cls.__name__: cls for cls in INITIALIZERS.values()} | INITIALIZERS
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]](**identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in classes:
        return classes[identifier]()
    expected = f"one of {', '.join(INITIALIZERS)}, an Initializer or a function"
    raise ArgumentError(message("initializer", "it is not known", expected=expected, got=repr(identifier)))


def serialize(initializer: Any, where: str = "initializer") -> dict[str, Any]:
    """Class name and config, for files; a function or a class of the user's own is refused."""
    if type(initializer) not in INITIALIZERS.values():
        hint = "Only those of minicnn.initializers can."
        raise ArgumentError(message(where, "it cannot be written to a file", hint=hint))
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}
