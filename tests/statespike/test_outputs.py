"""What commands write: never over what they read, only JSON on standard output, nothing left when stopped."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from statespike.output import STANDARD_OUTPUT, json_on_standard_output, write_json


@pytest.fixture
def copied(checkpoint, network, tmp_path):
    """A folder with a checkpoint and a network of its own."""
    shutil.copy(checkpoint, tmp_path / "checkpoint.safetensors")
    shutil.copy(network, tmp_path / "network.safetensors")
    (tmp_path / "link").symlink_to("checkpoint.safetensors")
    os.link(tmp_path / "checkpoint.safetensors", tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    "output", ["checkpoint.safetensors", "link", "hard", "folder/../checkpoint.safetensors"]
)
def test_no_output_is_the_input(refuse, copied, output):
    before = (copied / "checkpoint.safetensors").read_bytes()
    sentence = refuse("quantize", copied / "checkpoint.safetensors", "-o", copied / output)
    assert "is also given as CHECKPOINT, and would be overwritten" in sentence
    assert (copied / "checkpoint.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("inspect", ["--json"]),
        ("evaluate", ["--data", "x.npz", "--json"]),
        ("evaluate", ["--data", "x.npz", "--logits"]),
        ("simulate", ["--data", "x.npz", "--logits"]),
        ("cost", ["--json"]),
        ("report", ["--markdown"]),
        ("report", ["--log"]),
        ("import", ["--from", "statespike", "-o"]),
    ],
)
def test_no_output_of_any_command_is_its_input(refuse, copied, command, options):
    path = copied / "checkpoint.safetensors"
    before = path.read_bytes()
    assert "would be overwritten" in refuse(command, path, *options, path)
    assert path.read_bytes() == before


def test_data_and_start_are_inputs_too(refuse, copied, data):
    path = copied / "x.npz"
    shutil.copy(data, path)
    assert "also given as DATA" in refuse(
        "evaluate", copied / "network.safetensors", "--data", path, "--logits", path
    )
    start = copied / "checkpoint.safetensors"
    assert "also given as START" in refuse("train", "digits", "--start", start, "-o", start)


@pytest.mark.parametrize(
    ("command", "output"),
    [
        (("train", "x.npz"), "-o"),
        (("evaluate", "network.safetensors", "x.npz"), "--json"),
        (("simulate", "network.safetensors", "x.npz"), "--logits"),
        (("run", "folder", "x.npz"), "--json"),
        (("explore", "x.npz"), "--html"),
        (("explore", "x.npz"), "--study"),
    ],
)
def test_data_named_in_the_place_of_a_task_is_an_input(refuse, copied, data, monkeypatch, command, output):
    monkeypatch.chdir(copied)
    shutil.copy(data, "x.npz")
    assert "x.npz is also given as TASK, and would be overwritten" in refuse(*command, output, "x.npz")
    assert Path("x.npz").read_bytes() == data.read_bytes()


def test_a_trace_and_a_study_are_outputs(refuse, copied, data, monkeypatch):
    monkeypatch.chdir(copied)
    shutil.copy("network.safetensors", "network.vcd")
    sentence = refuse("simulate", "network.vcd", "--data", data, "--trace", "network.vcd")
    assert "network.vcd is also given as NETWORK" in sentence
    for options in (["--study", "s.db", "--json", "s.db"], ["--json", "digits-search.db"]):
        assert "would be overwritten" in refuse("explore", "digits", *options)
    assert not list(copied.glob("*.db"))


def test_nothing_in_a_folder_that_is_read_is_written_over(refuse, copied):
    words, build = copied / "words", copied / "build"
    for folder, name in ((words, "yes/1.wav"), (words, "old.json"), (build, "manifest.json")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")
    network = copied / "network.safetensors"
    sentence = refuse("evaluate", network, "--data", words, "--json", words / "yes" / "1.wav")
    assert f"1.wav is a file of {words}, which is given as DATA" in sentence
    assert "which is given as BUILD" in refuse("run", build, "digits", "--json", build / "manifest.json")
    assert "overwritten" not in refuse("evaluate", network, "--data", words, "--json", words / "old.json")


def test_a_checkpoint_that_nobody_named_replaces_nothing(refuse, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("x.npz", x=np.ones((20, 3, 1)), y=np.arange(20) % 2)
    Path("x-gsu.safetensors").write_text("mine")
    assert "x-gsu.safetensors exists already; name" in refuse("train", "x.npz", "--epochs", 1)
    assert Path("x-gsu.safetensors").read_text() == "mine"
    sentence = refuse("train", "x.npz", "--epochs", 1, "--model", "s4d", "--log", "x-s4d.safetensors")
    assert "x-s4d.safetensors would be the checkpoint, too" in sentence


def test_two_outputs_are_two_files(refuse, copied):
    same = copied / "new"
    sentence = refuse("quantize", copied / "checkpoint.safetensors", "-o", same, "--json", same)
    assert "also given as --" in sentence
    assert not same.exists()


def test_an_output_that_is_a_folder_is_refused_before_the_work(refuse, copied):
    sentence = refuse("train", "digits", "-o", copied / "folder")
    assert sentence == f"error: {copied / 'folder'}: Is a directory; give the name of a file"


def test_json_on_standard_output_is_alone_there(run, network):
    result = run("inspect", network, "--json", "-")
    assert json.loads(result.stdout)["model"] == "gsu"
    assert "multiplications a step" in result.stderr
    assert not Path("-").exists()
    assert "multiplications a step" in run("inspect", network).stdout


def test_json_goes_into_a_redirected_standard_output(network, tmp_path):
    command = [sys.executable, "-m", "statespike", "inspect", str(network), "--json", "/dev/stdout"]
    with (tmp_path / "out").open("w") as out:
        subprocess.run(command, stdout=out, stderr=subprocess.DEVNULL, check=True)
    assert json.loads((tmp_path / "out").read_text())["model"] == "gsu"


def test_json_to_a_device_leaves_the_device(network, run):
    before = os.stat(os.devnull)
    assert run("inspect", network, "--json", os.devnull).exit_code == 0
    assert os.path.samestat(before, os.stat(os.devnull))


def test_of_several_results_the_last_is_printed(capsys):
    with json_on_standard_output():
        write_json(STANDARD_OUTPUT, {"rows": [1]})
        write_json(STANDARD_OUTPUT, {"rows": [1, 2]})
    assert json.loads(capsys.readouterr().out) == {"rows": [1, 2]}


def stopped(arguments, folder, number):
    """Start a command, stop it by a signal when it has a temporary folder, and return its exit status."""
    temporary = folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "statespike", *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(folder.glob("**/*statespike-*")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize(("command", "number"), [("simulate", signal.SIGTERM), ("generate", signal.SIGINT)])
def test_a_stopped_command_leaves_nothing(network, data, tmp_path, command, number):
    options = ["--data", data] if command == "simulate" else ["-o", tmp_path / "build"]
    assert stopped([command, network, *options], tmp_path, number) == 128 + number
    assert list(tmp_path.rglob("*")) == [tmp_path / "tmp"]


@pytest.mark.parametrize("command", [("generate",), ("build", "--no-bitstream")])
def test_nothing_is_written_into_a_folder_that_is_written_as_a_whole(refuse, network, tmp_path, command):
    build = tmp_path / "build"
    sentence = refuse(*command, network, "-o", build, "--json", build / "manifest.json")
    assert "manifest.json lies in" in sentence
    assert not build.exists()


def test_a_reader_that_leaves_is_no_difference_of_a_simulation(network):
    command = [sys.executable, "-m", "statespike", "inspect", str(network)]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_json_has_no_numbers_that_json_does_not_have(tmp_path):
    write_json(tmp_path / "x.json", {"a": [1.5, float("nan")], "b": {"c": (float("inf"), "nan")}})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1.5, None], "b": {"c": [None, "nan"]}}
