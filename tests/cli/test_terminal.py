"""The command line as a program: help, version, exit codes, encodings, pipes, Ctrl-C."""

from __future__ import annotations

import errno
import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

import minicnn
from minicnn.cli import evaluate, terminal
from minicnn.cli.terminal import command_line

from .conftest import finish, run, start

COMMANDS = ("train", "evaluate", "predict", "summary")
NOT_UNICODE = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}


def test_help_names_every_command():
    printed = run("--help").out
    assert all(re.search(rf"^\W*{command} ", printed, re.MULTILINE) for command in COMMANDS)
    assert run().out == printed
    assert run("-h").out == printed


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            "train",
            "DATASET --model --epochs --batch-size --optimizer --learning-rate --seed --validation-split "
            "--limit --data-dir --save --backend --quiet "
            "notes_cnn small_cnn mlp vgg_small sgd rmsprop adam 12 64 0.1",
        ),
        ("evaluate", "MODEL DATASET --data-dir"),
        ("predict", "MODEL IMAGE --invert --no-invert --json"),
        ("summary", "MODEL"),
    ],
)
def test_help_of_a_command(command, words):
    printed = run(command, "--help").out
    assert f"Usage: minicnn {command} [OPTIONS]" in printed
    assert f"Example: minicnn {command} " in printed
    for word in words.split():
        assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", printed), word


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_the_help_are_valid(command):
    module = sys.modules[f"minicnn.cli.{command}"]
    words = shlex.split(module.EXAMPLE.removeprefix("Example: minicnn "))
    assert words[0] == command
    # Everything is understood: what is refused is the last option, which does not exist.
    assert run(*words, "--no-such-option", code=2).err.startswith(
        f"minicnn {command}: No such option: --no-such-option"
    )


def test_version():
    assert run("--version").out == f"minicnn {minicnn.__version__}\n"
    assert finish(start("--version")).out == f"minicnn {minicnn.__version__}\n"


def test_wrong_words():
    assert run("trian", code=2).err.startswith("minicnn: No such command 'trian'.")
    assert run("--fast", code=2).err == "minicnn: No such option: --fast. See minicnn --help.\n"
    error = run("train", "mnist_subset", "--epochs", "many", code=2).err
    assert error.startswith("minicnn train: Invalid value for '--epochs'")
    assert error.endswith(". See minicnn train --help.\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "minicnn evaluate: stopped by Ctrl-C."),
        (MemoryError(), 2, "minicnn evaluate: there is not enough memory. Use smaller batches or images."),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "minicnn evaluate: No space left on device."),
        (PermissionError(13, "Permission denied", "x.bin"), 2, "minicnn evaluate: x.bin: Permission denied."),
    ],
)
def test_what_can_go_wrong_anywhere(raised, code, sentence, monkeypatch):
    def fail(path):
        raise raised

    monkeypatch.setattr(evaluate, "load_model", fail)
    assert run("evaluate", "m.safetensors", "mnist_subset", code=code).err == f"{sentence}\n"


def test_a_bug_keeps_its_traceback(monkeypatch):
    def fail(path):
        raise ZeroDivisionError

    monkeypatch.setattr(evaluate, "load_model", fail)
    run("evaluate", "m.safetensors", "mnist_subset", code=1)


def test_errors_of_a_process():
    printed = finish(start("evaluate", "missing.safetensors", "mnist_subset"), code=2)
    assert (printed.out, printed.err) == ("", "missing.safetensors: there is no such file.\n")


def test_train_as_a_process(small_mnist, tmp_path):
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "small_cnn", "--epochs", 2)
    printed = finish(start(*words, "--save", tmp_path / "run"))
    assert printed.err == ""
    assert "\x1b" not in printed.out, "no colours in a pipe"
    assert re.search(r"^Epoch 2/2  \d+\.\d s  loss", printed.out, re.MULTILINE)
    command = re.search(r"^  (.*-m minicnn predict .*)$", printed.out, re.MULTILINE).group(1)
    program, *words = shlex.split(command)
    assert Path(program).name.startswith("python")
    assert words[:2] == ["-m", "minicnn"]
    assert "scaled to 28×28" in finish(start(*words[2:])).out


