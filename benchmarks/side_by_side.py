"""Train one and the same network with minicnn and with Keras, each in a process of its own.

A script states its network and its data in a `Task` and calls `main`:

    python benchmarks/SCRIPT.py --data-dir DIR             # minicnn, then Keras if it is installed
    python benchmarks/SCRIPT.py --framework keras          # one of them
    python benchmarks/SCRIPT.py                            # without DIR: embedded digits, a quick look

One seed runs after the other; the accuracy is that of the last epoch on the test images. Results with
DIR go to benchmarks/results/SCRIPT.json and .png.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLORS = ("#0072B2", "#D55E00")


@dataclass
class Task:
    """What is trained. `build` gets the module minicnn or keras, `load` the folder of the data or None."""

    script: str
    title: str
    build: Callable[[Any], Any]
    load: Callable[[str | None], Any]
    """((x, y), (x_test, y_test)) for both frameworks from one reader."""
    parameters: int
    batch_size: int
    epochs: int
    seeds: tuple[int, ...]
    data_help: str
    reference: tuple[float, str] | None = None
    """A published accuracy, drawn as a line, and whose it is."""

    @property
    def results(self) -> Path:
        return HERE / "results" / f"{Path(self.script).stem}.json"


def run_one(task: Task, name: str, seed: int, data: Any, epochs: int) -> dict[str, Any]:
    """One training run: curves, final test accuracy and speed."""
    if name == "keras":
        import keras as framework

        framework.utils.clear_session()
    else:
        import minicnn as framework
    framework.utils.set_random_seed(seed)
    model = task.build(framework)
    assert model.count_params() == task.parameters, model.count_params()
    (x, y), (x_test, y_test) = data
    curves: dict[str, list[float]] = {}
    seconds = 0.0
    for epoch in range(epochs):
        steps = {"batch_size": task.batch_size, "epochs": epoch + 1, "initial_epoch": epoch, "verbose": 0}
        started = time.perf_counter()
        history = model.fit(x, y, **steps).history
        seconds += time.perf_counter() - started
        loss, accuracy = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)
        values = {key: series[-1] for key, series in history.items()}
        values |= {"test_loss": loss, "test_accuracy": accuracy}
        for key, value in values.items():
            curves.setdefault(key, []).append(round(float(value), 5))
        print(f"{name} seed {seed} epoch {epoch + 1}: {values}", file=sys.stderr, flush=True)
    return {"seed": seed, "curves": curves, "images_per_second": round(epochs * len(x) / seconds)}


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return {"cpu": model, "cores": os.cpu_count(), "python": platform.python_version()}


def versions(name: str) -> dict[str, str]:
    """Versions of what a framework runs on."""
    from importlib.metadata import version

    packages = ["numpy"] if name == "minicnn" else ["keras", "tensorflow-cpu", "jax"]
    found = {"minicnn": __import__("minicnn").__version__} if name == "minicnn" else {}
    for package in packages:
        if importlib.util.find_spec(package.removesuffix("-cpu")):
            found[package] = version(package)
    if name == "keras":
        found["backend"] = __import__("keras").backend.backend()
    return found


def work(task: Task, arguments: argparse.Namespace) -> None:
    """In the subprocess of one framework: run all seeds and print the result as JSON."""
    data = task.load(arguments.data_dir)
    runs = [run_one(task, arguments.worker, seed, data, arguments.epochs) for seed in arguments.seeds]
    print(json.dumps({"versions": versions(arguments.worker), "runs": runs}))


def report(results: dict[str, Any]) -> None:
    """One line per framework: median and range of the test accuracy, and the speed."""
    for name, result in results["frameworks"].items():
        finals = [run["curves"]["test_accuracy"][-1] for run in result["runs"]]
        speeds = [run["images_per_second"] for run in result["runs"]]
        shown = ", ".join(f"{value:.4f}" for value in finals)
        print(
            f"{name:8} test accuracy {shown}; median {statistics.median(finals):.4f}; "
            f"{statistics.median(speeds):,.0f} images/s ({min(speeds):,} – {max(speeds):,})"
        )


def plot(task: Task, results: dict[str, Any], path: Path) -> None:
    """Test accuracy by epoch, one line per seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4), layout="constrained")
    axes = figure.add_subplot()
    for (name, result), color in zip(results["frameworks"].items(), COLORS, strict=False):
        seeds = ", ".join(str(run["seed"]) for run in result["runs"])
        label: str | None = f"{name}, seed{'s' if len(result['runs']) > 1 else ''} {seeds}"
        for run in result["runs"]:
            series = run["curves"]["test_accuracy"]
            epochs = range(1, len(series) + 1)
            axes.plot(epochs, series, color=color, marker="o", ms=3, alpha=0.8, label=label)
            label = None
    if task.reference is not None:
        value, text = task.reference
        axes.axhline(value, color="0.5", lw=1, ls=":")
        axes.text(1, value + 0.0002, text, color="0.4", fontsize=8)
    axes.set(xlabel="epoch", ylabel="test accuracy", title=task.title)
    axes.set_xticks(epochs)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=125)


def parse(task: Task, description: str | None) -> argparse.Namespace:
    """The command line of a script."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", default=os.environ.get("MINICNN_DATA"), help=task.data_help)
    parser.add_argument("--framework", choices=["minicnn", "keras"], action="append")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(task.seeds))
    parser.add_argument("--epochs", type=int, default=task.epochs)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(task: Task, description: str | None) -> None:
    """Run what the command line asks for, each framework in a subprocess."""
    arguments = parse(task, description)
    if arguments.worker:
        work(task, arguments)
        return
    results: dict[str, Any] = {"machine": machine(), "frameworks": {}}
    if arguments.data_dir and task.results.exists():
        results["frameworks"] = json.loads(task.results.read_text())["frameworks"]
    for name in arguments.framework or ["minicnn", "keras"]:
        if name == "keras" and importlib.util.find_spec("keras") is None:
            print("keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
            continue
        command = [sys.executable, task.script, "--worker", name, "--epochs", str(arguments.epochs)]
        command += ["--seeds", *(str(seed) for seed in arguments.seeds)]
        command += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE.parent)}
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        results["frameworks"][name] = json.loads(finished.stdout.splitlines()[-1])
    report(results)
    if arguments.data_dir:
        task.results.parent.mkdir(exist_ok=True)
        task.results.write_text(json.dumps(results, indent=1) + "\n")
        plot(task, results, task.results.with_suffix(".png"))
        print(f"written: {task.results} and {task.results.with_suffix('.png').name}")
