"""Models as files: weights, and as a description the architecture and how the model was compiled.

Layers and functions in a description are looked up by name on lists; no code is ever run. What is the
user's own is stored by name, and comes back when `custom_objects` says what the name stands for.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..errors import ArgumentError, FileFormatError, message
from ..layers.base import Layer
from ..layers.core import InputLayer
from ..layers.promised import promised_weights
from ..layers.registry import custom_object_scope, custom_objects_now, deserialize, serialize
from .files import checked_path, read_file, write_file

# What compile is given again after loading: its arguments, and the attributes that keep them.
_COMPILED = {
    "loss": "loss",
    "loss_weights": "_loss_weights",
    "metrics": "_metric_arguments",
    "weighted_metrics": "_weighted_arguments",
}


def save_model(model: Any, path: Any) -> None:
    """Write architecture, weights, compile settings and optimizer state."""
    path = checked_path(path, "save")
    write_file(path, weight_arrays(model), whole_description(model, f"save of {model.where}"))


def whole_description(model: Any, where: str) -> dict[str, Any]:
    """All of a model but its weights; ArgumentError where a file cannot describe it."""
    if not model.built:
        hint = "Give it an Input, or call it on data once."
        raise ArgumentError(message(where, "its weights do not exist yet", hint=hint))
    if not hasattr(model, "graph") and type(model).get_config is Layer.get_config:
        hint = "Give it a get_config, or use save_weights and load_weights on a model of that class."
        raise ArgumentError(message(where, "only code says how it computes", hint=hint))
    _check_shared(model, where)
    compiled = {} if model.optimizer is None else {"compile": _compile_data(model, where)}
    return state_description(model) | {"architecture": serialize(model)} | compiled


def state_description(model: Any) -> dict[str, Any]:
    """What changes in a model of known architecture, but its weights."""
    layers = [_layer_state(layer) for layer in _layers(model)]
    optimizer = model.optimizer
    state = {} if optimizer is None else {"optimizer": optimizer.state_arrays(model.trainable_weights)}
    return _weight_keys(model) | {"layers": layers} | state


def save_weights(model: Any, path: Any) -> None:
    """Write the weights alone."""
    write_file(checked_path(path, "save_weights"), weight_arrays(model), _weight_keys(model))


def _weight_keys(model: Any) -> dict[str, Any]:
    """A unique key per weight: its path, numbered where two are equal (a layer inside two sub-models)."""
    keys: dict[str, None] = {}
    for parameter in model.weights:
        candidates = (f"{parameter.path}#{copy}" if copy else parameter.path for copy in itertools.count())
        keys[next(key for key in candidates if key not in keys)] = None
    return {"weights": list(keys)}


def weight_arrays(model: Any) -> dict[str, np.ndarray]:
    """Copies of the weights by the keys they have in a file."""
    return dict(zip(_weight_keys(model)["weights"], model.get_weights(), strict=True))


def _check_shared(model: Any, where: str) -> None:
    """A layer in two graphs would be described twice, and come back as two layers."""
    homes: dict[int, Any] = {}
    for home in model._walk():
        for layer in home._inner() if hasattr(home, "graph") else ():
            other = homes.setdefault(id(layer), home)
            if other is not home and not isinstance(layer, InputLayer):
                hint = "Use save_weights, and load_weights on a model built the same way."
                problem = f"{other.where} and {home.where} share {layer.where}, which a file cannot describe"
                raise ArgumentError(message(where, problem, hint=hint))


def _layers(model: Any) -> Iterator[Any]:
    """All layers that do something; where a graph begins inside another, loading makes a new InputLayer."""
    return (layer for layer in model._walk() if not isinstance(layer, InputLayer))


def _layer_state(layer: Any) -> dict[str, Any]:
    """What a layer is beside its config: the shape it was built for, what is frozen, its random stream."""
    return {
        "built": getattr(layer, "_built_for", None),
        "trainable": [layer._trainable, *(parameter.trainable for parameter in layer._own)],
        "stream": getattr(layer, "_stream", None),
    }


def restore_layers(model: Any, states: list[Any], where: str) -> None:
    """Build layers that are not built yet, in the order of `_walk`, and set what `_layer_state` gave."""
    layers = []
    for layer, state in itertools.zip_longest(_layers(model), states):  # building may add inner layers
        if layer is None or state is None:
            raise FileFormatError(message(where, "it describes more or fewer layers than its class makes"))
        layers.append(layer)
        if state["built"] is not None:
            layer.build_for(_shape(state["built"]))
    for layer, state in zip(layers, states, strict=True):
        layer._trainable, *trainable = map(bool, state["trainable"])
        for parameter, flag in zip(layer._own, trainable, strict=True):
            parameter.trainable = flag
        if state["stream"] is not None and hasattr(layer, "_stream"):
            layer._stream = _count(state["stream"])


def _shape(data: Any) -> Any:
    """A shape, or a list of several, from JSON."""
    if any(isinstance(item, list) for item in data):
        return [_shape(item) for item in data]
    if not all(size is None or (type(size) is int and 0 <= size < 2**48) for size in data):
        raise ValueError(f"{data!r} is no shape")
    return tuple(data)


def _compile_data(model: Any, where: str) -> dict[str, Any]:
    arguments = {name: _described(getattr(model, own), name, where) for name, own in _COMPILED.items()}
    counts = {"iterations": model.optimizer.iterations, "epochs_seen": model._epochs_seen}
    return arguments | counts | {"optimizer": _described(model.optimizer, "optimizer", where)}


def _described(item: Any, what: str, where: str) -> Any:
    """What compile was given as plain data: names, objects by class and config, functions by name."""
    if isinstance(item, list | tuple):
        return [_described(one, what, where) for one in item]
    if isinstance(item, dict):
        return {key: _described(one, what, where) for key, one in item.items()}
    function = getattr(item, "function", item)  # of a loss or metric made from a function
    if inspect.isfunction(function):
        return {"function": function.__name__}
    if hasattr(item, "get_config"):
        config = _described(item.get_config(), what, where)
        return {"class_name": type(item).__name__, "config": config}
    if item is None or isinstance(item, bool | int | float | str | np.generic):
        return item
    hint = "Give it a get_config."
    problem = f"its {what} cannot be written to a file"
    raise ArgumentError(message(where, problem, got=type(item).__name__, hint=hint))


def load_weights(model: Any, path: Any) -> None:
    """Put a file's weights into a model of the same layers; nothing changes if one does not fit."""
    put_weights(model, *read_file(path), str(path))


