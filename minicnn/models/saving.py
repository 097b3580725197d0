"""Models as files: one ``.safetensors`` with the weights, and the rest as JSON in its metadata.

Nothing in a file is ever executed: layers and functions are looked up by name on lists. A file is
written under a temporary name, synced and renamed, so that a crash leaves the old file whole.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from .. import losses, metrics, optimizers
from ..errors import ArgumentError, FileAccessError, FileFormatError, message
from ..layers.base import Layer
from ..layers.promised import promised_weights
from ..layers.registry import deserialize, serialize

FORMAT = "minicnn-1"
_STATE = "optimizer/"


def save_model(model: Any, path: Any) -> None:
    """Write architecture, weights, compile settings and optimizer state."""
    path = _checked_path(path)
    if not model.built:
        hint = "Give it an Input, or call it on data once."
        raise ArgumentError(message(f"save of {model.where}", "its weights do not exist yet", hint=hint))
    if not hasattr(model, "graph"):
        hint = "Use save_weights, and load_weights on a model of that class."
        raise ArgumentError(message(f"save of {model.where}", "only code says how it computes", hint=hint))
    metadata = {"architecture": serialize(model)}
    arrays = _weight_arrays(model)
    if model.optimizer is not None:
        metadata["compile"] = _compile_data(model)
        state = model.optimizer.state_arrays(model.trainable_weights)
        arrays |= {_STATE + name: np.asarray(array, order="C") for name, array in state.items()}
    _write(path, arrays, metadata, model)


def save_weights(model: Any, path: Any) -> None:
    """Write the weights alone."""
    _write(_checked_path(path), _weight_arrays(model), {}, model)


def _checked_path(path: Any) -> Path:
    path = Path(path)
    if path.suffix != ".safetensors":
        hint = f"Write {path.with_suffix('.safetensors').name!r}."
        raise ArgumentError(
            message("save", "unknown kind of file", expected=".safetensors", got=path.name, hint=hint)
        )
    return path


def _weight_arrays(model: Any) -> dict[str, np.ndarray]:
    arrays = [np.asarray(array, order="C") for array in model.get_weights()]
    return dict(zip(_weight_keys(model), arrays, strict=True))


def _weight_keys(model: Any) -> list[str]:
    """A unique key per weight: its path, numbered where two are equal (a layer inside two sub-models)."""
    keys: dict[str, None] = {}
    for parameter in model.weights:
        candidates = (f"{parameter.path}#{copy}" if copy else parameter.path for copy in itertools.count())
        keys[next(key for key in candidates if key not in keys)] = None
    return list(keys)


def _compile_data(model: Any) -> dict[str, Any]:
    def described(item: Any) -> Any:
        if item is None or isinstance(item, str):
            return item
        return {"class_name": type(item).__name__, "config": item.get_config()}

    loss = model.loss
    if loss is not None and type(loss).__name__ not in {cls.__name__ for cls in losses.LOSSES.values()}:
        loss = None  # a function of the user's own: compile again after loading
    return {
        "optimizer": described(model.optimizer),
        "iterations": model.optimizer.iterations,
        "epochs_seen": model._epochs_seen,
        "loss": described(loss),
        "metrics": [described(item) for item in model._metric_arguments],
    }


def _write(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, Any], model: Any) -> None:
    from safetensors.numpy import save

    text = {key: json.dumps(value, allow_nan=False) for key, value in metadata.items()}
    text |= {"format": FORMAT, "weights": json.dumps(_weight_keys(model))}
    data = save(arrays, metadata=text)
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # temporary files are private; this one is not
        os.replace(temporary, path)
    except OSError as error:
        hint = "A file of that name, if there was one, is unchanged."
        raise FileAccessError(
            message(str(path), f"it cannot be written ({error.strerror or error})", hint=hint)
        ) from error
    finally:
        if temporary is not None:
            with suppress(OSError):  # after the renaming it is no longer there
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read(path: Any) -> tuple[dict[str, np.ndarray], dict[str, Any], str]:
    """Arrays and metadata of a file; a sentence for whatever is wrong with it."""
    from safetensors import SafetensorError, safe_open

    where = str(path)
    if not Path(path).is_file():
        problem = "it is a folder, not a file" if Path(path).is_dir() else "there is no such file"
        raise FileAccessError(message(where, problem))
    try:
        with safe_open(where, framework="numpy") as file:
            metadata = file.metadata() or {}
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, TypeError, ValueError, KeyError, OverflowError, AttributeError) as error:
        raise FileFormatError(
            message(where, "it is no valid .safetensors file", hint=f"({error})")
        ) from error
    except OSError as error:
        raise FileAccessError(message(where, f"it cannot be read ({error})")) from error
    if metadata.get("format") != FORMAT:
        problem = "it was not written by minicnn"
        raise FileFormatError(message(where, problem, expected=FORMAT, got=repr(metadata.get("format"))))
    try:
        decoded = {key: json.loads(text) for key, text in metadata.items() if key != "format"}
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            message(where, "its description is no valid JSON", hint=f"({error})")
        ) from error
    keys = decoded.get("weights")
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in arrays for key in keys):
        raise FileFormatError(message(where, "its list of weights does not match its arrays"))
    if len(set(keys)) < len(keys):
        raise FileFormatError(message(where, "its list of weights names one twice"))
    return arrays, decoded, where


def load_weights(model: Any, path: Any) -> None:
    """Put a file's weights into a model of the same layers; nothing changes if one does not fit."""
    arrays, metadata, where = _read(path)
    keys = metadata["weights"]
    own = model.weights
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
    model.set_weights([arrays[key] for key in keys])


