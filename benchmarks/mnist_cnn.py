"""Train the course notes' CNN on MNIST with minicnn and with Keras: the same script for both.

The network is the notes' own: Conv 32–64–64 (3×3, valid), two 2×2 max pools, Dense 64–10; 93,322
parameters; RMSprop, batches of 64, 5 epochs. Each framework runs in a process of its own, one seed after
the other; the accuracy is that of the last epoch on the 10,000 test images.

    python benchmarks/mnist_cnn.py --data-dir DIR             # minicnn, then Keras if it is installed
    python benchmarks/mnist_cnn.py --framework keras          # one of them
    python benchmarks/mnist_cnn.py                            # without DIR: the embedded subset, a quick look

Results of the full data go to benchmarks/results/mnist_cnn.json and .png, next to this file.
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
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "mnist_cnn.json"


def build(framework: Any) -> Any:
    """The notes' CNN; `framework` is the module minicnn or keras."""
    layers = framework.layers
    model = framework.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


def load(data_dir: str | None) -> Any:
    """Images in 0 … 1 with a channel axis and one-hot labels, for both frameworks from one reader."""
    import minicnn
    from minicnn import datasets

    name = "mnist" if data_dir else "mnist_subset"
    pairs = datasets.load(name, data_dir=data_dir) if data_dir else datasets.load(name)
    one_hot = minicnn.utils.to_categorical
    return [(x[..., None].astype("float32") / 255, one_hot(y, 10)) for x, y in pairs]


def run_one(name: str, seed: int, data: Any, epochs: int) -> dict[str, Any]:
    """One training run: curves, final test accuracy and speed."""
    if name == "keras":
        import keras as framework

        framework.utils.clear_session()
    else:
        import minicnn as framework
    framework.utils.set_random_seed(seed)
    model = build(framework)
    assert model.count_params() == 93_322
    (x, y), (x_test, y_test) = data
    curves: dict[str, list[float]] = {}
    seconds = 0.0
    for epoch in range(epochs):
        started = time.perf_counter()
        history = model.fit(x, y, batch_size=64, epochs=epoch + 1, initial_epoch=epoch, verbose=0).history
        seconds += time.perf_counter() - started
        loss, accuracy = model.evaluate(x_test, y_test, batch_size=1000, verbose=0)
        values = {name: series[-1] for name, series in history.items()} | {
            "test_loss": loss,
            "test_accuracy": accuracy,
        }
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


def work(arguments: argparse.Namespace) -> None:
    """In the subprocess of one framework: run all seeds and print the result as JSON."""
    data = load(arguments.data_dir)
    runs = [run_one(arguments.framework, seed, data, arguments.epochs) for seed in arguments.seeds]
    print(json.dumps({"versions": versions(arguments.framework), "runs": runs}))


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


def plot(results: dict[str, Any], path: Path) -> None:
    """Test accuracy by epoch, one line per seed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4), layout="constrained")
    axes = figure.add_subplot()
    for (name, result), color in zip(results["frameworks"].items(), ("#0072B2", "#D55E00"), strict=False):
        for i, run in enumerate(result["runs"]):
            series = run["curves"]["test_accuracy"]
            label = f"{name}, seeds {', '.join(str(r['seed']) for r in result['runs'])}" if i == 0 else None
            axes.plot(
                range(1, len(series) + 1), series, color=color, marker="o", ms=3, alpha=0.8, label=label
            )
    axes.axhline(0.9912, color="0.5", lw=1, ls=":")
    axes.text(1, 0.9914, "0.9912 in the course notes", color="0.4", fontsize=8)
    axes.set(
        xlabel="epoch", ylabel="test accuracy", title="The notes' CNN on MNIST, 93,322 parameters, RMSprop"
    )
    axes.set_xticks(range(1, len(series) + 1))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=125)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir", default=os.environ.get("MINICNN_DATA"), help="folder of the four IDX files"
    )
    parser.add_argument("--framework", choices=["minicnn", "keras"], action="append")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--worker", dest="framework_worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.framework_worker:
        arguments.framework = arguments.framework_worker
        work(arguments)
        return
    results: dict[str, Any] = {"machine": machine(), "frameworks": {}}
    if arguments.data_dir and RESULTS.exists():
        results["frameworks"] = json.loads(RESULTS.read_text())["frameworks"]
    for name in arguments.framework or ["minicnn", "keras"]:
        if name == "keras" and importlib.util.find_spec("keras") is None:
            print("keras is not installed: pip install -e '.[bench]'", file=sys.stderr)
            continue
        command = [sys.executable, __file__, "--worker", name, "--epochs", str(arguments.epochs), "--seeds"]
        command += [str(seed) for seed in arguments.seeds]
        command += ["--data-dir", arguments.data_dir] if arguments.data_dir else []
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(HERE.parent)}
        finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        results["frameworks"][name] = json.loads(finished.stdout.splitlines()[-1])
    report(results)
    if arguments.data_dir:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        plot(results, RESULTS.with_suffix(".png"))
        print(f"written: {RESULTS} and {RESULTS.with_suffix('.png').name}")


if __name__ == "__main__":
    main()