def put_weights(model: Any, arrays: dict[str, np.ndarray], description: dict[str, Any], where: str) -> None:
    """`load_weights` from a file that was read."""
    own = model.weights
    keys = _keys_of(description, arrays, where)
    for number, parameter in enumerate(own):
        found = f"{keys[number]} {arrays[keys[number]].shape}" if number < len(keys) else "nothing"
        if number >= len(keys) or arrays[keys[number]].shape != parameter.shape:
            problem = f"weight {number + 1} of {len(own)} does not fit"
            expected = f"{parameter.path} {parameter.shape}"
            raise FileFormatError(message(where, problem, expected=expected, got=found))
    if len(keys) > len(own):
        hint = "Was the model given an input shape?" if not own else None
        problem = "the file holds more weights than the model"
        raise FileFormatError(message(where, problem, expected=len(own), got=len(keys), hint=hint))
    _check_kinds([arrays[key] for key in keys], where)
    model.set_weights([arrays[key] for key in keys])


def _keys_of(description: dict[str, Any], arrays: dict[str, np.ndarray], where: str) -> list[str]:
    keys = description.get("weights")
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in arrays for key in keys):
        raise FileFormatError(message(where, "its list of weights does not match its arrays"))
    if len(set(keys)) < len(keys):
        raise FileFormatError(message(where, "its list of weights names one twice"))
    return keys


