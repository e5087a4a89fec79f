"""A network in the formats of another one: what these cut is counted and told."""

import numpy as np
import pytest

from quantize.convert import Precision, quantise
from quantize.imposed import ImposedFormats
from tests.networks import INPUT, random_checkpoint, random_samples

SAMPLES = random_samples(4, 32, seed=1)


@pytest.mark.parametrize(
    ("model", "tensor", "value"),
    [
        ("gsu_lean", "encoder.bias", 1e4),
        ("gsu_lean", "encoder.bias", -1e4),
        ("gsu_lean", "layers.0.unit.norm.bias", 1e4),
        ("spiking_ssm", "layers.0.unit.log_threshold", 20.0),
    ],
)
def test_words_beyond_the_other_networks_streams_are_counted(model, tensor, value):
    checkpoint = random_checkpoint(model, 4, 2, 1, seed=1)
    other = ImposedFormats(quantise(checkpoint, SAMPLES, INPUT, Precision()))
    quantise(checkpoint, SAMPLES, INPUT, Precision(), formats=other)
    assert other.clipped == 0 and other.notes() == ()

    checkpoint.tensors[tensor][1:3] = value
    formats = ImposedFormats(other.network)
    made = quantise(checkpoint, SAMPLES, INPUT, Precision(), formats=formats)
    assert made.encoder.output == other.network.encoder.output
    assert formats.clipped >= 2
    assert "the scales of the other network clip" in formats.notes()[0]


def test_a_network_keeps_its_integers_in_its_own_formats():
    checkpoint = random_checkpoint("gsu", 4, 2, 2, seed=3)
    own = quantise(checkpoint, SAMPLES, INPUT, Precision())
    again = quantise(checkpoint, SAMPLES, INPUT, Precision(), formats=ImposedFormats(own))
    x = own.inputs(SAMPLES)
    np.testing.assert_array_equal(again.compute(x).logits, own.compute(x).logits)
