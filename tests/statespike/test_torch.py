"""statespike.torch: modules for a training of one's own, exported as checkpoints."""

import doctest

import numpy as np
import pytest
import torch
from torch import nn

import statespike.models.layers
from quantize import float_reference
from quantize.checkpoint import read_checkpoint
from quantize.configuration import MODELS
from quantize.errors import StatespikeError
from statespike.torch import SequenceClassifier, export, to_checkpoint, unit
from tests.statespike.models.importers.plain import Plain

SIZES = {"features": 2, "channels": 6, "modes": 3, "layers": 2, "classes": 4}


class Wrapped(nn.Module):
    """As a LightningModule holds a network: beside a criterion and metrics."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(4))


@pytest.mark.parametrize("model", MODELS)
def test_a_plain_training_loop_and_its_export(model, tmp_path):
    torch.manual_seed(1)
    network = SequenceClassifier(**SIZES, model=model, pooling="last", trained_input=True, pole_sets=3)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    x, y = torch.randn(8, 12, 2), torch.arange(8) % 4
    for _ in range(2):
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    export(Wrapped(network).eval(), tmp_path / "net.safetensors", {"task": "mine"})
    read = read_checkpoint(tmp_path / "net.safetensors")
    assert read.provenance == {"task": "mine"}
    with torch.no_grad():
        expected = network(x).numpy()
    found = float_reference.forward(read, x.double().numpy())["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


class Foreign(nn.Module):
    """The tensors of another program's network, in memory."""

    def __init__(self, state):
        super().__init__()
        for name, value in state.items():
            self.register_buffer(name.replace(".", "/"), value)

    def state_dict(self, *arguments, **named):
        return {name.replace("/", "."): value for name, value in super().state_dict().items()}


def test_a_foreign_network_is_read_as_import_reads_it():
    plain = Plain("tanh", prenorm=True)
    checkpoint = to_checkpoint(Foreign(plain.example()), norm_position="pre", model="tanh")
    x = np.random.default_rng(1).normal(size=(2, 9, 2))
    np.testing.assert_allclose(float_reference.forward(checkpoint, x)["logits"], plain.logits(x), atol=1e-6)


def test_what_cannot_be_exported_is_told():
    with pytest.raises(StatespikeError, match="no layers with diagonal state-space models"):
        to_checkpoint(nn.Linear(3, 3))
    network = SequenceClassifier(**SIZES)
    with pytest.raises(StatespikeError, match="holds 2 networks"):
        to_checkpoint(nn.ModuleList([network, SequenceClassifier(**SIZES)]))
    with pytest.raises(StatespikeError, match="knows its pooling; leave"):
        to_checkpoint(network, pooling="last")
    with pytest.raises(StatespikeError, match="unknown model 'gru'"):
        unit("gru", 4)
    with pytest.raises(StatespikeError, match="an option of the network is unknown"):
        SequenceClassifier(**SIZES, colour="red")


def test_the_examples_of_the_docstrings_hold():
    assert doctest.testmod(statespike.models.layers).failed == 0
    assert doctest.testmod(statespike.models.layers).attempted >= 5
