"""Python's operators and a few methods for Tensors, attached in this one place.

`attach` gives the same operators to any class whose instances the functions accept; graph symbols
use it too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..context import is_grad_enabled
from ..errors import GradientError, message
from . import arithmetic, linear, reduce, shape


def attach(cls: type) -> None:
    """Give a class arithmetic, comparison, matrix product, indexing and shape methods."""
    add, sub = arithmetic.AddFunction(), arithmetic.SubtractFunction()
    mul, div, pow_ = arithmetic.MultiplyFunction(), arithmetic.DivideFunction(), arithmetic.PowerFunction()
    methods: dict[str, Any] = {
        "__add__": lambda x, y: add(x, y),
        "__radd__": lambda x, y: add(y, x),
        "__sub__": lambda x, y: sub(x, y),
        "__rsub__": lambda x, y: sub(y, x),
        "__mul__": lambda x, y: mul(x, y),
        "__rmul__": lambda x, y: mul(y, x),
        "__truediv__": lambda x, y: div(x, y),
        "__rtruediv__": lambda x, y: div(y, x),
        "__pow__": lambda x, y: pow_(x, y),
        "__rpow__": lambda x, y: pow_(y, x),
        "__matmul__": linear.matmul,
        "__rmatmul__": lambda x, y: linear.matmul(y, x),
        "__neg__": lambda x: arithmetic.NegativeFunction()(x),
        "__abs__": lambda x: arithmetic.AbsoluteFunction()(x),
        "__getitem__": shape.getitem,
        "reshape": lambda x, *sizes: shape.reshape(x, sizes[0] if len(sizes) == 1 else sizes),
        "transpose": lambda x, *axes: shape.transpose(x, axes[0] if len(axes) == 1 else axes or None),
        "T": property(lambda x: shape.transpose(x), doc="The axes in reverse order."),
        "astype": shape.astype,
        "sum": reduce.sum,
        "mean": reduce.mean,
        "max": reduce.max,
    }
    symbols = {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}
    for short, name in {**symbols, "eq": "equal", "ne": "not_equal"}.items():
        methods[f"__{short}__"] = _comparison(name)
    for name, method in methods.items():
        setattr(cls, name, method)
    cls.__hash__ = object.__hash__  # type: ignore[assignment]  # == compares elements; identity is the hash


def _comparison(name: str) -> Any:
    return lambda x, y: NotImplemented if y is None else arithmetic.CompareFunction(name)(x, y)


def _in_place(name: str) -> Any:
    def operate(x: Tensor, y: Any) -> Tensor:
        if x.requires_grad and is_grad_enabled():
            hint = "Make a new Tensor (x = x + y), or change it under no_grad()."
            where = f"in-place {name}"
            raise GradientError(message(where, "the Tensor is part of a recorded computation", hint=hint))
        y = y.data if isinstance(y, Tensor) else y
        x._write(getattr(x.data, f"__{name}__")(y))
        return x

    return operate


def _iterate(x: Tensor) -> Any:
    return (x[i] for i in range(len(x)))


def attach_to_tensor() -> None:
    """The operators of `attach`, and those that only make sense on real data."""
    attach(Tensor)
    methods: dict[str, Any] = {
        "__iadd__": _in_place("add"),
        "__isub__": _in_place("sub"),
        "__imul__": _in_place("mul"),
        "__itruediv__": _in_place("truediv"),
        "__len__": lambda x: len(x.data),
        "__iter__": _iterate,
        "__bool__": lambda x: bool(x.item()),
        "__float__": lambda x: float(x.item()),
        "__int__": lambda x: int(x.item()),
        "__array__": lambda x, dtype=None, copy=None: np.array(x.numpy(), dtype=dtype, copy=copy),
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)


attach_to_tensor()