def _check_kinds(values: list[np.ndarray], where: str) -> None:
    wrong = next((str(value.dtype) for value in values if value.dtype.kind != "f"), None)
    if wrong:
        raise FileFormatError(message(where, "a weight does not hold floats", got=wrong))


def load_model(path: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True) -> Any:
    """The model that `Model.save` wrote: architecture, weights, and how it was compiled.

    `custom_objects` maps names to what is your own: classes of layers, models, losses, metrics, optimizers
    and schedules, and functions. With ``compile=False`` the model is not compiled. FileFormatError for a
    file that is damaged, names anything not on the list of layers, or describes more weights than it holds.
    """
    arrays, description = read_file(path)
    where = str(path)
    if "architecture" not in description:
        hint = "Build the model in Python and use model.load_weights(path)."
        raise FileFormatError(message(where, "it holds weights only, no architecture", hint=hint))
    values = [arrays[key] for key in _keys_of(description, arrays, where)]
    _check_kinds(values, where)
    with custom_object_scope(custom_objects or {}):
        model = _rebuilt(description, sum(value.size for value in values), where)
        own = model.weights
        if [p.shape for p in own] != [value.shape for value in values]:
            raise FileFormatError(message(where, "its weights do not fit its architecture"))
        for parameter, value in zip(own, values, strict=True):
            parameter.data = np.array(value, dtype=parameter.dtype)
        if compile and description.get("compile"):
            _restore_compile(model, description["compile"], description.get("optimizer"), where)
    return model


def _rebuilt(description: dict[str, Any], elements: int, where: str) -> Any:
    """The model as its description has it, with placeholders for weights."""
    try:
        with promised_weights(elements, where):
            model = deserialize(description["architecture"])
            if not hasattr(model, "fit"):
                raise FileFormatError(message(where, "its architecture is not a model"))
            restore_layers(model, description["layers"], where)
        return model
    except FileFormatError:
        raise
    except Exception as error:  # whatever a damaged description makes go wrong
        hint = f"({type(error).__name__}: {error})"
        raise FileFormatError(message(where, "its architecture cannot be built", hint=hint)) from error


def _restore_compile(model: Any, data: Any, state: Any, where: str) -> None:
    try:
        arguments = {
            "loss": _made(data["loss"], losses.get),
            "loss_weights": _made(data["loss_weights"], lambda inner: inner),
            "metrics": _made(data["metrics"], metrics.get),
            "weighted_metrics": _made(data["weighted_metrics"], metrics.get),
            "optimizer": _made(data["optimizer"], optimizers.get),
        }
        model.compile(**arguments)
        model.optimizer.load_state_arrays(model.trainable_weights, state)
        model.optimizer.iterations = _count(data["iterations"])
        model._epochs_seen = _count(data["epochs_seen"])
    except Exception as error:  # whatever a damaged description makes go wrong
        hint = f"({error}) Name what is your own in custom_objects={{name: …}}, or pass compile=False."
        problem = "its training state cannot be restored"
        raise FileFormatError(message(where, problem, hint=hint)) from error


def _made(data: Any, get: Any) -> Any:
    """What `_described` was given: objects of the user's own from `custom_objects`, others by `get`."""
    if isinstance(data, list):
        return [_made(item, get) for item in data]
    if not isinstance(data, dict):
        return data
    own = custom_objects_now()
    name: Any = data.get("function", data.get("class_name"))
    if set(data) == {"function"}:
        if name not in own:
            raise ArgumentError(message("custom_objects", f"the function {name!r} is not in it"))
        return own[name]
    if set(data) != {"class_name", "config"}:
        return {key: _made(item, get) for key, item in data.items()}
    config = {key: _made(item, lambda inner: inner) for key, item in data["config"].items()}
    if name in own:
        return own[name].from_config(config) if hasattr(own[name], "from_config") else own[name](**config)
    return get(data | {"config": config})


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**48:
        raise ValueError(f"{value!r} is no number of steps or epochs")
    return value
