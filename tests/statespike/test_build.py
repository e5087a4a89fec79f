"""`statespike build` says what it assumes."""

import json

from quantize.file import save_network
from tests.networks import random_network


def test_a_build_tells_what_was_kept(run, tmp_path):
    save_network(random_network("gsu_lean", 3, 2, 2, seed=1), tmp_path / "network.safetensors")
    result = run("build", tmp_path / "network.safetensors", "--no-bitstream", "-o", tmp_path / "board")
    assert result.exit_code == 0, result.output
    assert "of up5k, 320 logic cells and 1 single-port memory are kept for the link" in result.stderr
    assert json.loads((tmp_path / "board" / "manifest.json").read_text())["kept"]["lut"] == 320
