"""import: another program's network becomes a checkpoint, and what the file is not is told in a sentence."""

import json

import numpy as np
import torch

from quantize.checkpoint import read_checkpoint
from quantize.configuration import NetworkConfig
from statespike.models.network import Network
from tests.statespike.models.importers.plain import Plain, drawn_inputs


def test_a_checkpoint_of_a_state_dict(run, tmp_path):
    source, output, figures = (tmp_path / name for name in ("in.pt", "out.safetensors", "out.json"))
    torch.save(Network(NetworkConfig("gsu", 1, 4, 2, 1, 10)).state_dict(), source)
    result = run("import", source, "--task", "digits", "-o", output, "--json", figures)
    assert result.exit_code == 0, result.output
    assert "gsu, 1 layer of 4 channels and 2 modes" in result.stdout
    provenance = read_checkpoint(output).provenance
    assert provenance["task"] == "digits"
    assert provenance["imported_from"]["layout"] == "statespike"
    written = json.loads(figures.read_text())
    assert written["config"]["channels"] == 4
    assert any("pooling" in note for note in written["notes"])
    # Its own task's samples calibrate it.
    assert run("inspect", output).exit_code == 0


def test_logits_of_the_author_decide(run, refuse, tmp_path):
    source, output, check = (tmp_path / name for name in ("in.pt", "out.safetensors", "check.npz"))
    plain = Plain(prenorm=True)
    torch.save(plain.example(), source)
    x = drawn_inputs(plain.features)
    np.savez(check, x=x, logits=plain.logits(x))
    sentence = refuse("import", source, "--check", check, "-o", output)
    assert "they agree with --norm-position pre" in sentence
    assert not output.exists()
    result = run("import", source, "--check", check, "--norm-position", "pre", "-o", output)
    assert result.exit_code == 0 and "are its own" in result.stdout
    np.savez(check, x=x)
    assert "no array logits" in refuse("import", source, "--check", check, "-o", output)


def test_bad_arguments(refuse, tmp_path):
    source, output = tmp_path / "in.pt", tmp_path / "out.safetensors"
    assert "no such file" in refuse("import", source, "-o", output)
    torch.save({"weight": torch.zeros(3)}, source)
    assert "no layers with diagonal state-space models" in refuse("import", source, "-o", output)
    assert "unknown layout" in refuse("import", source, "--from", "onnx", "-o", output)
    assert "unknown task 'x'" in refuse("import", source, "--task", "x", "-o", output)
    assert "choose one of pre, post" in refuse("import", source, "--norm-position", "in", "-o", output)
    assert not output.exists()
