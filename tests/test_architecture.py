"""The shape of the library: who imports whom, where names and sizes live, how long things are.

Imports are read from the source, those inside functions too, so that none can hide there.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from minicnn import errors

ROOT = Path(__file__).resolve().parents[1]

# The rooms of minicnn/ and which other rooms each may use.
CORE = {"errors", "checks", "geometry", "context", "saved", "backend", "autograd"}
BUILD = CORE | {"functions", "random", "activations", "initializers", "regularizers", "layers"}
TRAIN = BUILD | {
    "losses",
    "metrics",
    "optimizers",
    "schedules",
    "callbacks",
    "models",
    "datasets",
    "utils",
    "preprocessing",
}
ALLOWED = {
    "errors": set(),
    "checks": {"errors"},
    "context": set(),
    "geometry": {"errors", "checks"},
    "backend": {"errors", "checks", "context", "geometry", "kernels"},
    "saved": {"errors", "context", "backend"},
    "autograd": {"errors", "context", "backend", "saved"},
    "functions": CORE,
    "random": {"errors", "checks", "kernels"},  # for one file, see KERNELS_BY_NAME
    "activations": {"errors", "functions"},
    "initializers": {"errors", "checks", "geometry", "random"},
    "regularizers": CORE | {"functions"},
    "layers": BUILD,
    "losses": CORE | {"functions"},
    "metrics": CORE | {"functions", "losses"},
    "schedules": {"errors", "checks"},
    "optimizers": CORE | {"schedules"},
    "callbacks": {"errors", "checks", "context"},
    "calculators": BUILD | {"optimizers"},
    "models": (TRAIN | {"calculators"}) - {"datasets", "preprocessing", "utils"},
    "applications": TRAIN | {"calculators"},
    "utils": {"errors", "checks", "random", "layers", "models"},
    "preprocessing": {"errors", "checks"},
    "datasets": {"errors", "checks", "random", "preprocessing"},
    "visualize": TRAIN,
    "inspect": TRAIN,
    "bench": TRAIN | {"calculators", "applications", "visualize", "minicnn"},
    "cli": TRAIN | {"applications", "calculators", "visualize", "inspect", "bench", "minicnn"},
    "__main__": {"cli"},
    # minicnn/__init__.py
    "minicnn": TRAIN | {"applications", "calculators", "visualize", "inspect", "bench"},
    "kernels": set(),
}

# Conveniences that point upward: an import inside one function, by file, function and target.
UPWARD = {
    ("minicnn.layers.core", "InputLayer._first_node", "minicnn.models.graph"),
    ("minicnn.callbacks.history", "History.plot", "minicnn.visualize.plot"),
    ("minicnn.callbacks.range_test", "LearningRateRangeTest.plot", "minicnn.visualize.plot"),
    ("minicnn.models.functional", "Model.summary", "minicnn.models.summary"),
    ("minicnn.models.functional", "Model.sanity", "minicnn.inspect.sanity"),
    ("minicnn.models.functional", "Model.save", "minicnn.models.saving"),
    ("minicnn.models.functional", "Model.save_weights", "minicnn.models.saving"),
    ("minicnn.models.functional", "Model.load_weights", "minicnn.models.saving"),
}

# Kernels are found by backend; only the definition of the random bits is the same everywhere.
KERNELS_BY_NAME = {
    ("minicnn.backend.registry", "minicnn.kernels"),
    ("minicnn.backend.compiled", "minicnn.kernels.compiled.jit"),
    ("minicnn.backend.compiled", "minicnn.kernels.compiled.parallel"),
    ("minicnn.backend.threads", "minicnn.kernels.compiled.parallel"),
    ("minicnn.random", "minicnn.kernels.philox.reference"),
}

KERNEL_LIBRARIES = {"numpy", "scipy", "numba", "llvmlite", "threadpoolctl"}
LIBRARIES = {
    "matplotlib": {"minicnn.visualize.plot", "minicnn.visualize.bench_plot"},
    "safetensors": {"minicnn.models.files"},
    "pooch": {"minicnn.datasets.download"},
    "requests": {"minicnn.datasets.download"},
    "torch": {"minicnn.bench.peers.torch_peer"},
    "tensorflow": {"minicnn.bench.peers.tensorflow_peer"},
    "jax": {"minicnn.bench.peers.jax_peer"},
    "keras": {"minicnn.bench.peers.tensorflow_peer", "minicnn.bench.peers.jax_peer"},
}


class Import(NamedTuple):
    """One import: the module that does it, the function it stands in ("" at the top), what it loads."""

    module: str
    function: str
    target: str


@cache
def modules() -> dict[str, tuple[Path, ast.Module]]:
    """All modules by their installed name."""
    found = {}
    for top, prefix in (("minicnn", ()), ("kernels", ("minicnn",))):
        for file in sorted((ROOT / top).rglob("*.py")):
            name = ".".join((*prefix, *file.relative_to(ROOT).with_suffix("").parts))
            tree = ast.parse(file.read_text(encoding="utf-8"))
            found[name.removesuffix(".__init__")] = (file, tree)
    return found


def walk(node: ast.AST, path: tuple[str, ...] = ()) -> Iterator[tuple[ast.AST, tuple[str, ...]]]:
    """Every node below, with the names of the classes and functions it stands in."""
    for child in ast.iter_child_nodes(node):
        inner = path
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = (*path, child.name)
        yield child, path
        yield from walk(child, inner)


def targets(module: str, file: Path, node: ast.AST) -> list[str]:
    """The modules an import statement loads, by absolute name."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    source = ".".join(part for part in (package if node.level else "", node.module) if part)
    names = [f"{source}.{alias.name}" for alias in node.names]
    return [name if name in modules() else source for name in names]


