"""Bad input gets one sentence on standard error and exit status 2, never a traceback."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from statespike.report_rows import read_rows


def rewritten(source, target, tensors=None, metadata=None):
    """Copy a network file with some tensors and metadata replaced."""
    with safe_open(source, framework="numpy") as file:
        known = file.metadata()
    save_file(load_file(source) | (tensors or {}), target, known | (metadata or {}))
    return target


@pytest.mark.parametrize("command", ["inspect", "evaluate", "simulate", "generate", "cost", "build"])
@pytest.mark.parametrize("kind", ["checkpoint", "network"])
def test_a_truncated_file(refuse, command, kind, tmp_path, request):
    path = tmp_path / "short.safetensors"
    content = request.getfixturevalue(kind).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    extra = {"evaluate": ["digits"], "simulate": ["digits"]}.get(command, [])
    extra += ["-o", tmp_path / "out"] if command in ("generate", "build") else []
    sentence = refuse(command, path, *extra)
    assert "short.safetensors" in sentence
    assert "not a whole safetensors file" in sentence


def test_a_foreign_file(refuse, tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, path)
    assert "neither a checkpoint nor a quantised network" in refuse("inspect", path)
    path.write_text("no safetensors at all")
    assert "not a whole safetensors file" in refuse("inspect", path)
    assert "no such file" in refuse("inspect", tmp_path / "absent.safetensors")


@pytest.mark.parametrize("kind", ["checkpoint", "network"])
def test_another_version(refuse, kind, tmp_path, request):
    source = request.getfixturevalue(kind)
    path = rewritten(source, tmp_path / "old.safetensors", metadata={"version": "0"})
    assert re.search("version '0'", refuse("inspect", path))


def test_a_weight_that_is_no_number(refuse, checkpoint, tmp_path):
    weight = load_file(checkpoint)["layers.0.unit.weight"].copy()
    weight[1, 2] = np.nan
    path = rewritten(checkpoint, tmp_path / "nan.safetensors", {"layers.0.unit.weight": weight})
    sentence = refuse("quantize", path, "-o", tmp_path / "out.safetensors")
    assert "layers.0.unit.weight holds nan at index (1, 2)" in sentence
    assert not (tmp_path / "out.safetensors").exists()


def test_an_unstable_pole(refuse, checkpoint, network, tmp_path):
    step = load_file(checkpoint)["layers.1.ssm.log_dt"] * 0 - 200
    path = rewritten(checkpoint, tmp_path / "float.safetensors", {"layers.1.ssm.log_dt": step})
    assert "the pole of layer 1, channel 0, mode 0 is unstable" in refuse("inspect", path)
    damping = load_file(network)["array_1.damping"].copy()
    damping[2, 1] = 0
    path = rewritten(network, tmp_path / "integer.safetensors", {"array_1.damping": damping})
    assert "unstable pole at channel 2, mode 1" in refuse("inspect", path)


def test_an_unknown_task_device_or_board(refuse, network, tmp_path):
    assert "unknown task 'chess'" in refuse("evaluate", network, "chess")
    assert "unknown device 'virtex'" in refuse(
        "generate", network, "--device", "virtex", "-o", tmp_path / "out"
    )
    assert "unknown device 'virtex'" in refuse("cost", network, "--device", "virtex")
    assert "unknown board 'arty'" in refuse("build", network, "--board", "arty", "-o", tmp_path / "out")


def test_neither_task_nor_data(refuse, network):
    assert "name a task" in refuse("evaluate", network)


def test_data_of_another_shape(refuse, checkpoint, network, tmp_path):
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 5, 3)))
    for path, backend in ((checkpoint, "float"), (network, "reference")):
        sentence = refuse("evaluate", path, "--data", tmp_path / "x.npz", "--backend", backend)
        assert "(2, 5, 3), the network takes (sequences, steps, 1)" in sentence


def test_integers_have_no_floating_point_accuracy(refuse, network):
    assert "give its checkpoint" in refuse("evaluate", network, "digits", "--backend", "float")


def test_a_checkpoint_of_an_unknown_task_asks_for_samples(refuse, checkpoint, tmp_path):
    path = rewritten(checkpoint, tmp_path / "mine.safetensors", metadata={"provenance": "{}"})
    assert "quantise it on samples" in refuse("inspect", path)


def test_bits_out_of_range(refuse, checkpoint, tmp_path):
    assert "30 bits is out of range" in refuse("quantize", checkpoint, "--bits", 30, "-o", tmp_path / "out")


def test_a_file_that_cannot_be_written(refuse, network, checkpoint, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    inside = tmp_path / "file" / "out.json"
    assert f"error: {inside.parent}: File exists" in refuse("inspect", network, "--json", inside)
    (tmp_path / "folder").mkdir()
    sentence = refuse("quantize", checkpoint, "-o", tmp_path / "folder")
    assert f"error: {tmp_path / 'folder'}: Is a directory" in sentence


def test_a_mistyped_option_is_a_usage_error(run, network):
    result = run("inspect", network, "--jsn", "out.json")
    assert result.exit_code == 2
    assert "No such option" in result.stderr


def test_every_command_shows_an_example(run):
    commands = ["demo", "train", "evaluate", "quantize", "inspect", "generate", "simulate", "cost", "build"]
    listed = run("--help").stdout
    for command in commands:
        assert f"\n  {command} " in listed
        assert f"Example: statespike {command} " in run(command, "--help").stdout


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("evaluate", ["--logits"]),
        ("simulate", ["--save-state"]),
        ("simulate", ["--trace"]),
        ("quantize", ["-o"]),
    ],
)
def test_only_json_goes_to_standard_output(
    refuse, network, checkpoint, data, monkeypatch, tmp_path, command, options
):
    monkeypatch.chdir(tmp_path)
    source = checkpoint if command == "quantize" else network
    assert "only --json can go there" in refuse(command, source, "--data", data, *options, "-")
    assert not list(tmp_path.iterdir())


def test_an_error_about_data_names_its_file(refuse, checkpoint, network, tmp_path):
    wide, values, long = tmp_path / "wide.npz", tmp_path / "values.npz", tmp_path / "long.npz"
    np.savez(wide, x=np.zeros((12, 5, 3)))
    np.savez(values, x=np.zeros((12, 5, 1)), y=np.zeros((12, 3)))
    np.savez(long, x=np.zeros((2, 500, 1)))
    for command, path, *options in (
        ("simulate", network), ("evaluate", network), ("evaluate", checkpoint, "--backend", "float"),
        ("quantize", checkpoint, "-o", tmp_path / "out"),
    ):  # fmt: skip
        assert f"{wide}: " in refuse(command, path, "--data", wide, *options)
    assert f"{values}: y holds real numbers" in refuse("evaluate", network, "--data", values)
    for command in ("evaluate", "simulate"):
        assert f"{long}: a sequence of 500 steps is too long" in refuse(command, network, "--data", long)


def test_a_network_takes_the_sequences_that_it_is_calibrated_on(refuse, run, checkpoint, data, tmp_path):
    output = ["--data", data, "-o", tmp_path / "out"]
    assert "has sequences of 16 steps" in refuse("quantize", checkpoint, "--max-steps", 15, *output)
    assert run("quantize", checkpoint, "--max-steps", 16, *output).exit_code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("energy", "digits-prf", "--measured", "/dev/null"),
        ("explore", "digits", "--space", "/dev/null"),
        ("compare", "--limit", 1, "--page", "/dev/null"),
        ("train", "digits", "--limit", 300, "--resume", "/dev/null"),
        ("import", "/dev/null", "-o", "imported.safetensors"),
    ],
)
def test_a_device_is_no_file_to_read(refuse, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    assert "/dev/null: no file" in refuse(*command)


def test_results_are_not_read_from_a_device():
    assert read_rows(Path("/dev/null")) == []
