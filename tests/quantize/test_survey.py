"""What a survey finds is what evaluation, specification and reference say one by one."""

import numpy as np
import pytest

from quantize.configuration import MODELS, parameter_count
from quantize.convert import Precision, quantise
from quantize.evaluate import evaluate
from quantize.survey import Samples, activity, survey
from statespike.models.network import Network
from tests.networks import INPUT, random_checkpoint, random_network, random_samples


@pytest.fixture
def samples():
    """Seven sequences of different lengths, labelled at random."""
    generator = np.random.default_rng(3)
    return Samples(random_samples(7, 20, seed=2), generator.integers(0, 3, 7), generator.integers(1, 21, 7))


def test_accuracies_of_every_width(samples):
    checkpoint = random_checkpoint("gsu", 5, 3, 2, seed=1)
    calibration = Samples(random_samples(4, 20, seed=5), np.zeros(4, int), None)
    told = []
    found = survey(checkpoint, calibration, samples, [8, 4], lambda *progress: told.append(progress))
    assert found.parameters == Network(checkpoint.config).parameter_count
    assert found.sequences == 7
    assert found.float_accuracy == evaluate(checkpoint, samples.x, samples.lengths).accuracy(samples.y)
    for result, bits in zip(found.integers, (8, 4), strict=True):
        network = quantise(checkpoint, calibration.x, INPUT, Precision(bits))
        assert result.bits == bits
        assert result.accuracy == evaluate(network, samples.x, samples.lengths).accuracy(samples.y)
        assert result.memory_bits == network.memory_bits
        assert result.activity == activity(network, samples)
        clipping = evaluate(network, samples.x, samples.lengths).clipping
        assert result.clipping == {
            name: clipping.share(name) for name in clipping.clipped if clipping.clipped[name]
        }
    assert found.integers[1].memory_bits < found.integers[0].memory_bits
    assert told == [("float", 7), ("8 bits", 7), ("4 bits", 7)]


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_those_of_the_trained_network(model):
    config = random_checkpoint(model, 5, 3, 2, seed=1).config
    assert parameter_count(config) == Network(config).parameter_count


def test_activity_counts_the_spikes_of_valid_steps(samples):
    network = random_network("binary_s4d", 4, 3, 2, seed=4)
    taps = network.compute(network.input.quantise(samples.x), samples.lengths).taps
    for index, share in enumerate(activity(network, samples)):
        spikes = [
            spike
            for y, length in zip(taps[f"array_{index}"], samples.lengths, strict=True)
            for spike in (y[:length] > 0).ravel()
        ]
        assert share == pytest.approx(np.mean(spikes))


def test_memory_is_tables_and_states():
    network = random_network("gsu", 4, 3, 1, seed=4)
    array = network.blocks[0].array
    assert array.state_bits == 4 * 3 * 2 * array.state_width
    unit = network.blocks[0].unit
    assert 16 * (2 + 2) < unit.table_bits <= 16 * (2 + 8) + 4 * (16 + 8 + 16)
    assert network.memory_bits == array.state_bits + sum(layer.table_bits for _, layer in network.layers())
