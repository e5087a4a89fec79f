"""The application around the commands: how it starts, helps, fails and ends."""

import inspect
import os
import re
import resource
import signal
import subprocess
import sys
import time
from importlib import import_module

import pytest
import typer

from quantize.errors import StatespikeError
from statespike.application import COMMANDS, sentence_of


def processor_seconds(*arguments):
    """Of a Python process: the least of several runs, as others use the machine too."""

    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(5))


@pytest.mark.parametrize("arguments", [("-c", "import statespike"), ("-m", "statespike", "--help")])
def test_it_starts_at_once(arguments):
    assert processor_seconds(*arguments) < 0.3


def test_help_imports_no_command():
    code = (
        "import sys\nfrom statespike.application import application\n"
        "try: application(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('numpy', 'amaranth', 'torch')"
        " or name.startswith('statespike.commands')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_cost_starts_without_what_only_computing_needs():
    code = (
        "import sys\nimport statespike.commands.cost\n"
        "print([name for name in ('numba', 'scipy', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_list_says_of_a_command_what_it_says_of_itself(run, command):
    name = "import_" if command == "import" else command
    function = getattr(import_module(f"statespike.commands.{name}"), name)
    assert inspect.getdoc(function).splitlines()[0] == COMMANDS[command]
    listed = " ".join(run("--help").stdout.split())
    assert f" {command} {COMMANDS[command]}" in listed


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example_in_a_line(run, command):
    lines = run(command, "--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    (example,) = [line for line in lines if "Example:" in line]
    assert example.startswith(f"  Example: statespike {command} ")
    assert "\\" not in "".join(lines)
    known = set(re.findall(r"(--?[a-z][a-z-]*)", " ".join(lines).partition("Options:")[2]))
    assert set(re.findall(r" (--?[a-z][a-z-]*)", example)) <= known


def test_no_arguments_ask_for_help(run):
    assert run().stdout == run("--help").stdout


def test_an_unknown_command_is_told_the_known_ones(refuse):
    assert "unknown command 'paint'; choose one of demo, train, import" in refuse("paint")


def test_a_usage_error_is_a_sentence_that_names_the_help(refuse):
    told = refuse("quantize")
    assert "Missing argument" in told or "Missing option" in told
    assert told.endswith("see `statespike quantize --help`")
    assert "No such option: --jsn" in refuse("inspect", "digits-gsu", "--jsn", "x")
    assert "No such option: --paint" in refuse("--paint")


def test_a_sentence_is_short_and_printable():
    sentence = sentence_of(
        StatespikeError("x.pt: \x1b[31mred\x07\n \u202emore" + "long " * 200 + "; do it again")
    )
    assert sentence.startswith("x.pt: [31mred more")
    assert sentence.isprintable()
    assert sentence.endswith("; do it again")
    assert len(f"error: {sentence}") < 400
    assert sentence_of(OSError(13, "Permission denied", "a/\x1bb")) == "a/ b: Permission denied"
    assert sentence_of(typer.BadParameter("no\x1bne.")) == "Invalid value: no ne"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_it_quietly(tmp_path, number, status):
    code = (
        "import sys, time, tempfile\nimport statespike.commands.inspect as module\n"
        "def slow(*a):\n"
        "  with tempfile.TemporaryDirectory(dir='.'):\n"
        "    print('ready', flush=True); time.sleep(60)\n"
        "module.integers_of = slow\nsys.argv = ['statespike', 'inspect', 'digits-gsu']\n"
        "from statespike.__main__ import main\nmain()"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    started = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status, b"")
    assert time.monotonic() - started < 10
    assert list(tmp_path.iterdir()) == []
