"""Telling the two kinds of network files apart."""

from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.file import save_network
from quantize.load import load
from quantize.network import QuantizedNetwork
from tests.networks import random_checkpoint, random_network


def test_either_kind_is_read_as_what_it_is(tmp_path):
    path = tmp_path / "network.safetensors"
    write_checkpoint(path, random_checkpoint("gsu", 3, 2, 1, seed=1))
    assert isinstance(load(path), Checkpoint)
    save_network(random_network("gsu", 3, 2, 1, seed=1), path)
    assert isinstance(load(path), QuantizedNetwork)