@cache
def imports() -> tuple[Import, ...]:
    """All imports of the library."""
    return tuple(
        Import(module, ".".join(path), target)
        for module, (file, tree) in modules().items()
        for node, path in walk(tree)
        for target in targets(module, file, node)
    )


def room(module: str) -> str:
    return (module + ".").split(".")[1] or "minicnn"


def inside() -> list[Import]:
    """Imports of one part of minicnn by another."""
    return [found for found in imports() if found.target.split(".")[0] == "minicnn"]


def outside() -> list[Import]:
    """Imports of other people's packages."""
    known = set(sys.stdlib_module_names) | {"minicnn"}
    return [found for found in imports() if found.target.split(".")[0] not in known]


def test_the_reader_of_imports_sees_them_all():
    """What is checked below must have been found at all."""
    assert Import("minicnn.autograd", "", "minicnn.context") in imports()
    assert Import("minicnn.functions.conv", "", "minicnn.backend") in imports()
    assert Import("minicnn.kernels.conv2d.reference", "", "minicnn.kernels.checks") in imports()
    assert Import("minicnn.models.files", "write_file", "safetensors.numpy") in imports()
    assert set(UPWARD) <= set(imports()), "an upward convenience that is listed does not exist"
    assert len(modules()) > 60


def test_every_room_has_its_rule():
    assert {room(module) for module in modules()} == set(ALLOWED)


@pytest.mark.parametrize("name", ALLOWED)
def test_rooms_import_only_what_they_may(name):
    wrong = [
        found
        for found in inside()
        if room(found.module) == name
        and room(found.target) not in (ALLOWED[name] | {name})
        and found not in UPWARD
    ]
    assert wrong == []


def test_no_import_goes_round_in_circles():
    graph = {module: set() for module in modules()}
    for found in inside():
        if found not in UPWARD and found.target != found.module:
            graph[found.module].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_kernels_know_only_arrays():
    wrong = [found for found in outside() if room(found.module) == "kernels"]
    wrong = [found for found in wrong if found.target.split(".")[0] not in KERNEL_LIBRARIES]
    assert wrong == []


def test_kernels_are_reached_through_the_backend():
    found = {(i.module, i.target) for i in inside() if room(i.target) == "kernels"}
    assert {pair for pair in found if room(pair[0]) != "kernels"} == KERNELS_BY_NAME


def test_kernel_folders_do_not_ask_their_own_page():
    """A kernel's __init__.py is prose; whoever needs a function names the file it is in."""
    for module, (file, tree) in modules().items():
        gathers = module == "minicnn.kernels" or module.endswith(".numba_cpu")  # no page, but a list
        if room(module) == "kernels" and file.name == "__init__.py" and not gathers:
            assert all(isinstance(node, ast.Expr | ast.ImportFrom) for node in tree.body), module


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_with_one_home(library):
    assert {i.module for i in outside() if i.target.split(".")[0] == library} == LIBRARIES[library]


def calls() -> Iterator[tuple[str, ast.Call]]:
    for module, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield module, node


def called_name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def test_only_functions_and_optimizers_call_kernels():
    found = {module for module, call in calls() if called_name(call) == "kernel"}
    own = {"minicnn.autograd"}  # Function.kernel, for functions/
    assert own <= found
    others = {m for m in found - own if room(m) not in ("functions", "backend", "optimizers", "bench")}
    assert others == set()


