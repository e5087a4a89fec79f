"""Simulators are compared on one design, each against the integer reference."""

import numpy as np
import pytest

from benchmarks.simulation import NAMES, measure, table_of
from quantize.file import save_network
from tests.networks import random_network, random_samples


@pytest.mark.slow
@pytest.mark.cosim
def test_every_simulator_is_measured(tmp_path):
    path, data = tmp_path / "network.safetensors", tmp_path / "data.npz"
    save_network(random_network("binary_s4d", 3, 1, 1, seed=1), path)
    np.savez(data, x=random_samples(3, 8, seed=2))
    result = measure(path, None, data, "up5k", 4, 3)
    assert [row["simulator"] for row in result["rows"]] == list(NAMES)
    assert [row["steps"] for row in result["rows"]] == [4, 24, 24]
    assert result["rows"][0]["ratio"] == 1
    assert all(row["ratio"] > 1 for row in result["rows"][1:])
    assert table_of(result).row_count == 3
