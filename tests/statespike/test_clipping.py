"""Commands tell what is clipped: the same counts from the reference and beside the circuit."""

import json

import numpy as np
import pytest

from quantize.clipping import clipping_of
from quantize.file import save_network
from tests.networks import random_network, random_samples

KINDS = {"input", "array_0 inputs", "array_0 states", "array_0 outputs", "layer_0 sums"}


@pytest.fixture
def loud(tmp_path):
    """A network, and sequences of which every one exceeds the calibrated range, one of them padded."""
    network = random_network("prf", 3, 2, 1, seed=1)
    save_network(network, tmp_path / "network.safetensors")
    x, lengths = (4 * random_samples(3, 12, seed=1)).astype(np.float32), np.array([12, 5, 12])
    np.savez(tmp_path / "x.npz", x=x, lengths=lengths)
    trace = network.compute(network.inputs(x), lengths)
    return tmp_path, clipping_of(network, trace.saturations, x, lengths)


@pytest.mark.parametrize(
    "command", [("evaluate", "--backend", "reference"), ("simulate", "--backend", "amaranth", "--jobs", 1)]
)
def test_clipped_values_are_told_by_layer_and_kind(run, loud, command):
    folder, expected = loud
    figures = folder / "out.json"
    name, *options = command
    result = run(
        name, folder / "network.safetensors", "--data", folder / "x.npz", *options, "--json", figures
    )
    assert result.exit_code == 0, result.output
    told = json.loads(figures.read_text())["clipping"]
    assert set(told) == KINDS
    assert told == expected.figures()
    assert told["input"]["values"] == 29
    assert told["input"]["clipped"] > 5
    assert "warning: " in result.stderr
    assert "of the values of input were clipped" in result.stderr
    assert f"input {told['input']['clipped']} (" in result.stdout