def test_terminals_without_unicode(trained, small_mnist, tmp_path):
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "small_cnn", "--epochs", 1)
    processes = [
        start(*words, "--save", tmp_path, **NOT_UNICODE),
        start("summary", trained.model, **NOT_UNICODE),
        start("predict", trained.model, trained.folder / "digit.png", **NOT_UNICODE),
        start("train", "--help", **NOT_UNICODE),
    ]
    train, summary, predict, manual = (finish(process, encoding="ascii").out for process in processes)
    assert "|class | images |" in train
    assert "| Layer (type) " in summary
    assert "280x280 scaled to 28x28" in predict
    assert "####" in predict
    assert "+- Options ---" in manual
    assert "?" not in train + summary + predict + manual


def test_what_ascii_lacks_is_spelled():
    assert "┏━┓│1…×−⁶".encode("ascii", "minicnn.spell") == b"+-+|1...x-?"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", "minicnn.spell")


def test_colours_only_where_they_are_wanted(trained):
    words = ("evaluate", trained.model, "mnist_subset")
    green = "\x1b[1;32m"
    assert green in run(*words, FORCE_COLOR="1", TERM="xterm").out
    assert green not in run(*words, FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").out
    assert "\x1b" not in run(*words).out


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX systems")
def test_ctrl_c(small_mnist, tmp_path):
    # Where pytest itself runs with SIGINT ignored, the new process would inherit that.
    program = "import signal; signal.signal(2, signal.default_int_handler); import minicnn.cli as c; c.main()"
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "small_cnn", "--epochs", 100000)
    process = start(*words, "--save", tmp_path, program=f"-c {program}")
    while not process.stdout.readline().startswith(b"Epoch 1/"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    error = finish(process, code=130).err
    pattern = r"minicnn train: stopped by Ctrl-C in epoch \d+ of 100000\. `(.*)` goes on\.\n"
    again = shlex.split(re.fullmatch(pattern, error).group(1))
    assert again[0] == "minicnn" and again[-1] == "--resume" and "--seed" in again
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX systems")
def test_a_stopped_training_ends_as_if_it_had_not_been(small_mnist, tmp_path):
    words = ("train", "mnist", "--data-dir", small_mnist, "--model", "small_cnn", "--epochs", 4, "--seed", 3)
    run(*words, "--save", tmp_path / "whole")
    program = "import signal; signal.signal(2, signal.default_int_handler); import minicnn.cli as c; c.main()"
    process = start(*words, "--save", tmp_path / "stopped", program=f"-c {program}")
    while not process.stdout.readline().startswith(b"Epoch 1/"):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    finish(process, code=130)
    run(*words, "--save", tmp_path / "stopped", "--resume")
    networks = [minicnn.load_model(tmp_path / name / "model.safetensors") for name in ("whole", "stopped")]
    for expected, weight in zip(*(network.get_weights() for network in networks), strict=True):
        assert (expected == weight).all()
    assert not (tmp_path / "stopped" / "checkpoint.safetensors").exists()
    sentence = f"minicnn train: no training was interrupted in '{tmp_path / 'whole'}'. Leave --resume out"
    assert run(*words, "--save", tmp_path / "whole", "--resume", code=2).err.startswith(sentence)


@pytest.mark.skipif(sys.platform == "win32", reason="a signal of POSIX systems")
def test_a_reader_that_goes_away(trained):
    process = start("summary", trained.model)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(60) == 1
    process.stderr.close()


def test_importing_is_quick():
    heavy = ["matplotlib", "PIL", "safetensors", "scipy", "numba"]
    program = f"import sys, minicnn.cli; print(sorted(set(sys.modules) & set({heavy})))"
    assert finish(start(program=f"-c {program}")).out.strip() == "[]"


def test_the_next_commands_run_as_this_one_did(tmp_path, monkeypatch):
    script = tmp_path / "bin" / "minicnn"
    script.parent.mkdir()
    script.touch()
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bin/minicnn"])
    assert command_line("summary", Path("a b.safetensors")) == "bin/minicnn summary 'a b.safetensors'"
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    assert command_line("summary", "m") == "minicnn summary m"
    monkeypatch.setattr(sys, "argv", [str(Path(terminal.__file__).parents[1] / "__main__.py")])
    monkeypatch.setattr(sys, "executable", "/opt/python3.11")
    assert command_line("summary", "m") == "/opt/python3.11 -m minicnn summary m"
    python = script.with_name("python")
    script.rename(python)
    monkeypatch.setattr(sys, "executable", str(python))
    assert command_line("summary", "m") == "python -m minicnn summary m"