def load_model(path: Any, custom_objects: dict[str, type[Layer]] | None = None) -> Any:
    """The model that `Model.save` wrote: architecture, weights, and how it was compiled.

    `custom_objects` maps names to layer classes of your own. FileFormatError for a file that is damaged,
    names anything not on the list of layers, or describes more weights than it holds.
    """
    arrays, metadata, where = _read(path)
    if "architecture" not in metadata:
        hint = "Build the model in Python and use model.load_weights(path)."
        raise FileFormatError(message(where, "it holds weights only, no architecture", hint=hint))
    values = [arrays[key] for key in metadata["weights"]]
    try:
        with promised_weights(sum(value.size for value in values), where):
            model = deserialize(metadata["architecture"], custom_objects)
    except FileFormatError:
        raise
    except Exception as error:  # whatever a damaged description makes go wrong
        hint = f"({type(error).__name__}: {error})"
        raise FileFormatError(message(where, "its architecture cannot be built", hint=hint)) from error
    if not hasattr(model, "fit"):
        raise FileFormatError(message(where, "its architecture is not a model"))
    own = model.weights
    if [p.shape for p in own] != [value.shape for value in values]:
        raise FileFormatError(message(where, "its weights do not fit its architecture"))
    for parameter, value in zip(own, values, strict=True):
        parameter.data = np.array(value, dtype=parameter.dtype)
    if metadata.get("compile"):
        _restore_compile(model, metadata["compile"], arrays, where)
    return model


def _restore_compile(model: Any, data: Any, arrays: dict[str, np.ndarray], where: str) -> None:
    try:
        compiled_metrics = [item if isinstance(item, str) else metrics.get(item) for item in data["metrics"]]
        loss = None if data["loss"] is None else losses.get(data["loss"])
        model.compile(optimizers.get(data["optimizer"]), loss, compiled_metrics)
        state = {k.removeprefix(_STATE): v for k, v in arrays.items() if k.startswith(_STATE)}
        model.optimizer.load_state_arrays(model.trainable_weights, state)
        model.optimizer.iterations = _count(data["iterations"])
        model._epochs_seen = _count(data["epochs_seen"])
    except Exception as error:  # whatever a damaged description makes go wrong
        raise FileFormatError(message(where, "its training state is damaged", hint=f"({error})")) from error


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**48:
        raise ValueError(f"{value!r} is no number of steps or epochs")
    return value
