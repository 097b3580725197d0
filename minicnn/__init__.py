"""minicnn: a CNN framework from scratch, small enough to read and exact enough to trust.

>>> import minicnn
>>> model = minicnn.Sequential([
...     minicnn.layers.Input((28, 28, 1)),
...     minicnn.layers.Conv2D(8, 3, activation="relu"),
...     minicnn.layers.Flatten(),
...     minicnn.layers.Dense(10, activation="softmax"),
... ])
>>> model.count_params()
54170
"""

from __future__ import annotations

import importlib
import importlib.util
import pathlib
import sys


def _load_kernels() -> None:
    """In a checkout kernels/ lies beside this folder; only an installation moves it inside."""
    here = pathlib.Path(__file__).resolve().parent
    folder = here.parent / "kernels"
    if (here / "kernels").is_dir():
        return
    places = [str(folder)]
    spec = importlib.util.spec_from_file_location(
        f"{__name__}.kernels", folder / "__init__.py", submodule_search_locations=places
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"minicnn: its kernels are missing. Expected the folder {folder}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = globals()["kernels"] = module
    spec.loader.exec_module(module)


_load_kernels()

from . import (  # noqa: E402
    activations,
    functions,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    utils,
)
from .autograd import Function, Parameter, Tensor, debug, grad, no_grad  # noqa: E402
from .backend import set_threads, use_backend  # noqa: E402
from .backend.marked import kernel  # noqa: E402
from .context import fusion  # noqa: E402
from .models import Model, Sequential, load_model  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "Function",
    "Model",
    "Parameter",
    "Sequential",
    "Tensor",
    "activations",
    "applications",
    "calculators",
    "datasets",
    "debug",
    "functions",
    "fusion",
    "grad",
    "initializers",
    "inspect",
    "kernel",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "no_grad",
    "optimizers",
    "preprocessing",
    "regularizers",
    "set_threads",
    "use_backend",
    "utils",
    "visualize",
]


def __getattr__(name: str) -> object:
    """Rooms that `import minicnn` does not need load on first use."""
    if name in (
        "applications",
        "backend",
        "calculators",
        "datasets",
        "inspect",
        "preprocessing",
        "visualize",
    ):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
