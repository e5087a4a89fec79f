"""import: another program's network becomes a checkpoint, and what the file is not is told in a sentence."""

import json

import torch

from quantize.checkpoint import read_checkpoint
from quantize.configuration import NetworkConfig
from statespike.models.network import Network


def test_a_checkpoint_of_a_state_dict(run, tmp_path):
    source, output, figures = (tmp_path / name for name in ("in.pt", "out.safetensors", "out.json"))
    torch.save(Network(NetworkConfig("gsu", 1, 4, 2, 1, 10)).state_dict(), source)
    result = run(
        "import", source, "--from", "statespike", "--task", "digits", "-o", output, "--json", figures
    )
    assert result.exit_code == 0, result.output
    assert "gsu, 1 layers of 4 channels and 2 modes" in result.stdout
    checkpoint = read_checkpoint(output)
    assert checkpoint.provenance == {
        "imported_from": {"kind": "statespike", "file": "in.pt"}, "task": "digits"
    }  # fmt: skip
    assert json.loads(figures.read_text())["config"]["channels"] == 4
    # Its own task's samples calibrate it.
    assert run("inspect", output).exit_code == 0


def test_bad_arguments(refuse, tmp_path):
    source, output = tmp_path / "in.pt", tmp_path / "out.safetensors"
    assert "no such file" in refuse("import", source, "--from", "s4d", "-o", output)
    torch.save({"weight": torch.zeros(3)}, source)
    assert "tensor encoder.weight is missing" in refuse("import", source, "--from", "s4d", "-o", output)
    assert "unknown kind" in refuse("import", source, "--from", "onnx", "-o", output)
    assert "unknown task 'x'" in refuse("import", source, "--from", "s4d", "--task", "x", "-o", output)
    assert not output.exists()
