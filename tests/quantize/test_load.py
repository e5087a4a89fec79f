"""Telling the two kinds of network files apart."""

import json

import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from quantize.checkpoint import Checkpoint, write_checkpoint
from quantize.errors import StatespikeError
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


def test_a_configuration_of_more_layers_than_any_network_has_is_refused_before_they_are_made(tmp_path):
    path = tmp_path / "network.safetensors"
    write_checkpoint(path, random_checkpoint("gsu", 3, 2, 1, seed=1))
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    config = json.loads(metadata["config"]) | {"layers": 10**9}
    save_file(load_file(path), path, metadata | {"config": json.dumps(config)})
    with pytest.raises(StatespikeError, match="layers is 1000000000; a network has at most 4096 of them"):
        load(path)
