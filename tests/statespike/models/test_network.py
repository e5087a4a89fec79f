"""The classifier: its size, its streaming form, padding, and the way to a checkpoint and back."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from quantize.checkpoint import read_checkpoint, write_checkpoint
from quantize.configuration import NetworkConfig, tensor_shapes
from statespike.models.kinds import UNITS
from statespike.models.network import Block, Network

MODELS = list(UNITS)


def small(model: str, pooling: str = "mean", **changes) -> Network:
    torch.manual_seed(2)
    sizes = {"features": 2, "channels": 6, "modes": 3, "layers": 2, "classes": 4} | changes
    network = Network(NetworkConfig(model=model, pooling=pooling, **sizes))
    for _ in range(3):  # give the norms statistics of their own
        network(torch.randn(8, 20, sizes["features"]))
    return network.eval()


@pytest.mark.parametrize(
    ("model", "modes", "expected"),
    [
        ("gsu", 8, 5002),
        ("gsu_lean", 8, 5002),
        ("binary_s4d", 8, 6986),
        ("s4d", 8, 6986),
        ("spiking_ssm", 8, 7050),
        ("prf", 1, 3082),
    ],
)
def test_the_shipped_size_has_its_published_number_of_parameters(model, modes, expected):
    assert Network(NetworkConfig(model, 1, 32, modes, 2, 10)).parameter_count == expected


@pytest.mark.parametrize(
    ("model", "pooling", "changes"),
    [(model, pooling, {}) for model in MODELS for pooling in ("mean", "last")]
    + [("s4d", "mean", {"norm": norm, "norm_position": "post"}) for norm in ("batch", "layer")]
    + [("s4d", "mean", {"norm": "layer"})],
)
def test_streaming_gives_the_logits_of_the_whole_sequence(model, pooling, changes):
    network = small(model, pooling, **changes).double()
    x = torch.randn(3, 37, 2, dtype=torch.float64)
    with torch.no_grad():
        blocks = [layer for layer in network.layers if isinstance(layer, Block)]
        states = [block.initial_state(3) for block in blocks]
        outputs = []
        for t in range(37):
            hidden = network.encoder(x[:, t])
            for index, block in enumerate(blocks):
                hidden, states[index] = block.step(hidden, states[index])
            outputs.append(network.norm(hidden[:, None])[:, 0])
        pooled = torch.stack(outputs).mean(0) if pooling == "mean" else outputs[-1]
        torch.testing.assert_close(network.decoder(pooled), network(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("pooling", ["mean", "last"])
@pytest.mark.parametrize("training", [False, True])
def test_steps_after_the_end_have_no_influence(model, pooling, training):
    network = small(model, pooling)
    network.train(training)
    x = torch.randn(3, 15, 2)
    lengths = torch.tensor([15, 4, 1])
    other = x.clone()
    for row, length in enumerate(lengths):
        other[row, length:] = 100.0
    torch.testing.assert_close(network(x, lengths), network(other, lengths))
    if not training:
        torch.testing.assert_close(network(x, lengths)[1:2], network(x[1:2, :4]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_a_checkpoint_file_gives_the_same_network_back(model, tmp_path):
    network = small(model)
    path = tmp_path / "network.safetensors"
    write_checkpoint(path, network.to_checkpoint({"task": "made up", "seed": 2}))
    checkpoint = read_checkpoint(path)
    assert checkpoint.config == network.config
    assert checkpoint.provenance == {"task": "made up", "seed": 2}
    assert {name: tensor.shape for name, tensor in checkpoint.tensors.items()} == tensor_shapes(
        network.config
    )
    x = torch.randn(2, 9, 2)
    with torch.no_grad():
        np.testing.assert_array_equal(Network.from_checkpoint(checkpoint)(x), network(x))


def test_how_the_state_space_model_was_trained_leaves_no_trace_in_the_checkpoint():
    config = NetworkConfig("gsu", features=2, channels=4, modes=3, layers=2, classes=3)
    network = Network(config, pole_sets=2, trained_input=True).eval()
    for name, parameter in network.named_parameters():
        if name.endswith("ssm.B"):
            torch.nn.init.normal_(parameter)
    checkpoint = network.to_checkpoint({})
    assert {name: tensor.shape for name, tensor in checkpoint.tensors.items()} == tensor_shapes(config)
    x = torch.randn(2, 9, 2)
    torch.testing.assert_close(Network.from_checkpoint(checkpoint)(x), network(x))


def test_the_seed_decides_the_first_weights():
    first, second = small("gsu"), small("gsu")
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("channels", "modes", "layers"), [(6, 4, 3), (3, 2, 1), (4, 3, 2)])
def test_a_network_inherits_what_both_have(channels, modes, layers):
    parent = small("gsu").to_checkpoint({})
    sizes = {"channels": channels, "modes": modes, "layers": layers}
    network = Network(replace(parent.config, **sizes))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.inherit(parent)
    for name, tensor in network.to_checkpoint({}).tensors.items():
        given = parent.tensors.get(name)
        if given is None:
            np.testing.assert_array_equal(tensor, before[name])
            continue
        shared = tuple(slice(min(pair)) for pair in zip(tensor.shape, given.shape, strict=True))
        np.testing.assert_array_equal(tensor[shared], given[shared])
        rest = np.ones(tensor.shape, bool)
        rest[shared] = False
        np.testing.assert_array_equal(tensor[rest], before[name].numpy()[rest])
