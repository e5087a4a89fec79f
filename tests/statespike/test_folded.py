"""One block for all layers: the same choice in generate, simulate, cost and build."""

import json

import numpy as np
import pytest

from boards.folder import open_build
from quantize.file import save_network
from quantize.shared import with_shared_formats
from tests.networks import random_network, random_samples


@pytest.fixture
def layered(tmp_path):
    """A quantised network whose layers share their formats, and one whose layers do not."""
    own = random_network("gsu_lean", 3, 2, 2, seed=1)
    paths = tmp_path / "shared.safetensors", tmp_path / "own.safetensors"
    for path, network in zip(paths, (with_shared_formats(own), own), strict=True):
        save_network(network, path)
    return paths


@pytest.fixture
def short(tmp_path):
    """Two sequences."""
    path = tmp_path / "short.npz"
    np.savez(path, x=random_samples(2, 4, seed=3), lengths=np.array([4, 2]))
    return path


@pytest.mark.parametrize("asked", [["--folded"], ["--rate", 1000]], ids=["asked", "rate"])
def test_the_folded_circuit_is_simulated(run, layered, short, asked, tmp_path):
    shared, _ = layered
    figures = tmp_path / "out.json"
    pauses = ["--input-gaps", 0.3, "--output-stalls", 0.3]
    result = run(
        "simulate", shared, "--data", short, "--backend", "amaranth", *asked, *pauses, "--json", figures
    )
    assert result.exit_code == 0, result.output
    assert "one block serves all layers in turn" in result.stdout
    written = json.loads(figures.read_text())
    assert (written["folded"], written["bit_exact"]) == (True, True)
    assert written["compared_values"] == 6 * 3 * 5 + 2 * 3


def test_the_folded_circuit_is_weighed_and_built_as_it_is_generated(run, layered, tmp_path):
    shared, _ = layered
    costs, built = tmp_path / "costs.json", tmp_path / "board"
    result = run("cost", shared, "--folded", "--json", costs)
    assert result.exit_code == 0, result.output
    assert "shared on up5k: one block serves all layers in turn" in result.stdout
    weighed = json.loads(costs.read_text())["costs"][0]
    assert run("generate", shared, "--folded", "-o", tmp_path / "build").exit_code == 0
    manifest = json.loads((tmp_path / "build" / "manifest.json").read_text())
    assert weighed["schedule"] == manifest["schedule"]
    assert weighed["estimate"] == manifest["estimate"]
    result = run("build", shared, "--folded", "--no-bitstream", "-o", built)
    assert result.exit_code == 0, result.output
    assert json.loads((built / "manifest.json").read_text())["schedule"] == manifest["schedule"]


def test_a_rate_tells_that_common_formats_would_make_the_circuit_smaller(run, refuse, layered, tmp_path):
    shared, own = layered
    for network, tells in ((own, True), (shared, False)):
        result = run("cost", network, "--rate", 1000)
        assert result.exit_code == 0, result.output
        assert ("one block for all layers in turn would make this rate" in result.stderr) == tells
    assert "quantise it with shared formats" in refuse("cost", own, "--folded")


def test_the_folded_circuit_counts_what_all_layers_clip_together(run, layered, tmp_path):
    shared, _ = layered
    result = run("build", shared, "--folded", "--no-bitstream", "--counters", "-o", tmp_path / "board")
    assert result.exit_code == 0, result.output
    assert "the board counts clipped values of all layers together" in result.stderr
    link = open_build(tmp_path / "board").link
    assert link.counted_layers == "all"
    assert [name for name in link.counters if name.startswith("clipped")] == [
        "clipped_inputs_all", "clipped_states_all", "clipped_outputs_all", "clipped_sums_all",
    ]  # fmt: skip