def test_modules_are_loaded_by_name_in_three_places():
    """Backends and the rooms that load on first use; anything else is an import that can be read."""
    found = {module for module, call in calls() if called_name(call) == "import_module"}
    assert found == {"minicnn", "minicnn.backend.registry", "minicnn.visualize"}


def test_nothing_is_executed_that_was_read():
    names = {"eval", "exec", "__import__", "compile_source"}
    assert [module for module, call in calls() if getattr(call.func, "id", "") in names] == []
    unsafe = {"pickle", "marshal", "shelve", "dill", "joblib"}
    assert [found for found in imports() if found.target.split(".")[0] in unsafe] == []


def test_numpys_random_numbers_are_not_used():
    for module, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "random":
                assert getattr(node.value, "id", "") not in ("np", "numpy"), f"{module} uses np.random"


def strings(tree: ast.Module) -> Iterator[ast.Constant]:
    """String constants, docstrings and other bare strings left out."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node


def test_only_the_backend_knows_names_of_backends():
    from minicnn.backend.registry import _FILES

    names = {*_FILES, *_FILES.values(), "numba", "cupy", "cuda-sim"}
    found = {
        (module, node.value)
        for module, (_, tree) in modules().items()
        for node in strings(tree)
        if node.value in names and room(module) not in ("backend", "kernels")
    }
    packages = {(f"minicnn.{m}", name) for m in ("cli.doctor", "bench.manifest") for name in names}
    # what every backend is checked against
    packages |= {("minicnn.bench.truth", "numpy"), ("minicnn.bench.networks", "numpy")}
    packages |= {
        ("minicnn.bench.checker.remote", "numba")
    }  # what a kernel of the user's own may be made with
    assert found <= {("minicnn.models.files", "numpy")} | packages  # safetensors' name for arrays


def test_operators_are_attached_in_one_place():
    found = {module for module, call in calls() if called_name(call) == "setattr"}
    assert found <= {"minicnn.functions.operators"}


def test_the_library_raises_sentences():
    """No assert; errors of our own, or the ones Python itself expects."""
    python_errors = {"AttributeError", "ImportError", "KeyboardInterrupt", "NotImplementedError"}
    python_errors |= {"ValueError", "Exit"}
    for module, (_, tree) in modules().items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        makers = {f.name for f in functions if getattr(f.returns, "id", "") in errors.__all__}
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Assert), f"{module}, line {node.lineno}: assert"
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and room(module) != "kernels":
                name = called_name(node.exc)
                assert name in {*errors.__all__, *python_errors, *makers}, f"{module} raises {name}"


@pytest.mark.parametrize("module", modules())
def test_files_can_be_read_in_one_sitting(module):
    file, tree = modules()[module]
    limit = 400 if module == "minicnn.autograd" else 330
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) < limit, f"{file.relative_to(ROOT)} has {len(lines)} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length < 50, f"{module}.{node.name} has {length} lines"


def code_lines(file: Path, tree: ast.Module) -> int:
    """Lines that are neither blank nor part of a docstring."""
    bare = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    docs = {
        line
        for node in bare
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
    return sum(bool(line.strip()) and number not in docs for number, line in lines)


def test_the_network_itself_stays_small():
    """Functions, layers and reference kernels together: what a student has to read."""
    rooms = ("functions", "layers", "kernels")
    fast = ("numba_cpu", "compiled", "microkernels", "fused", "sliding")
    read = [m for m in modules() if room(m) in rooms and not set(fast) & set(m.split("."))]
    assert sum(code_lines(*modules()[m]) for m in read) < 5100


@pytest.mark.parametrize("module", modules())
def test_a_file_says_what_it_is_about(module):
    _, tree = modules()[module]
    words = ast.get_docstring(tree)
    assert words and words.splitlines()[0].endswith((".", ":", "?", "!"))
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name[0] != "_"]
    for node in public:
        is_node = isinstance(node, ast.ClassDef) and node.name.endswith("Function")
        assert is_node or ast.get_docstring(node), f"{module}.{node.name} has no docstring"


@pytest.mark.parametrize("module", modules())
def test_public_names_exist(module):
    if module.endswith("__main__"):
        return  # importing it runs it
    loaded = importlib.import_module(module)
    for name in getattr(loaded, "__all__", ()):
        assert hasattr(loaded, name), f"{module}.__all__ names {name!r}"
