import re
from dataclasses import replace

from quantize.file import load_network, save_network
from quantize.identity import network_digest
from tests.networks import random_network


def test_digest_follows_what_is_computed(tmp_path):
    network = random_network("gsu", 4, 2, 1, seed=1)
    digest = network_digest(network)
    assert re.fullmatch("[0-9a-f]{64}", digest)
    save_network(network, tmp_path / "copy.safetensors")
    assert network_digest(load_network(tmp_path / "copy.safetensors")) == digest
    assert network_digest(replace(network, provenance={"task": "another"})) == digest
    assert network_digest(random_network("gsu", 4, 2, 1, seed=2)) != digest
    weights = network.decoder.weight.copy()
    weights.flat[0] ^= 1
    assert network_digest(replace(network, decoder=replace(network.decoder, weight=weights))) != digest
