"""Every table of benchmarks/README.md in one run: layers, training and prediction beside Keras and PyTorch.

    python benchmarks/everything.py                   # all, about half an hour on two cores
    python benchmarks/everything.py train predict     # some of the sections
    python benchmarks/everything.py --rounds 3        # a quick look; README.md is written all the same

Each section is one `minicnn bench` command, shown above its table; its JSON and picture go to
benchmarks/results. Sections that were measured before stay as they are until they are measured again.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

SECTIONS: dict[str, tuple[str, str]] = {
    "train": ("Training", "train --net mnist --net deep --net cifar --seconds 1.5"),
    "predict": ("Prediction", "predict --net mnist --net cifar --seconds 1"),
    "large-train": ("Training at 224×224", "train --net vgg16 --net resnet50 --steps 1 --seconds 0.1"),
    "large-predict": ("Prediction at 224×224", "predict --net vgg16 --net resnet50 --steps 1 --seconds 0.1"),
    "layers-mnist": ("Layers of the notes' MNIST CNN", "layers --set mnist"),
    "layers-cifar": ("Layers of the CIFAR net", "layers --set cifar"),
    "layers-vgg16": ("Layers of VGG16", "layers --set vgg16"),
    "layers-resnet50": ("Layers of ResNet-50", "layers --set resnet50"),
    "layers-alexnet": ("Layers of AlexNet", "layers --set alexnet"),
    "layers-xception": ("Layers of Xception", "layers --set xception"),
    "scaling": ("Steps as the batch grows", "scaling --net mnist"),
}

HEAD = """# Benchmarks

Kernels and whole networks beside Keras and PyTorch on one CPU. No time stands here for a result that did not
agree, in the same run, with the definition in float64 (layers) or with the reference kernels (networks).
`python benchmarks/everything.py` measures all of it again; each section names its command, date and machine.
Ratios are a peer's time over ours in turns of one run: above 1, minicnn is faster. Losses stand beside wins.

"""


def measure(name: str, rounds: int) -> None:
    """Run the command of a section; its Markdown, JSON and picture go to the results."""
    _, words = SECTIONS[name]
    command = ["bench", *shlex.split(words), "--rounds", str(rounds)]
    kinds = {"--json": "json", "--markdown": "md", "--plot": "png"}
    files = [
        word for option, kind in kinds.items() for word in (option, str(RESULTS / f"bench-{name}.{kind}"))
    ]
    print("minicnn", *command, flush=True)
    code = "from minicnn.cli import main; main()"
    subprocess.run([sys.executable, "-c", code, *command, *files], check=True, stdout=subprocess.DEVNULL)


def write_page() -> None:
    """README.md from all sections that have been measured."""
    parts = [HEAD]
    for name, (title, words) in SECTIONS.items():
        file = RESULTS / f"bench-{name}.md"
        if file.exists():
            picture = f"![{title}](results/bench-{name}.png)\n\n" if file.with_suffix(".png").exists() else ""
            text = file.read_text(encoding="utf-8").replace("\n#", "\n##")
            parts.append(f"## {title}\n\n`minicnn bench {words}`\n\n{picture}{text}\n")
    (HERE / "README.md").write_text("".join(parts), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all without")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no such section: {', '.join(sorted(unknown))}. There are {', '.join(SECTIONS)}.")
    for name in arguments.sections or SECTIONS:
        measure(name, arguments.rounds)
        write_page()


if __name__ == "__main__":
    main()
